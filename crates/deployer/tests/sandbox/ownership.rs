//! Who may deploy and remove a proxy, and what its record says.

use apigee_flux_configuration::RecordedRevision;
use apigee_flux_deployer::drift::{Depth, DesiredDeployment, DesiredState, Download, drift};
use apigee_flux_deployer::outcome::BundleResult;
use apigee_flux_deployer::{Drift, ResourceName};
use apigee_flux_model::bundle::{BundleKind, BundlePath, DeploySettings, Removal, zip};
use apigee_flux_model::lifecycle::{Adopt, WhenGone};
use apigee_flux_model::provenance::Provenance;
use apigee_flux_sandbox::{FaultRule, InjectedFault, SimulatedFailure};

use super::owned::{World, check, check_failed, id, job, job_in, name, names, orders, person, target};
use apigee_flux_deployer::DeployOptions;

fn adopting(adopt: Adopt, options: DeployOptions) -> DeployOptions {
    DeployOptions { settings: DeploySettings { adopt, ..options.settings.clone() }, ..options }
}

fn at(commit: &str, options: DeployOptions) -> DeployOptions {
    DeployOptions { provenance: Provenance { commit: Some(commit.into()), ..Provenance::default() }, ..options }
}

#[tokio::test]
async fn the_record_precedes_the_change_and_is_completed_after_it() {
    let world = World::start().await;
    check(&world.deploy(&orders("A"), &at("c1", job("mine", "j1"))).await, BundleResult::Deployed, Some("1"));
    let entries = "environments/prod/keyvaluemaps/apigee-flux/entries";
    let writes = world.writes(0);
    let places: Vec<&str> = writes.iter().map(|write| write.split(['?', '.']).next().unwrap()).collect();
    assert_eq!(
        places,
        [
            &format!("POST {entries}"),
            "POST environments/prod/keyvaluemaps",
            &format!("POST {entries}"),
            "POST apis",
            "POST environments/prod/apis/orders/revisions/1/deployments",
            &format!("PUT {entries}/ApigeeProxy"),
        ]
    );
    let record = world.record("orders").await.unwrap();
    assert_eq!((record.owner.as_str(), record.namespace.as_deref()), ("mine", Some("team")));
    assert_eq!((record.digest.as_str(), record.job.as_deref()), (orders("A").digest.hex().as_str(), Some("j1")));
    assert!(record.revision.as_ref().is_some_and(|known| known.id == id("1") && known.modified.is_some()));
    assert_eq!(record.provenance.commit.as_deref(), Some("c1"));

    // Nothing changes: nothing is written, and the commit stays that of the state that made the bundle.
    let before = world.count();
    check(&world.deploy(&orders("A"), &at("c2", job("mine", "j2"))).await, BundleResult::Unchanged, Some("1"));
    assert_eq!(world.writes(before), [""; 0]);
    assert_eq!(world.count() - before, 4, "the record, the list, the revision and its state");
    // Only what the record says of the resource's end changes.
    let mut undeployed = at("c3", job("mine", "j3"));
    undeployed.settings.when_gone = WhenGone::Undeploy;
    check(&world.deploy(&orders("A"), &undeployed).await, BundleResult::Unchanged, Some("1"));
    let record = world.record("orders").await.unwrap();
    assert_eq!((record.when_gone, record.provenance.commit.as_deref()), (WhenGone::Undeploy, Some("c1")));
}

#[tokio::test]
async fn a_second_owner_is_refused_and_changes_nothing() {
    let world = World::start().await;
    check(&world.deploy(&orders("A"), &job("mine", "j1")).await, BundleResult::Deployed, Some("1"));
    let before = world.count();
    check_failed(&world.deploy(&orders("B"), &job("yours", "j2")).await, 73, &["`mine`", "not `yours`", "adopt"]);
    check_failed(&world.remove("orders", Removal::Delete, &job("yours", "j2")).await, 73, &["`mine`"]);
    check_failed(&world.deploy(&orders("B"), &person()).await, 73, &["`mine`", "--owner=mine"]);
    check_failed(&world.remove("orders", Removal::Undeploy, &person()).await, 73, &["`mine`"]);
    assert_eq!(world.writes(before), [""; 0]);
    assert_eq!(world.count() - before, 4, "only the record is read");
    // With `adopt: override` it changes hands, but not back.
    check(
        &world.deploy(&orders("B"), &adopting(Adopt::Override, job("yours", "j2"))).await,
        BundleResult::Deployed,
        Some("2"),
    );
    assert_eq!(world.record("orders").await.unwrap().owner, "yours");
    check_failed(
        &world.deploy(&orders("A"), &adopting(Adopt::Override, job("mine", "j3"))).await,
        73,
        &["from each other"],
    );
}

#[tokio::test]
async fn what_another_tool_deployed_is_adopted_only_as_the_spec_says() {
    let world = World::start().await;
    world.put("orders", &orders("A").files, None).await;
    let before = world.count();
    check_failed(&world.deploy(&orders("A"), &job("mine", "j1")).await, 65, &["revision 1", "adopt: match"]);
    let matching = adopting(Adopt::Match, job("mine", "j1"));
    check_failed(&world.deploy(&orders("B"), &matching).await, 65, &["policies/AM.xml", "adopt: override"]);
    assert_eq!(world.writes(before), [""; 0]);

    // An equal one is adopted without a deployment, and stays adopted.
    check(&world.deploy(&orders("A"), &matching).await, BundleResult::Unchanged, Some("1"));
    let writes = world.writes(before);
    assert!(writes.iter().all(|write| write.contains("keyvaluemaps")), "{writes:?}");
    let before = world.count();
    check(&world.deploy(&orders("A"), &job("mine", "j2")).await, BundleResult::Unchanged, Some("1"));
    assert_eq!(world.writes(before), [""; 0]);
    // A failed update does not make the adopted revision pass for the new bundle.
    world.sandbox.simulate_failure("orders", SimulatedFailure::Error("no memory".into()));
    check_failed(
        &world.deploy(&orders("B"), &job("mine", "j3")).await,
        65,
        &["no memory", "rolled back to revision 1"],
    );
    check(&world.deploy(&orders("B"), &job("mine", "j4")).await, BundleResult::Redeployed, Some("2"));
}

#[tokio::test]
async fn what_is_overridden_becomes_managed_at_once() {
    let world = World::start().await;
    world.put("orders", &orders("by hand").files, None).await;
    let overriding = adopting(Adopt::Override, job("mine", "j1"));
    check(&world.deploy(&orders("A"), &overriding).await, BundleResult::Deployed, Some("2"));
    assert_eq!(world.record("orders").await.unwrap().owner, "mine");
    // Its record makes all its revisions managed.
    check(&world.remove("orders", Removal::Delete, &job("mine", "j2")).await, BundleResult::Removed, None);
    assert_eq!(world.record("orders").await, None);
    check_failed(&world.deploy(&orders("A"), &overriding).await, 65, &["nothing to adopt", "remove `adopt`"]);
}

#[tokio::test]
async fn a_deployment_of_version_0_1_0_is_taken_over_silently() {
    let world = World::start().await;
    // Without an owner there is no record, as in version 0.1.0.
    check(&world.deploy(&orders("A"), &person()).await, BundleResult::Deployed, Some("1"));
    assert_eq!(world.record("orders").await, None);
    check(&world.deploy(&orders("A"), &job("mine", "j1")).await, BundleResult::Unchanged, Some("1"));
    assert_eq!(world.record("orders").await.unwrap().owner, "mine");
}

#[tokio::test]
async fn a_proxy_moves_between_namespaces_and_a_late_run_does_not_take_it_back() {
    let world = World::start().await;
    check(&world.deploy(&orders("A"), &job_in("mine", "team", "j1")).await, BundleResult::Deployed, Some("1"));
    check(&world.deploy(&orders("B"), &job_in("mine", "other", "j2")).await, BundleResult::Deployed, Some("2"));
    let record = world.record("orders").await.unwrap();
    assert_eq!((record.namespace.as_deref(), record.superseded.as_deref()), (Some("other"), Some("j1")));
    check_failed(
        &world.deploy(&orders("A"), &job_in("mine", "team", "j1")).await,
        73,
        &["moved to the namespace `other`"],
    );
    assert_eq!(world.revision("orders").await, Some(id("2")));
    // A new Job of the former namespace is a new move.
    check(&world.deploy(&orders("A"), &job_in("mine", "team", "j3")).await, BundleResult::Redeployed, Some("1"));
}

#[tokio::test]
async fn a_removed_proxy_may_come_back() {
    for removal in [Removal::Undeploy, Removal::Delete] {
        let world = World::start().await;
        check(&world.deploy(&orders("A"), &job("mine", "j1")).await, BundleResult::Deployed, Some("1"));
        let gone = DeployOptions { names: Some(names(&[])), ..job("mine", "j2") };
        let back = DeployOptions { names: Some(names(&["orders"])), ..job("mine", "j2") };
        check_failed(&world.remove("orders", removal, &back).await, 75, &["Git defines", "again"]);
        check(&world.remove("orders", removal, &gone).await, BundleResult::Removed, None);
        assert_eq!((world.revision("orders").await, world.record("orders").await), (None, None));
        check(&world.remove("orders", removal, &gone).await, BundleResult::Unchanged, None);
        let result = if removal == Removal::Delete { BundleResult::Deployed } else { BundleResult::Redeployed };
        check(&world.deploy(&orders("A"), &job("mine", "j3")).await, result, Some("1"));
    }
}

#[tokio::test]
async fn a_failed_bundle_is_not_tried_again_by_the_same_job() {
    let world = World::start().await;
    check(&world.deploy(&orders("A"), &job("mine", "j1")).await, BundleResult::Deployed, Some("1"));
    world.sandbox.simulate_failure("orders", SimulatedFailure::Error("no memory".into()));
    check_failed(
        &world.deploy(&orders("B"), &job("mine", "j2")).await,
        65,
        &["no memory", "rolled back to revision 1"],
    );
    let before = world.count();
    check_failed(
        &world.deploy(&orders("B"), &job("mine", "j2")).await,
        65,
        &["earlier attempt of this Job", "no memory"],
    );
    assert_eq!(world.count() - before, 1, "only the record is read");
    check(&world.deploy(&orders("B"), &job("mine", "j3")).await, BundleResult::Redeployed, Some("2"));
    assert_eq!(world.record("orders").await.unwrap().failure, None);
    // A failed rollback is finished by the next attempt.
    for text in ["no memory", "still no memory"] {
        world.sandbox.simulate_failure("orders", SimulatedFailure::Error(text.into()));
    }
    check_failed(&world.deploy(&orders("C"), &job("mine", "j4")).await, 65, &["the rollback to revision 2 failed too"]);
    check(&world.deploy(&orders("C"), &job("mine", "j4")).await, BundleResult::Redeployed, Some("3"));
}

#[tokio::test]
async fn without_access_to_the_records_nothing_is_deployed() {
    for (method, permission) in [("GET", "apigee.keyvaluemapentries.get"), ("POST", "apigee.keyvaluemapentries.create")]
    {
        let world = World::start().await;
        let fault = InjectedFault::Status { code: 403, retry_after: None };
        let method = Some(method.to_owned());
        world.sandbox.inject(FaultRule { method, path: "*keyvaluemaps*".to_owned(), ..FaultRule::new(fault) });
        check_failed(&world.deploy(&orders("A"), &job("mine", "j1")).await, 77, &[permission]);
        assert_eq!(world.revision("orders").await, None);
    }
}

#[tokio::test]
async fn an_edit_is_found_by_the_recorded_revision_and_its_time() {
    let world = World::start().await;
    check(&world.deploy(&orders("A"), &job("mine", "j1")).await, BundleResult::Deployed, Some("1"));
    let (organization, proxy) = (name("acme"), name("orders"));
    let resource = ResourceName { organization: &organization, kind: BundleKind::Proxy, name: &proxy };
    let downloads = |world: &World, before: usize| {
        world.sandbox.requests()[before..].iter().filter(|request| request.path.contains("format=bundle")).count()
    };

    // The revision was changed after it was recorded, but only as Apigee does it.
    let record = world.record("orders").await.unwrap();
    let now = record.revision.as_ref().unwrap().modified.unwrap();
    let earlier = RecordedRevision { id: id("1"), modified: Some(now - 1), seen: None };
    world.write_record(&apigee_flux_configuration::Record { revision: Some(earlier), ..record.clone() }).await;
    let wanted = |download| {
        let bundle = orders("A");
        let state = DesiredState::Deployed { files: bundle.files, digest: bundle.digest, service_account: None };
        (DesiredDeployment { kind: BundleKind::Proxy, name: name("orders"), state }, Depth { download, state: false })
    };
    let compare = async |download| {
        let (desired, depth) = wanted(download);
        let record = world.record("orders").await;
        let listed = world.client.deployments(resource, &name("prod")).await.unwrap();
        drift(&world.client, &target(), &desired, listed, record.as_ref(), depth).await.unwrap()
    };
    assert_eq!(compare(Download::Never).await, Drift::MaybeEdited { revision: id("1") });
    assert_eq!(compare(Download::IfOther).await, Drift::Same { revision: id("1") });
    let before = world.count();
    check(&world.deploy(&orders("A"), &job("mine", "j1")).await, BundleResult::Unchanged, Some("1"));
    assert_eq!(downloads(&world, before), 1);
    assert_eq!(world.record("orders").await, Some(record));
    let before = world.count();
    check(&world.deploy(&orders("A"), &job("mine", "j1")).await, BundleResult::Unchanged, Some("1"));
    assert_eq!(downloads(&world, before), 0);

    // In Apigee's editor, the deployed revision is saved as a new one, with the same description.
    let (_, mut edited) = zip::unpack(&world.client.revision_zip(resource, id("1")).await.unwrap()).unwrap();
    let path = "policies/AM.xml";
    edited.insert(BundlePath::parse(path).unwrap(), orders("edited").files.get(path).unwrap().to_vec());
    world.put("orders", &edited, None).await;
    assert_eq!(compare(Download::Never).await, Drift::MaybeEdited { revision: id("2") });
    assert!(matches!(compare(Download::IfOther).await, Drift::Edited { .. }));
    check(&world.deploy(&orders("A"), &job("mine", "j1")).await, BundleResult::Redeployed, Some("1"));
    assert_eq!(world.told("edited manually").len(), 1);
    assert_eq!(compare(Download::Never).await, Drift::Same { revision: id("1") });
}
