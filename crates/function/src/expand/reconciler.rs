//! The CronJob that keeps an environment in sync with its inventory.

use super::configuration::{creates_secrets, owner, secrets};
use super::cron;
use super::environment::Environment;
use crate::k8s::{self, DeployerIdentity, Metadata, Object, Payload};
use crate::spec::environment::Reconcile;
use apigee_flux_configuration::Scope;
use apigee_flux_configuration::document::Document;
use apigee_flux_model::provenance::Provenance;

/// The reconciler of one environment in one namespace.
pub(super) struct Reconciler<'o, 'e> {
    pub environment: &'o Environment<'e>,
    pub namespace: Option<&'o str>,
    pub deployer: &'o DeployerIdentity,
    pub provenance: Option<&'o Provenance>,
    pub how: &'o Reconcile,
    /// The configuration of the environment and of the organization: its Secrets are mounted.
    pub configuration: &'o Document,
}

impl Reconciler<'_, '_> {
    /// The CronJob. It mounts neither bundles nor the inventory: it reads the ones that the cluster has when it runs, so its size does not depend
    /// on their number.
    pub(super) fn cron_job(&self) -> Object {
        let environment = self.environment;
        let label = environment.resource.subject.label();
        let metadata = Metadata {
            namespace: self.namespace,
            owner: &label,
            role: "reconcile",
            bundle: None,
            component: "reconciler",
        };
        let secrets = secrets(self.configuration);
        let payload = Payload::Reconcile {
            owner_of_organization: owner(environment, Scope::Organization),
            secrets: &secrets,
            creates_secrets: creates_secrets(&self.configuration.resources),
            how: self.how,
        };
        let owner = owner(environment, Scope::Environment);
        let deployment = environment.deployment(payload, owner, self.deployer, self.provenance);
        let schedule =
            cron::spread(&self.how.schedule, &format!("{}/{}", environment.organization(), environment.name()));
        k8s::cron_job(&deployment, &schedule, &metadata)
    }
}
