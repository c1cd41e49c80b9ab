//! The Jobs of the deployer, and the CronJob of the reconciler.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::batch::v1::{
    CronJobSpec, JobSpec, JobTemplateSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::{PodTemplateSpec, VolumeProjection};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::identity::Deployer;
use super::metadata::{DIGEST, Metadata};
use super::names::{batch_name, configuration_name, environment_name, job_name};
use super::object::Object;
use super::pod::pod;
use super::provenance;
use super::report_access;
use crate::spec::environment::{self, GitOps, Report};
use crate::spec::expand_apigee::Provenance;
use apigee_flux_configuration::inventory;
use apigee_flux_configuration::inventory::Deep;
use apigee_flux_configuration::secret::SecretKeyRef;
use apigee_flux_configuration::{Place, document};
use apigee_flux_model::bundle::{BundleKind, DeploySettings, Digest, Removal, SmokeTest, batch, manifest};
use apigee_flux_model::exit::Exit;
use apigee_flux_model::names::kubernetes::label_value;

/// The name and folder of the volume with one bundle.
pub(super) const BUNDLE: &str = "bundle";

/// The name and folder of the volume with all bundles of a batch.
pub(super) const BUNDLES: &str = "bundles";

/// The name and folder of the volume with the list of a batch.
pub(super) const BATCH: &str = "batch";

/// The name and folder of the volume with the configuration document.
pub(super) const CONFIGURATION: &str = "configuration";

/// The name and folder of the volume with the inventory.
pub(super) const INVENTORY: &str = "inventory";

/// The name and folder of the volume with the keys of Secrets.
pub(super) const SECRETS: &str = "secrets";

/// The owner of the resources that a Job applies: resources of another owner are not changed.
#[derive(Debug, Clone, Copy)]
pub enum Owner<'a> {
    /// The name in the spec.
    Named(&'a str),
    /// A name within the namespace of the pod, which may be set long after rendering.
    OfNamespace(&'a str),
}

impl Owner<'_> {
    /// The owner as part of an argument, in which Kubernetes expands `$(NAME)`; `$$(` is an escaped `$(`.
    fn argument(self) -> String {
        match self {
            Self::Named(name) => name.replace("$(", "$$("),
            Self::OfNamespace(name) => format!("$({NAMESPACE_VARIABLE})/{name}"),
        }
    }
}

/// The variable with the pod's namespace.
pub(super) const NAMESPACE_VARIABLE: &str = "APIGEE_FLUX_NAMESPACE";

/// What a Job deploys.
#[derive(Debug, Clone, Copy)]
pub enum Payload<'a> {
    /// One bundle.
    Bundle {
        /// Proxy or shared flow.
        kind: BundleKind,
        /// The bundle's name in Apigee.
        name: &'a str,
        /// The deployment settings.
        settings: &'a DeploySettings,
    },
    /// A removal of one bundle.
    Removal {
        /// Proxy or shared flow.
        kind: BundleKind,
        /// The bundle's name in Apigee.
        name: &'a str,
        /// Whether the bundle is undeployed or deleted.
        removal: Removal,
    },
    /// The configuration of an environment or an organization.
    Configuration {
        /// The name of the ConfigMap with the document.
        config_map: &'a str,
        /// The environment or organization.
        place: Place<'a>,
        /// The owner of the resources.
        owner: Owner<'a>,
        /// The keys of Secrets that it needs.
        secrets: &'a BTreeSet<SecretKeyRef>,
    },
    /// The desired state of an environment, compared with the actual state in Apigee.
    Reconcile {
        /// The name of the ConfigMap with the inventory.
        config_map: &'a str,
        /// The owner of the environment's resources.
        owner: Owner<'a>,
        /// The owner of the organization's resources.
        owner_of_organization: Owner<'a>,
        /// The keys of Secrets that it needs.
        secrets: &'a BTreeSet<SecretKeyRef>,
        /// The settings of the reconciler.
        how: &'a environment::Reconcile,
    },
    /// All bundles of an environment.
    Batch {
        /// The name of the ConfigMap with the list of the bundles.
        config_map: &'a str,
    },
}

/// A Job for one environment.
#[derive(Debug, Clone)]
pub struct Deployment<'a> {
    /// The Apigee organization.
    pub organization: &'a str,
    /// The Apigee environment.
    pub environment: &'a str,
    /// The name of its ApigeeEnvironment.
    pub resource: &'a str,
    /// The endpoint of the management API, if it is not the global one.
    pub endpoint: Option<&'a str>,
    /// What is deployed.
    pub payload: Payload<'a>,
    /// The digest of the bundle or of the batch.
    pub digest: Digest,
    /// The sources of the volume with the bundle or with all bundles.
    pub sources: &'a [VolumeProjection],
    /// The identity with which the Job runs.
    pub deployer: &'a Deployer,
    /// The container image.
    pub image: &'a str,
    /// How long the deployment of a bundle may take, as written in the spec.
    pub timeout: &'a str,
    /// The same in seconds.
    pub timeout_seconds: u64,
    /// Multiplier for `timeout_seconds`: a batch may need several times one bundle's timeout.
    pub turns: u64,
    /// The other settings of the deployer.
    pub settings: &'a environment::Deployer,
    /// The GitOps tool that applies the Job.
    pub gitops: GitOps,
    /// Where this state of Git comes from.
    pub provenance: Option<&'a Provenance>,
}

impl Deployment<'_> {
    /// The environment that the Job changes; `None` if it changes the organization.
    fn environment(&self) -> Option<&str> {
        match self.payload {
            Payload::Configuration { place, .. } => place.environment.map(|_| self.environment),
            _ => Some(self.environment),
        }
    }
}

/// Renders the Job.
pub fn job(deployment: &Deployment<'_>, metadata: &Metadata<'_>) -> Object {
    let name = match deployment.payload {
        Payload::Bundle { kind, name, .. } | Payload::Removal { kind, name, .. } => {
            job_name(kind, deployment.environment, name)
        }
        Payload::Batch { .. } => batch_name(deployment.environment),
        Payload::Configuration { place, .. } => configuration_name(deployment.resource, place.scope()),
        Payload::Reconcile { .. } => environment_name(deployment.resource, "reconcile"),
    };
    let (object_meta, spec) = parts(deployment, metadata, &name);
    Object::job(object_meta, spec)
}

/// Renders the CronJob that runs the Job periodically.
pub fn cron_job(deployment: &Deployment<'_>, schedule: &str, metadata: &Metadata<'_>) -> Object {
    let name = environment_name(deployment.resource, "reconcile");
    let (object_meta, spec) = parts(deployment, metadata, &name);
    let spec = CronJobSpec {
        schedule: schedule.to_owned(),
        // Two concurrent runs would see each other's unfinished changes.
        concurrency_policy: Some("Forbid".to_owned()),
        // After a downtime, the cluster starts one run, not all missed runs.
        starting_deadline_seconds: Some(300),
        successful_jobs_history_limit: Some(1),
        failed_jobs_history_limit: Some(3),
        job_template: JobTemplateSpec {
            metadata: None,
            // The next scheduled run is the retry.
            spec: Some(JobSpec { backoff_limit: Some(0), pod_failure_policy: None, ..spec }),
        },
        ..CronJobSpec::default()
    };
    Object::cron_job(object_meta, spec)
}

/// The metadata and the spec of a Job.
fn parts(deployment: &Deployment<'_>, metadata: &Metadata<'_>, name: &str) -> (ObjectMeta, JobSpec) {
    let mut object_meta = metadata.object(name);
    let labels = job_labels(deployment, metadata);
    object_meta.labels.get_or_insert_default().extend(labels.clone());
    let annotations = object_meta.annotations.get_or_insert_default();
    // The template of a Job is immutable: the GitOps tool may delete and recreate this Job.
    let replace = match deployment.gitops {
        GitOps::Flux => Some(("kustomize.toolkit.fluxcd.io/force", "enabled")),
        GitOps::Argocd => Some(("argocd.argoproj.io/sync-options", "Force=true,Replace=true")),
        GitOps::None => None,
    };
    annotations.extend(replace.map(|(key, value)| (key.to_owned(), value.to_owned())));
    annotations
        .insert("apigeeflux.dev/rendered-by".to_owned(), concat!("apigee-flux/", env!("CARGO_PKG_VERSION")).to_owned());
    if let Some(provenance) = deployment.provenance {
        let fields = [
            ("commit", &provenance.commit),
            ("tag", &provenance.tag),
            ("author", &provenance.author),
            ("time", &provenance.time),
            ("source", &provenance.source),
        ];
        for (key, value) in fields {
            if let Some(value) = value {
                annotations.insert(format!("apigeeflux.dev/{key}"), value.clone());
            }
        }
    }
    let mut template_labels = metadata.labels();
    template_labels.extend(labels);
    // A sidecar would prevent the Job from completing.
    template_labels.insert("sidecar.istio.io/inject".to_owned(), "false".to_owned());
    let mut template_annotations: BTreeMap<String, String> =
        deployment.settings.pod_annotations.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    template_annotations.insert("linkerd.io/inject".to_owned(), "disabled".to_owned());
    template_annotations.insert(DIGEST.to_owned(), deployment.digest.to_string());
    let spec = JobSpec {
        backoff_limit: Some(3),
        // Half of the timeout in addition, for waiting before the deployment and for a rollback.
        active_deadline_seconds: i64::try_from(deployment.timeout_seconds.saturating_mul(deployment.turns * 3) / 2)
            .ok(),
        pod_failure_policy: Some(pod_failure_policy()),
        template: PodTemplateSpec {
            metadata: Some(ObjectMeta {
                labels: Some(template_labels),
                annotations: Some(template_annotations),
                ..ObjectMeta::default()
            }),
            spec: Some(pod(deployment, arguments(deployment))),
        },
        ..JobSpec::default()
    };
    (object_meta, spec)
}

fn job_labels(deployment: &Deployment<'_>, metadata: &Metadata<'_>) -> BTreeMap<String, String> {
    let what = match deployment.payload {
        Payload::Bundle { kind, name, .. } | Payload::Removal { kind, name, .. } => match kind {
            BundleKind::Proxy => name.to_owned(),
            BundleKind::SharedFlow => format!("{}-{name}", metadata.component),
        },
        Payload::Batch { .. } | Payload::Configuration { .. } | Payload::Reconcile { .. } => {
            metadata.component.to_owned()
        }
    };
    let environment = deployment.environment();
    let place = environment.map(|environment| format!("{environment}-")).unwrap_or_default();
    let instance = format!("{}-{place}{what}", deployment.organization);
    let mut labels = BTreeMap::from([
        ("app.kubernetes.io/instance".to_owned(), label_value(&instance)),
        ("app.kubernetes.io/version".to_owned(), deployment.digest.short(10)),
        ("apigeeflux.dev/organization".to_owned(), label_value(deployment.organization)),
    ]);
    if let Some(environment) = environment {
        labels.insert("apigeeflux.dev/environment".to_owned(), label_value(environment));
    }
    if let Payload::Bundle { name, .. } | Payload::Removal { name, .. } = deployment.payload {
        labels.insert(format!("apigeeflux.dev/{}", metadata.component), label_value(name));
    }
    labels
}

/// A pod disruption does not count as a retry; an exit code for which a retry is useless fails the Job immediately.
fn pod_failure_policy() -> PodFailurePolicy {
    let disruption =
        PodFailurePolicyOnPodConditionsPattern { type_: "DisruptionTarget".to_owned(), status: "True".to_owned() };
    PodFailurePolicy {
        rules: vec![
            PodFailurePolicyRule {
                action: "Ignore".to_owned(),
                on_pod_conditions: Some(vec![disruption]),
                on_exit_codes: None,
            },
            PodFailurePolicyRule {
                action: "FailJob".to_owned(),
                on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
                    container_name: Some("deploy".to_owned()),
                    operator: "In".to_owned(),
                    values: Exit::PERMANENT.iter().map(|exit| i32::from(exit.code())).collect(),
                }),
                on_pod_conditions: None,
            },
        ],
    }
}

/// The arguments of the container. Paths are relative to its working directory `/`.
fn arguments(deployment: &Deployment<'_>) -> Vec<String> {
    let mut arguments = match deployment.payload {
        Payload::Bundle { .. } => vec!["deploy".to_owned(), format!("--manifest={BUNDLE}/{}", manifest::FILE_NAME)],
        Payload::Batch { .. } => {
            vec!["deploy".to_owned(), format!("--batch={BATCH}/{}", batch::FILE_NAME), format!("--bundles={BUNDLES}")]
        }
        Payload::Configuration { .. } => vec![
            "apply".to_owned(),
            format!("--configuration={CONFIGURATION}/{}", document::FILE_NAME),
            format!("--secrets={SECRETS}"),
        ],
        Payload::Reconcile { how, .. } => {
            let mut arguments = vec![
                "reconcile".to_owned(),
                format!("--inventory={INVENTORY}/{}", inventory::FILE_NAME),
                format!("--bundles={BUNDLES}"),
                format!("--secrets={SECRETS}"),
            ];
            arguments.extend(how.prune.then(|| format!("--max-deletes={}", how.max_deletes)));
            arguments.extend((how.mode == environment::Mode::Report).then(|| "--report".to_owned()));
            arguments.extend(match how.deep {
                Deep::Daily => None,
                Deep::Always => Some("--deep=always".to_owned()),
                Deep::Never => Some("--deep=never".to_owned()),
            });
            arguments
        }
        Payload::Removal { kind, name, removal } => {
            let kind = match kind {
                BundleKind::Proxy => "proxy",
                BundleKind::SharedFlow => "shared-flow",
            };
            let mut arguments = vec!["remove".to_owned(), format!("--{kind}={name}")];
            arguments.extend((removal == Removal::Delete).then(|| "--delete".to_owned()));
            arguments
        }
    };
    arguments.extend([
        format!("--provenance=provenance/{}", provenance::FILE_NAME),
        format!("--org={}", deployment.organization),
    ]);
    arguments.extend(deployment.environment().map(|environment| format!("--env={environment}")));
    if let Payload::Bundle { .. } = deployment.payload {
        arguments.push(format!("--expect-digest={}", deployment.digest));
    }
    arguments.push(format!("--timeout={}", deployment.timeout));
    if let Some(endpoint) = deployment.endpoint {
        arguments.push(format!("--endpoint={endpoint}"));
    }
    if let Payload::Bundle { settings, .. } = deployment.payload {
        arguments.extend(settings_arguments(settings));
    }
    let waits = matches!(deployment.payload, Payload::Bundle { .. } | Payload::Batch { .. });
    if waits && deployment.settings.wait == environment::Wait::Accepted {
        arguments.push("--wait=accepted".to_owned());
    }
    if let Payload::Configuration { .. } | Payload::Reconcile { .. } = deployment.payload {
        arguments.extend(deployment.settings.secret_folders.iter().map(|folder| format!("--secret-folder={folder}")));
    }
    if let Some(rate) = deployment.settings.rate {
        arguments.push(format!("--rate={rate}"));
    }
    // Kubernetes expands `$(NAME)` in arguments; `$$(` is an escaped `$(`.
    let mut arguments: Vec<String> = arguments.into_iter().map(|argument| argument.replace("$(", "$$(")).collect();
    arguments.extend(owner(deployment).map(|owner| format!("--owner={}", owner.argument())));
    if let Payload::Reconcile { owner_of_organization, .. } = deployment.payload {
        arguments.push(format!("--owner-of-organization={}", owner_of_organization.argument()));
    }
    arguments.extend(reports(deployment).then(report_access::argument));
    arguments
}

/// Whether the Job reports its result to the cluster. The Jobs of a CronJob have generated names, which a Role cannot list.
pub(super) fn reports(deployment: &Deployment<'_>) -> bool {
    deployment.settings.report == Report::Job && !matches!(deployment.payload, Payload::Reconcile { .. })
}

/// The owner of the resources that the Job applies, if it applies configuration.
pub(super) fn owner<'d>(deployment: &Deployment<'d>) -> Option<Owner<'d>> {
    match deployment.payload {
        Payload::Configuration { owner, .. } | Payload::Reconcile { owner, .. } => Some(owner),
        Payload::Bundle { .. } | Payload::Batch { .. } | Payload::Removal { .. } => None,
    }
}

fn settings_arguments(settings: &DeploySettings) -> Vec<String> {
    let DeploySettings { service_account, keep_revisions, allow_extensible, smoke_test } = settings;
    let mut arguments = Vec::new();
    arguments.extend(service_account.iter().map(|account| format!("--service-account={account}")));
    arguments.extend(keep_revisions.iter().map(|kept| format!("--keep-revisions={kept}")));
    arguments.extend(allow_extensible.iter().map(|allowed| format!("--allow-extensible={allowed}")));
    if let Some(SmokeTest { url, expect_status }) = smoke_test {
        arguments.extend([format!("--smoke-test={url}"), format!("--smoke-status={expect_status}")]);
    }
    arguments
}
