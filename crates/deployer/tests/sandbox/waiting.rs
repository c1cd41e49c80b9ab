//! A resource that waits for another holds no worker, and delays only what needs it.

use std::time::{Duration, Instant};

use apigee_flux_deployer::apply::{ApplyOptions, ResourceResult};
use apigee_flux_model::bundle::BundleKind;
use serde_json::json;

use super::organization::{World, app, developer, entry, options, product};
use super::small_bundle::upload;
use apigee_flux_configuration::Entry;

/// A product of a proxy.
fn product_of(name: &str, proxy: &str) -> Entry {
    let mut product = product(name, "waits");
    product.body["proxies"] = json!([proxy]);
    product
}

fn two_workers(timeout: Duration) -> ApplyOptions {
    ApplyOptions { timeout, workers: 2.try_into().unwrap(), ..options() }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_tried_once_before_any_waits() {
    let world = World::start(&[]).await;
    // Their proxies are never deployed. Two workers would need an hour if each of them waited with one.
    let mut all: Vec<Entry> =
        (0..40).map(|index| product_of(&format!("a{index:02}"), &format!("never-{index}"))).collect();
    all.push(product("free", "x"));
    all.push(developer(0));
    all.push(app(0, "free"));
    all.push(developer(1));
    all.push(app(1, "a00"));
    let started = Instant::now();
    let timeout = Duration::from_secs(4);
    let options = two_workers(timeout);
    let looks = async {
        tokio::time::sleep(timeout / 2).await;
        world.heard.lock().unwrap().clone()
    };
    let (report, heard) = tokio::join!(world.apply_with(&all, &options), looks);
    assert!(started.elapsed() < timeout + Duration::from_secs(4), "{:?}", started.elapsed());
    assert_eq!(report.count(ResourceResult::Created), 4, "{report:?}");
    assert_eq!(heard.matches("Ended").count(), 4, "the others are done long before the deadline: {heard}");
    for waited in report.resources.iter().filter(|applied| applied.result == ResourceResult::Failed) {
        assert!(waited.reason.contains("does not exist"), "{waited:?}");
        assert_eq!(waited.exit.code(), 75, "{waited:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_later_is_noticed() {
    let world = World::start(&[]).await;
    let all: Vec<Entry> = [product_of("p", "late"), developer(0), app(0, "p")].into();
    let comes = async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        upload(&world.http, &world.sandbox.url(), BundleKind::Proxy, "late", None).await.unwrap();
    };
    let options = two_workers(Duration::from_secs(20));
    let (report, ()) = tokio::join!(world.apply_with(&all, &options), comes);
    assert_eq!(report.count(ResourceResult::Created), 3, "{report:?}");
    // Each reason is said once.
    let heard = world.heard.lock().unwrap();
    assert_eq!(heard.matches("waiting: ").count(), 2, "{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_wait_with_few_reads() {
    let world = World::start(&[]).await;
    let mut all: Vec<Entry> = (0..100).map(|index| product_of(&format!("p{index:03}"), "never")).collect();
    all.push(entry("ApigeeProduct", None, "other", json!({"displayName": "x", "approvalType": "auto"})));
    let report = world.apply_with(&all, &two_workers(Duration::from_secs(3))).await;
    assert_eq!(report.count(ResourceResult::Failed), 100, "{report:?}");
    let reads = world.requests().iter().filter(|request| request.ends_with("/apis/never")).count();
    // Two workers may read it at the same time.
    assert!(reads <= 6, "{reads} reads of the proxy for a hundred products");
}
