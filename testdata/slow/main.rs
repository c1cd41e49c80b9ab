//! What takes long: every field and limit of every kind, large inputs, matrices of faults and kills, random commits, states of Git that overlap.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "../support/closed_loop.rs"]
#[allow(dead_code, reason = "another test uses the rest")]
mod closed_loop;
#[path = "../support/documents.rs"]
mod documents;
#[path = "../support/few_authorities.rs"]
mod few_authorities;
mod fields;
mod large;
mod limits;
mod overlap;
// The demo runs the program; here only its volumes are put together.
#[allow(dead_code, unused_imports)]
#[path = "../../src/cli/demo/pod.rs"]
mod pod;
#[path = "../support/process.rs"]
mod process;
mod random;
mod reliability;
#[path = "../support/function.rs"]
mod run;
#[path = "../support/small_bundle.rs"]
mod small_bundle;
mod soak;

use std::num::NonZeroUsize;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    if let Some(error) = few_authorities::ensure() {
        panic!("{error}");
    }
    let given = Arguments::from_args();
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let run = |threads, trials: Vec<Vec<Trial>>| {
        let threads = given.test_threads.or(Some(threads));
        let trials = trials.into_iter().flatten().collect();
        libtest_mimic::run(&Arguments { test_threads: threads, ..given.clone() }, trials).has_failed()
    };
    // Each of these waits more than it works.
    let small = run(2 * processors, vec![large::trials(), fields::trials(), limits::trials()]);
    // Each of these does many things at a time, and has a bound for one.
    let busy = run(processors, vec![soak::trials(), overlap::trials(), reliability::trials()]);
    if small || busy { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
