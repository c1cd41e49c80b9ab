//! The pod of a Job: its volumes, identity and security settings.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    CSIVolumeSource, Capabilities, ConfigMapProjection, ConfigMapVolumeSource, Container, EnvVar, EnvVarSource,
    KeyToPath, ObjectFieldSelector, PodSecurityContext, PodSpec, ProjectedVolumeSource, ResourceRequirements,
    SeccompProfile, SecretProjection, SecurityContext, Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use super::deployment::Deployment;
use super::names::{inventory_name, names_name};
use super::payload::{JOB_UID_VARIABLE, NAMESPACE_VARIABLE, Payload};
use super::volumes::{
    BATCH, BUNDLE, BUNDLES, CLUSTER, CONFIGURATION, PROVENANCE, SECRETS, SECRETS_STORE, STATE, authority, projected,
    token,
};
use super::{api_access, identity, provenance, report_access};
use crate::spec::environment::Resources;
use apigee_flux_configuration::inventory::NAMES_PARTS;
use apigee_flux_configuration::secret::SecretKeyRef;
use apigee_flux_model::names::kubernetes::CLUSTER_AUDIENCE;

/// The user of the container image: `nobody`, which is in the image's `/etc/passwd`.
const USER: i64 = 65534;

/// The names of all volumes that a pod may have.
pub const VOLUMES: [&str; 11] = [
    BUNDLE,
    BUNDLES,
    BATCH,
    CONFIGURATION,
    STATE,
    CLUSTER,
    SECRETS,
    SECRETS_STORE,
    PROVENANCE,
    identity::VOLUME,
    api_access::VOLUME,
];

/// The pod that runs the program with the arguments.
pub(super) fn pod(deployment: &Deployment<'_>, arguments: Vec<String>) -> PodSpec {
    let mut volumes = volumes(deployment);
    let mut mounts: Vec<VolumeMount> = volumes.iter().map(|volume| mount(&volume.name)).collect();
    let mut env: Vec<EnvVar> = deployment
        .settings
        .env
        .iter()
        .map(|variable| EnvVar { name: variable.name.clone(), value: Some(variable.value.clone()), value_from: None })
        .collect();
    env.extend([
        field_variable(NAMESPACE_VARIABLE, "metadata.namespace"),
        field_variable(JOB_UID_VARIABLE, "metadata.labels['batch.kubernetes.io/controller-uid']"),
    ]);
    if let Some((volume, mount, variable)) = deployment.deployer.pod_parts() {
        volumes.push(volume);
        mounts.push(mount);
        env.push(variable);
    }
    let reads_cluster = matches!(deployment.payload, Payload::Reconcile { .. });
    if reads_cluster || deployment.reports() || deployment.creates_secrets() {
        let (volume, mount) = api_access::pod_parts();
        volumes.push(volume);
        mounts.push(mount);
    }
    env.extend(deployment.reports().then(report_access::variable));
    volumes.extend(deployment.settings.token_volume.as_deref().map(token_volume));
    PodSpec {
        restart_policy: Some("Never".to_owned()),
        service_account_name: Some(deployment.deployer.service_account().to_owned()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(60),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(USER),
            run_as_group: Some(USER),
            fs_group: Some(USER),
            seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
            ..PodSecurityContext::default()
        }),
        containers: vec![Container {
            name: "deploy".to_owned(),
            image: Some(deployment.image.to_owned()),
            args: Some(arguments),
            working_dir: Some("/".to_owned()),
            env: Some(env),
            resources: Some(resources(deployment.settings.resources.as_ref())),
            security_context: Some(SecurityContext {
                allow_privilege_escalation: Some(false),
                read_only_root_filesystem: Some(true),
                capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
                ..SecurityContext::default()
            }),
            termination_message_policy: Some("FallbackToLogsOnError".to_owned()),
            volume_mounts: Some(mounts),
            ..Container::default()
        }],
        volumes: Some(volumes),
        ..PodSpec::default()
    }
}

/// Mounts a volume at the folder with its name.
fn mount(name: &str) -> VolumeMount {
    VolumeMount {
        name: name.to_owned(),
        mount_path: format!("/{name}"),
        read_only: Some(true),
        ..VolumeMount::default()
    }
}

fn optional_config_map(volume: &str, name: &str) -> Volume {
    Volume {
        name: volume.to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: name.to_owned(),
            optional: Some(true),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// The volume with the index of the inventory and the parts of the list of names. Optional: where layers do not exist, a Job may start before the
/// inventory is applied, and only a long list of names is in parts.
fn state_volume(deployment: &Deployment<'_>) -> Volume {
    let index = inventory_name(deployment.resource);
    let parts = (0..NAMES_PARTS).map(|part| names_name(&index, part));
    let source = |name: String| VolumeProjection {
        config_map: Some(ConfigMapProjection { name, items: None, optional: Some(true) }),
        ..VolumeProjection::default()
    };
    projected(STATE, std::iter::once(index.clone()).chain(parts).map(source).collect())
}

/// The volumes that the program reads: bundles, provenance, its document, and secrets.
fn volumes(deployment: &Deployment<'_>) -> Vec<Volume> {
    let mut volumes = Vec::new();
    let files = match deployment.payload {
        Payload::Bundle { .. } => Some(BUNDLE),
        Payload::Batch { .. } => Some(BUNDLES),
        Payload::Reconcile { .. } | Payload::Removal { .. } | Payload::Configuration { .. } => None,
    };
    volumes.extend(files.map(|files| projected(files, deployment.sources.to_vec())));
    volumes.push(optional_config_map(PROVENANCE, provenance::NAME));
    volumes.push(state_volume(deployment));
    volumes.push(projected(CLUSTER, vec![token(Some(CLUSTER_AUDIENCE.to_owned())), authority(true)]));
    let document = match deployment.payload {
        Payload::Batch { list, .. } => Some((BATCH, list)),
        Payload::Configuration { document, .. } => Some((CONFIGURATION, document)),
        Payload::Bundle { .. } | Payload::Removal { .. } | Payload::Reconcile { .. } => None,
    };
    volumes.extend(document.map(|(volume, maps)| maps.volume(volume)));
    if let Payload::Configuration { secrets, .. } | Payload::Reconcile { secrets, .. } = deployment.payload {
        volumes.extend(Some(secrets).filter(|secrets| !secrets.is_empty()).map(secret_volume));
        volumes.extend(deployment.settings.secret_provider_class.as_deref().map(csi_volume));
    }
    volumes
}

/// The volume with secrets from an external store (Secrets Store CSI Driver, `SecretProviderClass`).
fn csi_volume(class: &str) -> Volume {
    Volume {
        name: SECRETS_STORE.to_owned(),
        csi: Some(CSIVolumeSource {
            driver: "secrets-store.csi.k8s.io".to_owned(),
            read_only: Some(true),
            volume_attributes: Some(BTreeMap::from([("secretProviderClass".to_owned(), class.to_owned())])),
            ..CSIVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// A volume with a token of the ServiceAccount for an injected container, which mounts it itself (Vault agent injector,
/// `agent-service-account-token-volume-name`).
fn token_volume(name: &str) -> Volume {
    // Vault sends the token to the API server for review.
    projected(name, vec![token(None)])
}

/// A variable with the value of a field of the pod.
pub(super) fn field_variable(name: &str, path: &str) -> EnvVar {
    let field = ObjectFieldSelector { api_version: None, field_path: path.to_owned() };
    EnvVar {
        name: name.to_owned(),
        value: None,
        value_from: Some(EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() }),
    }
}

/// Each key of each Secret as `<Secret>/<key>`. All are optional: a pod would wait for a missing Secret without an error, but the program
/// reports it.
fn secret_volume(secrets: &BTreeSet<SecretKeyRef>) -> Volume {
    let source = |secret: &SecretKeyRef| VolumeProjection {
        secret: Some(SecretProjection {
            name: secret.name.clone(),
            items: Some(vec![KeyToPath {
                key: secret.key.clone(),
                path: format!("{}/{}", secret.name, secret.key),
                mode: None,
            }]),
            optional: Some(true),
        }),
        ..VolumeProjection::default()
    };
    Volume {
        name: SECRETS.to_owned(),
        projected: Some(ProjectedVolumeSource {
            sources: Some(secrets.iter().map(source).collect()),
            default_mode: Some(0o440),
        }),
        ..Volume::default()
    }
}

fn resources(written: Option<&Resources>) -> ResourceRequirements {
    let quantities = |pairs: Vec<(String, String)>| {
        Some(pairs.into_iter().map(|(key, value)| (key, Quantity(value))).collect::<BTreeMap<_, _>>())
            .filter(|pairs| !pairs.is_empty())
    };
    let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let (requests, limits) = match written {
        Some(written) => (written.requests.clone().into_iter().collect(), written.limits.clone().into_iter().collect()),
        None => (owned(&[("cpu", "20m"), ("memory", "32Mi")]), owned(&[("memory", "128Mi")])),
    };
    ResourceRequirements { requests: quantities(requests), limits: quantities(limits), claims: None }
}
