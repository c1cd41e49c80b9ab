//! What a network, a kubelet and other deployers can do to a deployer: every request of a deployment with every fault, storms of faults, a kill before and
//! after every request, two deployers at the same time, and mounts that differ from the rendered objects. Each matrix prints its counts.
//!
//! In every case, Apigee ends in the desired state, with one revision for each bundle, and after the first deployment there is never a moment with
//! nothing deployed.

mod faults;
mod kills;
mod mounts;
mod odd;
mod odd_configuration;
mod races;
mod storms;
mod story;
mod world;

use std::time::Duration;

use libtest_mimic::{Failed, Trial};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("reliability::every-call-with-every-fault", || run(faults::matrix())),
        Trial::test("reliability::every-call-with-every-odd-answer", || run(odd::matrix())),
        Trial::test("reliability::configuration-with-every-odd-answer", || run(odd_configuration::matrix())),
        Trial::test("reliability::a-removal-that-does-not-see-what-is-deployed", || run(odd::removals())),
        Trial::test("reliability::a-batch-whose-list-is-empty", || run(odd::batches())),
        Trial::test("reliability::a-rerun-while-the-state-is-error", || run(odd::reruns())),
        Trial::test("reliability::many-faults-at-once", || run(storms::matrix())),
        Trial::test("reliability::a-kill-before-and-after-every-call", || run(kills::matrix())),
        Trial::test("reliability::two-deployers-of-one-bundle", || run(races::same_bundle())),
        Trial::test("reliability::two-deployers-of-two-bundles", || run(races::two_bundles())),
        Trial::test("reliability::mounts-that-are-not-what-was-rendered", || run(mounts::matrix())),
    ]
}

/// Runs a matrix to its end. The error is the list of broken promises.
fn run(matrix: impl Future<Output = Vec<String>>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut broken = runtime.block_on(matrix);
    runtime.shutdown_timeout(Duration::from_millis(100));
    broken.sort();
    if broken.is_empty() { Ok(()) } else { Err(broken.join("\n").into()) }
}
