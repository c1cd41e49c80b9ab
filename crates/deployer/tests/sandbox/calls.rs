//! How many calls a run needs: Apigee grants an organization a limited number in a minute.

use apigee_flux_deployer::DeployOptions;
use apigee_flux_deployer::outcome::BundleResult;
use apigee_flux_model::bundle::DeploySettings;

use super::owned::{World, check, id, job, orders};

/// A Job that keeps this number of revisions.
fn keeping(revisions: u32, uid: &str) -> DeployOptions {
    let options = job("mine", uid);
    let settings = DeploySettings { keep_revisions: revisions.try_into().ok(), ..options.settings.clone() };
    DeployOptions { settings, ..options }
}

/// The calls since one with this number.
fn calls(world: &World, since: usize) -> Vec<String> {
    let all = world.sandbox.requests();
    let short = |path: &str| path.rsplit("/acme/").next().unwrap_or(path).to_owned();
    all[since..].iter().map(|request| format!("{} {}", request.method, short(&request.path))).collect()
}

#[tokio::test]
async fn a_change_needs_the_same_calls_whatever_is_kept() {
    // A revision is ready at once: each look at its state is a call.
    let world = World::with(std::time::Duration::ZERO).await;
    for number in 1..=30 {
        let report = world.deploy(&orders(&number.to_string()), &keeping(40, &format!("j{number}"))).await;
        check(&report, BundleResult::Deployed, Some(&number.to_string()));
    }
    let before = world.count();
    check(&world.deploy(&orders("new"), &keeping(40, "j31")).await, BundleResult::Deployed, Some("31"));
    let change = calls(&world, before);
    assert!(change.len() <= 12, "{change:#?}");

    // A rollback reads the one revision that the record names.
    let before = world.count();
    check(&world.deploy(&orders("7"), &keeping(40, "j32")).await, BundleResult::Redeployed, Some("7"));
    let rollback = calls(&world, before);
    assert!(rollback.len() <= 13, "{rollback:#?}");
    assert_eq!(world.revision("orders").await, Some(id("7")));
}
