//! What a Job needs to report to its own cluster: a token in its pod, and a Role that allows a label on the Job and an Event, and no more.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, DownwardAPIProjection, DownwardAPIVolumeFile, EnvVar, EnvVarSource, KeyToPath,
    ObjectFieldSelector, Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::api::rbac::v1::{PolicyRule, RoleRef, Subject};

use super::metadata::Metadata;
use super::object::Object;
use super::volumes::{projected, token};
use apigee_flux_model::names::kubernetes::ACCOUNT_PATH;

/// The volume with the token.
pub(super) const VOLUME: &str = "kubernetes";

/// The variable with the Job's name. It comes from a label of the pod, since kustomize does not add a name prefix to arguments.
const JOB_VARIABLE: &str = "APIGEE_FLUX_JOB";

/// The name of the Role and its RoleBinding.
const ROLE: &str = "apigee-deployer-report";

/// The argument that makes the deployer report; Kubernetes expands the variable.
pub(super) fn argument() -> String {
    format!("--report-job=$({JOB_VARIABLE})")
}

/// What the report needs in a pod: the token with the cluster's CA certificate and the namespace, and the variable with the Job's name.
pub(super) fn pod_parts() -> (Volume, VolumeMount, EnvVar) {
    let field = |path: &str| ObjectFieldSelector { api_version: None, field_path: path.to_owned() };
    let authority = ConfigMapProjection {
        // Kubernetes creates it in every namespace.
        name: "kube-root-ca.crt".to_owned(),
        items: Some(vec![KeyToPath { key: "ca.crt".to_owned(), path: "ca.crt".to_owned(), mode: None }]),
        optional: None,
    };
    let namespace = DownwardAPIVolumeFile {
        path: "namespace".to_owned(),
        field_ref: Some(field("metadata.namespace")),
        ..DownwardAPIVolumeFile::default()
    };
    let sources = vec![
        token(None),
        VolumeProjection { config_map: Some(authority), ..VolumeProjection::default() },
        VolumeProjection {
            downward_api: Some(DownwardAPIProjection { items: Some(vec![namespace]) }),
            ..VolumeProjection::default()
        },
    ];
    let volume = projected(VOLUME, sources);
    let mount = VolumeMount {
        name: VOLUME.to_owned(),
        mount_path: ACCOUNT_PATH.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    };
    let source = EnvVarSource {
        field_ref: Some(field("metadata.labels['batch.kubernetes.io/job-name']")),
        ..EnvVarSource::default()
    };
    let variable = EnvVar { name: JOB_VARIABLE.to_owned(), value: None, value_from: Some(source) };
    (volume, mount, variable)
}

/// The Role and RoleBinding for the Jobs that report; `None` if no Job reports. All Jobs are in one namespace.
pub fn report_access<'o>(jobs: impl Iterator<Item = &'o Object>, metadata: &Metadata<'_>) -> Option<[Object; 2]> {
    let (mut names, mut accounts) = (BTreeSet::new(), BTreeSet::new());
    for job in jobs {
        let Some(pod) = job.pod_template().and_then(|template| template.spec.as_ref()) else { continue };
        if pod.volumes.iter().flatten().any(|volume| volume.name == VOLUME) {
            names.insert(job.id.name.clone());
            accounts.extend(pod.service_account_name.clone());
        }
    }
    if names.is_empty() {
        return None;
    }
    let rule = |group: &str, resource: &str, verb: &str, names: Option<Vec<String>>| PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(vec![resource.to_owned()]),
        resource_names: names,
        verbs: vec![verb.to_owned()],
        ..PolicyRule::default()
    };
    let rules = vec![
        rule("batch", "jobs", "patch", Some(names.into_iter().collect())),
        // A rule cannot restrict `create` to names.
        rule("events.k8s.io", "events", "create", None),
    ];
    let role_ref =
        RoleRef { api_group: "rbac.authorization.k8s.io".to_owned(), kind: "Role".to_owned(), name: ROLE.to_owned() };
    // A subject without a namespace is in the namespace of the binding, even if an overlay changes it.
    let subject = |name| Subject { kind: "ServiceAccount".to_owned(), name, ..Subject::default() };
    let subjects = accounts.into_iter().map(subject).collect();
    Some([Object::role(metadata.object(ROLE), rules), Object::role_binding(metadata.object(ROLE), role_ref, subjects)])
}
