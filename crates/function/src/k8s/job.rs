//! The Job that deploys one bundle, or a batch of them, to one environment.

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
use apigee_flux_model::names::kubernetes::label_value;

/// The volume, and its folder, with one bundle.
pub(super) const BUNDLE: &str = "bundle";

/// With all bundles of a batch.
pub(super) const BUNDLES: &str = "bundles";

/// With the list of a batch.
pub(super) const BATCH: &str = "batch";

/// With the document of a configuration.
pub(super) const CONFIGURATION: &str = "configuration";

/// With the inventory.
pub(super) const INVENTORY: &str = "inventory";

/// With the keys of Secrets.
pub(super) const SECRETS: &str = "secrets";

/// The exit codes of the deployer that a retry cannot mend: usage, bundle invalid, bundle missing or too large, digest, permission.
const PERMANENT: [i32; 5] = [64, 65, 66, 67, 77];

/// Whose desired state a Job applies: resources of another owner are left alone.
#[derive(Debug, Clone, Copy)]
pub enum Owner<'a> {
    /// As written.
    Named(&'a str),
    /// A name within the namespace that the pod runs in, which may be set long after this was rendered.
    OfNamespace(&'a str),
}

impl Owner<'_> {
    /// As a part of an argument, in which Kubernetes expands `$(NAME)`; `$$(` stands for itself.
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
        /// How it is deployed.
        settings: &'a DeploySettings,
    },
    /// Nothing: one is removed.
    Removal {
        /// Proxy or shared flow.
        kind: BundleKind,
        /// Its name in Apigee.
        name: &'a str,
        /// How much of it goes.
        removal: Removal,
    },
    /// The configuration of an environment or an organization.
    Configuration {
        /// The name of the ConfigMap with the document.
        config_map: &'a str,
        /// The place.
        place: Place<'a>,
        /// Whose desired state it is.
        owner: Owner<'a>,
        /// The keys of Secrets that it needs.
        secrets: &'a BTreeSet<SecretKeyRef>,
    },
    /// Everything, compared with what Apigee has.
    Reconcile {
        /// The name of the ConfigMap with the inventory.
        config_map: &'a str,
        /// Whose desired state it is.
        owner: Owner<'a>,
        /// Whose desired state the organization is.
        owner_of_organization: Owner<'a>,
        /// The keys of Secrets that it needs.
        secrets: &'a BTreeSet<SecretKeyRef>,
        /// When, and what happens.
        how: &'a environment::Reconcile,
    },
    /// All bundles of an environment.
    Batch {
        /// The name of the ConfigMap with the list of them.
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
    /// The management API, if not the global one.
    pub endpoint: Option<&'a str>,
    /// What is deployed.
    pub payload: Payload<'a>,
    /// The digest of the bundle or of the batch.
    pub digest: Digest,
    /// The sources of the volume with the bundle or with all bundles.
    pub sources: &'a [VolumeProjection],
    /// Who the Job runs as.
    pub deployer: &'a Deployer,
    /// The container image.
    pub image: &'a str,
    /// How long the deployment of a bundle may take, as written.
    pub timeout: &'a str,
    /// The same in seconds.
    pub timeout_seconds: u64,
    /// How often that long the Job may take.
    pub turns: u64,
    /// The rest of the deployer's settings.
    pub settings: &'a environment::Deployer,
    /// What applies the Job.
    pub gitops: GitOps,
    /// Where this state of Git comes from.
    pub provenance: Option<&'a Provenance>,
}

impl Deployment<'_> {
    /// The environment that the Job changes; none if it is the organization.
    fn environment(&self) -> Option<&str> {
        match self.payload {
            Payload::Configuration { place, .. } => place.environment.map(|_| self.environment),
            _ => Some(self.environment),
        }
    }
}

/// The Job.
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

/// The CronJob that runs the Job again and again.
pub fn cron_job(deployment: &Deployment<'_>, schedule: &str, metadata: &Metadata<'_>) -> Object {
    let name = environment_name(deployment.resource, "reconcile");
    let (object_meta, spec) = parts(deployment, metadata, &name);
    let spec = CronJobSpec {
        schedule: schedule.to_owned(),
        // Two runs would look at each other's half-done work.
        concurrency_policy: Some("Forbid".to_owned()),
        // A cluster that slept starts one run, not all that it missed.
        starting_deadline_seconds: Some(300),
        successful_jobs_history_limit: Some(1),
        failed_jobs_history_limit: Some(3),
        job_template: JobTemplateSpec {
            metadata: None,
            // The next run comes anyway.
            spec: Some(JobSpec { backoff_limit: Some(0), pod_failure_policy: None, ..spec }),
        },
        ..CronJobSpec::default()
    };
    Object::cron_job(object_meta, spec)
}

/// The metadata and the Job itself.
fn parts(deployment: &Deployment<'_>, metadata: &Metadata<'_>, name: &str) -> (ObjectMeta, JobSpec) {
    let mut object_meta = metadata.object(name);
    let labels = job_labels(deployment, metadata);
    object_meta.labels.get_or_insert_default().extend(labels.clone());
    let annotations = object_meta.annotations.get_or_insert_default();
    // A Job's template is immutable: whoever applies it may delete the Job and create it anew, this one only.
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
    // A sidecar would keep the Job from ever completing.
    template_labels.insert("sidecar.istio.io/inject".to_owned(), "false".to_owned());
    let mut template_annotations: BTreeMap<String, String> =
        deployment.settings.pod_annotations.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    template_annotations.insert("linkerd.io/inject".to_owned(), "disabled".to_owned());
    template_annotations.insert(DIGEST.to_owned(), deployment.digest.to_string());
    let spec = JobSpec {
        backoff_limit: Some(3),
        // Half as much again, for what a bundle waits for and for going back.
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

/// A drain costs no retry; what a retry cannot mend fails at once.
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
                    values: PERMANENT.to_vec(),
                }),
                on_pod_conditions: None,
            },
        ],
    }
}

/// The arguments. Paths are relative to the container's working directory `/`.
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
    // Kubernetes expands `$(NAME)` in arguments; `$$(` stands for itself.
    let mut arguments: Vec<String> = arguments.into_iter().map(|argument| argument.replace("$(", "$$(")).collect();
    arguments.extend(owner(deployment).map(|owner| format!("--owner={}", owner.argument())));
    if let Payload::Reconcile { owner_of_organization, .. } = deployment.payload {
        arguments.push(format!("--owner-of-organization={}", owner_of_organization.argument()));
    }
    arguments.extend(reports(deployment).then(report_access::argument));
    arguments
}

/// Whether the Job says in its cluster how it ended. Those of a CronJob have names that no Role can know.
pub(super) fn reports(deployment: &Deployment<'_>) -> bool {
    deployment.settings.report == Report::Job && !matches!(deployment.payload, Payload::Reconcile { .. })
}

/// Whose desired state the Job applies, if it applies one.
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
