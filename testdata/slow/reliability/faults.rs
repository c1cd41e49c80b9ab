//! Every request of a deployment with every fault.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use apigee_flux_sandbox::{FaultRule, InjectedFault, Occurrence};

use super::story::Story;
use super::world::{REQUEST_TIMEOUT, World, all};

/// The exit codes of temporary failures: another attempt of the Job may succeed.
pub(crate) const TEMPORARY: [u8; 2] = [69, 75];

/// The longest time for one case with its second run, on a busy machine.
const BOUND: Duration = Duration::from_secs(10);

/// One request has one fault.
struct Case {
    story: Story,
    call: String,
    number: u32,
    trouble: InjectedFault,
}

/// The result of a case.
struct End {
    /// The request and the fault, if the first run did not succeed.
    in_the_next_run: Option<String>,
    took: Duration,
    broken: Vec<String>,
}

pub(crate) fn troubles() -> Vec<InjectedFault> {
    let status = |code| InjectedFault::Status { code, retry_after: None };
    vec![
        InjectedFault::Status { code: 429, retry_after: Some(1) },
        status(500),
        status(502),
        status(503),
        status(504),
        status(401),
        status(404),
        InjectedFault::Delay(REQUEST_TIMEOUT * 2),
        InjectedFault::Late(REQUEST_TIMEOUT + Duration::from_millis(15)),
        InjectedFault::Reset,
        InjectedFault::Lost,
        InjectedFault::Lost503,
        InjectedFault::Truncate,
    ]
}

pub(crate) async fn matrix() -> Vec<String> {
    let mut cases = Vec::new();
    for story in Story::all() {
        for (number, call) in (1..).zip(calls(story).await) {
            cases.extend(troubles().into_iter().map(|trouble| Case { story, call: call.clone(), number, trouble }));
        }
    }
    let count = cases.len();
    let ends = all(cases.into_iter().map(Case::run), 48).await;
    let next: Vec<&String> = ends.iter().filter_map(|end| end.in_the_next_run.as_ref()).collect();
    let (later, kinds) = (next.len(), next.into_iter().cloned().collect::<BTreeSet<String>>());
    let longest = ends.iter().map(|end| end.took).max().unwrap_or_default();
    let broken: Vec<String> = ends.into_iter().flat_map(|end| end.broken).collect();
    let with = |part: &str| broken.iter().filter(|text| text.contains(part)).count();
    println!(
        "fault matrix: {count} runs, {} promises broken, {later} converged in the next run only, {} duplicates, {} gaps, longest {:.1} s",
        broken.len(),
        with("duplicates:"),
        with("a gap:"),
        longest.as_secs_f64()
    );
    for kind in kinds {
        println!("  in the next run: {kind}");
    }
    broken
}

/// The requests of a story without faults.
pub(crate) async fn calls(story: Story) -> Vec<String> {
    let world = World::start(story.kind, Duration::ZERO).await;
    story.prepare(&world).await;
    let before = world.sandbox.requests().len();
    let report = world.deploy(&story.wanted()).await;
    assert_eq!(report.exit.code(), 0, "{story}: {}", report.outcome.reason);
    let requests = world.sandbox.requests();
    requests.iter().skip(before).map(|request| format!("{} {}", request.method, request.path)).collect()
}

impl Case {
    async fn run(self) -> End {
        let Self { story, call, number, trouble } = self;
        let world = World::start(story.kind, Duration::ZERO).await;
        story.prepare(&world).await;
        let bundle = story.wanted();
        world.sandbox.inject(FaultRule::new(trouble).on(Occurrence::Nth(number)));
        let start = Instant::now();
        let mut broken = Vec::new();
        let first = world.deploy(&bundle).await;
        let in_the_next_run =
            (first.exit.code() != 0).then(|| format!("{trouble} on {call}: exit code {}", first.exit.code()));
        if !had_trouble(&world).await {
            broken.push("the call was not made, so nothing was tested".to_owned());
        }
        if in_the_next_run.is_some() {
            if !TEMPORARY.contains(&first.exit.code()) {
                broken.push(format!("exit code {}: {}", first.exit.code(), first.outcome.reason));
            }
            let second = world.deploy(&bundle).await;
            if second.exit.code() != 0 {
                broken.push(format!("the next run ends with {}: {}", second.exit.code(), second.outcome.reason));
            }
        }
        let took = start.elapsed();
        if took > BOUND {
            broken.push(format!("it took {took:?}"));
        }
        broken.extend(world.faults(&[bundle.digest]).await);
        let broken =
            broken.into_iter().map(|text| format!("{story}, call {number} ({call}), {trouble}: {text}")).collect();
        End { in_the_next_run, took, broken }
    }
}

/// True once the fault has happened; a late request may arrive after the run.
async fn had_trouble(world: &World) -> bool {
    for _ in 0..100 {
        if world.sandbox.requests().iter().any(|request| request.fault.is_some()) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}
