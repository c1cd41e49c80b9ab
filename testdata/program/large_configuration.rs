//! Configuration that does not fit into one ConfigMap: many resources, and one resource that is larger than any ConfigMap may be.

use std::time::Duration;

use serde_json::{Value, json};

use super::closed_loop::{Apigee, Cluster, How, resource};

/// What a client-side `kubectl apply` can store of an object, in bytes of JSON.
const MOST: usize = 252 * 1024;

fn map(name: &str, entries: usize, value: &str) -> Value {
    let entries: serde_json::Map<String, Value> =
        (0..entries).map(|number| (format!("key-{number:04}"), json!(format!("{number} {value}")))).collect();
    resource("ApigeeKeyValueMap", name, &json!({"entries": entries}))
}

fn git(changed: &str) -> Vec<Value> {
    let mut resources =
        vec![resource("ApigeeEnvironment", "prod", &json!({"organization": "acme", "batch": "environment"}))];
    resources.push(map("large", 280, &"<xé>\n".repeat(200)));
    resources.extend((0..60).map(|number| {
        let value = if number == 7 { changed } else { "same" };
        map(&format!("map-{number}"), 6, &format!("{value} {}", "x".repeat(900)))
    }));
    resources
}

fn documents(cluster: &Cluster) -> Vec<Value> {
    let all = cluster.to_json();
    assert!(all.iter().all(|object| object.to_string().len() <= MOST));
    all.into_iter().filter(|object| !object["data"]["configuration.json"].is_null()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_configuration_of_any_size_is_applied_and_reconciled() {
    let apigee = Apigee::start(Duration::from_secs(30)).await;
    let mut cluster = Cluster::default();
    apigee.deploy(&mut cluster, &git("first")).await;
    let before = documents(&cluster);
    assert!(before.len() > 4, "{} ConfigMaps", before.len());
    let map = apigee.entries("environments/prod/keyvaluemaps/large").await.unwrap();
    assert_eq!(map.len(), 280);
    assert_eq!(map["key-0279"], json!(format!("279 {}", "<xé>\n".repeat(200))));
    let report = apigee.reconcile(&cluster, "prod", How::REPAIR).await.unwrap();
    assert!(report.exit().code() == 0 && report.resources.len() == 61, "{report:?}");

    // A change of one resource replaces one ConfigMap.
    apigee.deploy(&mut cluster, &git("second")).await;
    let after = documents(&cluster);
    let kept = after
        .iter()
        .filter(|object| before.iter().any(|other| other["metadata"]["name"] == object["metadata"]["name"]));
    assert_eq!(kept.count(), before.len() - 1);
    let map = apigee.entries("environments/prod/keyvaluemaps/map-7").await.unwrap();
    assert!(map["key-0000"].as_str().unwrap().starts_with("0 second"), "{map:?}");
}
