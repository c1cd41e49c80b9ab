//! A proxy gets another name and keeps its base path.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apigee_flux_deployer::DeployOptions;
use apigee_flux_deployer::outcome::BundleResult;
use apigee_flux_model::bundle::{BundleKind, DeploySettings, Removal};
use apigee_flux_model::lifecycle::WhenGone;
use apigee_flux_sandbox::{Moment, SimulatedFailure};
use tokio::task::AbortHandle;

use super::owned::{World, check, check_failed, id, job, job_in, names, orders, proxy};

/// A Job for the state of Git in which `orders` is called `sales`.
fn renamed(uid: &str) -> DeployOptions {
    DeployOptions { names: Some(names(&["sales"])), ..job("mine", uid) }
}

fn sales() -> apigee_flux_deployer::Bundle {
    proxy("sales", "/orders", "A")
}

/// `orders` is deployed, as a service account.
async fn deployed(world: &World, when_gone: WhenGone) {
    let settings = DeploySettings { when_gone, service_account: Some("a@p".to_owned()), ..DeploySettings::default() };
    let options = DeployOptions { settings, ..job("mine", "j1") };
    check(&world.deploy(&orders("A"), &options).await, BundleResult::Deployed, Some("1"));
}

#[tokio::test]
async fn the_former_name_gives_way_whatever_happens_to_it_later() {
    for when_gone in [WhenGone::Orphan, WhenGone::Undeploy, WhenGone::Delete] {
        let world = World::start().await;
        deployed(&world, when_gone).await;
        let before = world.count();
        check(&world.deploy(&sales(), &renamed("j2")).await, BundleResult::Deployed, Some("1"));
        assert_eq!((world.revision("orders").await, world.revision("sales").await), (None, Some(id("1"))));
        assert_eq!(world.record("orders").await.unwrap().when_gone, when_gone);
        let writes = world.writes(before);
        let undeployed = writes.iter().position(|write| write.starts_with("DELETE")).unwrap();
        let deployment = "POST environments/prod/apis/sales/revisions/1/deployments?override=true";
        assert_eq!(writes[undeployed + 1], deployment, "nothing is done between the two");
        assert!(writes[..undeployed].iter().any(|write| write.contains("action=import")), "{writes:?}");
        let told = world.told("moves from the proxy `orders`");
        assert!(told.len() == 1 && told[0].contains("`/orders`") && told[0].contains("spec.name: orders"), "{told:?}");
        // What the reconciler does later.
        if when_gone == WhenGone::Delete {
            check(&world.remove("orders", Removal::Delete, &renamed("j3")).await, BundleResult::Removed, None);
            assert_eq!(world.record("orders").await, None);
        }
        check(&world.deploy(&sales(), &renamed("j2")).await, BundleResult::Unchanged, Some("1"));
        // And back.
        let back = DeployOptions { names: Some(names(&["orders"])), ..job("mine", "j4") };
        assert_eq!(world.deploy(&orders("A"), &back).await.exit.code(), 0);
        assert_eq!((world.revision("orders").await, world.revision("sales").await), (Some(id("1")), None));
    }
}

#[tokio::test]
async fn the_former_name_is_deployed_again_if_the_new_one_fails() {
    let world = World::start().await;
    deployed(&world, WhenGone::Delete).await;
    world.sandbox.simulate_failure("sales", SimulatedFailure::Error("no memory".into()));
    let report = world.deploy(&sales(), &renamed("j2")).await;
    check_failed(
        &report,
        65,
        &["no memory", "undeployed", "revision 1 of the proxy `orders`", "deployed again and ready"],
    );
    assert_eq!(world.deployed("orders").await, Some((id("1"), Some("a@p".to_owned()))));
    assert_eq!(world.deployed("sales").await, None);
    // If that fails too, the error says both, and the next attempt of the Job does not give up.
    world.sandbox.simulate_failure("sales", SimulatedFailure::Error("no memory".into()));
    world.sandbox.simulate_failure("orders", SimulatedFailure::Error("nor here".into()));
    let report = world.deploy(&sales(), &renamed("j3")).await;
    check_failed(&report, 65, &["no memory", "could not be deployed again", "nor here"]);
    assert_eq!(world.deploy(&sales(), &renamed("j3")).await.exit.code(), 0);
}

#[tokio::test]
async fn a_run_that_is_killed_in_the_gap_is_finished_by_the_next_one() {
    let world = Arc::new(World::start().await);
    deployed(&world, WhenGone::Delete).await;
    let victim: Arc<Mutex<Option<AbortHandle>>> = Arc::default();
    let seen = Arc::clone(&victim);
    world.sandbox.watch(Arc::new(move |request| {
        if request.method == "DELETE" && request.moment == Moment::Acted {
            seen.lock().unwrap().as_ref().unwrap().abort();
        }
        Box::pin(std::future::ready(()))
    }));
    let pod = Arc::clone(&world);
    let run = tokio::spawn(async move { pod.deploy(&sales(), &renamed("j2")).await });
    *victim.lock().unwrap() = Some(run.abort_handle());
    assert!(run.await.unwrap_err().is_cancelled());
    assert_eq!((world.revision("orders").await, world.revision("sales").await), (None, None));
    check(&world.deploy(&sales(), &renamed("j2")).await, BundleResult::Redeployed, Some("1"));
}

#[tokio::test]
async fn a_stop_in_the_gap_does_not_prolong_it() {
    let world = World::start().await;
    deployed(&world, WhenGone::Delete).await;
    let stop = world.client.stop().clone();
    world.sandbox.watch(Arc::new(move |request| {
        if request.method == "DELETE" && request.moment == Moment::Arrived {
            stop.request();
        }
        Box::pin(std::future::ready(()))
    }));
    let report = world.deploy(&sales(), &renamed("j2")).await;
    check_failed(&report, 143, &["stopped by SIGTERM"]);
    let next = World { client: super::owned::client(&world.sandbox), ..world };
    assert_eq!((next.revision("orders").await, next.revision("sales").await), (None, Some(id("1"))));
    check(&next.deploy(&sales(), &renamed("j2")).await, BundleResult::Unchanged, Some("1"));
}

#[tokio::test]
async fn who_is_still_needed_or_not_ours_does_not_give_way() {
    let world = World::start().await;
    deployed(&world, WhenGone::Delete).await;
    let short = |options: DeployOptions| DeployOptions { timeout: Duration::from_millis(300), ..options };
    let both = || DeployOptions { names: Some(names(&["sales", "orders"])), ..job("mine", "j2") };
    // Its own Job does not move it.
    check_failed(&world.deploy(&sales(), &short(both())).await, 75, &["is not free", "`orders` is still in Git"]);
    // Another owner, no owner, no state of Git.
    let yours = DeployOptions { names: Some(names(&["sales"])), ..job("yours", "j2") };
    check_failed(
        &world.deploy(&proxy("shop", "/orders", "A"), &yours).await,
        65,
        &["CONFLICTING", "its owner is `mine`"],
    );
    check_failed(&world.deploy(&proxy("store", "/orders", "A"), &super::owned::person()).await, 65, &["CONFLICTING"]);
    check_failed(&world.deploy(&sales(), &job("mine", "j3")).await, 65, &["CONFLICTING", "--state"]);
    world.put("free", &proxy("free", "/free", "A").files, None).await;
    check_failed(&world.deploy(&proxy("toll", "/free", "A"), &renamed("j4")).await, 65, &["`free` has no record"]);
    assert_eq!((world.revision("orders").await, world.revision("free").await), (Some(id("1")), Some(id("1"))));

    // Its own Job moves it to another base path in the same commit, or removes it.
    let moved = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        world.deploy(&proxy("orders", "/old", "A"), &both()).await
    };
    let (bundle, options) = (sales(), both());
    let (one, other) = tokio::join!(world.deploy(&bundle, &options), moved);
    assert_eq!((one.exit.code(), other.exit.code()), (0, 0), "{} {}", one.outcome.reason, other.outcome.reason);
    assert!(world.told("moves from the proxy").is_empty());
}

#[tokio::test]
async fn several_former_names_and_other_namespaces_give_way_together() {
    let world = World::start().await;
    check(&world.deploy(&orders("A"), &job_in("mine", "other", "j1")).await, BundleResult::Deployed, Some("1"));
    check(&world.deploy(&proxy("bills", "/bills", "A"), &job("mine", "j2")).await, BundleResult::Deployed, Some("1"));
    let mut both = sales();
    let endpoint = String::from_utf8(proxy("sales", "/bills", "A").files.get("proxies/default.xml").unwrap().to_vec());
    let path = apigee_flux_model::bundle::BundlePath::parse("proxies/bills.xml").unwrap();
    let endpoint = endpoint.unwrap().replace("ProxyEndpoint name=\"default\"", "ProxyEndpoint name=\"bills\"");
    both.files.insert(path, endpoint.into_bytes());
    let both = apigee_flux_deployer::Bundle::new(BundleKind::Proxy, both.name, both.files);
    check(&world.deploy(&both, &renamed("j3")).await, BundleResult::Deployed, Some("1"));
    assert_eq!((world.revision("orders").await, world.revision("bills").await), (None, None));
}

/// Prints how long a base path is not served, beyond the time that the runtime needs to load the new revision.
#[tokio::test]
async fn the_gap_is_as_long_as_apigee_needs() {
    const LOADING: Duration = Duration::from_millis(500);
    let world = World::with(LOADING).await;
    deployed(&world, WhenGone::Delete).await;
    let times: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let heard = Arc::clone(&times);
    world.sandbox.watch(Arc::new(move |request| {
        let is_first = request.method == "DELETE" && request.moment == Moment::Arrived;
        let is_second = request.method == "POST" && request.path.contains("/sales/") && request.path.contains("s?over");
        if is_first || (is_second && request.moment == Moment::Acted) {
            heard.lock().unwrap().push(Instant::now());
        }
        Box::pin(std::future::ready(()))
    }));
    check(&world.deploy(&sales(), &renamed("j2")).await, BundleResult::Deployed, Some("1"));
    let times = times.lock().unwrap();
    let gap = times.last().unwrap().duration_since(times[0]);
    println!("between the two requests: {gap:?}; in all, with {LOADING:?} to load: {:?}", world.told("served again"));
    assert!(gap < LOADING / 2, "{gap:?}");
}
