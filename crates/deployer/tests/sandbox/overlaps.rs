//! The pod of a former Job still runs while that of the new Job starts: the newer state of Git wins, whatever the order
//! of their requests. `RACES=200` runs more of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use apigee_flux_deployer::DeployOptions;
use apigee_flux_deployer::outcome::BundleResult;
use apigee_flux_sandbox::Moment;
use tokio::task::JoinSet;

use super::owned::{World, check, check_failed, client, id, job, orders, reconciler};

/// Pseudo-random numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn pause(&mut self, limit: u64) -> Duration {
        Duration::from_millis(self.below(limit))
    }
}

/// What went wrong in one race, and whether the new Job needed more than one pod.
async fn race(seed: u64) -> (Option<String>, bool) {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    for _ in 0..8 {
        random.below(2);
    }
    let world = World::with(random.pause(60)).await;
    // The desired bundle is that of the first deployment in some races: a revert.
    let first = if random.below(3) == 0 { "new" } else { "first" };
    check(&world.deploy(&orders(first), &job("mine", "j0")).await, BundleResult::Deployed, Some("1"));
    let (offset, until_stop) = (random.pause(120), random.pause(10));
    // For a revert there is nothing to do, so that a former pod that has not begun yet must be stopped.
    let is_stopped = first == "new" || random.below(4) > 0;
    let pauses = Mutex::new(random);
    world.sandbox.watch(Arc::new(move |_| {
        let pause = pauses.lock().unwrap().pause(12);
        Box::pin(tokio::time::sleep(pause))
    }));
    let (former, newer) = (client(&world.sandbox), client(&world.sandbox));
    let old = World { client: former.clone(), sandbox: Arc::clone(&world.sandbox), events: Arc::default() };
    let new = World { client: newer, sandbox: Arc::clone(&world.sandbox), events: Arc::default() };
    let stopped = async {
        tokio::time::sleep(offset + until_stop).await;
        if is_stopped {
            former.stop().request();
        }
    };
    let later = async {
        tokio::time::sleep(offset).await;
        let mut pods = 0;
        loop {
            let report = new.deploy(&orders("new"), &job("mine", "j2")).await;
            pods += 1;
            if report.exit.is_ok() || pods == 7 {
                return (report, pods);
            }
        }
    };
    let (bundle, options) = (orders("old"), job("mine", "j1"));
    let (_, (report, pods), ()) = tokio::join!(old.deploy(&bundle, &options), later, stopped);
    let world = new;
    let mut record = world.record("orders").await.unwrap();
    let wanted = orders("new").digest.hex();
    // In a revert the new Job has nothing to write, and a record that the former pod sent just before it was stopped may arrive later. The
    // reconciler corrects it, since the new Job agrees with the inventory.
    if record.digest != wanted && first == "new" {
        let report = world.deploy(&orders("new"), &reconciler("mine")).await;
        check(&report, BundleResult::Unchanged, Some("1"));
        record = world.record("orders").await.unwrap();
    }
    let broken = if !report.exit.is_ok() {
        Some(format!("the new Job fails: {}", report.outcome.reason))
    } else if record.digest != wanted {
        Some(format!("the record names another bundle: {record:?}"))
    } else {
        // Nothing is left to do: what is deployed is the new bundle, ready.
        let report = world.deploy(&orders("new"), &job("mine", "j2")).await;
        let is_same = report.outcome.result == BundleResult::Unchanged;
        (!is_same).then(|| format!("another bundle is deployed: {:?}", report.outcome))
    };
    (broken.map(|what| format!("seed {seed}, offset {offset:?}, stopped: {is_stopped}: {what}")), pods > 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newer_job_wins() {
    let count: u64 = std::env::var("RACES").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let mut races = JoinSet::new();
    let (mut broken, mut repeated, mut next) = (Vec::new(), 0, 1..=count);
    loop {
        while races.len() < 8
            && let Some(seed) = next.next()
        {
            races.spawn(race(seed));
        }
        let Some(ended) = races.join_next().await else { break };
        let (what, again) = ended.unwrap();
        broken.extend(what);
        repeated += u64::from(again);
    }
    println!("{count} races, {} lost by the newer Job, {repeated} in which it needed another pod", broken.len());
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Runs a deployment of `B`; when its deployment is about to be sent, another run announces itself.
async fn overtaken(by: DeployOptions, options: DeployOptions) -> (World, apigee_flux_deployer::DeployReport) {
    let world = World::start().await;
    check(&world.deploy(&orders("A"), &job("mine", "j1")).await, BundleResult::Deployed, Some("1"));
    let record = Arc::new(Mutex::new(None));
    let other = client(&world.sandbox);
    let (seen, sandbox) = (Arc::clone(&record), Arc::clone(&world.sandbox));
    world.sandbox.watch(Arc::new(move |request| {
        let is_last_check = request.method == "POST" && request.path.contains("generateDeployChangeReport");
        let first = is_last_check && request.moment == Moment::Acted && seen.lock().unwrap().replace(()).is_none();
        let (other, sandbox, by) = (other.clone(), Arc::clone(&sandbox), by.clone());
        Box::pin(async move {
            if first {
                let other = World { client: other, sandbox, events: Arc::default() };
                let mut record = other.record("orders").await.unwrap();
                record.job = by.claimant.as_ref().unwrap().job.clone();
                other.write_record(&record).await;
            }
        })
    }));
    let report = world.deploy(&orders("B"), &options).await;
    (world, report)
}

#[tokio::test]
async fn a_run_that_was_overtaken_stops_before_its_deployment() {
    for options in [job("mine", "j2"), reconciler("mine")] {
        let (world, report) = overtaken(job("mine", "j3"), options).await;
        check_failed(&report, 75, &["another Job took over"]);
        assert_eq!(world.revision("orders").await, Some(id("1")));
        assert_eq!(world.record("orders").await.unwrap().job.as_deref(), Some("j3"));
    }
    // The reconciler writes the uid of the Job, so it does not stop the Job that it helps.
    let (_, report) = overtaken(job("mine", "j1"), reconciler("mine")).await;
    check(&report, BundleResult::Deployed, Some("2"));
}
