//! The inventory of an environment, and the CronJob that keeps Apigee in sync with it.

use super::batch::{self, MAX_JOB_BYTES, Member};
use super::configuration::{owner, secrets};
use super::environment::Environment;
use crate::k8s::{self, DeployerIdentity, Deployment, JsonMap, Metadata, Object, Payload};
use crate::spec::environment::Reconcile;
use apigee_flux_configuration::document::{Document, SCHEMA_VERSION};
use apigee_flux_configuration::inventory::{self, FILE_NAME, Inventory, InventoryBundle};
use apigee_flux_configuration::{Entry, Scope};
use apigee_flux_model::diag::{Code, Diagnostic};
use apigee_flux_model::provenance::Provenance;

/// The desired state of one environment, as defined in one namespace.
pub(super) struct Reconciler<'o, 'e> {
    pub environment: &'o Environment<'e>,
    pub namespace: Option<&'o str>,
    pub deployer: &'o DeployerIdentity,
    pub provenance: Option<&'o Provenance>,
    pub how: &'o Reconcile,
    pub members: Vec<Member<'o>>,
    pub configuration: Vec<Entry>,
    pub organization: Option<Vec<Entry>>,
}

impl Reconciler<'_, '_> {
    /// The ConfigMap and the CronJob. If Kubernetes cannot store one of them, that is a warning: the Jobs deploy without them.
    pub(super) fn objects(mut self) -> Result<[Object; 2], Diagnostic> {
        let environment = self.environment;
        let internal = |why| Diagnostic::error(Code::Internal, why).of(&environment.resource.subject);
        self.members.sort_by(|a, b| (a.entry.kind, &a.entry.name).cmp(&(b.entry.kind, &b.entry.name)));
        let label = environment.resource.subject.label();
        let metadata =
            |role| Metadata { namespace: self.namespace, owner: &label, role, bundle: None, component: "reconciler" };
        let bundles =
            self.members.iter().map(|member| InventoryBundle { entry: member.entry.clone(), content: String::new() });
        let inventory = Inventory {
            schema_version: inventory::SCHEMA_VERSION,
            bundles: bundles.collect(),
            environment: self.configuration.clone(),
            organization: self.organization.clone(),
        };
        let stem = k8s::environment_name(environment.resource_name(), "inventory");
        let map = JsonMap::new(&inventory, FILE_NAME, &stem, &metadata("inventory")).map_err(internal)?;
        let map = map.ok_or_else(|| self.too_large("inventory"))?;
        let sources: Vec<_> =
            self.members.iter().flat_map(|member| member.maps.sources_below(&member.entry.folder)).collect();
        let all = self.configuration.iter().chain(self.organization.iter().flatten()).cloned().collect();
        let secrets = secrets(&Document { schema_version: SCHEMA_VERSION, resources: all });
        let payload = Payload::Reconcile {
            config_map: &map.object.id.name,
            owner: owner(environment, Scope::Environment),
            owner_of_organization: owner(environment, Scope::Organization),
            secrets: &secrets,
            how: self.how,
        };
        let deployment = Deployment {
            sources: &sources,
            // Additional time for configuration before and after the bundles.
            turns: batch::turns(self.members.iter()) + 1,
            ..environment.deployment(payload, map.digest, self.deployer, self.provenance)
        };
        let cron_job = k8s::cron_job(&deployment, &self.how.schedule, &metadata("reconcile"));
        let size = serde_json::to_vec(&cron_job).map_err(|error| internal(error.to_string()))?.len();
        if size > MAX_JOB_BYTES {
            return Err(self.too_large("CronJob"));
        }
        Ok([map.object, cron_job])
    }

    fn too_large(&self, what: &str) -> Diagnostic {
        let message = format!(
            "the {what} of environment `{}` is larger than Kubernetes can store, so drift is not detected there",
            self.environment.name()
        );
        Diagnostic::warning(Code::BatchTooLarge, message).of(&self.environment.resource.subject).help(
            "put the proxies into several namespaces, each with its own reconciler, or set `spec.reconcile: none`",
        )
    }
}
