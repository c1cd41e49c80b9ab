//! Responses that do not match their requests: a body with the status 200 that is empty, an error or another message, and the responses of a
//! proxy between the deployer and Google. Each request of each story gets each of them, once and always, and the status of the deployment may be bad at
//! the same time.
//!
//! Whatever the result of a run is: the previous or the desired revision serves, and nothing is undeployed that an earlier run deployed.

use std::time::Duration;

use apigee_flux_deployer::Polling;
use apigee_flux_deployer::event::Event;
use apigee_flux_deployer::{DeployOptions, deploy, remove};
use apigee_flux_model::bundle::{BundleKind, Removal};
use apigee_flux_model::names::RevisionId;
use apigee_flux_sandbox::{FaultRule, InjectedFault, Occurrence, OddResponse};

use super::faults::{TEMPORARY, calls};
use super::story::{Plot, Story};
use super::world::{NAME, World, all, bundle, target};

/// The status of the deployment during the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Good,
    Unavailable,
    /// ERROR the first time it is read.
    ErrorOnce,
    Error,
}

impl Status {
    fn rule(self) -> Option<FaultRule> {
        let (fault, occurrence) = match self {
            Self::Good => return None,
            Self::Unavailable => (InjectedFault::Status { code: 503, retry_after: None }, Occurrence::Every),
            Self::ErrorOnce => (InjectedFault::StateError, Occurrence::First(1)),
            Self::Error => (InjectedFault::StateError, Occurrence::Every),
        };
        let path = "*/environments/*/revisions/*/deployments".to_owned();
        Some(FaultRule { method: Some("GET".to_owned()), path, occurrence, fault })
    }
}

struct Case {
    story: Story,
    call: String,
    odd: OddResponse,
    occurrence: Occurrence,
    status: Status,
}

pub(crate) async fn matrix() -> Vec<String> {
    let mut cases = Vec::new();
    for story in Story::with_rerun() {
        let mut calls = calls(story).await;
        calls.sort();
        calls.dedup();
        for call in calls {
            for odd in OddResponse::ALL {
                for occurrence in [Occurrence::First(1), Occurrence::Every] {
                    // The deployments are read from lists: for these requests the status matters most.
                    let is_list = call.ends_with("/orders/deployments");
                    let more = [Status::Unavailable, Status::ErrorOnce].into_iter().filter(|_| is_list);
                    let is_foreign = matches!(odd, OddResponse::Page | OddResponse::Redirect);
                    let bad = [Status::Error].into_iter().filter(|_| is_list || !is_foreign);
                    for status in [Status::Good].into_iter().chain(bad).chain(more) {
                        cases.push(Case { story, call: call.clone(), odd, occurrence, status });
                    }
                }
            }
        }
    }
    let count = cases.len();
    let broken: Vec<String> = all(cases.into_iter().map(Case::run), 48).await.into_iter().flatten().collect();
    println!("odd answers: {count} runs, {} promises broken", broken.len());
    broken
}

/// Options with a short timeout: most of these runs cannot succeed.
fn options() -> DeployOptions {
    DeployOptions {
        timeout: Duration::from_millis(400),
        polling: Polling { first: Duration::from_millis(5), longest: Duration::from_millis(20), ..Polling::default() },
        ..DeployOptions::default()
    }
}

impl Case {
    async fn run(self) -> Vec<String> {
        let Self { story, call, odd, occurrence, status } = self;
        let world = World::start(story.kind, Duration::ZERO).await;
        story.prepare(&world).await;
        let before = world.served();
        let prepared = world.sandbox.requests().len();
        let bundle = story.wanted();
        let (method, path) = call.split_once(' ').unwrap();
        world.sandbox.inject(FaultRule {
            method: Some(method.to_owned()),
            path: path.to_owned(),
            occurrence,
            fault: InjectedFault::Odd(odd),
        });
        if let Some(rule) = status.rule() {
            world.sandbox.inject(rule);
        }
        let mut broken = Vec::new();
        let report = deploy(&world.client(), &bundle, &target(), &options(), &|_: &Event| ()).await;
        let fails_for_good = status == Status::Error && report.exit.code() == 65;
        if report.exit.code() != 0 && !TEMPORARY.contains(&report.exit.code()) && !fails_for_good {
            broken.push(format!("exit code {}: {}", report.exit.code(), report.outcome.reason));
        }
        if before.is_some() && world.served().is_none() {
            broken.push(format!("nothing answers any more: {}", report.outcome.reason));
        }
        let requests = world.sandbox.requests();
        let undeployed = requests[prepared..].iter().filter(|request| {
            request.method == "DELETE" && request.path.ends_with("/deployments") && request.status < 300
        });
        if before.is_some() {
            broken.extend(undeployed.map(|request| format!("{}: {}", request.path, report.outcome.reason)));
        }
        // Without the fault, the next run succeeds.
        world.sandbox.clear_faults();
        let next = world.deploy(&bundle).await;
        if next.exit.code() != 0 {
            broken.push(format!("the next run ends with {}: {}", next.exit.code(), next.outcome.reason));
        }
        // A run may undeploy what it deployed for the first time itself, once Apigee says that it does not run.
        let may_take_out = story.plot == Plot::First && status == Status::Error;
        let allowed = |fault: &String| fault.starts_with("duplicates") || (may_take_out && fault.starts_with("a gap"));
        broken.extend(world.faults(&[bundle.digest]).await.into_iter().filter(|fault| !allowed(fault)));
        let when = format!("{story}, {call}, {odd:?} {occurrence:?}, status {status:?}");
        broken.into_iter().map(|text| format!("{when}: {text}")).collect()
    }
}

/// If a removal cannot read the deployments, it says so, instead of "it is not deployed".
pub(crate) async fn removals() -> Vec<String> {
    let mut broken = Vec::new();
    for kind in [BundleKind::Proxy, BundleKind::SharedFlow] {
        for odd in OddResponse::ALL {
            for removal in [Removal::Undeploy, Removal::Delete] {
                let world = World::start(kind, Duration::ZERO).await;
                world.deploy(&bundle(kind, "A")).await;
                let path = "*/environments/prod/*/orders/deployments".to_owned();
                let rule = FaultRule { path, ..FaultRule::new(InjectedFault::Odd(odd)) };
                world.sandbox.inject(rule);
                let name = NAME.parse().unwrap();
                let report =
                    remove(&world.client(), kind, &name, &target(), removal, &options(), &|_: &Event| ()).await;
                if report.exit.code() == 0 || world.served() != Some(RevisionId::FIRST) {
                    broken.push(format!("{kind:?}, {odd:?}, {removal:?}: {}", report.outcome.reason));
                }
            }
        }
    }
    broken
}

/// A Job that runs again while the status is ERROR, temporarily or permanently, does not undeploy what an earlier run deployed for the first time.
pub(crate) async fn reruns() -> Vec<String> {
    let mut broken = Vec::new();
    for kind in [BundleKind::Proxy, BundleKind::SharedFlow] {
        for (status, exit_code) in [(Status::ErrorOnce, 0), (Status::Error, 65)] {
            let world = World::start(kind, Duration::ZERO).await;
            let story = Story { kind, plot: Plot::Rerun };
            story.prepare(&world).await;
            let before = world.sandbox.requests().len();
            world.sandbox.inject(status.rule().unwrap());
            let report = world.deploy(&story.wanted()).await;
            let writes = world.sandbox.requests()[before..].iter().filter(|request| request.is_write).count();
            let allowed = usize::from(status != Status::ErrorOnce);
            if report.exit.code() != exit_code || writes > allowed || world.served() != Some(RevisionId::FIRST) {
                broken.push(format!(
                    "{kind:?}, {status:?}: exit code {}, {writes} writes, {:?} answers: {}",
                    report.exit.code(),
                    world.served(),
                    report.outcome.reason
                ));
            }
        }
    }
    broken
}

/// A batch or a reconciler reads one list for all its bundles. If that list is empty by mistake, the deployed revisions still serve.
pub(crate) async fn batches() -> Vec<String> {
    let mut broken = Vec::new();
    for story in Story::with_rerun().into_iter().filter(|story| story.plot != Plot::First) {
        for status in [Status::Good, Status::Unavailable, Status::ErrorOnce, Status::Error] {
            let world = World::start(story.kind, Duration::ZERO).await;
            story.prepare(&world).await;
            let (before, served) = (world.sandbox.requests().len(), world.served());
            if let Some(rule) = status.rule() {
                world.sandbox.inject(rule);
            }
            // The list of the resource itself does not contain it either.
            let path = format!("*/{NAME}/deployments");
            world.sandbox.inject(FaultRule { path, ..FaultRule::new(InjectedFault::Odd(OddResponse::Empty)) });
            let options = DeployOptions { listed: Some(Vec::new()), ..options() };
            let report = deploy(&world.client(), &story.wanted(), &target(), &options, &|_: &Event| ()).await;
            let writes = world.sandbox.requests()[before..].iter().filter(|request| request.is_write).count();
            if writes > 0 || !TEMPORARY.contains(&report.exit.code()) || world.served() != served {
                broken.push(format!(
                    "{story}, status {status:?}: {writes} writes, exit code {}: {}",
                    report.exit.code(),
                    report.outcome.reason
                ));
            }
        }
    }
    broken
}
