//! How many calls the runs over a whole environment need: lists, not one call for each proxy.

use std::time::Duration;

use apigee_flux_model::bundle::BundleKind::Proxy;
use serde_json::{Value, json};

use super::closed_loop::{Apigee, Cluster, How, files, resource};

/// More than two pages of records.
const PROXIES: usize = 230;

fn git(changed: &str) -> Vec<Value> {
    let mut resources =
        vec![resource("ApigeeEnvironment", "prod", &json!({"organization": "acme", "batch": "environment"}))];
    resources.extend((0..PROXIES).map(|number| {
        let name = format!("api-{number:03}");
        let body = if number == 7 { changed } else { "same" };
        resource("ApigeeProxy", &name, &json!({"bundle": {"files": files(Proxy, &name, body, None, None)}}))
    }));
    resources
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_environment_is_read_by_lists() {
    let apigee = Apigee::start(Duration::from_secs(30)).await;
    let mut cluster = Cluster::default();
    apigee.deploy(&mut cluster, &git("first")).await;
    let count = || apigee.sandbox.requests().len();

    let before = count();
    let report = apigee.reconcile(&cluster, "prod", How::REPAIR).await.unwrap();
    assert!(report.exit().code() == 0 && report.resources.len() == PROXIES, "{report:?}");
    assert!(
        report.writes == 0 && count() - before <= 10,
        "{} calls: {:#?}",
        count() - before,
        apigee.requests_since(before)
    );

    let before = count();
    apigee.reconcile(&cluster, "prod", How::LOOK).await.unwrap();
    assert!(count() - before <= 10, "{} calls", count() - before);

    // The whole batch runs again for one changed proxy.
    let before = count();
    apigee.deploy(&mut cluster, &git("second")).await;
    assert!(count() - before <= 20, "{} calls: {:#?}", count() - before, apigee.requests_since(before));
}
