//! Drift against the sandbox: every change that may have happened to a bundle since it was deployed.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use apigee_flux_deployer::Polling;
use apigee_flux_deployer::client::{DeployParameters, Settings};
use apigee_flux_deployer::drift::{Depth, DesiredDeployment, DesiredState, Download};
use apigee_flux_deployer::event::Event;
use apigee_flux_deployer::retry::Backoff;
use apigee_flux_deployer::survey::survey;
use apigee_flux_deployer::{Bundle, Client, DeployOptions, Drift, Error, ResourceName, Target, TokenSource, deploy};
use apigee_flux_model::bundle::RevisionRecord;
use apigee_flux_model::bundle::{BundleKind, BundlePath, DeploySettings, Digest, Files, Removal, zip};
use apigee_flux_model::names::Name;
use apigee_flux_model::names::RevisionId;
use apigee_flux_model::provenance::Provenance;
use apigee_flux_sandbox::{self as sandbox, Sandbox, SimulatedFailure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const RECORD: Depth = Depth { download: Download::Never, state: false };
const OTHER: Depth = Depth { download: Download::IfOther, state: true };
const DEEP: Depth = Depth { download: Download::Always, state: true };

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn id(number: &str) -> RevisionId {
    number.parse().unwrap()
}

/// A proxy; the proxies differ only in `body`.
fn proxy(body: &str) -> Files {
    let files = [
        ("orders.xml", "<APIProxy name=\"orders\"><Description>Orders</Description></APIProxy>".to_owned()),
        ("policies/AM.xml", format!("<AssignMessage name=\"AM\"><Set><Payload>{body}</Payload></Set></AssignMessage>")),
        (
            "proxies/default.xml",
            "<ProxyEndpoint name=\"default\"><HTTPProxyConnection><BasePath>/orders</BasePath></HTTPProxyConnection>\
             <RouteRule name=\"none\"/></ProxyEndpoint>"
                .to_owned(),
        ),
    ];
    files.into_iter().map(|(path, text)| (BundlePath::parse(path).unwrap(), text.into_bytes())).collect()
}

fn wanted(files: &Files, service_account: Option<&str>) -> DesiredDeployment {
    let state = DesiredState::Deployed {
        files: files.clone(),
        digest: Digest::of_files(files),
        service_account: service_account.map(str::to_owned),
    };
    DesiredDeployment { kind: BundleKind::Proxy, name: name("orders"), state }
}

fn removed(removal: Removal) -> DesiredDeployment {
    DesiredDeployment { kind: BundleKind::Proxy, name: name("orders"), state: DesiredState::Removed(removal) }
}

struct World {
    sandbox: Sandbox,
    client: Client,
    organization: Name,
    proxy: Name,
}

impl World {
    async fn start() -> Self {
        let options =
            sandbox::SandboxOptions { progressing: Duration::from_millis(20), ..sandbox::SandboxOptions::default() };
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let client = client(&sandbox.url());
        Self { sandbox, client, organization: name("acme"), proxy: name("orders") }
    }

    fn resource(&self) -> ResourceName<'_> {
        ResourceName { organization: &self.organization, kind: BundleKind::Proxy, name: &self.proxy }
    }

    async fn deploy_to(&self, environment: &str, files: &Files, service_account: Option<&str>) {
        let settings =
            DeploySettings { service_account: service_account.map(str::to_owned), ..DeploySettings::default() };
        let polling = Polling { first: Duration::from_millis(10), ..Polling::default() };
        let provenance = Provenance { commit: Some("0a1b2c3".into()), ..Provenance::default() };
        let options = DeployOptions { settings, polling, provenance, ..DeployOptions::default() };
        let bundle = Bundle::new(BundleKind::Proxy, name("orders"), files.clone());
        let target = Target { organization: name("acme"), environment: name(environment) };
        let report = deploy(&self.client, &bundle, &target, &options, &|_: &Event| ()).await;
        assert_eq!(report.exit.code(), 0, "{}", report.outcome.reason);
    }

    async fn deploy(&self, files: &Files) {
        self.deploy_to("prod", files, None).await;
    }

    /// Imports and deploys manually.
    async fn put_by_hand(&self, files: &Files) -> RevisionId {
        let zip = zip::pack(BundleKind::Proxy, files).unwrap().into();
        let (revision, _) = self.client.import(self.resource(), &zip).await.unwrap();
        self.client.deploy(self.resource(), &name("prod"), revision, DeployParameters::default()).await.unwrap();
        revision
    }

    /// Compares, and checks that nothing was written.
    async fn drift(&self, wanted: &DesiredDeployment, depth: Depth) -> Drift {
        let before = self.sandbox.requests().len();
        let target = Target { organization: name("acme"), environment: name("prod") };
        let survey = survey(&self.client, &target, vec![wanted.clone()], &BTreeMap::new(), depth, NonZeroUsize::MIN)
            .await
            .unwrap();
        assert!(self.sandbox.requests()[before..].iter().all(|request| request.method == "GET"));
        survey.drifts.into_iter().next().unwrap()
    }
}

fn client(url: &str) -> Client {
    let backoff = Backoff { first: Duration::from_millis(10), attempts: 2, ..Backoff::default() };
    let settings = Settings { rate: 1000.try_into().unwrap(), backoff, ..Settings::default() };
    Client::new(url.parse().unwrap(), TokenSource::None, &settings).unwrap()
}

fn paths(drift: &Drift) -> Vec<&str> {
    drift.files().iter().map(|difference| difference.path.as_str()).collect()
}

#[tokio::test]
async fn what_is_deployed_as_wanted_is_the_same() {
    let world = World::start().await;
    let files = proxy("A");
    world.deploy(&files).await;
    for depth in [RECORD, OTHER, DEEP] {
        let drift = world.drift(&wanted(&files, None), depth).await;
        assert_eq!(drift, Drift::Same { revision: id("1") });
        assert!(drift.is_none());
    }
}

#[tokio::test]
async fn a_cheap_look_costs_one_request_for_each_bundle() {
    let world = World::start().await;
    let files = proxy("A");
    world.deploy(&files).await;
    let requests = |depth| {
        let (world, files) = (&world, &files);
        async move {
            let before = world.sandbox.requests().len();
            world.drift(&wanted(files, None), depth).await;
            let paths =
                world.sandbox.requests()[before..].iter().map(|request| request.path.clone()).collect::<Vec<_>>();
            paths.iter().map(|path| path.rsplit("acme/").next().unwrap().to_owned()).collect::<Vec<_>>()
        }
    };
    assert_eq!(requests(RECORD).await, ["environments/prod/deployments", "apis/orders/revisions/1"]);
    assert_eq!(
        requests(DEEP).await[1..],
        [
            "apis/orders/revisions/1",
            "apis/orders/revisions/1?format=bundle",
            "environments/prod/apis/orders/revisions/1/deployments"
        ]
    );
}

#[tokio::test]
async fn what_was_never_deployed_or_was_undeployed_is_not_deployed() {
    let world = World::start().await;
    let files = proxy("A");
    let drift = world.drift(&wanted(&files, None), OTHER).await;
    assert_eq!(drift, Drift::NotDeployed { newest: None });
    assert_eq!(drift.to_string(), "it does not exist");
    world.deploy(&files).await;
    world.client.undeploy(world.resource(), &name("prod"), id("1")).await.unwrap();
    let drift = world.drift(&wanted(&files, None), OTHER).await;
    assert_eq!(drift, Drift::NotDeployed { newest: Some(id("1")) });
    assert!(!drift.is_none());
}

#[tokio::test]
async fn another_revision_of_ours_tells_its_commit() {
    let world = World::start().await;
    let (a, b) = (proxy("A"), proxy("B"));
    world.deploy(&a).await;
    let drift = world.drift(&wanted(&b, None), OTHER).await;
    assert!(matches!(&drift, Drift::OtherRevision { record: Some(_), .. }), "{drift:?}");
    assert_eq!(paths(&drift), ["policies/AM.xml"]);
    assert_eq!(drift.to_string(), "revision 1 is deployed, which was rendered from commit 0a1b2c3; 1 file differs");
    // The record alone does not show which files differ.
    let drift = world.drift(&wanted(&b, None), RECORD).await;
    assert!(matches!(&drift, Drift::OtherRevision { files: None, .. }), "{drift:?}");
    // The previous revision was deployed manually.
    world.deploy(&b).await;
    world.client.deploy(world.resource(), &name("prod"), id("1"), DeployParameters::default()).await.unwrap();
    let drift = world.drift(&wanted(&b, None), RECORD).await;
    assert!(matches!(&drift, Drift::OtherRevision { revision, .. } if *revision == id("1")), "{drift:?}");
}

#[tokio::test]
async fn a_revision_of_somebody_else_is_told_as_that() {
    let world = World::start().await;
    let (ours, theirs) = (proxy("A"), proxy("by hand"));
    world.deploy(&ours).await;
    let revision = world.put_by_hand(&theirs).await;
    let drift = world.drift(&wanted(&ours, None), OTHER).await;
    let Drift::OtherRevision { revision: found, record: None, files: Some(files) } = &drift else {
        panic!("{drift:?}")
    };
    assert_eq!((*found, files.len()), (revision, 1));
    assert!(drift.to_string().contains("not managed by apigee-flux"), "{drift}");
    // Even if its files are equal, a deployment would create a managed revision.
    world.put_by_hand(&ours).await;
    let drift = world.drift(&wanted(&ours, None), OTHER).await;
    assert!(matches!(&drift, Drift::OtherRevision { files: Some(files), .. } if files.is_empty()), "{drift:?}");
    assert!(!drift.is_none());
}

#[tokio::test]
async fn an_edit_that_keeps_the_description_is_found_by_the_files_only() {
    let world = World::start().await;
    let files = proxy("A");
    world.deploy(&files).await;
    // As in Apigee's editor: the deployed revision with one changed file, saved as a new revision.
    let (kind, mut edited) = zip::unpack(&world.client.revision_zip(world.resource(), id("1")).await.unwrap()).unwrap();
    assert_eq!(kind, BundleKind::Proxy);
    edited.insert(
        BundlePath::parse("policies/AM.xml").unwrap(),
        proxy("edited").get("policies/AM.xml").unwrap().to_vec(),
    );
    let revision = world.put_by_hand(&edited).await;
    let cheap = world.drift(&wanted(&files, None), OTHER).await;
    assert_eq!(cheap, Drift::Same { revision });
    let drift = world.drift(&wanted(&files, None), DEEP).await;
    assert!(matches!(&drift, Drift::Edited { revision: found, .. } if *found == revision), "{drift:?}");
    assert_eq!(paths(&drift), ["policies/AM.xml"]);
    assert!(drift.to_string().contains("edited manually"), "{drift}");
}

#[tokio::test]
async fn a_revision_that_apigee_wrote_anew_is_the_same() {
    let world = World::start().await;
    let files = proxy("A");
    let record = RevisionRecord::new(Digest::of_files(&files), &Provenance::default());
    let mut exported = record.stamp(BundleKind::Proxy, "orders", &files).unwrap();
    let root = String::from_utf8(exported.get("orders.xml").unwrap().to_vec()).unwrap();
    let root = root.replace("name=\"orders\">", "revision=\"1\" name=\"orders\"><CreatedAt>1</CreatedAt><Policies/>");
    exported.insert(BundlePath::parse("orders.xml").unwrap(), root.into_bytes());
    exported.insert(
        BundlePath::parse("policies/AM.xml").unwrap(),
        b"<AssignMessage name='AM'>\n  <Set>\n    <Payload>A</Payload>\n  </Set>\n</AssignMessage>\n".to_vec(),
    );
    let revision = world.put_by_hand(&exported).await;
    assert_eq!(world.drift(&wanted(&files, None), DEEP).await, Drift::Same { revision });
}

#[tokio::test]
async fn another_service_account_is_a_drift() {
    let world = World::start().await;
    let files = proxy("A");
    world.deploy_to("prod", &files, Some("a@p")).await;
    let account = |deployed: &str, wanted: Option<&str>| Drift::OtherAccount {
        revision: id("1"),
        deployed: deployed.into(),
        desired: wanted.map(str::to_owned),
    };
    assert_eq!(world.drift(&wanted(&files, Some("b@p")), RECORD).await, account("a@p", Some("b@p")));
    assert_eq!(world.drift(&wanted(&files, None), RECORD).await, account("a@p", None));
    assert_eq!(world.drift(&wanted(&files, Some("a@p")), RECORD).await, Drift::Same { revision: id("1") });
}

#[tokio::test]
async fn what_does_not_run_or_is_not_reached_is_failing() {
    for (mishap, part) in [
        (SimulatedFailure::Error("no memory".into()), "no memory"),
        (SimulatedFailure::RouteConflict, "routeConflicts"),
    ] {
        let world = World::start().await;
        let files = proxy("A");
        world.deploy(&files).await;
        world.sandbox.simulate_failure("orders", mishap);
        world.client.deploy(world.resource(), &name("prod"), id("1"), DeployParameters::default()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(60)).await;
        let drift = world.drift(&wanted(&files, None), OTHER).await;
        assert!(matches!(&drift, Drift::Failing { why, .. } if why.contains(part)), "{drift:?}");
        // The list of deployments has no state.
        assert_eq!(world.drift(&wanted(&files, None), RECORD).await, Drift::Same { revision: id("1") });
    }
}

#[tokio::test]
async fn what_is_to_be_gone_is_unwanted_until_it_is() {
    let world = World::start().await;
    let files = proxy("A");
    let (undeploy, delete) = (removed(Removal::Undeploy), removed(Removal::Delete));
    assert_eq!(world.drift(&delete, RECORD).await, Drift::Gone { kept_for: None });
    world.deploy_to("dev", &files, None).await;
    world.deploy(&files).await;
    for wanted in [&undeploy, &delete] {
        assert_eq!(world.drift(wanted, RECORD).await, Drift::NotRemoved { revision: Some(id("1")), ours: true });
    }
    world.client.undeploy(world.resource(), &name("prod"), id("1")).await.unwrap();
    assert_eq!(world.drift(&undeploy, RECORD).await, Drift::Gone { kept_for: None });
    assert_eq!(world.drift(&delete, RECORD).await, Drift::Gone { kept_for: Some("dev".into()) });
    world.client.undeploy(world.resource(), &name("dev"), id("1")).await.unwrap();
    assert_eq!(world.drift(&delete, RECORD).await, Drift::NotRemoved { revision: None, ours: true });
    world.put_by_hand(&files).await;
    assert_eq!(world.drift(&undeploy, RECORD).await, Drift::NotRemoved { revision: Some(id("2")), ours: false });
}

#[tokio::test]
async fn many_bundles_are_compared_in_their_order() {
    let world = World::start().await;
    let files = proxy("A");
    world.deploy(&files).await;
    let of = |text: &str| DesiredDeployment { name: name(text), ..wanted(&files, None) };
    let all: Vec<DesiredDeployment> = ["z", "orders", "a", "b"].map(of).to_vec();
    let target = Target { organization: name("acme"), environment: name("prod") };
    let survey =
        survey(&world.client, &target, all, &BTreeMap::new(), OTHER, NonZeroUsize::new(3).unwrap()).await.unwrap();
    let missing = || Drift::NotDeployed { newest: None };
    assert_eq!(survey.drifts, [missing(), Drift::Same { revision: id("1") }, missing(), missing()]);
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
            while stream.write_all(&[0; 4096]).await.is_ok() {}
        }
    });
    let (organization, proxy) = (name("acme"), name("orders"));
    let resource = ResourceName { organization: &organization, kind: BundleKind::Proxy, name: &proxy };
    let error = client(&url).revision_zip(resource, id("1")).await.unwrap_err();
    assert!(matches!(&error, Error::Refused(why) if why.contains("more than")), "{error}");
}
