//! The Jobs of the deployer, and the CronJob of the reconciler.

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{
    CronJobSpec, JobSpec, JobTemplateSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement,
    PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::arguments::arguments;
use super::deployment::Deployment;
use super::metadata::{DIGEST, Metadata};
use super::names::{batch_name, configuration_name, environment_name, job_name};
use super::object::Object;
use super::payload::{Intent, Payload};
use super::pod::pod;
use crate::spec::environment::GitOps;
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::exit::Exit;
use apigee_flux_model::names::kubernetes::{APPLIES, DESIRED, ENVIRONMENT, ORGANIZATION, label_value};

/// How long a run may wait for the organization's quota besides its timeout, in seconds: the default of `--quota-wait`.
const QUOTA_WAIT: u64 = 600;

/// The least time of a run of the reconciler, in seconds. The time does not depend on the number of resources: a run that compares many of them
/// and repairs none takes minutes, and what a run does not reach, the next one does. A run that hangs must not keep the next one from starting
/// for longer.
const SHORTEST_RUN: u64 = 3600;

/// Renders the Job.
pub fn job(deployment: &Deployment<'_>, metadata: &Metadata<'_>) -> Object {
    let name = match deployment.payload {
        Payload::Bundle { kind, name, .. } | Payload::Removal { kind, name, .. } => {
            job_name(kind, deployment.environment, name)
        }
        Payload::Batch { number, .. } => batch_name(deployment.environment, number),
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
    let deadline = deployment.timeout_seconds.saturating_mul(3).max(SHORTEST_RUN).saturating_add(QUOTA_WAIT);
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
            spec: Some(JobSpec {
                backoff_limit: Some(0),
                pod_failure_policy: None,
                active_deadline_seconds: i64::try_from(deadline).ok(),
                ..spec
            }),
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
    if let Some(Intent { applies, desired }) = &deployment.intent {
        annotations.insert(APPLIES.to_owned(), applies.clone());
        annotations.insert(DESIRED.to_owned(), desired.to_string());
    }
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
    template_annotations.extend(deployment.digest.map(|digest| (DIGEST.to_owned(), digest.to_string())));
    let spec = JobSpec {
        backoff_limit: Some(3),
        // Half of the timeout in addition, for waiting before the deployment and for a rollback.
        active_deadline_seconds: i64::try_from(
            (deployment.timeout_seconds.saturating_mul(deployment.turns * 3) / 2).saturating_add(QUOTA_WAIT),
        )
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
        (ORGANIZATION.to_owned(), label_value(deployment.organization)),
    ]);
    labels.extend(deployment.digest.map(|digest| ("app.kubernetes.io/version".to_owned(), digest.short(10))));
    if let Some(environment) = environment {
        labels.insert(ENVIRONMENT.to_owned(), label_value(environment));
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
