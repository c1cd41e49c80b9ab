//! What a pod needs to call the API of its cluster: a token, the cluster's CA certificate, and its namespace; and the Role of its
//! ServiceAccount. Pods get no token otherwise.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    DownwardAPIProjection, DownwardAPIVolumeFile, ObjectFieldSelector, Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::api::rbac::v1::{PolicyRule, RoleRef, Subject};

use super::metadata::Metadata;
use super::object::Object;
use super::volumes::{authority, projected, token};
use apigee_flux_model::names::kubernetes::ACCOUNT_PATH;

/// The volume with the token.
pub(super) const VOLUME: &str = "kubernetes";

/// The volume, where client libraries expect it.
pub(super) fn pod_parts() -> (Volume, VolumeMount) {
    let namespace = DownwardAPIVolumeFile {
        path: "namespace".to_owned(),
        field_ref: Some(ObjectFieldSelector { api_version: None, field_path: "metadata.namespace".to_owned() }),
        ..DownwardAPIVolumeFile::default()
    };
    let sources = vec![
        token(None),
        authority(false),
        VolumeProjection {
            downward_api: Some(DownwardAPIProjection { items: Some(vec![namespace]) }),
            ..VolumeProjection::default()
        },
    ];
    let mount = VolumeMount {
        name: VOLUME.to_owned(),
        mount_path: ACCOUNT_PATH.to_owned(),
        read_only: Some(true),
        ..VolumeMount::default()
    };
    (projected(VOLUME, sources), mount)
}

/// The names and the ServiceAccounts of the objects whose pods have an argument that starts like this.
pub(super) fn callers<'o>(objects: impl Iterator<Item = &'o Object>, argument: &str) -> Callers {
    let mut found = Callers::default();
    for object in objects {
        let Some(pod) = object.pod_template().and_then(|template| template.spec.as_ref()) else { continue };
        let mut arguments = pod.containers.iter().flat_map(|container| container.args.iter().flatten());
        if arguments.any(|given| given.starts_with(argument)) {
            found.names.insert(object.id.name.clone());
            found.accounts.extend(pod.service_account_name.clone());
        }
    }
    found
}

/// Objects with pods, and the ServiceAccounts of these pods.
#[derive(Default)]
pub(super) struct Callers {
    pub names: BTreeSet<String>,
    pub accounts: BTreeSet<String>,
}

/// A rule of a Role. `names` restricts it to some resources.
pub(super) fn rule(group: &str, resource: &str, verbs: &[&str], names: Option<BTreeSet<String>>) -> PolicyRule {
    PolicyRule {
        api_groups: Some(vec![group.to_owned()]),
        resources: Some(vec![resource.to_owned()]),
        resource_names: names.map(|names| names.into_iter().collect()),
        verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
        ..PolicyRule::default()
    }
}

/// A Role and its RoleBinding.
pub(super) fn grant(
    name: &str,
    rules: Vec<PolicyRule>,
    accounts: BTreeSet<String>,
    metadata: &Metadata<'_>,
) -> [Object; 2] {
    let role_ref =
        RoleRef { api_group: "rbac.authorization.k8s.io".to_owned(), kind: "Role".to_owned(), name: name.to_owned() };
    // A subject without a namespace is in the namespace of the binding, even if an overlay changes it.
    let subject = |name| Subject { kind: "ServiceAccount".to_owned(), name, ..Subject::default() };
    let subjects = accounts.into_iter().map(subject).collect();
    [Object::role(metadata.object(name), rules), Object::role_binding(metadata.object(name), role_ref, subjects)]
}
