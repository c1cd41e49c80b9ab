//! The reconciler against the sandbox: all drift is found and repaired, resources that were removed from Git are removed as their
//! `deletionPolicy` says, and unmanaged objects are not changed.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apigee_flux_configuration::inventory::Deep;
use apigee_flux_configuration::record;
use apigee_flux_deployer::apply::{ApplyReport, ResourceResult};
use apigee_flux_deployer::reconcile::YOUNG;
use apigee_flux_model::bundle::BundleKind::{Proxy, SharedFlow};
use apigee_flux_sandbox::LoggedRequest;
use reqwest::Method;
use serde_json::{Value, json};

use super::api_server::ApiServer;
use super::closed_loop::{Apigee, Cluster, How, failures, files, resource};

fn environment() -> Value {
    resource("ApigeeEnvironment", "prod", &json!({"organization": "acme", "batch": "environment"}))
}

fn server(name: &str, host: &str) -> Value {
    resource("ApigeeTargetServer", name, &json!({"host": host, "port": 8080}))
}

fn map(name: &str, entries: &Value) -> Value {
    resource("ApigeeKeyValueMap", name, &json!({"entries": entries}))
}

fn proxy(name: &str, body: &str) -> Value {
    resource("ApigeeProxy", name, &json!({"bundle": {"files": files(Proxy, name, body, None, None)}}))
}

fn flow(name: &str, body: &str) -> Value {
    resource("ApigeeSharedFlow", name, &json!({"bundle": {"files": files(SharedFlow, name, body, None, None)}}))
}

/// The same resource with one more field in its spec, or in its `deploy`.
fn with(mut resource: Value, field: &str, value: &str) -> Value {
    let is_bundle = ["ApigeeProxy", "ApigeeSharedFlow"].contains(&resource["kind"].as_str().unwrap());
    if is_bundle {
        resource["spec"]["deploy"][field] = json!(value);
    } else {
        resource["spec"][field] = json!(value);
    }
    resource
}

/// Resources of several kinds: the proxy calls the shared flow and names the target server.
fn shop() -> Vec<Value> {
    let orders = files(Proxy, "orders", "A", Some("backend"), Some("auth"));
    vec![
        environment(),
        server("backend", "backend.example.com"),
        map("settings", &json!({"color": "blue", "size": "large"})),
        resource("ApigeeKeyValueMap", "shared", &json!({"scope": "organization", "entries": {"a": "1"}})),
        resource("ApigeeKeyValueMap", "own", &json!({"scope": "proxy", "proxy": "orders", "entries": {"a": "1"}})),
        flow("auth", "A"),
        resource("ApigeeProxy", "orders", &json!({"bundle": {"files": orders}})),
        proxy("plain", "A"),
    ]
}

struct World {
    apigee: Apigee,
    cluster: Cluster,
}

impl World {
    async fn start() -> Self {
        Self { apigee: Apigee::start(Duration::from_secs(3)).await, cluster: Cluster::default() }
    }

    /// Deploys a state of Git, and reconciles it once.
    async fn of(resources: &[Value]) -> Self {
        let mut world = Self::start().await;
        world.commit(resources).await;
        world
    }

    async fn commit(&mut self, resources: &[Value]) {
        self.apigee.deploy(&mut self.cluster, resources).await;
        let report = self.reconcile(How::REPAIR).await;
        assert_eq!(failures(&report), Vec::<String>::new());
    }

    /// Renders another state of Git without running its Jobs.
    fn render(&mut self, resources: &[Value]) {
        self.cluster.render(resources);
    }

    async fn reconcile(&self, how: How) -> ApplyReport {
        self.apigee.reconcile(&self.cluster, "prod", how).await.unwrap()
    }

    async fn state(&self) -> BTreeMap<String, Value> {
        self.apigee.state(&["prod"]).await
    }

    fn count(&self) -> usize {
        self.apigee.sandbox.requests().len()
    }

    fn writes_since(&self, before: usize) -> Vec<String> {
        let requests = self.apigee.requests_since(before);
        requests.iter().filter(|request| request.is_write).map(line).collect()
    }
}

fn line(request: &LoggedRequest) -> String {
    format!("{} {}", request.method, request.path.trim_start_matches("/v1/organizations/acme/"))
}

/// The resources that were not in sync.
fn changed(report: &ApplyReport) -> Vec<(String, ResourceResult)> {
    let changed = report.resources.iter().filter(|applied| applied.result != ResourceResult::Unchanged);
    changed.map(|applied| (applied.id.to_string(), applied.result)).collect()
}

/// The result of a resource.
#[track_caller]
fn of<'r>(report: &'r ApplyReport, id: &str) -> (ResourceResult, &'r str, u8) {
    let found = report.resources.iter().find(|applied| applied.id.to_string() == id);
    let applied = found.unwrap_or_else(|| panic!("no {id} in {:?}", changed(report)));
    (applied.result, &applied.reason, applied.exit.code())
}

/// A manual change in Apigee.
#[derive(Debug, Clone, Copy)]
enum Hand {
    /// The proxy is undeployed.
    Undeploy,
    /// An older revision is deployed.
    OlderRevision,
    /// A new revision with another bundle is deployed.
    OwnRevision,
    /// A new revision with an edited bundle keeps the description.
    EditedProxy,
    EditedFlow,
    DeletedServer,
    ChangedServer,
    ChangedEntry,
    DeletedEntry,
    DeletedMap,
    ChangedEntryOfOrganization,
    DeletedMapOfProxy,
}

impl Hand {
    const ALL: [Self; 12] = [
        Self::Undeploy,
        Self::OlderRevision,
        Self::OwnRevision,
        Self::EditedProxy,
        Self::EditedFlow,
        Self::DeletedServer,
        Self::ChangedServer,
        Self::ChangedEntry,
        Self::DeletedEntry,
        Self::DeletedMap,
        Self::ChangedEntryOfOrganization,
        Self::DeletedMapOfProxy,
    ];

    async fn act(self, apigee: &Apigee) {
        let delete = |path: &'static str| apigee.by_hand(Method::DELETE, path, None);
        match self {
            Self::Undeploy => apigee.undeploy_by_hand(Proxy, "orders", "prod").await,
            Self::OlderRevision => apigee.deploy_by_hand(Proxy, "plain", "1", "prod").await,
            Self::OwnRevision => {
                apigee.import(Proxy, "plain", &files(Proxy, "plain", "mine", None, None), "mine", Some("prod")).await;
            }
            Self::EditedProxy => edit(apigee, Proxy, "plain").await,
            Self::EditedFlow => edit(apigee, SharedFlow, "auth").await,
            Self::DeletedServer => drop(delete("environments/prod/targetservers/backend").await),
            Self::ChangedServer => {
                let body = json!({"name": "backend", "host": "other.example.com", "port": 1, "isEnabled": false});
                apigee.by_hand(Method::PUT, "environments/prod/targetservers/backend", Some(&body)).await;
            }
            Self::ChangedEntry => {
                let body = json!({"name": "color", "value": "red"});
                let path = "environments/prod/keyvaluemaps/settings/entries/color";
                apigee.by_hand(Method::PUT, path, Some(&body)).await;
            }
            Self::DeletedEntry => drop(delete("environments/prod/keyvaluemaps/settings/entries/color").await),
            Self::DeletedMap => drop(delete("environments/prod/keyvaluemaps/settings").await),
            Self::ChangedEntryOfOrganization => {
                let body = json!({"name": "a", "value": "2"});
                apigee.by_hand(Method::PUT, "keyvaluemaps/shared/entries/a", Some(&body)).await;
            }
            Self::DeletedMapOfProxy => drop(delete("apis/orders/keyvaluemaps/own").await),
        }
    }

    /// What the reconciler reports.
    fn found(self) -> (&'static str, ResourceResult) {
        match self {
            Self::Undeploy => ("ApigeeProxy orders", ResourceResult::Created),
            Self::OlderRevision | Self::OwnRevision | Self::EditedProxy => {
                ("ApigeeProxy plain", ResourceResult::Updated)
            }
            Self::EditedFlow => ("ApigeeSharedFlow auth", ResourceResult::Updated),
            Self::DeletedServer => ("ApigeeTargetServer backend", ResourceResult::Created),
            Self::ChangedServer => ("ApigeeTargetServer backend", ResourceResult::Updated),
            Self::ChangedEntry | Self::DeletedEntry => ("ApigeeKeyValueMap settings", ResourceResult::Updated),
            Self::DeletedMap => ("ApigeeKeyValueMap settings", ResourceResult::Created),
            Self::ChangedEntryOfOrganization => ("ApigeeKeyValueMap shared", ResourceResult::Updated),
            Self::DeletedMapOfProxy => ("ApigeeKeyValueMap orders/own", ResourceResult::Created),
        }
    }
}

/// An edit in Apigee's own editor: the description stays the same, including the record that apigee-flux wrote there.
async fn edit(apigee: &Apigee, kind: apigee_flux_model::bundle::BundleKind, name: &str) {
    let revision = apigee.deployed(kind, "prod").await[name].clone();
    let old = apigee.get(&format!("{}/{name}/revisions/{revision}", kind.collection())).await;
    let description = old["description"].as_str().unwrap();
    assert!(description.contains("apigee-flux:"), "{description}");
    apigee.import(kind, name, &files(kind, name, "edited", None, None), description, Some("prod")).await;
}

#[tokio::test]
async fn what_is_changed_by_hand_is_found_and_repaired() {
    for hand in Hand::ALL {
        let mut world = World::of(&[environment(), proxy("plain", "old")]).await;
        world.commit(&shop()).await;
        let (before, deployed) = (world.state().await, world.apigee.deployed(Proxy, "prod").await);
        hand.act(&world.apigee).await;
        let by_hand = world.state().await;
        assert_ne!(before, by_hand, "{hand:?} does nothing");
        let deep = How { deep: Deep::Always, ..How::LOOK };

        let start = world.count();
        let looked = world.reconcile(deep).await;
        let (id, ending) = hand.found();
        assert_eq!(changed(&looked), [(id.to_owned(), ending)], "{hand:?}");
        assert_eq!(world.writes_since(start), Vec::<String>::new(), "{hand:?}");
        assert_eq!(by_hand, world.state().await, "{hand:?}: looking changes something");

        let start = world.count();
        let report = world.reconcile(How { deep: Deep::Always, ..How::REPAIR }).await;
        assert_eq!(changed(&report), [(id.to_owned(), ending)], "{hand:?}");
        let writes = world.writes_since(start);
        assert!(!writes.iter().any(|write| write.contains("action=import")), "{hand:?}: {writes:?}");
        assert_eq!(world.state().await, before, "{hand:?}");
        assert_eq!(world.apigee.deployed(Proxy, "prod").await, deployed, "{hand:?}");

        let start = world.count();
        let again = world.reconcile(How::REPAIR).await;
        assert_eq!((changed(&again), again.writes), (vec![], 0), "{hand:?}");
        assert_eq!(world.writes_since(start), Vec::<String>::new(), "{hand:?}");
    }
    println!("{} manual changes: found, repaired without an import, and in sync afterwards", Hand::ALL.len());
}

#[tokio::test]
async fn an_edit_that_keeps_the_description_is_seen_without_a_deep_comparison() {
    let world = World::of(&shop()).await;
    edit(&world.apigee, Proxy, "plain").await;
    for deep in [Deep::Never, Deep::Always] {
        let report = world.reconcile(How { deep, ..How::LOOK }).await;
        let (_, reason, _) = of(&report, "ApigeeProxy plain");
        assert!(reason.contains("was edited manually"), "{reason}");
    }
}

/// Two edits of the same bundle: after one is undeployed, the other must not be taken for the desired revision.
#[tokio::test]
async fn two_edits_do_not_take_turns() {
    let world = World::of(&shop()).await;
    let before = world.state().await;
    edit(&world.apigee, Proxy, "plain").await;
    edit(&world.apigee, Proxy, "plain").await;
    let deep = How { deep: Deep::Always, ..How::REPAIR };
    // The desired revision does not exist any more.
    world.apigee.by_hand(Method::DELETE, "apis/plain/revisions/1", None).await;
    for _ in 0..2 {
        world.reconcile(deep).await;
    }
    assert_eq!(world.state().await, before);
    assert_eq!(changed(&world.reconcile(deep).await), []);
}

/// The real program, as the CronJob of an environment with `reconcile.mode: report` runs it.
#[tokio::test(flavor = "multi_thread")]
async fn the_program_reports_with_exit_code_2() {
    let mut world = World::start().await;
    let mut resources = shop();
    resources[0]["spec"]["reconcile"] = json!({"mode": "report", "deep": "always"});
    world.apigee.deploy(&mut world.cluster, &resources).await;
    let account = tempfile::tempdir().unwrap();
    let server = ApiServer::start(account.path(), "default", world.cluster.to_json()).await;
    let run = async || {
        let (mut pod, url) = (world.cluster.pod("apigee-prod-reconcile"), world.apigee.sandbox.url());
        let program = Path::new(env!("CARGO_BIN_EXE_apigee-flux"));
        pod.container.args.push(format!("--account={}", account.path().display()));
        let port = server.port.to_string();
        let run = move || {
            let address = [("KUBERNETES_SERVICE_HOST", "127.0.0.1"), ("KUBERNETES_SERVICE_PORT", &port)];
            pod.container.run(program, &[&[("APIGEE_ENDPOINT", url.as_str())], &address[..]].concat()).unwrap()
        };
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let result: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        (output.status.code().unwrap(), result)
    };
    let (code, result) = run().await;
    assert_eq!((code, &result["result"], &result["unchanged"]), (0, &json!("unchanged"), &json!(7)), "{result}");
    Hand::DeletedServer.act(&world.apigee).await;
    Hand::EditedProxy.act(&world.apigee).await;
    let (code, result) = run().await;
    assert_eq!((code, &result["created"], &result["updated"]), (2, &json!(1), &json!(1)), "{result}");
    assert_eq!(result["writes"], 0);
    assert!(world.apigee.names("environments/prod/targetservers", "").await.is_empty());
}

#[tokio::test]
async fn what_was_deployed_a_moment_ago_is_left_to_the_next_run() {
    let world = World::of(&[environment(), proxy("plain", "A")]).await;
    world.apigee.live_ago(Duration::ZERO);
    Hand::OwnRevision.act(&world.apigee).await;
    let young = How { young: YOUNG, ..How::REPAIR };
    let start = world.count();
    let report = world.reconcile(young).await;
    let (ending, reason, _) = of(&report, "ApigeeProxy plain");
    assert_eq!((ending, world.writes_since(start)), (ResourceResult::Unchanged, vec![]));
    assert!(reason.contains("a moment ago"), "{reason}");
    let aged = How { young: Duration::from_millis(1), ..How::REPAIR };
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert_eq!(of(&world.reconcile(aged).await, "ApigeeProxy plain").0, ResourceResult::Updated);
}

#[tokio::test]
async fn what_left_git_goes_as_it_said_and_what_names_others_goes_first() {
    let orders = files(Proxy, "gone", "A", Some("backend"), Some("auth"));
    let keeper = || proxy("keeper", "A");
    let mut world = World::of(&[
        environment(),
        keeper(),
        with(server("backend", "a.example.com"), "deletionPolicy", "Delete"),
        server("orphan", "b.example.com"),
        with(map("settings", &json!({"a": "1"})), "deletionPolicy", "Delete"),
        with(flow("auth", "A"), "deletionPolicy", "Delete"),
        with(resource("ApigeeProxy", "gone", &json!({"bundle": {"files": orders}})), "deletionPolicy", "Delete"),
        with(proxy("taken-out", "A"), "deletionPolicy", "Undeploy"),
        proxy("stays", "A"),
    ])
    .await;
    // Unmanaged: without a record; and with the record of another owner.
    let body = json!({"name": "foreign", "host": "c", "port": 80});
    world.apigee.by_hand(Method::POST, "environments/prod/targetservers", Some(&body)).await;
    let theirs = json!({"name": "theirs", "host": "c", "port": 80});
    world.apigee.by_hand(Method::POST, "environments/prod/targetservers", Some(&theirs)).await;
    let record = json!({"kind": "ApigeeTargetServer", "name": "theirs", "owner": "another", "digest": "d", "whenGone": "delete"});
    let record = record::Record::parse(&record.to_string()).unwrap();
    let entry = json!({"name": record::Record::key(&record.id), "value": record.to_value()});
    let entries = format!("environments/prod/keyvaluemaps/{}/entries", record::MAP);
    world.apigee.by_hand(Method::POST, &entries, Some(&entry)).await;
    world.apigee.import(Proxy, "foreign", &files(Proxy, "foreign", "A", None, None), "", Some("prod")).await;

    world.apigee.deploy(&mut world.cluster, &[environment(), keeper()]).await;
    let before = world.state().await;
    let start = world.count();
    // One deletion more than `maxDeletes`.
    let report = world.reconcile(How { max_deletes: Some(4), ..How::REPAIR }).await;
    assert_eq!(changed(&report).len(), 5, "{:?}", changed(&report));
    assert!(report.resources.iter().any(|applied| applied.reason.contains("at most 4 are deleted in one run")));
    assert_eq!((world.writes_since(start), world.state().await), (vec![], before.clone()));
    // No deletion is allowed.
    let report = world.reconcile(How { max_deletes: None, ..How::REPAIR }).await;
    assert_eq!((changed(&report), world.state().await), (vec![], before.clone()));
    // Read-only.
    let report = world.reconcile(How::LOOK).await;
    let all = ["ApigeeProxy gone", "ApigeeProxy taken-out", "ApigeeSharedFlow auth", "ApigeeKeyValueMap settings"];
    let all: Vec<(String, ResourceResult)> = all
        .into_iter()
        .chain(["ApigeeTargetServer backend"])
        .map(|id| (id.to_owned(), ResourceResult::Deleted))
        .collect();
    assert_eq!((changed(&report), world.state().await), (all.clone(), before.clone()));

    let start = world.count();
    let report = world.reconcile(How { max_deletes: Some(5), ..How::REPAIR }).await;
    assert_eq!(changed(&report), all);
    let writes = world.writes_since(start);
    let place =
        |part: &str| writes.iter().position(|write| write == part).unwrap_or_else(|| panic!("{part}: {writes:#?}"));
    let order = ["DELETE apis/gone", "DELETE sharedflows/auth", "DELETE environments/prod/targetservers/backend"];
    assert!(order.map(place).is_sorted(), "{writes:#?}");
    let left: Vec<String> = before.keys().filter(|path| !world_has_left(path)).cloned().collect();
    assert_eq!(world.state().await.into_keys().collect::<Vec<_>>(), left);
    let start = world.count();
    assert_eq!((changed(&world.reconcile(How::REPAIR).await), world.writes_since(start)), (vec![], vec![]));
}

/// The objects that are removed in the test above.
fn world_has_left(path: &str) -> bool {
    [
        "apis/gone",
        "sharedflows/auth",
        "environments/prod/apis/gone",
        "environments/prod/apis/taken-out",
        "environments/prod/sharedflows/auth",
        "environments/prod/targetservers/backend",
        "environments/prod/keyvaluemaps/settings",
    ]
    .contains(&path)
}

#[tokio::test]
async fn an_empty_state_of_git_deletes_nothing() {
    let server = with(server("backend", "a.example.com"), "deletionPolicy", "Delete");
    let map = with(map("settings", &json!({"a": "1"})), "deletionPolicy", "Delete");
    let mut world = World::of(&[environment(), server.clone(), map]).await;
    // Without a resource nothing would be rendered, so the test empties the inventory itself.
    world.render(&[environment(), server]);
    let before = world.state().await;
    let report = world.apigee.reconcile_nothing(&world.cluster, "prod", How::REPAIR).await.unwrap();
    assert_eq!(report.count(ResourceResult::Failed), 2);
    assert!(report.resources.iter().all(|applied| applied.reason.contains("none remain in it")));
    assert_eq!(world.state().await, before);
}

/// The last resource of an organization is deleted like any other.
#[tokio::test]
async fn the_last_resource_of_an_organization_goes_too() {
    let shared = json!({"scope": "organization", "deletionPolicy": "Delete", "entries": {"a": "1"}});
    let shared = resource("ApigeeKeyValueMap", "shared", &shared);
    let mut world = World::of(&[environment(), proxy("plain", "A"), shared]).await;
    assert!(world.state().await.contains_key("keyvaluemaps/shared"));
    world.commit(&[environment(), proxy("plain", "A")]).await;
    assert!(!world.state().await.contains_key("keyvaluemaps/shared"));
}

/// The reconciler of the organization's first environment reconciles the organization.
#[tokio::test]
async fn a_new_first_environment_takes_an_organization_over() {
    let environment = |name: &str, owner: Option<&str>| {
        let mut spec = json!({"organization": "acme", "batch": "environment"});
        if let Some(owner) = owner {
            spec["owner"] = json!(owner);
        }
        resource("ApigeeEnvironment", name, &spec)
    };
    let shared = || {
        let spec = json!({"scope": "organization", "deletionPolicy": "Delete", "entries": {"a": "1"}});
        resource("ApigeeKeyValueMap", "shared", &spec)
    };
    for owner in [None, Some("team")] {
        let mut world = World::of(&[environment("prod", owner), proxy("plain", "A"), shared()]).await;
        let before = world.state().await;
        world.render(&[environment("dev", owner), environment("prod", owner), proxy("plain", "A"), shared()]);
        let first = world.apigee.reconcile(&world.cluster, "dev", How::REPAIR).await.unwrap();
        let (ending, reason, _) = of(&first, "ApigeeKeyValueMap shared");
        assert_eq!(ending, ResourceResult::Unchanged, "{reason}");
        assert_eq!(changed(&world.reconcile(How::REPAIR).await), []);
        assert_eq!(world.state().await, before);
    }
}

/// A service account of one environment may have no permission to read the organization.
#[tokio::test]
async fn an_account_of_one_environment_needs_nothing_of_the_organization() {
    let mut world = World::start().await;
    world.apigee.sandbox.inject("* /v1/organizations/acme/keyvaluemaps* status:403 every".parse().unwrap());
    world.render(&[environment(), server("backend", "a"), proxy("plain", "A")]);
    let report = world.reconcile(How::REPAIR).await;
    assert_eq!((report.count(ResourceResult::Created), report.exit().code()), (2, 0), "{:?}", changed(&report));
    assert_eq!(changed(&world.reconcile(How::REPAIR).await), []);
}

#[tokio::test]
async fn what_somebody_else_made_is_taken_over_only_as_the_spec_says() {
    let mut world = World::of(&[environment(), proxy("plain", "A")]).await;
    for (name, host) in [("same-never", "a"), ("same-match", "a"), ("other-match", "b"), ("other-override", "b")] {
        let body = json!({"name": name, "host": host, "port": 8080});
        world.apigee.by_hand(Method::POST, "environments/prod/targetservers", Some(&body)).await;
    }
    let adopting = |name: &str, adopt: &str| with(server(name, "a"), "adopt", adopt);
    world.render(&[
        environment(),
        proxy("plain", "A"),
        server("same-never", "a"),
        adopting("same-match", "match"),
        adopting("other-match", "match"),
        adopting("other-override", "override"),
    ]);
    let report = world.reconcile(How::REPAIR).await;
    let ended = |name: &str| of(&report, &format!("ApigeeTargetServer {name}"));
    let (ending, reason, code) = ended("same-never");
    assert!((ending, code) == (ResourceResult::Failed, 65) && reason.contains("`adopt: match`"), "{code} {reason}");
    assert_eq!(ended("same-match").0, ResourceResult::Adopted);
    let (ending, reason, code) = ended("other-match");
    assert!(
        (ending, code) == (ResourceResult::Failed, 65) && reason.contains("differs (update host)"),
        "{code} {reason}"
    );
    assert_eq!(ended("other-override").0, ResourceResult::Updated);
    let state = world.state().await;
    let host = |name: &str| &state[&format!("environments/prod/targetservers/{name}")]["host"];
    assert_eq!((host("other-match"), host("other-override")), (&json!("b"), &json!("a")));
}

#[tokio::test]
async fn a_revert_in_git_brings_the_old_state_back_without_an_import() {
    let commit = |body: &str, color: &str| {
        vec![environment(), proxy("plain", body), flow("auth", body), map("settings", &json!({"color": color}))]
    };
    let (a, mut b) = (commit("A", "blue"), commit("B", "red"));
    b[3]["spec"]["entries"]["more"] = json!("x");
    let mut world = World::of(&a).await;
    let first = world.state().await;
    world.commit(&b).await;
    assert_ne!(world.state().await, first);
    let start = world.count();
    // Only the reconciler runs, no Job.
    world.render(&a);
    let report = world.reconcile(How::REPAIR).await;
    assert_eq!(changed(&report).len(), 3, "{:?}", changed(&report));
    assert_eq!(world.state().await, first);
    let writes = world.writes_since(start);
    assert!(!writes.iter().any(|write| write.contains("action=import")), "{writes:?}");
}

#[tokio::test]
async fn a_missing_secret_fails_alone_and_a_new_one_arrives() {
    let secret = |key: &str| json!({"valueFrom": {"secretKeyRef": {"name": "keys", "key": key}}});
    let resources = [
        environment(),
        map("secret", &json!({"key": secret("api")})),
        map("plain", &json!({"a": "1"})),
        proxy("p", "A"),
    ];
    let mut world = World::start().await;
    world.render(&resources);
    let report = world.reconcile(How::REPAIR).await;
    let (ending, reason, code) = of(&report, "ApigeeKeyValueMap secret");
    assert_eq!((ending, code, report.exit().code()), (ResourceResult::Failed, 75, 75), "{reason}");
    assert!(reason.contains("key `api` of Secret `keys` does not exist"), "{reason}");
    assert_eq!(report.count(ResourceResult::Created), 2, "{:?}", changed(&report));

    for value in ["s3cret-1", "s3cret-2"] {
        world.cluster.secrets.insert("keys".to_owned(), BTreeMap::from([("api".to_owned(), value.to_owned())]));
        let report = world.reconcile(How::REPAIR).await;
        assert_eq!(changed(&report).len(), 1, "{:?}", changed(&report));
        assert_eq!(world.state().await["environments/prod/keyvaluemaps/secret"], json!({"key": value}));
        assert!(!format!("{report:?}").contains("s3cret"), "{report:?}");
        assert_eq!(changed(&world.reconcile(How::REPAIR).await), []);
    }
}

/// A conflict with another app is reported in Apigee's own words, but without the secret.
#[tokio::test]
async fn a_consumer_key_of_another_app_is_told_as_what_it_is() {
    let mut world = World::start().await;
    let at = |key: &str| json!({"valueFrom": {"secretKeyRef": {"name": "keys", "key": key}}});
    let keys = json!({"main": {"consumerKey": at("key"), "consumerSecret": at("secret")}});
    let developer = json!({"email": "ann@example.com", "firstName": "Ann", "lastName": "Lee"});
    let keys_of = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let secret = BTreeMap::from([keys_of("key", "k3y-of-somebody"), keys_of("secret", "s3cret-of-somebody")]);
    world.cluster.secrets.insert("keys".to_owned(), secret);
    let foreign = json!({"email": "bob@example.com", "firstName": "B", "lastName": "R", "userName": "bob"});
    world.apigee.by_hand(Method::POST, "developers", Some(&foreign)).await;
    world.apigee.by_hand(Method::POST, "developers/bob@example.com/apps", Some(&json!({"name": "his"}))).await;
    let key = json!({"consumerKey": "k3y-of-somebody", "consumerSecret": "s3cret-of-somebody"});
    world.apigee.by_hand(Method::POST, "developers/bob@example.com/apps/his/keys", Some(&key)).await;
    world.render(&[
        environment(),
        resource("ApigeeProduct", "all", &json!({"allProxies": true, "allEnvironments": true})),
        resource("ApigeeDeveloper", "ann", &developer),
        resource("ApigeeApp", "hers", &json!({"developer": "ann@example.com", "products": ["all"], "keys": keys})),
    ]);
    let report = world.reconcile(How::REPAIR).await;
    let (ending, reason, code) = of(&report, "ApigeeApp ann@example.com/hers");
    assert_eq!((ending, code), (ResourceResult::Failed, 75), "{reason}");
    assert!(reason.contains("409") && !reason.contains("k3y-of"), "{reason}");
}

#[tokio::test]
async fn the_daily_comparison_is_made_once_a_day() {
    let world = World::of(&shop()).await;
    let daily = How { deep: Deep::Daily, ..How::REPAIR };
    let downloads = |requests: &[LoggedRequest]| requests.iter().filter(|r| r.path.contains("format=bundle")).count();
    let compared = format!("environments/prod/keyvaluemaps/{}/entries/compared", record::MAP);
    let now = || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    // The first run of a day compares, the second does not; one day later a run compares again.
    for _ in 0..2 {
        let (begin, start) = (now(), world.count());
        world.reconcile(daily).await;
        assert_eq!(downloads(&world.apigee.requests_since(start)), 3);
        let noted: u64 = world.apigee.get(&compared).await["value"].as_str().unwrap().parse().unwrap();
        assert!((begin..=now()).contains(&noted), "{noted}");
        let start = world.count();
        assert_eq!(world.reconcile(daily).await.writes, 0);
        assert_eq!(downloads(&world.apigee.requests_since(start)), 0);
        let yesterday = json!({"name": "compared", "value": (now() - 24 * 60 * 60 * 1000).to_string()});
        world.apigee.by_hand(Method::PUT, &compared, Some(&yesterday)).await;
    }
}

/// Without its record, a proxy could be changed by two owners.
#[tokio::test]
async fn without_a_register_no_proxy_is_deployed() {
    let mut world = World::start().await;
    for method in ["POST", "PUT", "DELETE"] {
        world.apigee.sandbox.inject(format!("{method} */keyvaluemaps* status:403 every").parse().unwrap());
    }
    world.render(&[environment(), with(proxy("plain", "A"), "deletionPolicy", "Delete"), flow("auth", "A")]);
    let report = world.reconcile(How { deep: Deep::Daily, ..How::REPAIR }).await;
    assert_eq!((report.count(ResourceResult::Created), report.exit().code()), (0, 77), "{:?}", changed(&report));
    let (_, reason, _) = of(&report, "ApigeeProxy plain");
    assert!(reason.contains("apigee.keyvaluemapentries.create"), "{reason}");
}

/// If nothing changed, requests only read, and proxies are read by lists.
#[tokio::test]
async fn a_thousand_unchanged_resources_cost_few_reads() {
    const SERVERS: usize = 600;
    const MAPS: usize = 380;
    const PROXIES: usize = 20;
    let mut resources = vec![environment()];
    resources.extend((0..SERVERS).map(|number| server(&format!("server-{number}"), "a.example.com")));
    resources.extend((0..MAPS).map(|number| map(&format!("map-{number}"), &json!({"a": "1"}))));
    resources.extend((0..PROXIES).map(|number| proxy(&format!("proxy-{number}"), "A")));
    let mut world = World::start().await;
    // Older than any deployer could be running.
    world.apigee.live_ago(Duration::from_hours(3));
    world.commit(&resources).await;
    let (start, began) = (world.count(), std::time::Instant::now());
    let report = world.reconcile(How::REPAIR).await;
    let took = began.elapsed();
    assert_eq!((changed(&report), report.writes, report.resources.len()), (vec![], 0, SERVERS + MAPS + PROXIES));
    let requests = world.apigee.requests_since(start);
    assert!(requests.iter().all(|request| request.method == "GET"));
    let mut paths: BTreeMap<String, usize> = BTreeMap::new();
    for request in &requests {
        *paths.entry(request.path.clone()).or_default() += 1;
    }
    // The records come in pages of 100 and are read three times; those of the organization are read once. One list of deployments is read to
    // find recent deployments; there is no other one, since no bundle differs.
    let register = requests.iter().filter(|request| request.path.contains(record::MAP)).count();
    let lists = requests.iter().filter(|request| request.path.ends_with("/deployments")).count();
    let ours = requests.len() - register - lists;
    println!(
        "{} resources: {ours} reads, {register} of the register, {lists} lists of deployments, {:.1} s",
        report.resources.len(),
        took.as_secs_f64()
    );
    assert_eq!((ours, register, lists), (SERVERS + MAPS, 3 * 10 + 1, 1), "{paths:#?}");
}
