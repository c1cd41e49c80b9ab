//! The deployer against the sandbox: with the library, and with the real program as a Job runs it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apigee_flux_deployer::Polling;
use apigee_flux_deployer::client::{DeployParameters, Settings};
use apigee_flux_deployer::event::Event;
use apigee_flux_deployer::outcome::BundleResult;
use apigee_flux_deployer::retry::Backoff;
use apigee_flux_deployer::{
    Bundle, Client, DeployOptions, DeployReport, ResourceName, Target, TokenSource, deploy, remove,
};
use apigee_flux_model::bundle::Replaced;
use apigee_flux_model::bundle::RevisionRecord;
use apigee_flux_model::bundle::{
    BundleKind, BundlePath, DeploySettings, Digest, Files, Manifest, Removal, SmokeTest, zip,
};
use apigee_flux_model::names::Name;
use apigee_flux_model::names::RevisionId;
use apigee_flux_model::provenance::Provenance;
use apigee_flux_sandbox::{self as sandbox, FaultRule, InjectedFault, LoggedRequest, Sandbox, SimulatedFailure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn files(list: &[(&str, String)]) -> Files {
    list.iter().map(|(path, text)| (BundlePath::parse(path).unwrap(), text.clone().into_bytes())).collect()
}

/// A proxy; the proxies differ only in `body`.
fn proxy_files(name: &str, base_path: &str, body: &str) -> Files {
    let root = format!("<APIProxy name=\"{name}\">\n  <Description>Orders &amp; more</Description>\n</APIProxy>\n");
    let endpoint = format!(
        "<ProxyEndpoint name=\"default\"><PreFlow><Request><Step><Name>AM-Body</Name></Step></Request></PreFlow>\
         <HTTPProxyConnection><BasePath>{base_path}</BasePath></HTTPProxyConnection>\
         <RouteRule name=\"none\"/></ProxyEndpoint>"
    );
    let policy = format!("<AssignMessage name=\"AM-Body\"><Set><Payload>{body}</Payload></Set></AssignMessage>");
    files(&[(&format!("{name}.xml"), root), ("policies/AM-Body.xml", policy), ("proxies/default.xml", endpoint)])
}

fn proxy(name: &str, base_path: &str, body: &str) -> Bundle {
    Bundle::new(BundleKind::Proxy, name.parse().unwrap(), proxy_files(name, base_path, body))
}

/// A shared flow; the shared flows differ only in `description`.
fn shared_flow(name: &str, description: &str) -> Bundle {
    let root = format!("<SharedFlowBundle name=\"{name}\"><Description>{description}</Description></SharedFlowBundle>");
    let flow = "<SharedFlow name=\"default\"/>".to_owned();
    let list = [(&*format!("{name}.xml"), root), ("sharedflows/default.xml", flow)];
    Bundle::new(BundleKind::SharedFlow, name.parse().unwrap(), files(&list))
}

/// A proxy whose files call the shared flow `common`.
fn calling_common() -> Bundle {
    let mut files = proxy_files("caller", "/caller", "A");
    let callout = "<FlowCallout name=\"FC\"><SharedFlowBundle>common</SharedFlowBundle></FlowCallout>";
    files.insert(BundlePath::parse("policies/FC.xml").unwrap(), callout.as_bytes().to_vec());
    Bundle::new(BundleKind::Proxy, name("caller"), files)
}

/// A proxy that calls a shared flow.
fn caller(name: &str, flow: &str) -> Bundle {
    let mut bundle = proxy(name, "/caller", "A");
    bundle.requires.shared_flows.push(flow.to_owned());
    bundle
}

/// A sandbox and a client that does not wait between requests.
struct World {
    sandbox: Sandbox,
    client: Client,
    /// The number of requests that were returned already.
    seen: usize,
}

impl World {
    async fn start() -> Self {
        Self::with(sandbox::SandboxOptions {
            progressing: Duration::from_millis(40),
            ..sandbox::SandboxOptions::default()
        })
        .await
    }

    async fn with(options: sandbox::SandboxOptions) -> Self {
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let backoff = Backoff { first: Duration::from_millis(10), attempts: 3, ..Backoff::default() };
        let settings = Settings { rate: 1000.try_into().unwrap(), backoff, ..Settings::default() };
        let client = Client::new(sandbox.url().parse().unwrap(), TokenSource::None, &settings).unwrap();
        Self { sandbox, client, seen: 0 }
    }

    async fn deploy_with(&self, bundle: &Bundle, environment: &str, options: DeployOptions) -> DeployReport {
        let target = Target { organization: name("acme"), environment: name(environment) };
        deploy(&self.client, bundle, &target, &options, &|_: &Event| ()).await
    }

    async fn deploy(&self, bundle: &Bundle) -> DeployReport {
        self.deploy_with(bundle, "prod", quick()).await
    }

    /// The requests since the last call.
    fn news(&mut self) -> Vec<LoggedRequest> {
        let all = self.sandbox.requests();
        let news = all.get(self.seen..).unwrap_or_default().to_vec();
        self.seen = all.len();
        news
    }

    fn writes(&mut self) -> Vec<String> {
        let writes = self.news().into_iter().filter(|request| request.is_write);
        writes.map(|request| format!("{} {}", request.method, request.path)).collect()
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn id(number: &str) -> RevisionId {
    number.parse().unwrap()
}

fn quick() -> DeployOptions {
    DeployOptions {
        timeout: Duration::from_secs(5),
        polling: Polling { first: Duration::from_millis(10), longest: Duration::from_millis(50), ..Polling::default() },
        ..DeployOptions::default()
    }
}

fn running_as(email: &str) -> DeployOptions {
    DeployOptions {
        settings: DeploySettings { service_account: Some(email.into()), ..DeploySettings::default() },
        ..quick()
    }
}

#[track_caller]
fn check(report: &DeployReport, ending: BundleResult, revision: Option<&str>, previous: Option<&str>) {
    let outcome = &report.outcome;
    assert_eq!(outcome.result, ending, "{}", outcome.reason);
    assert_eq!(report.exit.code() == 0, ending != BundleResult::Failed, "{}", outcome.reason);
    assert_eq!((outcome.revision, outcome.previous_revision), (revision.map(id), previous.map(id)));
}

#[track_caller]
fn check_failed(report: &DeployReport, exit_code: u8, parts: &[&str]) {
    assert_eq!(
        (report.outcome.result, report.exit.code()),
        (BundleResult::Failed, exit_code),
        "{}",
        report.outcome.reason
    );
    for part in parts {
        assert!(report.outcome.reason.contains(part), "`{}` lacks `{part}`", report.outcome.reason);
    }
}

#[tokio::test]
async fn first_then_unchanged_then_changed_then_back() {
    let mut world = World::start().await;
    let (a, b) = (proxy("orders", "/orders", "A"), proxy("orders", "/orders", "B"));

    let report = world.deploy(&a).await;
    check(&report, BundleResult::Deployed, Some("1"), None);
    assert!(report.outcome.imported && report.outcome.writes == 2);
    let base = "/v1/organizations/acme";
    assert_eq!(
        world.writes(),
        [
            format!("POST {base}/apis?name=orders&action=import"),
            format!("POST {base}/environments/prod/apis/orders/revisions/1/deployments?override=true"),
        ]
    );

    let report = world.deploy(&a).await;
    check(&report, BundleResult::Unchanged, Some("1"), Some("1"));
    let requests = world.news();
    assert!(!requests.is_empty() && requests.iter().all(|request| request.method == "GET"), "{requests:?}");
    assert_eq!(report.outcome.writes, 0);

    let report = world.deploy(&b).await;
    check(&report, BundleResult::Deployed, Some("2"), Some("1"));

    world.news();
    let report = world.deploy(&a).await;
    check(&report, BundleResult::Redeployed, Some("1"), Some("2"));
    assert!(!report.outcome.imported);
    assert_eq!(
        world.writes(),
        [format!("POST {base}/environments/prod/apis/orders/revisions/1/deployments?override=true")]
    );
}

#[tokio::test]
async fn a_promotion_deploys_the_same_revision() {
    let mut world = World::start().await;
    let bundle = proxy("orders", "/orders", "A");
    check(&world.deploy_with(&bundle, "dev", quick()).await, BundleResult::Deployed, Some("1"), None);
    world.news();
    check(&world.deploy_with(&bundle, "prod", quick()).await, BundleResult::Redeployed, Some("1"), None);
    assert_eq!(world.writes().len(), 1);
}

#[tokio::test]
async fn the_revision_tells_its_origin_and_keeps_the_users_text() {
    let world = World::start().await;
    let bundle = proxy("orders", "/orders", "A");
    let provenance = Provenance {
        commit: Some("0a1b2c3d".into()),
        tag: Some("v1.2.0".into()),
        author: Some("Zoë <z@example.com>".into()),
        time: Some("2026-11-24T08:00:00Z".into()),
        ..Provenance::default()
    };
    let report = world.deploy_with(&bundle, "prod", DeployOptions { provenance: provenance.clone(), ..quick() }).await;
    assert_eq!(report.outcome.commit.as_deref(), Some("0a1b2c3d"));
    let (organization, proxy) = (name("acme"), name("orders"));
    let resource = ResourceName { organization: &organization, kind: BundleKind::Proxy, name: &proxy };
    let revision = world.client.revision(resource, id("1")).await.unwrap();
    assert!(revision.description.starts_with("Orders & more\napigee-flux: {"), "{}", revision.description);
    let replaces = Replaced { environment: "prod".into(), revision: None, service_account: None };
    let record = RevisionRecord::new(Digest::of_files(&bundle.files), &provenance);
    assert_eq!(
        RevisionRecord::parse(&revision.description),
        Some(RevisionRecord { replaces: Some(replaces), ..record })
    );
}

#[tokio::test]
async fn a_shared_flow_is_deployed_without_a_report() {
    let mut world = World::start().await;
    let report = world.deploy(&shared_flow("common", "A")).await;
    check(&report, BundleResult::Deployed, Some("1"), None);
    assert!(world.news().iter().all(|request| !request.path.contains("ChangeReport")));
    check(&world.deploy(&shared_flow("common", "A")).await, BundleResult::Unchanged, Some("1"), Some("1"));
    // A proxy with the same name is another resource.
    check(&world.deploy(&proxy("common", "/common", "A")).await, BundleResult::Deployed, Some("1"), None);
}

#[tokio::test]
async fn a_shared_flow_is_replaced_recorded_and_taken_back_as_a_proxy_is() {
    let mut world = World::start().await;
    let (a, b) = (shared_flow("common", "A"), shared_flow("common", "B"));
    let with = running_as;
    check(&world.deploy_with(&a, "prod", with("a@p")).await, BundleResult::Deployed, Some("1"), None);
    let base = "/v1/organizations/acme";
    let revisions = format!("{base}/environments/prod/sharedflows/common/revisions");
    assert_eq!(
        world.writes(),
        [
            format!("POST {base}/sharedflows?name=common&action=import"),
            format!("POST {revisions}/1/deployments?override=true&serviceAccount=a%40p"),
        ]
    );
    let (organization, flow) = (name("acme"), name("common"));
    let resource = ResourceName { organization: &organization, kind: BundleKind::SharedFlow, name: &flow };
    let revision = world.client.revision(resource, id("1")).await.unwrap();
    assert_eq!(RevisionRecord::parse(&revision.description).map(|record| record.digest), Some(a.digest));

    world.sandbox.simulate_failure("common", SimulatedFailure::Error("no memory".into()));
    let report = world.deploy_with(&b, "prod", with("b@p")).await;
    check_failed(&report, 65, &["revision 2", "no memory", "rolled back to revision 1, which is ready"]);
    assert!(world.writes().last().unwrap().ends_with("1/deployments?override=true&serviceAccount=a%40p"));
    check(&world.deploy_with(&b, "prod", with("b@p")).await, BundleResult::Redeployed, Some("2"), Some("1"));
}

#[tokio::test]
async fn a_caller_waits_for_its_shared_flow() {
    let mut world = World::start().await;
    let (caller, flow) = (caller("caller", "common"), shared_flow("common", "A"));
    let later = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        world.deploy(&flow).await
    };
    let (outcome, deployed) = tokio::join!(world.deploy(&caller), later);
    check(&outcome, BundleResult::Deployed, Some("1"), None);
    check(&deployed, BundleResult::Deployed, Some("1"), None);
    let writes = world.writes();
    let place = |part: &str| writes.iter().position(|write| write.contains(part)).unwrap();
    assert!(place("sharedflows/common/revisions/1/deployments") < place("apis?name=caller"), "{writes:?}");
    // For a bundle that is deployed, the shared flows that it calls are not read again.
    world.news();
    check(&world.deploy(&caller).await, BundleResult::Unchanged, Some("1"), Some("1"));
    assert!(world.news().iter().all(|request| !request.path.contains("sharedflows")));
}

#[tokio::test]
async fn a_caller_without_its_shared_flow_changes_nothing_and_may_be_tried_again() {
    let world = World::start().await;
    world.deploy_with(&shared_flow("common", "A"), "dev", quick()).await;
    let hasty = || DeployOptions { timeout: Duration::from_millis(200), ..quick() };
    for flow in ["common", "nowhere"] {
        let report = world.deploy_with(&caller("caller", flow), "prod", hasty()).await;
        check_failed(&report, 75, &["nothing was changed", &format!("`{flow}` is not deployed")]);
        assert_eq!(report.outcome.writes, 0);
    }
}

#[tokio::test]
async fn another_service_account_is_a_deployment_and_no_import() {
    let mut world = World::start().await;
    let bundle = proxy("orders", "/orders", "A");
    let with = running_as;
    check(&world.deploy_with(&bundle, "prod", with("a@p")).await, BundleResult::Deployed, Some("1"), None);
    check(&world.deploy_with(&bundle, "prod", with("a@p")).await, BundleResult::Unchanged, Some("1"), Some("1"));
    world.news();
    check(&world.deploy_with(&bundle, "prod", with("b@p")).await, BundleResult::Redeployed, Some("1"), Some("1"));
    let writes = world.writes();
    assert!(writes.len() == 1 && writes.iter().all(|write| write.ends_with("serviceAccount=b%40p")), "{writes:?}");
}

#[tokio::test]
async fn a_route_conflict_after_ready_goes_back() {
    let mut world = World::start().await;
    let sa = running_as;
    world.deploy_with(&proxy("orders", "/orders", "A"), "prod", sa("a@p")).await;
    world.sandbox.simulate_failure("orders", SimulatedFailure::RouteConflict);
    world.news();
    let report = world.deploy_with(&proxy("orders", "/orders", "B"), "prod", sa("b@p")).await;
    check(&report, BundleResult::Failed, Some("2"), Some("1"));
    check_failed(
        &report,
        65,
        &["revision 2", "`/orders`", "another-proxy", "rolled back to revision 1, which is ready"],
    );
    let writes = world.writes();
    assert!(
        writes.last().unwrap().ends_with("revisions/1/deployments?override=true&serviceAccount=a%40p"),
        "{writes:?}"
    );
    // The previous bundle is deployed, as before the failure.
    check(
        &world.deploy_with(&proxy("orders", "/orders", "A"), "prod", sa("a@p")).await,
        BundleResult::Unchanged,
        Some("1"),
        Some("1"),
    );
}

#[tokio::test]
async fn an_error_goes_back_and_tells_both_reasons_when_that_fails() {
    let world = World::start().await;
    let (a, b) = (proxy("orders", "/orders", "A"), proxy("orders", "/orders", "B"));
    world.sandbox.simulate_failure("orders", SimulatedFailure::Error("the first".into()));
    check_failed(&world.deploy(&a).await, 65, &["the first", "nothing was deployed before"]);
    // If nothing was deployed before, nothing is deployed afterwards.
    check(&world.deploy(&a).await, BundleResult::Redeployed, Some("1"), None);
    world.sandbox.simulate_failure("orders", SimulatedFailure::Error("no memory".into()));
    world.sandbox.simulate_failure("orders", SimulatedFailure::Error("still no memory".into()));
    check_failed(
        &world.deploy(&b).await,
        65,
        &["revision 2: its state is ERROR: no memory", "the rollback to revision 1 failed too", "still no memory"],
    );
}

/// A gateway that answers each request with the next of the given statuses, and then always with the last one.
async fn gateway(statuses: &'static [u16]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/orders/ping", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        for count in 0.. {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 4096];
            let length = socket.read(&mut head).await.unwrap();
            log.lock().unwrap().push(String::from_utf8_lossy(&head[..length]).into_owned());
            let status = statuses[usize::min(count, statuses.len() - 1)];
            let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, seen)
}

fn smoke(url: &str) -> DeployOptions {
    let smoke_test = Some(SmokeTest { url: url.to_owned(), expect_status: 200 });
    DeployOptions {
        settings: DeploySettings { smoke_test, ..DeploySettings::default() },
        timeout: Duration::from_secs(1),
        ..quick()
    }
}

#[tokio::test]
async fn a_smoke_test_may_take_some_time_and_carries_no_token() {
    let world = World::with(sandbox::SandboxOptions { token: None, ..sandbox::SandboxOptions::default() }).await;
    let (url, seen) = gateway(&[404, 503, 200]).await;
    check(
        &world.deploy_with(&proxy("orders", "/orders", "A"), "prod", smoke(&url)).await,
        BundleResult::Deployed,
        Some("1"),
        None,
    );
    let seen = seen.lock().unwrap();
    assert_eq!(seen.len(), 3);
    assert!(
        seen.iter().all(|head| head.starts_with("GET /orders/ping ") && !head.to_lowercase().contains("authorization"))
    );
}

#[tokio::test]
async fn a_failed_smoke_test_goes_back() {
    let world = World::start().await;
    check(&world.deploy(&proxy("orders", "/orders", "A")).await, BundleResult::Deployed, Some("1"), None);
    let (url, _) = gateway(&[500]).await;
    let report = world.deploy_with(&proxy("orders", "/orders", "B"), "prod", smoke(&url)).await;
    check_failed(&report, 65, &["expects the status 200 and got: 500", "rolled back to revision 1, which is ready"]);
    check(&world.deploy(&proxy("orders", "/orders", "A")).await, BundleResult::Unchanged, Some("1"), Some("1"));
}

#[tokio::test]
async fn old_revisions_go_and_those_that_run_anywhere_stay() {
    let world = World::start().await;
    let keep = || DeployOptions {
        settings: DeploySettings { keep_revisions: 2.try_into().ok(), ..DeploySettings::default() },
        ..quick()
    };
    for (body, environment) in [("A", "dev"), ("B", "prod"), ("C", "prod"), ("D", "prod"), ("E", "prod"), ("F", "prod")]
    {
        let report = world.deploy_with(&proxy("orders", "/orders", body), environment, keep()).await;
        assert_eq!(report.exit.code(), 0, "{}", report.outcome.reason);
    }
    let (organization, orders) = (name("acme"), name("orders"));
    let resource = ResourceName { organization: &organization, kind: BundleKind::Proxy, name: &orders };
    let left = world.client.resource(resource).await.unwrap().unwrap().revision;
    assert_eq!(left, ["1", "5", "6"].map(id));
}

#[tokio::test]
async fn a_revision_of_somebody_else_is_never_deleted() {
    let world = World::start().await;
    let (organization, orders) = (name("acme"), name("orders"));
    let resource = ResourceName { organization: &organization, kind: BundleKind::Proxy, name: &orders };
    let by_hand = zip::pack(BundleKind::Proxy, &proxy_files("orders", "/orders", "by hand")).unwrap().into();
    world.client.import(resource, &by_hand).await.unwrap();
    let keep = DeployOptions {
        settings: DeploySettings { keep_revisions: 1.try_into().ok(), ..DeploySettings::default() },
        ..quick()
    };
    for body in ["A", "B", "C"] {
        world.deploy_with(&proxy("orders", "/orders", body), "prod", keep.clone()).await;
    }
    let left = world.client.resource(resource).await.unwrap().unwrap().revision;
    assert_eq!(left, ["1", "3", "4"].map(id), "the last revision and the one before it are kept");
}

#[tokio::test]
async fn what_another_deployer_put_there_stays() {
    let world = World::start().await;
    let (a, b, c) = (proxy("orders", "/orders", "A"), proxy("orders", "/orders", "B"), proxy("orders", "/orders", "C"));
    for bundle in [&a, &b, &c] {
        world.deploy(bundle).await;
    }
    // This run read the list of deployments before C was deployed.
    let (organization, orders, prod) = (name("acme"), name("orders"), name("prod"));
    let resource = ResourceName { organization: &organization, kind: BundleKind::Proxy, name: &orders };
    let mut listed = world.client.deployments(resource, &prod).await.unwrap();
    listed[0].revision = id("2");
    let report = world.deploy_with(&a, "prod", DeployOptions { listed: Some(listed.clone()), ..quick() }).await;
    check_failed(&report, 75, &["another deployer deployed revision 3", "did not deploy revision 1"]);
    assert_eq!(report.outcome.writes, 0);
    // The other deployer deployed the same bundle: that is no conflict.
    let report = world.deploy_with(&c, "prod", DeployOptions { listed: Some(listed), ..quick() }).await;
    check(&report, BundleResult::Redeployed, Some("3"), Some("2"));
    assert_eq!(report.outcome.writes, 0);
}

async fn remove_from(
    world: &World,
    kind: BundleKind,
    resource: &str,
    environment: &str,
    removal: Removal,
) -> DeployReport {
    let target = Target { organization: name("acme"), environment: name(environment) };
    remove(&world.client, kind, &name(resource), &target, removal, &quick(), &|_: &Event| ()).await
}

#[tokio::test]
async fn a_removed_proxy_is_gone_where_it_is_not_wanted() {
    let world = World::start().await;
    let orders = proxy("orders", "/orders", "A");
    world.deploy_with(&orders, "dev", quick()).await;
    world.deploy(&orders).await;
    let remove_from = |environment, removal| remove_from(&world, BundleKind::Proxy, "orders", environment, removal);
    check(&remove_from("prod", Removal::Undeploy).await, BundleResult::Removed, None, Some("1"));
    check(&remove_from("prod", Removal::Undeploy).await, BundleResult::Unchanged, None, None);
    // It is not deleted while an environment runs it.
    let report = remove_from("prod", Removal::Delete).await;
    check(&report, BundleResult::Unchanged, None, None);
    assert!(report.outcome.reason.contains("environment `dev` runs revision 1"), "{}", report.outcome.reason);
    check(&remove_from("dev", Removal::Delete).await, BundleResult::Removed, None, Some("1"));
    let report = remove_from("dev", Removal::Delete).await;
    check(&report, BundleResult::Unchanged, None, None);
    assert_eq!(report.outcome.writes, 0);
}

#[tokio::test]
async fn what_is_called_or_foreign_is_not_removed() {
    let world = World::start().await;
    let flow = shared_flow("common", "A");
    world.deploy(&flow).await;
    world.deploy(&calling_common()).await;
    let report = remove_from(&world, BundleKind::SharedFlow, "common", "prod", Removal::Undeploy).await;
    check_failed(&report, 75, &["WOULD_BREAK_DEPENDENT", "apis/caller/revisions/1"]);

    let (organization, hand, prod) = (name("acme"), name("hand"), name("prod"));
    let resource = ResourceName { organization: &organization, kind: BundleKind::Proxy, name: &hand };
    let by_hand = zip::pack(BundleKind::Proxy, &proxy_files("hand", "/hand", "A")).unwrap().into();
    world.client.import(resource, &by_hand).await.unwrap();
    world.client.deploy(resource, &prod, id("1"), DeployParameters::default()).await.unwrap();
    let report = remove_from(&world, BundleKind::Proxy, "hand", "prod", Removal::Delete).await;
    check_failed(&report, 65, &["has no record of apigee-flux", "leaves it deployed"]);
    assert_eq!(report.outcome.writes, 0);
}

#[tokio::test]
async fn what_is_not_deployed_is_taken_out_whichever_status_says_so() {
    for other_statuses in [false, true] {
        let progressing = Duration::from_millis(40);
        let world =
            World::with(sandbox::SandboxOptions { progressing, other_statuses, ..sandbox::SandboxOptions::default() })
                .await;
        check(&world.deploy(&proxy("orders", "/orders", "A")).await, BundleResult::Deployed, Some("1"), None);
        let (organization, environment, orders) = (name("acme"), name("prod"), name("orders"));
        let it = ResourceName { organization: &organization, kind: BundleKind::Proxy, name: &orders };
        for _ in 0..2 {
            world.client.undeploy(it, &environment, id("1")).await.unwrap();
        }
        // An error is a failure as long as the shared flow is deployed.
        check(&world.deploy(&shared_flow("common", "A")).await, BundleResult::Deployed, Some("1"), None);
        check(&world.deploy(&calling_common()).await, BundleResult::Deployed, Some("1"), None);
        let common = name("common");
        let it = ResourceName { organization: &organization, kind: BundleKind::SharedFlow, name: &common };
        let error = world.client.undeploy(it, &environment, id("1")).await.unwrap_err();
        assert!(error.to_string().contains("WOULD_BREAK_DEPENDENT"), "{error}");
    }
}

#[tokio::test]
async fn equal_imports_at_once_end_as_one_revision() {
    let world = World::start().await;
    let a = proxy("orders", "/orders", "A");
    let reports = tokio::join!(world.deploy(&a), world.deploy(&a), world.deploy(&a));
    for report in [&reports.0, &reports.1, &reports.2] {
        assert_eq!((report.exit.code(), report.outcome.revision), (0, Some(id("1"))), "{}", report.outcome.reason);
    }
    let (organization, orders) = (name("acme"), name("orders"));
    let resource = ResourceName { organization: &organization, kind: BundleKind::Proxy, name: &orders };
    assert_eq!(world.client.resource(resource).await.unwrap().unwrap().revision, [id("1")]);
}

#[tokio::test]
async fn a_deadline_goes_back_and_is_temporary() {
    let slow = World::with(sandbox::SandboxOptions {
        progressing: Duration::from_secs(1),
        ..sandbox::SandboxOptions::default()
    })
    .await;
    slow.deploy(&proxy("orders", "/orders", "A")).await;
    let hasty = DeployOptions { timeout: Duration::from_millis(100), ..quick() };
    let report = slow.deploy_with(&proxy("orders", "/orders", "B"), "prod", hasty).await;
    check_failed(&report, 75, &["not READY after ", "PROGRESSING", "the rollback to revision 1 failed too"]);
}

#[tokio::test]
async fn a_run_that_was_cut_off_is_awaited_without_a_write() {
    let mut world = World::start().await;
    let bundle = proxy("orders", "/orders", "A");
    let accepted = DeployOptions { wait: apigee_flux_deployer::WaitFor::Accepted, ..quick() };
    check(&world.deploy_with(&bundle, "prod", accepted).await, BundleResult::Deployed, Some("1"), None);
    world.news();
    check(&world.deploy(&bundle).await, BundleResult::Unchanged, Some("1"), Some("1"));
    let requests = world.news();
    assert!(requests.iter().all(|request| request.method == "GET"), "{requests:?}");
}

#[tokio::test]
async fn a_taken_base_path_is_refused_before_traffic_moves() {
    let mut world = World::start().await;
    world.deploy(&proxy("orders", "/shop", "A")).await;
    world.news();
    check_failed(
        &world.deploy(&proxy("other", "/shop", "A")).await,
        65,
        &["CONFLICTING_DEPLOYMENT", "apis/orders/revisions/1", "[/shop]"],
    );
    assert!(world.writes().iter().all(|write| !write.contains("/deployments")));
}

#[tokio::test]
async fn a_base_path_of_another_environment_in_the_group_is_refused() {
    let groups = BTreeMap::from([("edge".to_owned(), vec!["dev".to_owned(), "prod".to_owned()])]);
    let options = sandbox::SandboxOptions { groups, progressing: Duration::ZERO, ..sandbox::SandboxOptions::default() };
    let mut world = World::with(options).await;
    let bundle = proxy("orders", "/shop", "A");
    world.deploy_with(&bundle, "dev", quick()).await;
    world.news();
    let report = world.deploy_with(&bundle, "prod", quick()).await;
    check_failed(&report, 65, &["`/shop` in environment group `edge`", "in environment `dev`"]);
    assert_eq!(world.writes(), Vec::<String>::new());
    // A base path below the existing one changes routes, and is rolled out in sequence.
    check(
        &world.deploy_with(&proxy("below", "/shop/cart", "A"), "prod", quick()).await,
        BundleResult::Deployed,
        Some("1"),
        None,
    );
    assert!(world.writes().last().unwrap().contains("sequencedRollout=true"));
}

#[tokio::test]
async fn an_import_whose_answer_is_lost_makes_one_revision() {
    let mut world = World::start().await;
    world.sandbox.simulate_failure("orders", SimulatedFailure::LostImportAnswer);
    check(&world.deploy(&proxy("orders", "/orders", "A")).await, BundleResult::Deployed, Some("1"), None);
    let imports = world.writes().into_iter().filter(|write| write.contains("action=import")).count();
    assert_eq!(imports, 1);
}

#[tokio::test]
async fn a_refused_bundle_names_its_file() {
    let world = World::start().await;
    let mut files = proxy_files("orders", "/orders", "A");
    files.insert(BundlePath::parse("policies/Broken.xml").unwrap(), b"<Broken".to_vec());
    let report = world.deploy(&Bundle::new(BundleKind::Proxy, name("orders"), files)).await;
    check_failed(&report, 65, &["bundle contains errors", "`apiproxy/policies/Broken.xml`", "(request "]);
    assert_eq!(report.outcome.writes, 1, "the import that Apigee refused");
}

#[tokio::test]
async fn a_wrong_token_is_77_and_no_server_is_69() {
    let world =
        World::with(sandbox::SandboxOptions { token: Some("right".into()), ..sandbox::SandboxOptions::default() })
            .await;
    check_failed(&world.deploy(&proxy("orders", "/orders", "A")).await, 77, &["401 UNAUTHENTICATED"]);
    let World { sandbox, client, .. } = world;
    drop(sandbox);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let target = Target { organization: name("acme"), environment: name("prod") };
    let report = deploy(&client, &proxy("orders", "/orders", "A"), &target, &quick(), &|_| ()).await;
    check_failed(
        &report,
        69,
        &["GET organizations/acme/environments/prod/keyvaluemaps/apigee-flux/entries/", "no response"],
    );
}

/// The Job's working directory: `bundle/` and optionally `provenance/`.
struct Pod {
    folder: tempfile::TempDir,
    digest: Digest,
}

impl Pod {
    fn new(bundle: &Bundle) -> Self {
        let manifest = Manifest::new(bundle.kind, bundle.name.as_str(), &bundle.files, bundle.requires.clone());
        let pod = Self { folder: tempfile::tempdir().unwrap(), digest: bundle.digest };
        for (path, bytes) in bundle.files.iter() {
            pod.write(&format!("bundle/{path}"), bytes);
        }
        pod.write_manifest(&manifest);
        pod
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let file = self.folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    fn write_manifest(&self, manifest: &Manifest) {
        self.write("bundle/manifest.json", &serde_json::to_vec(manifest).unwrap());
    }

    fn read_manifest(&self) -> Manifest {
        serde_json::from_slice(&std::fs::read(self.folder.path().join("bundle/manifest.json")).unwrap()).unwrap()
    }

    /// Runs the program as the Job does, in a separate thread so that the sandbox can answer.
    async fn run(&self, endpoint: &str, more: &[&str]) -> (Output, serde_json::Value) {
        self.run_with(endpoint, more, &[]).await
    }

    async fn run_with(
        &self,
        endpoint: &str,
        more: &[&str],
        variables: &[(&str, &Path)],
    ) -> (Output, serde_json::Value) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_apigee-flux"));
        command
            .args(["deploy", "--manifest=bundle/manifest.json", "--provenance=provenance/provenance.json"])
            .args(["--org=acme", "--env=prod", "--termination-log=termination-log"])
            .args(more)
            .current_dir(self.folder.path())
            .env_remove("APIGEE_TOKEN")
            .env_remove("GOOGLE_APPLICATION_CREDENTIALS")
            .env("APIGEE_ENDPOINT", endpoint)
            .envs(variables.iter().copied());
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let result = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output, result)
    }
}

#[track_caller]
fn check_exit((output, result): &(Output, serde_json::Value), code: i32, part: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    let reason = result["reason"].as_str().unwrap_or_default();
    assert!(reason.contains(part) || stderr.contains(part), "{stderr} {reason} lacks {part}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_deploys_as_the_job_runs_it() {
    let mut world = World::start().await;
    let pod = Pod::new(&proxy("orders", "/orders", "A"));
    let url = world.sandbox.url();
    pod.write("provenance/provenance.json", br#"{"commit": "0a1b2c3d"}"#);
    pod.write("termination-log", b"");
    let expected = format!("--expect-digest={}", pod.digest);
    let first = pod.run(&url, &[&expected, "--timeout=20s"]).await;
    check_exit(&first, 0, "");
    let result = &first.1;
    assert_eq!(result["result"], "deployed");
    assert_eq!((&result["kind"], &result["name"]), (&"proxy".into(), &"orders".into()));
    assert_eq!((&result["organization"], &result["environment"]), (&"acme".into(), &"prod".into()));
    assert_eq!((&result["revision"], &result["commit"]), (&"1".into(), &"0a1b2c3d".into()));
    assert_eq!((&result["imported"], &result["writes"]), (&true.into(), &2.into()));
    assert_eq!(result["digest"], pod.digest.to_string());
    let termination_log = std::fs::read(pod.folder.path().join("termination-log")).unwrap();
    assert_eq!(termination_log, first.0.stdout);
    for line in String::from_utf8(first.0.stderr).unwrap().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["phase"].is_string() && line["message"].is_string() && line["elapsedMs"].is_u64(), "{line}");
    }

    world.news();
    let second = pod.run(&url, &[&expected]).await;
    check_exit(&second, 0, "");
    assert_eq!((&second.1["result"], &second.1["writes"]), (&"unchanged".into(), &0.into()));
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_takes_settings_and_removes() {
    let world = World::start().await;
    let url = world.sandbox.url();
    let pod = Pod::new(&proxy("orders", "/orders", "A"));
    let (gateway, seen) = gateway(&[204]).await;
    let smoke = format!("--smoke-test={gateway}");
    let settings = ["--keep-revisions=2", "--allow-extensible=true", &smoke, "--smoke-status=204"];
    check_exit(&pod.run(&url, &settings).await, 0, "the new revision 1 is deployed");
    assert_eq!(seen.lock().unwrap().len(), 1);
    check_exit(&pod.run(&url, &["--smoke-test=ftp://x"]).await, 64, "expected http or https");
    check_exit(&pod.run(&url, &["--keep-revisions=0"]).await, 64, "--keep-revisions");

    let remove = |more: &'static [&'static str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_apigee-flux"));
        command.args(["remove", "--org=acme", "--env=prod", "--endpoint", &url]).args(more);
        async move {
            let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
            let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            (output, result)
        }
    };
    check_exit(&remove(&[]).await, 64, "--proxy");
    check_exit(&remove(&["--proxy=orders", "--shared-flow=orders"]).await, 64, "--shared-flow");
    let undeployed = remove(&["--proxy=orders"]).await;
    check_exit(&undeployed, 0, "revision 1 is undeployed");
    assert_eq!((&undeployed.1["result"], &undeployed.1["writes"]), (&"removed".into(), &1.into()));
    check_exit(&remove(&["--proxy=orders", "--delete"]).await, 0, "the proxy is deleted with 1 revisions");
    check_exit(&remove(&["--proxy=orders", "--delete"]).await, 0, "the proxy does not exist");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_takes_the_kind_and_the_calls_from_the_manifest() {
    let mut world = World::start().await;
    let url = world.sandbox.url();
    let caller = Pod::new(&caller("caller", "common"));
    check_exit(&caller.run(&url, &["--timeout=200ms"]).await, 75, "`common` is not deployed");
    assert_eq!(world.writes(), Vec::<String>::new());
    let flow = Pod::new(&shared_flow("common", "A")).run(&url, &[]).await;
    check_exit(&flow, 0, "");
    assert_eq!((&flow.1["kind"], &flow.1["name"]), (&"sharedFlow".into(), &"common".into()));
    check_exit(&caller.run(&url, &[]).await, 0, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_program_says_so_and_the_next_goes_on() {
    let mut world = World::with(sandbox::SandboxOptions {
        progressing: Duration::from_secs(2),
        ..sandbox::SandboxOptions::default()
    })
    .await;
    let pod = Pod::new(&proxy("orders", "/orders", "A"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_apigee-flux"))
        .args(["deploy", "--manifest=bundle/manifest.json", "--org=acme", "--env=prod", "--endpoint"])
        .arg(world.sandbox.url())
        .current_dir(pod.folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while !world.sandbox.requests().iter().any(|request| request.path.contains("/deployments?override")) {
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(143));
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(result["reason"].as_str().unwrap().contains("SIGTERM"), "{result}");
    assert_eq!((&result["name"], &result["writes"]), (&"orders".into(), &2.into()));
    world.news();
    let next = pod.run(&world.sandbox.url(), &[]).await;
    check_exit(&next, 0, "");
    assert_eq!((&next.1["result"], &next.1["revision"]), (&"unchanged".into(), &"1".into()));
    assert_eq!(world.writes(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_puts_split_files_together() {
    let world = World::start().await;
    let pod = Pod::new(&proxy("orders", "/orders", "A"));
    let mut manifest = pod.read_manifest();
    let whole = std::fs::read(pod.folder.path().join("bundle/policies/AM-Body.xml")).unwrap();
    std::fs::remove_file(pod.folder.path().join("bundle/policies/AM-Body.xml")).unwrap();
    let (left, right) = whole.split_at(30);
    pod.write("bundle/parts/1", left);
    pod.write("bundle/parts/2", right);
    let entry = manifest.files.iter_mut().find(|file| file.path.as_str() == "policies/AM-Body.xml").unwrap();
    entry.parts = ["parts/1", "parts/2"].map(|part| BundlePath::parse(part).unwrap()).to_vec();
    pod.write_manifest(&manifest);
    check_exit(&pod.run(&world.sandbox.url(), &[]).await, 0, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_before_the_first_request_has_its_exit_code() {
    let mut world = World::start().await;
    let url = world.sandbox.url();
    let bundle = proxy("orders", "/orders", "A");

    let pod = Pod::new(&bundle);
    pod.write("bundle/policies/AM-Body.xml", b"<AssignMessage name=\"AM-Body\">${oops}</AssignMessage>");
    check_exit(&pod.run(&url, &[]).await, 67, "`policies/AM-Body.xml`");

    let pod = Pod::new(&bundle);
    let other = format!("--expect-digest={}", Digest::of_bytes(b"other"));
    check_exit(&pod.run(&url, &[&other]).await, 67, "different renders");

    std::fs::remove_dir_all(pod.folder.path().join("bundle")).unwrap();
    check_exit(&pod.run(&url, &[]).await, 66, "`bundle/manifest.json`");

    let pod = Pod::new(&bundle);
    pod.write_manifest(&Manifest { schema_version: 3, ..pod.read_manifest() });
    check_exit(&pod.run(&url, &[]).await, 64, "update the image");

    let pod = Pod::new(&bundle);
    check_exit(&pod.run(&url, &["--timeout=soon"]).await, 64, "not a duration");
    check_exit(&pod.run(&url, &["--no-such-flag"]).await, 64, "--no-such-flag");
    check_exit(&pod.run(&url, &["--expect-digest=1234"]).await, 64, "is not a digest");
    check_exit(&pod.run("http://apigee.example", &[]).await, 64, "use https");

    assert_eq!(world.news(), Vec::new(), "nothing of this reaches the API");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_refuses_a_static_key() {
    let pod = Pod::new(&proxy("orders", "/orders", "A"));
    pod.write("key.json", br#"{"type": "service_account", "private_key": "do-not-print"}"#);
    let key = pod.folder.path().join("key.json");
    let variables = [("GOOGLE_APPLICATION_CREDENTIALS", key.as_path())];
    // No server listens there; the key is rejected first.
    let run = pod.run_with("https://127.0.0.1:1", &[], &variables).await;
    check_exit(&run, 77, "--allow-static-key");
    for text in [&run.0.stderr, &run.0.stdout] {
        assert!(!String::from_utf8_lossy(text).contains("do-not-print"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_sends_a_given_token_and_never_shows_it() {
    let world =
        World::with(sandbox::SandboxOptions { token: Some("s3cret".into()), ..sandbox::SandboxOptions::default() })
            .await;
    let pod = Pod::new(&proxy("orders", "/orders", "A"));
    let run = pod.run_with(&world.sandbox.url(), &[], &[("APIGEE_TOKEN", Path::new("s3cret"))]).await;
    check_exit(&run, 0, "");
    for text in [&run.0.stderr, &run.0.stdout] {
        assert!(!String::from_utf8_lossy(text).contains("s3cret"));
    }
    check_exit(&pod.run(&world.sandbox.url(), &[]).await, 77, "401 UNAUTHENTICATED");
}

/// Runs the program, and sends SIGTERM during a request whose response is delayed by `delay`. Returns its result, and the time from SIGTERM to
/// its end.
async fn terminated_during(call: &str, delay: Duration) -> (Output, serde_json::Value, Duration) {
    let world = World::start().await;
    let delayed =
        FaultRule { method: Some("POST".into()), path: call.to_owned(), ..FaultRule::new(InjectedFault::Delay(delay)) };
    world.sandbox.inject(delayed);
    let pod = Pod::new(&proxy("orders", "/orders", "A"));
    pod.write("termination-log", b"");
    let child = Command::new(env!("CARGO_BIN_EXE_apigee-flux"))
        .args(["deploy", "--manifest=bundle/manifest.json", "--org=acme", "--env=prod"])
        .args(["--termination-log=termination-log", "--endpoint", &world.sandbox.url()])
        .current_dir(pod.folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !world.sandbox.requests().iter().any(|request| request.path.contains(call.trim_matches('*'))) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let told = Instant::now();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await.unwrap().unwrap();
    let took = told.elapsed();
    assert_eq!(std::fs::read(pod.folder.path().join("termination-log")).unwrap(), output.stdout);
    let result = serde_json::from_slice(&output.stdout).unwrap();
    (output, result, took)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_heard_to_its_end_after_sigterm_but_not_for_ever() {
    let (slow, hanging, reading) = tokio::join!(
        terminated_during("*action=import*", Duration::from_secs(3)),
        terminated_during("*/deployments?override*", Duration::from_secs(100)),
        terminated_during("*:generateDeployChangeReport*", Duration::from_secs(100)),
    );
    for (output, result, _) in [&slow, &hanging, &reading] {
        assert_eq!((output.status.code(), &result["result"]), (Some(143), &"failed".into()), "{result}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        let stop = stderr.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let stop = stop.into_iter().find(|line| line["phase"] == "stop").unwrap();
        assert_eq!(
            (&stop["level"], &stop["name"], &stop["environment"]),
            (&"warning".into(), &"orders".into(), &"prod".into())
        );
    }
    // The import got a response, so the result has its revision.
    let (_, result, took) = slow;
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(10), "{took:?}");
    assert!(result["reason"].as_str().unwrap().contains("revision 1 is imported but not deployed"), "{result}");
    let (_, result, took) = hanging;
    assert!(took > Duration::from_secs(15) && took < Duration::from_secs(30), "{took:?}");
    assert!(result["reason"].as_str().unwrap().contains("may have been made"), "{result}");
    let (_, result, took) = reading;
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(result["writes"], 1, "only the import: {result}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_shows_people_the_line_that_is_refused() {
    let world = World::start().await;
    let mut files = proxy_files("orders", "/orders", "A");
    let policy = "<AssignMessage name=\"AM-Two\">\n  <Set>\n</AssignMessage>";
    files.insert(BundlePath::parse("policies/AM-Two.xml").unwrap(), policy.as_bytes().to_vec());
    let pod = Pod::new(&Bundle::new(BundleKind::Proxy, name("orders"), files));
    let url = world.sandbox.url();
    let (output, _) = pod.run(&url, &["--log=human"]).await;
    assert_eq!(output.status.code(), Some(65));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("\n --> bundle/policies/AM-Two.xml:") && text.contains(" | </AssignMessage>\n"), "{text}");
    assert!(!text.contains('\u{1b}') && !text.contains('{'), "{text}");

    let (output, _) = pod.run(&url, &["--log=json"]).await;
    let lines: Vec<serde_json::Value> =
        String::from_utf8(output.stderr).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let refused: Vec<_> = lines.iter().filter(|line| line["level"] == "error").collect();
    assert_eq!(refused.len(), 2, "the place and the result: {lines:?}");
    assert!(refused[0]["message"].as_str().unwrap().starts_with("policies/AM-Two.xml:"), "{lines:?}");
    for line in &lines {
        assert_eq!(
            (&line["kind"], &line["name"], &line["environment"]),
            (&"proxy".into(), &"orders".into(), &"prod".into())
        );
    }
}

/// Deploys with a fault and a timeout; returns the report and the time that it took.
async fn deploy_with_trouble(fault: &str, timeout: Duration) -> (DeployReport, Duration) {
    let world = World::start().await;
    world.sandbox.inject(fault.parse().unwrap());
    let start = Instant::now();
    let report =
        world.deploy_with(&proxy("orders", "/orders", "A"), "prod", DeployOptions { timeout, ..quick() }).await;
    (report, start.elapsed())
}

#[tokio::test]
async fn what_answers_between_here_and_google_is_named() {
    for (fault, parts) in [
        ("GET * redirect every", ["status 302", "redirect to the host `portal.example`", "content type `text/html`"]),
        ("GET * page every", ["status 200", "content type `text/html`", "HTTPS_PROXY"]),
        ("POST *action=import* page every", ["comes from an intermediary", "status 200", "--endpoint"]),
    ] {
        let (report, _) = deploy_with_trouble(fault, Duration::from_secs(5)).await;
        check_failed(&report, 69, &parts);
        assert!(!report.outcome.reason.contains("s3cret"), "{}", report.outcome.reason);
    }
    let (report, _) = deploy_with_trouble("GET * error-200 every", Duration::from_secs(5)).await;
    check_failed(&report, 69, &["its body is an error: try again later", "the response is not used"]);
    assert_eq!(report.outcome.writes, 0);
}

#[tokio::test]
async fn a_date_to_try_again_is_honoured() {
    let (report, took) = deploy_with_trouble("GET * status:503 retry-at:3", Duration::from_secs(10)).await;
    check(&report, BundleResult::Deployed, Some("1"), None);
    assert!(took > Duration::from_millis(1800) && took < Duration::from_secs(8), "{took:?}");
}

#[tokio::test]
async fn nothing_takes_longer_than_the_timeout() {
    for (fault, part) in [
        ("GET * status:503 retry-after:3600 every", "the server asks for a pause of 3600s (Retry-After)"),
        ("GET * trickle:200ms every", "no complete response before the timeout (--timeout)"),
        ("GET * delay:30s every", "no complete response before the timeout (--timeout)"),
        ("POST *:generateDeployChangeReport* delay:30s every", "(--timeout)"),
    ] {
        let (report, took) = deploy_with_trouble(fault, Duration::from_millis(800)).await;
        assert!(matches!(report.exit.code(), 69 | 75) && took < Duration::from_secs(4), "{fault}: {took:?}");
        assert!(report.outcome.reason.contains(part), "{fault}: {}", report.outcome.reason);
    }
}
