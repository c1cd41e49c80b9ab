//! `diff` of the real program against the sandbox: `testdata/diff/before` is deployed, `after` is compared with it. `expected` has the expected
//! output; `UPDATE=1` writes it again.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use apigee_flux_configuration::{Id, Record, record};
use apigee_flux_deployer::Polling;
use apigee_flux_deployer::client::{DeployParameters, Settings};
use apigee_flux_deployer::event::Event;
use apigee_flux_deployer::{Bundle, Client, DeployOptions, ResourceName, Target, TokenSource, deploy};
use apigee_flux_model::bundle::{BundleKind, BundlePath, Files, zip};
use apigee_flux_model::lifecycle::WhenGone;
use apigee_flux_model::names::Name;
use apigee_flux_model::provenance::Provenance;
use apigee_flux_sandbox::{self as sandbox, Sandbox};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/diff")
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

async fn run(args: &[&str], endpoint: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_apigee-flux"));
    command.args(args).current_dir(folder());
    for variable in ["APIGEE_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS", "APIGEE_ENDPOINT"] {
        command.env_remove(variable);
    }
    command.envs(endpoint.map(|endpoint| ("APIGEE_ENDPOINT", endpoint)));
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}

#[track_caller]
fn check(output: &Output, code: i32, parts: &[&str]) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
    for part in parts {
        assert!(stdout.contains(part) || stderr.contains(part), "`{part}` is not in {stdout}{stderr}");
    }
    stdout.into_owned()
}

/// The output must equal a file of `expected`.
#[track_caller]
fn check_golden(output: &Output, file: &str) {
    let found = check(output, 2, &[]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let path = folder().join("expected").join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{} is not current; UPDATE=1 writes it again", path.display());
}

struct World {
    sandbox: Sandbox,
    client: Client,
}

impl World {
    async fn start() -> Self {
        let options = sandbox::SandboxOptions {
            progressing: Duration::from_millis(10),
            environments: ["dev", "prod"].map(str::to_owned).into(),
            ..sandbox::SandboxOptions::default()
        };
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let settings = Settings { rate: 1000.try_into().unwrap(), ..Settings::default() };
        let client = Client::new(sandbox.url().parse().unwrap(), TokenSource::None, &settings).unwrap();
        Self { sandbox, client }
    }

    async fn diff(&self, args: &[&str]) -> Output {
        run(&[&["diff"], args].concat(), Some(&self.sandbox.url())).await
    }

    /// Deploys everything of `before`, as its Jobs would.
    async fn deploy_before(&self) {
        let place = tempfile::tempdir().unwrap();
        for resource in ["common", "hello", "old", "orders"] {
            let file = place.path().join(format!("{resource}.zip"));
            let output = run(&["bundle", "before", "--name", resource, "-o", file.to_str().unwrap()], None).await;
            check(&output, 0, &[]);
            let (kind, files) = zip::unpack(&std::fs::read(file).unwrap()).unwrap();
            let bundle = Bundle::new(kind, name(resource), files);
            for environment in ["dev", "prod"] {
                let options = DeployOptions {
                    polling: Polling { first: Duration::from_millis(10), ..Polling::default() },
                    provenance: Provenance { commit: Some("0a1b2c3".into()), ..Provenance::default() },
                    ..DeployOptions::default()
                };
                let target = Target { organization: name("acme"), environment: name(environment) };
                let report = deploy(&self.client, &bundle, &target, &options, &|_: &Event| ()).await;
                assert_eq!(report.exit.code(), 0, "{}", report.outcome.reason);
            }
        }
    }

    /// Changes the spike arrest of `orders` in prod as Apigee's editor does: everything else stays the same, including the description.
    async fn edit_orders(&self) {
        let (organization, orders) = (name("acme"), name("orders"));
        let resource = ResourceName { organization: &organization, kind: BundleKind::Proxy, name: &orders };
        let deployed = self.client.revision_zip(resource, "1".parse().unwrap()).await.unwrap();
        let (kind, mut files) = zip::unpack(&deployed).unwrap();
        let path = "policies/SA-Default.xml";
        let policy = String::from_utf8(files.get(path).unwrap().to_vec()).unwrap();
        assert!(policy.contains("100ps"), "{policy}");
        files.insert(BundlePath::parse(path).unwrap(), policy.replace("100ps", "900ps").into_bytes());
        let zip = zip::pack(kind, &files).unwrap().into();
        let (revision, _) = self.client.import(resource, &zip).await.unwrap();
        self.client.deploy(resource, &name("prod"), revision, DeployParameters::default()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_deployed_is_unchanged_and_what_differs_is_shown_in_each_format() {
    let world = World::start().await;
    check(&world.diff(&["before"]).await, 2, &["8 to create, 0 to update, 0 to remove, 0 unchanged"]);
    world.deploy_before().await;
    check(&world.diff(&["before"]).await, 0, &["0 to create, 0 to update, 0 to remove, 8 unchanged"]);
    check(&world.diff(&["before", "--deep"]).await, 0, &["8 unchanged"]);
    let writes = world.client.writes();
    let requests = world.sandbox.requests().len();

    check_golden(&world.diff(&["after"]).await, "text.txt");
    check_golden(&world.diff(&["after", "--format=json"]).await, "json.json");
    check_golden(&world.diff(&["after", "--format=markdown"]).await, "markdown.md");
    check_golden(&world.diff(&["after", "--environment=prod"]).await, "prod.txt");
    // The same with files.
    check_golden(&world.diff(&["after/environments.yaml", "after/apis.yaml", "--environment=prod"]).await, "prod.txt");

    let seen = world.sandbox.requests();
    assert!(seen.len() > requests && seen[requests..].iter().all(|request| request.method == "GET"));
    assert_eq!(world.client.writes(), writes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_by_hand_is_found_when_the_files_are_compared() {
    let world = World::start().await;
    world.deploy_before().await;
    world.edit_orders().await;
    check(&world.diff(&["before"]).await, 0, &["8 unchanged"]);
    check_golden(&world.diff(&["before", "--deep"]).await, "deep.txt");
    check(&world.diff(&["before", "--deep", "--environment=dev"]).await, 0, &["4 unchanged"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_environment_may_name_its_own_endpoint() {
    let (one, two) = (World::start().await, World::start().await);
    two.deploy_before().await;
    let place = tempfile::tempdir().unwrap();
    let specs = std::fs::read_to_string(folder().join("before/environments.yaml")).unwrap();
    let [one, two] = [&one, &two].map(|world| format!("organization: acme\n  endpoint: {}", world.sandbox.url()));
    let specs = specs.replacen("organization: acme", &one, 1);
    let at = specs.rfind("organization: acme").unwrap();
    let specs = format!("{}{two}\n", &specs[..at]);
    std::fs::write(place.path().join("environments.yaml"), specs).unwrap();
    std::fs::copy(folder().join("before/apis.yaml"), place.path().join("apis.yaml")).unwrap();
    let output = run(&["diff", place.path().to_str().unwrap()], None).await;
    check(&output, 2, &["acme/dev", "4 to create, 0 to update, 0 to remove, 4 unchanged"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spec_sends_no_token_to_a_foreign_host() {
    let place = tempfile::tempdir().unwrap();
    let environment = "apiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeEnvironment\nmetadata: {name: prod}\nspec: {organization: acme, \
                       endpoint: \"https://apigee.example\"}\n";
    std::fs::write(place.path().join("environment.yaml"), environment).unwrap();
    let folder = place.path().to_str().unwrap();
    for args in [vec!["diff", folder], vec!["render", folder], vec!["diff", folder, "--endpoint", "http://127.0.0.1:9"]]
    {
        let stdout = check(&run(&args, None).await, 1, &["error[AF022]", "https://apigee.example", "*.googleapis.com"]);
        assert_eq!(stdout, "");
    }
    let checked = run(&["check", folder], None).await;
    assert!(String::from_utf8_lossy(&checked.stdout).contains("error[AF022]"), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_is_neither_same_nor_different() {
    let world = World::start().await;
    check(&world.diff(&["before", "--environment=produ"]).await, 1, &["did you mean `prod`?"]);
    check(&world.diff(&["before/apis.yaml"]).await, 1, &["no ApigeeEnvironment is in the input"]);
    check(&world.diff(&["nowhere"]).await, 1, &["nowhere"]);
    check(&world.diff(&[]).await, 64, &["DIR|FILE"]);

    // An environment that Apigee does not have.
    let place = tempfile::tempdir().unwrap();
    for file in ["environments.yaml", "apis.yaml"] {
        let text = std::fs::read_to_string(folder().join("before").join(file)).unwrap();
        std::fs::write(place.path().join(file), text.replace("name: prod", "name: stage")).unwrap();
    }
    let output = world.diff(&[place.path().to_str().unwrap()]).await;
    let stdout = check(&output, 1, &["environment stage of acme at http://127.0.0.1", "404"]);
    assert_eq!(stdout, "", "half a report would look like a whole one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_answers() {
    let output = run(&["diff", "before"], Some("http://127.0.0.1:1")).await;
    check(&output, 1, &["retrying in", "environment dev of acme at http://127.0.0.1:1", "no response"]);
    assert!(output.stdout.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn configuration_is_compared_without_its_secrets() {
    let world = World::start().await;
    let here = tempfile::tempdir().unwrap();
    let specs = here.path().join("specs.yaml");
    let text = "apiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeEnvironment\nmetadata: {name: dev}\nspec: {organization: acme}\n---\n\
        apiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeTargetServer\nmetadata: {name: orders}\nspec: {host: orders.example.com}\n---\n\
        apiVersion: apigeeflux.dev/v1alpha1\nkind: ApigeeKeyValueMap\nmetadata: {name: settings}\nspec:\n  entries:\n    \
        size: \"50\"\n    partner: {valueFrom: {secretKeyRef: {name: keys, key: partner}}}\n";
    std::fs::write(&specs, text).unwrap();
    let specs = specs.to_str().unwrap();
    let found = check(&world.diff(&[specs]).await, 2, &["create  ApigeeTargetServer/orders", "2 to create"]);
    assert!(found.contains("(a secret, which is not shown)"), "{found}");

    let base = format!("{}/v1/organizations/acme/environments/dev", world.sandbox.url());
    let http = reqwest::Client::new();
    for (path, body) in [
        ("targetservers", r#"{"name": "orders", "host": "other.example.com", "port": 80}"#),
        ("keyvaluemaps", r#"{"name": "settings", "encrypted": true}"#),
        ("keyvaluemaps/settings/entries", r#"{"name": "size", "value": "planted-live"}"#),
        ("keyvaluemaps/settings/entries", r#"{"name": "partner", "value": "planted-secret"}"#),
    ] {
        let request = http.post(format!("{base}/{path}")).header("content-type", "application/json").body(body);
        assert!(request.send().await.unwrap().status().is_success(), "{path}");
    }
    // They are unmanaged: a deployment would report that.
    check(&world.diff(&[specs]).await, 2, &["it is not changed: set `adopt: match`"]);
    std::fs::write(
        specs,
        text.replace("com}", "com, adopt: override}").replace("spec:\n", "spec:\n  adopt: override\n"),
    )
    .unwrap();
    for format in ["--format=text", "--format=json", "--format=markdown"] {
        let found = check(&world.diff(&[specs, format]).await, 2, &["orders.example.com"]);
        assert!(!found.contains("planted"), "a value of a map is shown: {found}");
        // The secret cannot be compared, and is not reported as a difference.
        assert!(!found.contains("partner"), "{found}");
    }
}

/// What the specs of `owners` generate.
async fn generated(resource: &str) -> (BundleKind, Files) {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("bundle.zip");
    let output = run(&["bundle", "owners", "--name", resource, "-o", file.to_str().unwrap()], None).await;
    check(&output, 0, &[]);
    zip::unpack(&std::fs::read(file).unwrap()).unwrap()
}

/// A proxy with only a base path.
fn small(name: &str) -> Files {
    let endpoint = format!(
        "<ProxyEndpoint name=\"default\"><HTTPProxyConnection><BasePath>/v1/{name}</BasePath></HTTPProxyConnection><RouteRule \
         name=\"none\"/></ProxyEndpoint>"
    );
    let files =
        [(format!("{name}.xml"), format!("<APIProxy name=\"{name}\"/>")), ("proxies/default.xml".into(), endpoint)];
    files.into_iter().map(|(path, text)| (BundlePath::parse(&path).unwrap(), text.into_bytes())).collect()
}

impl World {
    /// Deploys a bundle to prod as its Job does.
    async fn deploy(&self, proxy: &str, files: Files) {
        let bundle = Bundle::new(BundleKind::Proxy, name(proxy), files);
        let options = DeployOptions {
            polling: Polling { first: Duration::from_millis(10), ..Polling::default() },
            ..DeployOptions::default()
        };
        let target = Target { organization: name("acme"), environment: name("prod") };
        let report = deploy(&self.client, &bundle, &target, &options, &|_: &Event| ()).await;
        assert_eq!(report.exit.code(), 0, "{}", report.outcome.reason);
    }

    /// Deploys a bundle to prod as another client does.
    async fn deploy_unmanaged(&self, proxy: &str, files: &Files) {
        let (organization, proxy) = (name("acme"), name(proxy));
        let resource = ResourceName { organization: &organization, kind: BundleKind::Proxy, name: &proxy };
        let zip = zip::pack(BundleKind::Proxy, files).unwrap().into();
        let (revision, _) = self.client.import(resource, &zip).await.unwrap();
        self.client.deploy(resource, &name("prod"), revision, DeployParameters::default()).await.unwrap();
    }

    /// Writes the records of a place, below `organizations/acme`.
    async fn record(&self, place: &str, records: &[Record]) {
        let maps = format!("{}/v1/organizations/acme{place}/keyvaluemaps", self.sandbox.url());
        let http = reqwest::Client::new();
        let post = |path: String, body: serde_json::Value| {
            http.post(path).header("content-type", "application/json").body(body.to_string()).send()
        };
        let map = serde_json::json!({"name": record::MAP, "encrypted": true});
        let status = post(maps.clone(), map).await.unwrap().status();
        assert!(status.is_success() || status == 409, "{status}");
        for one in records {
            let entry = serde_json::json!({"name": Record::key(&one.id), "value": one.to_value()});
            let status = post(format!("{maps}/{}/entries", record::MAP), entry).await.unwrap().status();
            assert!(status.is_success(), "{status}");
        }
    }
}

fn record(kind: &str, name: &str, namespace: &str, owner: &str, when_gone: WhenGone) -> Record {
    let id = Id { kind: kind.into(), parent: None, name: name.into() };
    Record { namespace: Some(namespace.into()), ..Record::new(id, owner, "0", when_gone) }
}

/// All that can be said of owners: one resource for each case.
async fn owned_world() -> World {
    let world = World::start().await;
    for proxy in ["hello", "moved", "foreign"] {
        world.deploy(proxy, generated(proxy).await.1).await;
    }
    world.deploy("old", small("old")).await;
    world.deploy_unmanaged("theirs", &small("theirs")).await;
    world.deploy_unmanaged("unmanaged", &small("unmanaged")).await;
    let of_a = |kind: &str, name: &str, when_gone| record(kind, name, "team-a", "team-a/prod", when_gone);
    world
        .record(
            "/environments/prod",
            &[
                of_a("ApigeeProxy", "hello", WhenGone::Orphan),
                of_a("ApigeeProxy", "moved", WhenGone::Orphan),
                of_a("ApigeeProxy", "old", WhenGone::Delete),
                of_a("ApigeeSharedFlow", "past", WhenGone::Undeploy),
                of_a("ApigeeTargetServer", "backend", WhenGone::Orphan),
                record("ApigeeProxy", "foreign", "team-c", "team-c/prod", WhenGone::Delete),
                record("ApigeeTargetServer", "foreign", "team-c", "team-c/prod", WhenGone::Delete),
            ],
        )
        .await;
    world.record("", &[record("ApigeeProduct", "gold", "team-a", "team-a/acme", WhenGone::Delete)]).await;
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_leaves_moves_or_belongs_to_others_is_shown() {
    let world = owned_world().await;
    let requests = world.sandbox.requests().len();
    check_golden(&world.diff(&["owners"]).await, "owners.txt");
    let seen = world.sandbox.requests();
    assert!(seen[requests..].iter().all(|request| request.method == "GET"));
    let records = seen[requests..].iter().filter(|request| request.path.contains("/keyvaluemaps/apigee-flux/entries"));
    assert_eq!(records.count(), 2, "the records of the environment and those of the organization are read once");
    check_golden(&world.diff(&["owners", "--format=json"]).await, "owners.json");
    check_golden(&world.diff(&["owners", "--format=markdown"]).await, "owners.md");

    let place = tempfile::tempdir().unwrap();
    let specs = place.path().to_str().unwrap();
    let write = |file: &str, change: &dyn Fn(String) -> String| {
        let text = std::fs::read_to_string(folder().join("owners").join(file)).unwrap();
        std::fs::write(place.path().join(file), change(text)).unwrap();
    };
    write("apis.yaml", &|text| text);
    for (setting, part) in [
        ("reconcile: {maxDeletes: 2}", "3 resources left the specs, but at most 2 are removed in one run"),
        ("reconcile: none", "2 resources left the specs and would be removed from Apigee, but `reconcile: none`"),
        ("reconcile: {prune: false}", "would be removed from Apigee, but `reconcile.prune: false`"),
    ] {
        write("environments.yaml", &|text| format!("{text}  {setting}\n"));
        let found = check(&world.diff(&[specs]).await, 2, &[part, "its Job first undeploys the proxy `old`"]);
        // A proxy that stays would still give its base path to a new one.
        let expected = !setting.contains("maxDeletes");
        assert_eq!(found.contains("the proxy `new` gets its base path `/v1/old`"), expected, "{found}");
    }
    // A namespace without specs keeps its reconciler.
    let of_c = record("ApigeeProxy", "past", "team-c", "team-c/prod", WhenGone::Delete);
    world.record("/environments/prod", &[of_c]).await;
    write("environments.yaml", &|text| format!("{text}  namespaces: [team-c]\n"));
    check(
        &world.diff(&[specs]).await,
        2,
        &["delete  ApigeeProxy/past: it is not in the specs: the reconciler deletes it"],
    );
    // The owner is known without a namespace only if it has a name.
    write("environments.yaml", &|text| text.replace("  namespace: team-a\n", ""));
    write("apis.yaml", &|text| text.replace("  namespace: team-a\n", "").replace("  namespace: team-b\n", ""));
    let found = check(&world.diff(&[specs]).await, 2, &["of owners `NAMESPACE/prod` are not in the specs"]);
    assert!(!found.contains("ApigeeProxy/foreign") && !found.contains("to delete"), "{found}");
    write("environments.yaml", &|text| format!("{}  owner: team-c/prod\n", text.replace("  namespace: team-a\n", "")));
    check(&world.diff(&[specs]).await, 2, &["refused ApigeeProxy/hello: its owner is `team-a/prod`", "2 to delete"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_leaves_without_a_policy_is_no_difference() {
    let world = World::start().await;
    let place = tempfile::tempdir().unwrap();
    let specs = place.path().to_str().unwrap();
    std::fs::copy(folder().join("owners/environments.yaml"), place.path().join("environments.yaml")).unwrap();
    let kept = record("ApigeeTargetServer", "backend", "team-a", "team-a/prod", WhenGone::Orphan);
    world.record("/environments/prod", &[kept]).await;
    let found = check(&world.diff(&[specs]).await, 0, &["0 to create, 0 to update, 0 to remove, 1 kept, 0 unchanged"]);
    assert!(!found.contains("backend"), "{found}");
    let gone = record("ApigeeTargetServer", "gone", "team-a", "team-a/prod", WhenGone::Delete);
    world.record("/environments/prod", &[gone]).await;
    check(&world.diff(&[specs]).await, 2, &["delete  ApigeeTargetServer/gone", "1 to delete, 1 kept"]);
}
