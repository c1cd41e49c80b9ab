//! The reconciler in a cluster that has two states of Git at the same time, and with other namespaces and clusters: it changes only what its
//! inventory and its Jobs say the same about, and deletes only what both lack and what is its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use apigee_flux_configuration::document::{ConfigurationDeletionPolicy, Entry};
use apigee_flux_configuration::inventory::{Deep, Index, Inventory, InventoryBundle, Named, NamedResource, Names};
use apigee_flux_configuration::{Claimant, Id, Record, record};
use apigee_flux_deployer::Bundle;
use apigee_flux_deployer::apply::{ApplyReport, ResourceResult};
use apigee_flux_deployer::in_cluster::{Jobs, State};
use apigee_flux_model::bundle::BundleKind::Proxy;
use apigee_flux_model::bundle::{BatchEntry, BundlePath, DeploySettings, Digest, Files};
use apigee_flux_model::lifecycle::{Adopt, WhenGone};
use apigee_flux_model::provenance::Provenance;
use reqwest::Method;
use serde_json::{Value, json};

use super::closed_loop::{Apigee, How, ORGANIZATION, files};
use super::fake_cluster::{Content, FakeCluster};

const PLACE: &str = "organizations/acme/environments/prod";

/// A state of Git of one namespace: proxies with their bodies and target servers with their hosts, all of which are deleted when they are
/// removed from Git.
#[derive(Debug, Clone, Copy, Default)]
struct Git<'g> {
    commit: &'g str,
    proxies: &'g [(&'g str, &'g str)],
    servers: &'g [(&'g str, &'g str)],
    /// What other namespaces have.
    elsewhere: &'g [(&'g str, &'g str)],
    /// One Job for all proxies.
    is_batch: bool,
}

fn proxy(name: &str) -> Id {
    Id { kind: "ApigeeProxy".to_owned(), parent: None, name: name.to_owned() }
}

fn server(name: &str) -> Id {
    Id { kind: "ApigeeTargetServer".to_owned(), parent: None, name: name.to_owned() }
}

fn bundle(name: &str, body: &str) -> Bundle {
    let Value::Object(texts) = files(Proxy, name, body, None, None) else { unreachable!() };
    let files: Files = texts
        .iter()
        .map(|(path, text)| (BundlePath::parse(path).unwrap(), text.as_str().unwrap().as_bytes().to_vec()))
        .collect();
    Bundle::new(Proxy, name.parse().unwrap(), files)
}

impl Git<'_> {
    /// The objects of the namespace after this state was applied to it.
    fn content(self) -> Content {
        let mut content = Content::default();
        let mut index = Index {
            schema_version: 2,
            organization: ORGANIZATION.to_owned(),
            environment: "prod".to_owned(),
            provenance: Provenance { commit: Some(self.commit.to_owned()), ..Provenance::default() },
            owners: ["here", "there"].map(|namespace| (namespace.to_owned(), format!("team/{namespace}"))).into(),
            ..Index::default()
        };
        let mut inventory = Inventory { schema_version: 2, ..Inventory::default() };
        for (name, body) in self.proxies {
            let bundle = bundle(name, body);
            let settings = DeploySettings { when_gone: WhenGone::Delete, ..DeploySettings::default() };
            let entry = BatchEntry {
                kind: Proxy,
                name: (*name).to_owned(),
                folder: format!("apis/{name}"),
                digest: bundle.digest,
                settings,
            };
            if !self.is_batch {
                content.jobs.insert(format!("{PLACE} ApigeeProxy {name}"), entry.desired().to_string());
            }
            let label = format!("{name}-{body}");
            content.bundles.insert(label.clone(), bundle);
            inventory.bundles.push(InventoryBundle { entry, content: label });
        }
        for (name, host) in self.servers {
            inventory.environment.push(Entry {
                id: server(name),
                deletion_policy: ConfigurationDeletionPolicy::Delete,
                adopt: Adopt::Never,
                body: json!({"name": name, "host": host, "port": 80, "isEnabled": true}),
            });
        }
        if self.is_batch {
            index.documents.insert(format!("{PLACE} batch-1"), digest(&inventory.bundles));
        }
        if !self.servers.is_empty() {
            index.documents.insert(format!("{PLACE} configuration"), digest(&inventory.environment));
        }
        let documents = index.documents.iter().map(|(applies, digest)| (applies.clone(), digest.to_string()));
        content.jobs.extend(documents);
        index.parts = vec![digest(&inventory)];
        let named = |namespace: &str| Named { namespace: namespace.to_owned(), digest: "00000000".to_owned() };
        let resource = |id: Id| NamedResource { of_organization: false, id };
        let own =
            self.proxies.iter().map(|(name, _)| proxy(name)).chain(self.servers.iter().map(|(name, _)| server(name)));
        let own = own.map(|id| (resource(id), named("here")));
        let other = self.elsewhere.iter().map(|(name, namespace)| (resource(proxy(name)), named(namespace)));
        content.state = Some(State { index, inventory, names: Names(own.chain(other).collect()) });
        content
    }

    /// What its Jobs apply.
    fn jobs(self) -> Jobs {
        self.content().jobs
    }
}

fn digest(of: &impl serde::Serialize) -> Digest {
    Digest::of_bytes(&serde_json::to_vec(of).unwrap())
}

/// The namespace `here` of a cluster.
fn here() -> Claimant {
    Claimant { namespace: Some("here".to_owned()), cluster: Some("c1".to_owned()), ..Claimant::new("team/here") }
}

/// Apigee, and a cluster.
struct World {
    apigee: Apigee,
    cluster: Arc<FakeCluster>,
}

impl World {
    /// A state of Git that was applied, and deployed.
    async fn of(git: Git<'_>) -> Self {
        let world = Self { apigee: Apigee::start(Duration::from_secs(3)).await, cluster: Arc::default() };
        *world.cluster.content() = git.content();
        let report = world.reconcile(&here()).await;
        assert_eq!(report.exit().code(), 0, "{:?}", results(&report));
        world
    }

    async fn reconcile(&self, claimant: &Claimant) -> ApplyReport {
        self.apigee.reconcile_from(self.cluster.clone(), "prod", claimant, How::REPAIR).await.unwrap()
    }

    /// The namespace has the inventory of one state, and the Jobs of another one.
    fn between(&self, inventory: Git<'_>, jobs: Git<'_>) {
        *self.cluster.content() = Content { jobs: jobs.jobs(), ..inventory.content() };
    }

    /// Runs the reconciler, which must not write.
    async fn leaves(&self, expected: &[(&str, ResourceResult)]) -> ApplyReport {
        let (start, before) = (self.count(), self.state().await);
        let report = self.reconcile(&here()).await;
        let writes = self.writes_since(start);
        assert_eq!((results(&report), writes), (of(expected), Vec::new()), "{report:?}");
        assert_eq!((report.exit().code(), self.state().await), (0, before));
        report
    }

    /// Runs the reconciler and compares the results of what is not unchanged.
    async fn does(&self, expected: &[(&str, ResourceResult)]) -> ApplyReport {
        let report = self.reconcile(&here()).await;
        assert_eq!(results(&report), of(expected), "{report:?}");
        report
    }

    fn count(&self) -> usize {
        self.apigee.sandbox.requests().len()
    }

    fn writes_since(&self, start: usize) -> Vec<String> {
        let requests = self.apigee.requests_since(start);
        requests.iter().filter(|one| one.is_write).map(|one| format!("{} {}", one.method, one.path)).collect()
    }

    async fn state(&self) -> BTreeMap<String, Value> {
        self.apigee.state(&["prod"]).await
    }

    async fn has(&self, path: &str) -> bool {
        self.state().await.contains_key(path)
    }

    async fn undeploy(&self, name: &str) {
        self.apigee.undeploy_by_hand(Proxy, name, "prod").await;
    }

    async fn record(&self, id: &Id) -> Option<Record> {
        let entries = self.apigee.entries(&format!("environments/prod/keyvaluemaps/{}", record::MAP)).await?;
        entries.get(&Record::key(id)).and_then(|value| Record::parse(value.as_str()?))
    }

    /// Writes a record as a Job would.
    async fn write_record(&self, record: &Record) {
        let entry = json!({"name": Record::key(&record.id), "value": record.to_value()});
        let entries = format!("environments/prod/keyvaluemaps/{}/entries", record::MAP);
        if self.apigee.try_by_hand(Method::POST, &entries, Some(&entry)).await.is_none() {
            let path = format!("{entries}/{}", Record::key(&record.id));
            self.apigee.by_hand(Method::PUT, &path, Some(&entry)).await;
        }
    }
}

fn results(report: &ApplyReport) -> Vec<(String, ResourceResult)> {
    let changed = report.resources.iter().filter(|applied| applied.result != ResourceResult::Unchanged);
    changed.map(|applied| (applied.id.to_string(), applied.result)).collect()
}

fn of(expected: &[(&str, ResourceResult)]) -> Vec<(String, ResourceResult)> {
    expected.iter().map(|(id, result)| ((*id).to_owned(), *result)).collect()
}

const LEFT: ResourceResult = ResourceResult::Left;

const A: Git<'_> =
    Git { commit: "a", proxies: &[("orders", "A")], servers: &[("backend", "a")], elsewhere: &[], is_batch: false };
const B: Git<'_> = Git { commit: "b", proxies: &[("orders", "B")], servers: &[("backend", "b")], ..A };
const BOTH_LEFT: [(&str, ResourceResult); 2] = [("ApigeeTargetServer backend", LEFT), ("ApigeeProxy orders", LEFT)];

#[tokio::test]
async fn an_older_inventory_and_a_newer_job_are_left_to_the_job_and_the_other_way_round() {
    for is_batch in [false, true] {
        let [a, b] = [A, B].map(|git| Git { is_batch, ..git });
        let world = World::of(a).await;
        // Drift, which another state may be about to repair.
        world.undeploy("orders").await;
        world.between(a, b);
        world.leaves(&BOTH_LEFT).await;
        world.between(b, a);
        let report = world.leaves(&BOTH_LEFT).await;
        assert!(report.resources[0].reason.contains("another state than the inventory"), "{report:?}");
        assert!(world.cluster.content().fetched.is_empty());
        world.between(b, b);
        let created = ("ApigeeProxy orders", ResourceResult::Created);
        world.does(&[("ApigeeTargetServer backend", ResourceResult::Updated), created]).await;
        world.leaves(&[]).await;
    }
}

#[tokio::test]
async fn what_has_no_job_is_left_and_what_has_one_is_not_deleted() {
    let world = World::of(A).await;
    world.undeploy("orders").await;
    let nothing = Git { commit: "none", ..Git::default() };
    // The Jobs were pruned.
    world.between(A, nothing);
    let report = world.leaves(&BOTH_LEFT).await;
    assert!(report.resources[0].reason.contains("no Job for it yet"), "{report:?}");
    // The Jobs of the newer state exist, which the inventory does not know yet.
    world.between(nothing, A);
    let report = world.leaves(&[("ApigeeProxy orders", LEFT), ("ApigeeTargetServer backend", LEFT)]).await;
    assert!(report.resources[0].reason.contains("its Job exists"), "{report:?}");
    // Both lack them: the last specs left Git.
    world.between(nothing, nothing);
    let deleted = ResourceResult::Deleted;
    world.does(&[("ApigeeProxy orders", deleted), ("ApigeeTargetServer backend", deleted)]).await;
    assert!(!world.has("apis/orders").await && !world.has("environments/prod/targetservers/backend").await);
    world.leaves(&[]).await;
}

#[tokio::test]
async fn a_half_applied_inventory_ends_the_run() {
    let world = World::of(A).await;
    world.cluster.content().state = None;
    let start = world.count();
    let run = world.apigee.reconcile_from(world.cluster.clone(), "prod", &here(), How::REPAIR).await;
    assert_eq!(run.unwrap_err().exit().code(), 75);
    assert_eq!(world.count(), start);
}

#[tokio::test]
async fn a_state_that_arrives_during_the_run_stops_all_writes() {
    let world = World::of(A).await;
    world.undeploy("orders").await;
    {
        let mut content = world.cluster.content();
        // Longer than an answer of the cluster counts.
        content.slowness = Duration::from_millis(1100);
        content.next = Some(Box::new(B.content()));
    }
    let report = world.leaves(&[("ApigeeProxy orders", LEFT)]).await;
    assert!(report.resources.iter().any(|one| one.reason.contains("changed during this run")), "{report:?}");
    // The Job alone became newer.
    {
        let mut content = world.cluster.content();
        *content = A.content();
        content.slowness = Duration::from_millis(1100);
        content.next = Some(Box::new(Content { jobs: B.jobs(), ..A.content() }));
    }
    world.leaves(&[("ApigeeProxy orders", LEFT)]).await;
}

#[tokio::test]
async fn only_bundles_that_differ_are_read_and_a_pruned_one_fails_alone() {
    let two = Git { proxies: &[("orders", "A"), ("plain", "A")], ..A };
    let world = World::of(two).await;
    world.cluster.content().fetched.clear();
    world.leaves(&[]).await;
    assert!(world.cluster.content().fetched.is_empty());
    world.undeploy("orders").await;
    world.undeploy("plain").await;
    world.cluster.content().bundles.remove("orders-A");
    let report = world
        .does(&[("ApigeeProxy orders", ResourceResult::Failed), ("ApigeeProxy plain", ResourceResult::Created)])
        .await;
    assert_eq!(report.exit().code(), 75);
    let deep = How { deep: Deep::Always, ..How::LOOK };
    let report = world.apigee.reconcile_from(world.cluster.clone(), "prod", &here(), deep).await.unwrap();
    assert_eq!(results(&report), of(&[("ApigeeProxy orders", ResourceResult::Failed)]));
}

/// A proxy moves to another namespace of the same input; the reconciler of the old one runs before its new Job, or after it.
#[tokio::test]
async fn a_move_to_another_namespace_deletes_nothing() {
    let moved = Git { commit: "moved", proxies: &[], elsewhere: &[("orders", "there")], ..A };
    for job_is_first in [false, true] {
        let world = World::of(A).await;
        let mut record = world.record(&proxy("orders")).await.unwrap();
        record.job = Some("job-1".to_owned());
        world.write_record(&record).await;
        if job_is_first {
            record = Record {
                owner: "team/there".to_owned(),
                namespace: Some("there".to_owned()),
                job: Some("job-2".to_owned()),
                ..record
            };
            world.write_record(&record).await;
        }
        // The old Job still exists.
        world.between(moved, Git { servers: A.servers, ..A });
        world.leaves(if job_is_first { &[] } else { &[("ApigeeProxy orders", LEFT)] }).await;
        world.between(moved, moved);
        let report = world.does(if job_is_first { &[] } else { &[("ApigeeProxy orders", LEFT)] }).await;
        let after = world.record(&proxy("orders")).await.unwrap();
        assert!(world.has("environments/prod/apis/orders").await);
        assert_eq!((after.owner.as_str(), after.namespace.as_deref()), ("team/there", Some("there")));
        if job_is_first {
            assert_eq!(after, record);
        } else {
            assert!(report.resources.iter().any(|one| one.reason.contains("namespace `there`")), "{report:?}");
            assert_eq!((after.superseded.as_deref(), after.job), (Some("job-1"), None));
        }
        world.leaves(&[]).await;
    }
}

#[tokio::test]
async fn what_another_cluster_or_owner_has_is_not_deleted() {
    let nothing = Git { commit: "none", ..Git::default() };
    for other in [
        Claimant { cluster: Some("c2".to_owned()), ..here() },
        Claimant { cluster: None, ..here() },
        Claimant { owner: "other".to_owned(), ..here() },
        Claimant { namespace: Some("elsewhere".to_owned()), ..here() },
    ] {
        let world = World::of(A).await;
        let before = world.state().await;
        *world.cluster.content() = nothing.content();
        let report = world.reconcile(&other).await;
        assert_eq!((results(&report), world.state().await), (Vec::new(), before), "{other:?}");
    }
}

/// A removed proxy may go, since a new one may need its base path; the rest waits.
#[tokio::test]
async fn a_failing_proxy_keeps_what_it_may_need_and_nothing_else() {
    let before = Git { proxies: &[("orders", "A"), ("leaving", "A")], servers: &[("backend", "a"), ("old", "a")], ..A };
    let world = World::of(before).await;
    world.between(A, A);
    world.undeploy("orders").await;
    world.cluster.content().bundles.clear();
    let report = world
        .does(&[
            ("ApigeeProxy orders", ResourceResult::Failed),
            ("ApigeeProxy leaving", ResourceResult::Deleted),
            ("ApigeeTargetServer old", LEFT),
        ])
        .await;
    assert!(report.resources.iter().any(|one| one.reason.contains("what still runs may need it")), "{report:?}");
    assert!(world.has("environments/prod/targetservers/old").await && !world.has("apis/leaving").await);
    world.between(A, A);
    let created = ("ApigeeProxy orders", ResourceResult::Created);
    world.does(&[created, ("ApigeeTargetServer old", ResourceResult::Deleted)]).await;
}

/// A record names the state of Git that made the value, not the one that confirmed it.
#[tokio::test]
async fn the_provenance_stays_until_the_value_changes() {
    let world = World::of(A).await;
    let commit = async |id: Id| world.record(&id).await.unwrap().provenance.commit;
    world.between(Git { commit: "later", ..A }, Git { commit: "later", ..A });
    world.leaves(&[]).await;
    assert_eq!(
        (commit(proxy("orders")).await.as_deref(), commit(server("backend")).await.as_deref()),
        (Some("a"), Some("a"))
    );
    world.between(B, B);
    world.reconcile(&here()).await;
    assert_eq!(
        (commit(proxy("orders")).await.as_deref(), commit(server("backend")).await.as_deref()),
        (Some("b"), Some("b"))
    );
}

#[tokio::test]
async fn too_many_deletions_delete_nothing_also_if_nothing_is_left() {
    let world = World::of(A).await;
    *world.cluster.content() = Git { commit: "none", ..Git::default() }.content();
    let (start, few) = (world.count(), How { max_deletes: Some(1), ..How::REPAIR });
    let report = world.apigee.reconcile_from(world.cluster.clone(), "prod", &here(), few).await.unwrap();
    assert_eq!((report.count(ResourceResult::Failed), world.writes_since(start)), (2, Vec::new()), "{report:?}");
}
