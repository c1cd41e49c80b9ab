//! Batch mode: one Job for all bundles of an environment, or a few if there are many bundles.

use super::configuration;
use super::environment::Environment;
use super::job_with_document::JobWithDocument;
use crate::k8s::{
    self, BundleMaps, DeployerIdentity, Deployment, DocumentMaps, FILL_BYTES, Intent, Metadata, Payload, json_bytes,
    text_bytes,
};
use apigee_flux_configuration::Scope;
use apigee_flux_model::bundle::batch::{DEFAULT_WORKERS, FILE_NAME, SCHEMA_VERSION};
use apigee_flux_model::bundle::schedule::{Schedule, ScheduledBundle};
use apigee_flux_model::bundle::{Batch, BatchEntry};
use apigee_flux_model::diag::{Code, Diagnostic};
use apigee_flux_model::names::kubernetes::applies;
use apigee_flux_model::provenance::Provenance;
use apigee_flux_model::stable_parts;

/// More than the size of a Job or of a list without bundles, in bytes.
const FRAME_BYTES: usize = 16 * 1024;

/// A bundle of the batch.
pub(super) struct Member<'o> {
    pub entry: BatchEntry,
    /// The shared flows that it calls.
    pub calls: &'o [String],
    /// The ConfigMaps with its files.
    pub maps: &'o BundleMaps,
}

/// The Jobs, each with its list of bundles: one, or the parts of a batch that is too large for one. A shared flow in another part is waited for,
/// as is one that is in no batch.
pub(super) fn objects(
    environment: &Environment<'_>,
    namespace: Option<&str>,
    deployer: &DeployerIdentity,
    provenance: Option<&Provenance>,
    mut members: Vec<Member<'_>>,
) -> Result<Vec<JobWithDocument>, Diagnostic> {
    members.sort_by(|a, b| (a.entry.kind, &a.entry.name).cmp(&(b.entry.kind, &b.entry.name)));
    let chain = longest_chain(&members);
    let parts = split(members).map_err(|why| internal(environment, why))?;
    let numbered = parts.into_iter().enumerate().filter(|(_, members)| !members.is_empty());
    numbered
        .map(|(index, members)| {
            let part = Part { environment, namespace, deployer, provenance, number: index + 1, chain };
            part.objects(&members)
        })
        .collect()
}

/// Splits the bundles into as few parts as fit. The part of a bundle depends on its kind and name only.
fn split(members: Vec<Member<'_>>) -> Result<Vec<Vec<Member<'_>>>, String> {
    let key = |member: &Member<'_>| format!("{} {}", member.entry.kind.resource_kind(), member.entry.name);
    let sizes = |member: &Member<'_>| {
        let sources = json_bytes(&member.maps.sources_below(&member.entry.folder))?;
        let entry = serde_json::to_string_pretty(&member.entry).map_err(|error| error.to_string())?;
        // The lines of the entry are indented.
        Ok([sources, text_bytes(&entry) + 4 * entry.lines().count()])
    };
    stable_parts::split(members, key, sizes, FILL_BYTES - FRAME_BYTES)
}

/// A part of a batch.
struct Part<'p, 'e> {
    environment: &'p Environment<'e>,
    namespace: Option<&'p str>,
    deployer: &'p DeployerIdentity,
    provenance: Option<&'p Provenance>,
    number: usize,
    /// The longest chain of calls in the whole batch: the part may wait for shared flows of another part.
    chain: usize,
}

impl Part<'_, '_> {
    fn objects(&self, members: &[Member<'_>]) -> Result<JobWithDocument, Diagnostic> {
        let (environment, namespace) = (self.environment, self.namespace);
        let internal = |why| internal(environment, why);
        let owner = environment.resource.subject.label();
        let metadata = |role| Metadata { namespace, owner: &owner, role, bundle: None, component: "batch" };
        let sources: Vec<_> =
            members.iter().flat_map(|member| member.maps.sources_below(&member.entry.folder)).collect();
        let bundles = members.iter().map(|member| member.entry.clone()).collect();
        let batch = Batch { schema_version: SCHEMA_VERSION, bundles };
        let stem = k8s::batch_name(environment.name(), self.number);
        let list = DocumentMaps::new(&[batch], FILE_NAME, &stem, &metadata("batch")).map_err(internal)?;
        let payload = Payload::Batch { list: &list, number: self.number };
        let what = format!("batch-{}", self.number);
        let intent = Intent {
            applies: applies(environment.organization(), Some(environment.name()), &what),
            desired: list.digest,
        };
        let owner = configuration::owner(environment, Scope::Environment);
        let deployment = Deployment {
            sources: &sources,
            turns: turns(members.len(), self.chain),
            intent: Some(intent.clone()),
            digest: Some(list.digest),
            ..environment.deployment(payload, owner, self.deployer, self.provenance)
        };
        let job = k8s::job(&deployment, &metadata("deploy"));
        Ok(JobWithDocument { maps: list.objects, stem, job, intent })
    }
}

fn internal(environment: &Environment<'_>, why: String) -> Diagnostic {
    Diagnostic::error(Code::Internal, why).of(&environment.resource.subject)
}

/// The timeout of the batch as a multiple of the timeout of one bundle. Workers that start every bundle as soon as possible finish within
/// the total work divided by their number, plus the share of the longest chain of calls that one worker does alone (Graham's bound).
fn turns(members: usize, chain: usize) -> u64 {
    let workers = DEFAULT_WORKERS.get();
    let turns = (members + (workers - 1) * chain).div_ceil(workers);
    u64::try_from(turns).unwrap_or(u64::MAX)
}

/// The longest chain of bundles that call each other.
fn longest_chain(members: &[Member<'_>]) -> usize {
    let nodes: Vec<ScheduledBundle<'_>> = members
        .iter()
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
