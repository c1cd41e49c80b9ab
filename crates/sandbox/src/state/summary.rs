//! A summary of the state for people and scripts, without secrets and bundles.

use serde_json::{Value, json};

use super::{BundleRef, Deployed, Organization, State, StoredBundle};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::bundle::RevisionRecord;
use apigee_flux_model::names::RevisionId;

impl State {
    /// Organizations, environments, environment groups, proxies and shared flows with their revisions, and deployments.
    pub(crate) fn summary(&self, now: u64) -> Value {
        let organizations: Vec<Value> = self
            .organizations
            .iter()
            .map(|(name, organization)| {
                json!({
                    "name": name,
                    "environments": self.environment_names(name, now),
                    "environmentGroups": groups(organization),
                    "proxies": resources(organization, BundleKind::Proxy),
                    "sharedFlows": resources(organization, BundleKind::SharedFlow),
                    "deployments": self.summarized_deployments(name, now),
                })
            })
            .collect();
        json!({"now": now, "runtimeType": self.settings.runtime.as_str(), "organizations": organizations})
    }

    fn summarized_deployments(&self, organization: &str, now: u64) -> Vec<Value> {
        self.deployed(organization).map(|deployed| self.summarized_deployment(organization, deployed, now)).collect()
    }

    fn summarized_deployment(&self, organization: &str, deployed: &Deployed, now: u64) -> Value {
        let path = BundleRef { organization, kind: deployed.kind, name: &deployed.name };
        let stored = self.find_revision(path, deployed.revision).ok();
        let record = stored.and_then(|stored| RevisionRecord::parse(&stored.summary.description));
        json!({
            "environment": deployed.environment,
            "kind": deployed.kind.noun(),
            "name": deployed.name,
            "revision": deployed.revision,
            "state": self.phase(deployed, now).as_str(),
            "servingRevision": self.serving(deployed, now),
            "routeConflicts": self.route_conflicts(organization, deployed).len(),
            "basePaths": self.base_paths(organization, deployed),
            "serviceAccount": deployed.service_account,
            "since": deployed.since,
            "commit": record.and_then(|record| record.commit),
        })
    }
}

fn groups(organization: &Organization) -> Vec<Value> {
    let groups = organization.environment_groups.iter();
    groups
        .map(|(name, group)| {
            let environments: Vec<&String> = group.environments().collect();
            json!({"name": name, "hostnames": group.hostnames(), "environments": environments})
        })
        .collect()
}

fn resources(organization: &Organization, kind: BundleKind) -> Vec<Value> {
    let of_kind = organization.resources.iter().filter(|((other, _), _)| *other == kind);
    of_kind
        .map(|((_, name), resource)| json!({"name": name, "revisions": revisions(organization, kind, name, resource)}))
        .collect()
}

fn revisions(organization: &Organization, kind: BundleKind, name: &str, resource: &StoredBundle) -> Vec<Value> {
    let environments = |id: &RevisionId| -> Vec<&str> {
        let here = organization.deployments.iter();
        let here = here.filter(|other| other.kind == kind && other.name == name && other.revision == *id);
        here.map(|deployed| deployed.environment.as_str()).collect()
    };
    resource
        .revisions
        .iter()
        .map(|(id, stored)| {
            let record = RevisionRecord::parse(&stored.summary.description);
            json!({
                "revision": id,
                "created": stored.created,
                "bytes": stored.zip.len(),
                "extensible": stored.summary.extensible,
                "deployedIn": environments(id),
                "digest": record.as_ref().map(|record| &record.digest),
                "commit": record.as_ref().and_then(|record| record.commit.as_ref()),
                "tag": record.as_ref().and_then(|record| record.tag.as_ref()),
            })
        })
        .collect()
}
