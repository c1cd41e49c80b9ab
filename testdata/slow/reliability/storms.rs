//! Every fourth request has a fault, which the seed decides, until the deployment is finished.

use std::time::{Duration, Instant};

use apigee_flux_sandbox::{FaultRule, InjectedFault, Occurrence};

use super::faults::{TEMPORARY, troubles};
use super::story::Story;
use super::world::{REQUEST_TIMEOUT, World, all};
use crate::random::Random;

const SEEDS: u64 = 120;

/// The number of requests that a storm lasts.
const CALLS: u32 = 80;

/// Runs of a Job: the first, and the default `backoffLimit` of Kubernetes.
const RUNS: usize = 7;

pub(crate) async fn matrix() -> Vec<String> {
    let start = Instant::now();
    let stories = Story::all();
    let storms = (1..=SEEDS).zip(stories.into_iter().cycle()).map(|(seed, story)| storm(seed, story));
    let ends = all(storms, 48).await;
    let most = ends.iter().map(|(runs, _)| *runs).max().unwrap_or_default();
    let first = ends.iter().filter(|(runs, _)| *runs == 1).count();
    let broken: Vec<String> = ends.into_iter().flat_map(|(_, broken)| broken).collect();
    println!(
        "storms: seeds 1 to {SEEDS}, {} promises broken, {first} converged in the first run, at most {most} runs, {:.1} s in all",
        broken.len(),
        start.elapsed().as_secs_f64()
    );
    broken
}

/// The number of runs, and the broken promises.
async fn storm(seed: u64, story: Story) -> (usize, Vec<String>) {
    let mut random = Random(seed);
    let world = World::start(story.kind, Duration::from_millis(random.below(30))).await;
    story.prepare(&world).await;
    // A second 401 in a row means that the identity is not accepted, which another attempt cannot change.
    let kinds: Vec<InjectedFault> =
        troubles().into_iter().filter(|trouble| !matches!(trouble, InjectedFault::Status { code: 401, .. })).collect();
    for number in 1..=CALLS {
        if random.below(4) == 0 {
            let kind = usize::try_from(random.below(kinds.len() as u64)).unwrap();
            world.sandbox.inject(FaultRule::new(kinds[kind]).on(Occurrence::Nth(number)));
        }
    }
    let bundle = story.wanted();
    let mut broken = Vec::new();
    let mut runs = 0;
    loop {
        runs += 1;
        let report = world.deploy(&bundle).await;
        if report.exit.code() == 0 {
            break;
        }
        let text = format!("run {runs} ends with {}: {}", report.exit.code(), report.outcome.reason);
        if !TEMPORARY.contains(&report.exit.code()) {
            broken.push(text);
            break;
        }
        if runs == RUNS {
            broken.push(text);
            break;
        }
    }
    // Wait for late requests.
    tokio::time::sleep(REQUEST_TIMEOUT * 2).await;
    broken.extend(world.faults(&[bundle.digest]).await);
    (runs, broken.into_iter().map(|text| format!("seed {seed} ({story}): {text}")).collect())
}
