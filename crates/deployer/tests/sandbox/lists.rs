//! Resources that lists show to be in sync are not read one by one, and a list decides nothing else.

use std::sync::Arc;
use std::time::Duration;

use apigee_flux_configuration::inventory::Deep;
use apigee_flux_configuration::secret::ValueFrom;
use apigee_flux_configuration::{Entry, Inventory};
use apigee_flux_deployer::Target;
use apigee_flux_deployer::apply::{ApplyOptions, Mode, ResourceResult};
use apigee_flux_deployer::reconcile::{ReconcileOptions, Source, reconcile};
use serde_json::{Value, json};

use super::organization::{
    World, app, collector, developer, email, entry, group, options, product, products, with_plan,
};

/// A resource of every kind with a list.
fn mixed(count: usize) -> Vec<Entry> {
    let mut all = products(count);
    all.extend((0..count).map(|index| with_plan(&format!("q{index:04}"))));
    all.extend((0..count).map(developer));
    all.extend((0..count).map(|index| app(index, "p0000")));
    all.extend((0..count).map(|index| group(&format!("g{index:04}"), "p0000")));
    all.extend((0..count).map(collector));
    all
}

/// The reads of single resources, without records.
fn single(requests: &[String]) -> Vec<&String> {
    requests.iter().filter(|request| !request.contains('?') && !request.contains("/keyvaluemaps/")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_unchanged_resources_take_few_calls() {
    let world = World::start(&[]).await;
    let mut all = mixed(166);
    all.extend((200..204).map(developer));
    assert_eq!(all.len(), 1000);
    world.created(&all).await;
    println!("{} calls create 1,000 resources", world.requests().len());
    let calls = world.unchanged(&all).await;
    println!("{} calls find them unchanged", calls.len());
    assert!(calls.len() <= 18, "{}: {calls:#?}", calls.len());
    assert!(single(&calls).is_empty(), "{calls:#?}");
    // One change: its resource is read twice by itself, with intent, fences, the write and the record.
    all[5] = product("p0005", "changed");
    let before = world.requests().len();
    let report = world.apply(&all).await;
    assert_eq!((report.count(ResourceResult::Updated), report.count(ResourceResult::Unchanged)), (1, 999));
    let calls = world.requests().split_off(before);
    assert!(calls.len() <= 26, "{}: {calls:#?}", calls.len());
    assert_eq!(world.tap.problems(), [""; 0]);
    // The keys of the apps are in the lists.
    let apps =
        world.http.get(format!("{}/v1/organizations/acme/apps?expand=true&includeCred=true", world.sandbox.url()));
    let apps: Value = apps.send().await.unwrap().json().await.unwrap();
    let heard = format!("{}{report:?}", world.heard.lock().unwrap());
    for app in apps["app"].as_array().unwrap() {
        for field in ["consumerKey", "consumerSecret"] {
            assert!(!heard.contains(app["credentials"][0][field].as_str().unwrap()), "{app}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reconciler_reads_the_same_lists() {
    let world = World::start(&[]).await;
    let all = mixed(166);
    let inventory = Inventory { organization: Some(all.clone()), ..Inventory::default() };
    let how = ReconcileOptions {
        options: options(),
        owner_of_organization: "team".to_owned(),
        max_deletes: Some(5),
        young: Duration::ZERO,
        deep: Deep::Never,
    };
    let target = Target { organization: "acme".parse().unwrap(), environment: "dev".parse().unwrap() };
    let run = async || {
        let secrets = Arc::new(|_: &ValueFrom| Err("no secret in a test".to_owned()));
        let source = Source::Files { inventory: inventory.clone(), bundles: Vec::new() };
        reconcile(&world.client, &target, source, secrets, &how, Arc::new(|_| ())).await.unwrap().report
    };
    assert_eq!(run().await.count(ResourceResult::Created), all.len());
    let before = world.requests().len();
    assert_eq!(run().await.count(ResourceResult::Unchanged), all.len());
    let calls = world.requests().split_off(before);
    println!("{} calls of the reconciler", calls.len());
    assert!(calls.len() <= 35, "{}: {calls:#?}", calls.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_several_resources_need_is_read_once() {
    let world = World::start(&[]).await;
    let mut all = products(10);
    all.extend((0..10).map(|index| {
        let name = format!("p{index:04}");
        let body = json!({"title": name, "apiProductName": name, "published": true, "anonAllowed": false, "requireCallbackUrl": false, "categoryIds": []});
        entry("ApigeeApiDoc", Some("portal"), &name, body)
    }));
    world.created(&all).await;
    let calls = world.unchanged(&all).await;
    assert_eq!(calls.len(), 3, "records, products and catalog items: {calls:#?}");
    // Each is compared, and read again before it is changed.
    all[12].body["title"] = json!("new");
    let report = world.apply(&all).await;
    assert_eq!((report.count(ResourceResult::Updated), report.count(ResourceResult::Unchanged)), (1, 19), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_reads_only_what_differs_by_itself() {
    let world = World::start(&[]).await;
    let mut all = products(50);
    world.created(&all).await;
    all[7].body["description"] = json!("new");
    let before = world.requests().len();
    let report = world.apply_with(&all, &ApplyOptions { mode: Mode::Look, ..options() }).await;
    assert_eq!((report.count(ResourceResult::Updated), report.writes), (1, 0), "{report:?}");
    let calls = world.requests().split_off(before);
    assert_eq!((single(&calls).len(), calls.len()), (1, 3), "{calls:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn few_resources_are_read_one_by_one() {
    let world = World::start(&[]).await;
    let few = products(4);
    world.created(&few).await;
    let calls = world.unchanged(&few).await;
    assert_eq!((single(&calls).len(), calls.len()), (4, 5), "{calls:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_foreign_resources_are_passed_up_to_a_limit() {
    let world = World::start(&[]).await;
    for index in 0..1000 {
        world.by_hand(&format!("a{index:04}")).await;
    }
    let mine = products(20);
    world.created(&mine).await;
    let calls = world.unchanged(&mine).await;
    // The records, a page of 1,000, and the rest.
    assert_eq!(calls.len(), 3, "{calls:#?}");
    assert!(calls[2].ends_with("/apiproducts?expand=true&count=1000&startKey=a0999"), "{calls:#?}");
    // For five of them, one page is the limit.
    let calls = world.unchanged(&mine[..5]).await;
    assert_eq!((single(&calls).len(), calls.len()), (5, 7), "{calls:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_the_list_is_read_is_read_again() {
    let world = World::start(&["GET */apiproducts?* delay:1s every"]).await;
    let mut all = products(10);
    world.created(&all).await;
    for at in [0, 1] {
        all[at].body["description"] = json!("new");
    }
    all.push(product("z", "x"));
    let changes = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let new = json!({"name": "p0000", "displayName": "p0000", "description": "new", "approvalType": "auto", "environments": ["dev"]});
        world.send("PUT", "apiproducts/p0000", &new).await;
        world.send("DELETE", "apiproducts/p0001", &Value::Null).await;
        world.by_hand("z").await;
    };
    let before = world.requests().len();
    let (report, ()) = tokio::join!(world.apply(&all), changes);
    let results: Vec<ResourceResult> = report.resources.iter().map(|applied| applied.result).collect();
    // Somebody has made the change already; what was deleted is created; and what is not managed is not overwritten.
    assert_eq!(results[0], ResourceResult::Unchanged, "{report:?}");
    assert_eq!(results[1], ResourceResult::Created, "{report:?}");
    assert_eq!(results[10], ResourceResult::Failed, "{report:?}");
    assert!(report.resources[10].reason.contains("not managed by apigee-flux"), "{report:?}");
    let writes = world.requests().split_off(before);
    let of_products = writes.iter().filter(|it| !it.starts_with("GET") && it.contains("/apiproducts")).count();
    assert_eq!(of_products, 4, "three by hand, and one creation: {writes:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_read_is_not_needed() {
    for fault in ["status:403", "status:404", "status:500", "empty", "truncate", "error-200", "other-message", "page"] {
        let world = World::start(&[&format!("GET */apiproducts?* {fault} every")]).await;
        let all = products(10);
        world.created(&all).await;
        let calls = world.unchanged(&all).await;
        assert_eq!(single(&calls).len(), 10, "{fault}: {calls:#?}");
        if fault == "status:403" {
            let heard = world.heard.lock().unwrap();
            assert_eq!(heard.matches("each resource is read by itself").count(), 2, "once in a run: {heard}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_does_not_come_is_not_waited_for() {
    let world = World::start(&["GET */apiproducts?* delay:60s every"]).await;
    let options = ApplyOptions { timeout: Duration::from_secs(6), ..options() };
    let report = world.apply_with(&products(10), &options).await;
    assert_eq!(report.count(ResourceResult::Created), 10, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_list_leaves_out_is_read_by_itself() {
    let world = World::start(&[]).await;
    let mut all = products(1);
    all.extend((0..10).map(developer));
    all.extend((0..10).map(|index| app(index, "p0000")));
    world.created(&all).await;
    // The list of apps leaves out revoked ones.
    world.send("POST", &format!("developers/{}/apps/shop?action=revoke", email(3)), &Value::Null).await;
    let calls = world.unchanged(&all).await;
    let apart: Vec<&String> = single(&calls);
    assert_eq!(apart.len(), 2, "the product and the app: {calls:#?}");
    assert!(apart[1].contains(&format!("/developers/{}/apps/shop", email(3))), "{calls:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_in_one_of_the_apps_of_a_group_is_repaired() {
    let world = World::start(&[]).await;
    let mut all = products(1);
    all.extend((0..8).map(|index| group(&format!("g{index}"), "p0000")));
    world.created(&all).await;
    assert_eq!(world.unchanged(&all).await.len(), 4, "records, one product, groups and apps");
    world
        .send("PUT", "appgroups/g3/apps/two", &json!({"name": "two", "attributes": [{"name": "a", "value": "1"}]}))
        .await;
    world.send("DELETE", "appgroups/g4/apps/one", &Value::Null).await;
    let report = world.apply(&all).await;
    assert_eq!(report.count(ResourceResult::Updated), 2, "{report:?}");
    assert_eq!(world.unchanged(&all).await.len(), 4);
    // An app that was removed from Git is deleted.
    all[2].body["apps"].as_object_mut().unwrap().shift_remove("two");
    let report = world.apply(&all).await;
    assert_eq!(report.count(ResourceResult::Updated), 1, "{report:?}");
}
