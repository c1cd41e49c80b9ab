//! Two deployers at the same time, a hundred times, each time with another order of requests.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apigee_flux_deployer::DeployReport;
use apigee_flux_model::bundle::BundleKind;

use super::world::{World, all, bundle};
use crate::random::Random;

const SEEDS: u64 = 100;

/// One race: the exit codes, and the broken promises.
struct End {
    losers: usize,
    broken: Vec<String>,
}

pub(crate) async fn same_bundle() -> Vec<String> {
    races("same bundle", ["B", "B"]).await
}

pub(crate) async fn two_bundles() -> Vec<String> {
    races("two bundles", ["B", "C"]).await
}

async fn races(what: &str, bodies: [&'static str; 2]) -> Vec<String> {
    let start = Instant::now();
    let ends = all((1..=SEEDS).map(|seed| race(seed, bodies)), 8).await;
    let losers: usize = ends.iter().map(|end| end.losers).sum();
    let broken: Vec<String> = ends.into_iter().flat_map(|end| end.broken).collect();
    println!(
        "two deployers, {what}: seeds 1 to {SEEDS}, {} promises broken, {losers} lost clearly, {:.1} s in all",
        broken.len(),
        start.elapsed().as_secs_f64()
    );
    broken
}

async fn race(seed: u64, bodies: [&'static str; 2]) -> End {
    let kind = if seed % 4 < 2 { BundleKind::Proxy } else { BundleKind::SharedFlow };
    let mut random = Random(seed);
    let world = World::start(kind, Duration::from_millis(random.below(60))).await;
    if seed.is_multiple_of(2) {
        let report = world.deploy(&bundle(kind, "A")).await;
        assert_eq!(report.exit.code(), 0, "{}", report.outcome.reason);
    }
    let offsets = [random.pause(150), random.pause(150)];
    let pauses = Arc::new(Mutex::new(random));
    world.on_request(Arc::new(move |_| {
        let pause = pauses.lock().unwrap().pause(20);
        Box::pin(tokio::time::sleep(pause))
    }));
    let later = async |offset: Duration, body: &str| {
        tokio::time::sleep(offset).await;
        world.deploy(&bundle(kind, body)).await
    };
    let (one, other) = tokio::join!(later(offsets[0], bodies[0]), later(offsets[1], bodies[1]));
    let mut broken = Vec::new();
    let reports = [one, other];
    let lost: Vec<&DeployReport> = reports.iter().filter(|report| report.exit.code() != 0).collect();
    for report in &lost {
        let reason = &report.outcome.reason;
        if report.exit.code() != 75 || bodies[0] == bodies[1] || !reason.contains("another deployer") {
            broken.push(format!("{} ends with {}: {reason}", report.outcome.digest.unwrap(), report.exit.code()));
        }
    }
    if lost.len() > 1 {
        broken.push("both lost".to_owned());
    }
    let losers = lost.len();
    broken.extend(world.faults(&bodies.map(|body| bundle(kind, body).digest)).await);
    let undeployed = world.sandbox.requests().into_iter().filter(|request| {
        request.method == "DELETE" && request.path.ends_with("/deployments") && request.status == 200
    });
    broken.extend(undeployed.map(|request| format!("undeployed: {}", request.path)));
    End { losers, broken: broken.into_iter().map(|text| format!("seed {seed} ({kind:?}): {text}")).collect() }
}
