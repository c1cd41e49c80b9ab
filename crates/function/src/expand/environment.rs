//! An environment with its defaults.

use super::{cron, pod_settings};
use crate::k8s::{DeployerIdentity, Deployment, Payload, ResourceOwner, VOLUMES};
use crate::spec::Resource;
use crate::spec::environment::{EnvironmentSpec, Runtime};
use apigee_flux_configuration::secret_folder;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::duration;
use apigee_flux_model::limits::texts;
use apigee_flux_model::names::endpoint::Endpoint;
use apigee_flux_model::names::kubernetes_rules;
use apigee_flux_model::provenance::Provenance;
use apigee_flux_model::yaml::word_or::WordOr;

/// The container image of this version.
const IMAGE: &str = concat!("ghcr.io/apigee-flux/apigee-flux:v", env!("CARGO_PKG_VERSION"));

/// An environment to deploy to.
#[derive(Debug)]
pub(super) struct Environment<'r> {
    pub resource: &'r Resource,
    pub spec: EnvironmentSpec,
    /// The endpoint, if it is not the global one.
    pub endpoint: Option<String>,
    pub timeout_seconds: u64,
}

impl<'r> Environment<'r> {
    pub(super) fn new(resource: &'r Resource, spec: EnvironmentSpec, report: &mut Report<'_>) -> Self {
        let at = |keys: &[&str]| FieldPath::of(&[&["spec"], keys].concat());
        let name = spec.environment.as_deref().unwrap_or(&resource.subject.name);
        texts::ORGANIZATION.report(&spec.organization, at(&["organization"]), report);
        texts::ENVIRONMENT.report(name, at(&["environment"]), report);
        let endpoint = match (&spec.endpoint, &spec.region) {
            (Some(_), Some(_)) => {
                report.push(
                    Diagnostic::error(Code::ConflictingFields, "`endpoint` cannot be combined with `region`")
                        .at(at(&["region"]))
                        .help("keep one of them"),
                );
                None
            }
            (Some(endpoint), None) => {
                match endpoint.parse::<Endpoint>() {
                    Err(why) => report.error(Code::InvalidValue, at(&["endpoint"]), why),
                    Ok(parsed) if !parsed.is_trusted() => report.push(foreign_endpoint(endpoint).at(at(&["endpoint"]))),
                    Ok(_) => {}
                }
                Some(endpoint.trim_end_matches('/').to_owned())
            }
            (None, Some(region)) => match Endpoint::of_region(region) {
                Ok(endpoint) => Some(endpoint.to_string()),
                Err(why) => {
                    report.error(Code::InvalidValue, at(&["region"]), why);
                    None
                }
            },
            (None, None) => None,
        };
        if let Some(gateway) = spec.gateway.as_deref().filter(|gateway| !is_origin(gateway)) {
            report.error(
                Code::InvalidValue,
                at(&["gateway"]),
                format!("`{gateway}` is not the URL of a host, such as `https://api.example.com`"),
            );
        }
        if let Some(WordOr::Value(reconcile)) = &spec.reconcile
            && let Err(why) = cron::check(&reconcile.schedule)
        {
            report.error(Code::InvalidValue, at(&["reconcile", "schedule"]), why);
        }
        for (index, folder) in spec.deployer.secret_folders.iter().enumerate() {
            if let Err(why) = secret_folder::check_folder(folder) {
                report.error(Code::InvalidValue, at(&["deployer", "secretFolders"]).index(index), why);
            }
        }
        pod_settings::check(&spec, report);
        if let Some(Err(why)) = spec.deployer.token_volume.as_deref().map(volume) {
            report.error(Code::InvalidValue, at(&["deployer", "tokenVolume"]), why);
        }
        let timeout = timeout(&spec);
        let timeout_seconds = match duration::parse(timeout) {
            Ok(duration) if duration.as_secs() >= 10 => duration.as_secs(),
            Ok(_) => {
                report.error(
                    Code::InvalidValue,
                    at(&["deployer", "timeout"]),
                    format!("`{timeout}` is shorter than the minimum, 10s"),
                );
                10
            }
            Err(why) => {
                report.error(Code::InvalidValue, at(&["deployer", "timeout"]), why);
                10
            }
        };
        Self { resource, spec, endpoint, timeout_seconds }
    }

    /// The Apigee organization.
    pub(super) fn organization(&self) -> &str {
        &self.spec.organization
    }

    /// The name of the ApigeeEnvironment, which is unique in its namespace.
    pub(super) fn resource_name(&self) -> &str {
        &self.resource.subject.name
    }

    /// The environment's name in Apigee.
    pub(super) fn name(&self) -> &str {
        self.spec.environment.as_deref().unwrap_or(&self.resource.subject.name)
    }

    /// The deployer's image.
    pub(super) fn image(&self) -> &str {
        self.spec.deployer.image.as_deref().unwrap_or(IMAGE)
    }

    /// How long a deployment may take, as written in the spec.
    pub(super) fn timeout(&self) -> &str {
        timeout(&self.spec)
    }

    /// A Job for this environment, without files and with the timeout of one bundle. What it applies and its digest are added where they are
    /// known.
    pub(super) fn deployment<'d>(
        &'d self,
        payload: Payload<'d>,
        owner: ResourceOwner<'d>,
        deployer: &'d DeployerIdentity,
        provenance: Option<&'d Provenance>,
    ) -> Deployment<'d> {
        Deployment {
            organization: self.organization(),
            environment: self.name(),
            resource: self.resource_name(),
            endpoint: self.endpoint.as_deref(),
            payload,
            intent: None,
            digest: None,
            owner,
            replaces_cluster: self.spec.replaces_cluster.as_deref(),
            sources: &[],
            deployer,
            image: self.image(),
            timeout: self.timeout(),
            timeout_seconds: self.timeout_seconds,
            turns: 1,
            settings: &self.spec.deployer,
            gitops: self.spec.gitops,
            provenance,
        }
    }

    /// True if the name refers to this environment: it is the name in Apigee, or a current or former name of the resource.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name() == name || self.resource.names.iter().any(|known| known == name)
    }
}

/// A spec may come from a pull request, and must not be able to send the deployer's token to another host.
fn foreign_endpoint(endpoint: &str) -> Diagnostic {
    let message =
        format!("`{endpoint}` is neither a Google host nor this machine, and would receive the deployer's token");
    Diagnostic::error(Code::ForeignEndpoint, message).help(
        "allowed are https URLs of *.googleapis.com and, for a sandbox, http URLs of 127.0.0.0/8, ::1 and localhost; remove `endpoint`, or \
        set `region`",
    )
}

/// True for a URL that has only a scheme and a host.
fn is_origin(url: &str) -> bool {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    host.map(|host| host.strip_suffix('/').unwrap_or(host)).is_some_and(|host| {
        !host.is_empty() && !host.contains(|c: char| matches!(c, '/' | '?' | '#' | '@' | ' ') || c.is_control())
    })
}

/// Checks the name of an additional volume, which is not the name of one of the pod's volumes.
fn volume(name: &str) -> Result<(), String> {
    kubernetes_rules::volume_name(name)?;
    if VOLUMES.contains(&name) {
        return Err(format!(
            "the name `{name}` is reserved for a volume of the pod; use another name, such as `vault-token`"
        ));
    }
    Ok(())
}

fn timeout(spec: &EnvironmentSpec) -> &str {
    spec.deployer.timeout.as_deref().unwrap_or(match spec.runtime {
        Runtime::X => "10m",
        Runtime::Hybrid => "20m",
    })
}
