//! Batch mode: one Job for all bundles of an environment.

use super::environment::Environment;
use crate::k8s::{self, BundleMaps, DeployerIdentity, Deployment, JsonMap, Metadata, Object, Payload};
use apigee_flux_model::bundle::batch::{DEFAULT_WORKERS, FILE_NAME, SCHEMA_VERSION};
use apigee_flux_model::bundle::schedule::{Schedule, ScheduledBundle};
use apigee_flux_model::bundle::{Batch, BatchEntry};
use apigee_flux_model::diag::{Code, Diagnostic};
use apigee_flux_model::provenance::Provenance;

/// The maximum size of a Job as JSON, in bytes. etcd rejects objects larger than 1.5 MiB, and field managers, admission and the status
/// add to the size of what is rendered here.
pub(super) const MAX_JOB_BYTES: usize = 1 << 20;

/// A bundle of the batch.
pub(super) struct Member<'o> {
    pub entry: BatchEntry,
    /// The shared flows that it calls.
    pub calls: &'o [String],
    /// The ConfigMaps with its files.
    pub maps: &'o BundleMaps,
}

/// The ConfigMap with the list of bundles, and the Job.
pub(super) fn objects(
    environment: &Environment<'_>,
    namespace: Option<&str>,
    deployer: &DeployerIdentity,
    provenance: Option<&Provenance>,
    mut members: Vec<Member<'_>>,
) -> Result<[Object; 2], Diagnostic> {
    let internal = |why| Diagnostic::error(Code::Internal, why).of(&environment.resource.subject);
    members.sort_by(|a, b| (a.entry.kind, &a.entry.name).cmp(&(b.entry.kind, &b.entry.name)));
    let owner = environment.resource.subject.label();
    let metadata = |role| Metadata { namespace, owner: &owner, role, bundle: None, component: "batch" };
    let sources: Vec<_> = members.iter().flat_map(|member| member.maps.sources_below(&member.entry.folder)).collect();
    let batch =
        Batch { schema_version: SCHEMA_VERSION, bundles: members.iter().map(|member| member.entry.clone()).collect() };
    let stem = k8s::batch_name(environment.name());
    let map = JsonMap::new(&batch, FILE_NAME, &stem, &metadata("batch")).map_err(internal)?;
    let map = map.ok_or_else(|| too_large(environment, members.len(), "list of the batch"))?;
    let payload = Payload::Batch { config_map: &map.object.id.name };
    let deployment = Deployment {
        sources: &sources,
        turns: turns(members.iter()),
        ..environment.deployment(payload, map.digest, deployer, provenance)
    };
    let job = k8s::job(&deployment, &metadata("deploy"));
    let size = serde_json::to_vec(&job).map_err(|error| internal(error.to_string()))?.len();
    if size > MAX_JOB_BYTES {
        return Err(too_large(environment, members.len(), "Job"));
    }
    Ok([map.object, job])
}

fn too_large(environment: &Environment<'_>, bundles: usize, what: &str) -> Diagnostic {
    let message = format!(
        "the {what} for the {bundles} bundles of environment `{}` is larger than Kubernetes can store",
        environment.name()
    );
    Diagnostic::error(Code::BatchTooLarge, message)
        .of(&environment.resource.subject)
        .help("put the proxies into several namespaces, each with its own Job, or set `spec.batch: none`")
}

/// The timeout of the batch as a multiple of the timeout of one bundle. Workers that start every bundle as soon as possible finish within
/// the total work divided by their number, plus the share of the longest chain of calls that one worker does alone (Graham's bound).
pub(super) fn turns<'m, 'o: 'm>(members: impl Iterator<Item = &'m Member<'o>> + Clone) -> u64 {
    let workers = DEFAULT_WORKERS.get();
    let turns = (members.clone().count() + (workers - 1) * longest_chain(members)).div_ceil(workers);
    u64::try_from(turns).unwrap_or(u64::MAX)
}

/// The longest chain of bundles that call each other.
fn longest_chain<'m, 'o: 'm>(members: impl Iterator<Item = &'m Member<'o>>) -> usize {
    let nodes: Vec<ScheduledBundle<'_>> = members
        .map(|member| ScheduledBundle { kind: member.entry.kind, name: &member.entry.name, calls: member.calls })
        .collect();
    // A cycle has been reported already.
    let Ok(mut schedule) = Schedule::new(&nodes) else { return 1 };
    let mut length = 0;
    loop {
        let wave: Vec<usize> = std::iter::from_fn(|| schedule.start()).collect();
        if wave.is_empty() {
            return length;
        }
        length += 1;
        for index in wave {
            schedule.done(index);
        }
    }
}
