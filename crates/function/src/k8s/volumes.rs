//! The volumes of the pods: their names, which are the folders of their mounts, and what is projected into one.

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, KeyToPath, ProjectedVolumeSource, ServiceAccountTokenProjection, Volume, VolumeProjection,
};

/// The name and folder of the volume with one bundle.
pub(super) const BUNDLE: &str = "bundle";

/// The name and folder of the volume with all bundles of a batch.
pub(super) const BUNDLES: &str = "bundles";

/// The name and folder of the volume with the list of a batch.
pub(super) const BATCH: &str = "batch";

/// The name and folder of the volume with the configuration document.
pub(super) const CONFIGURATION: &str = "configuration";

/// The name and folder of the volume with the index of the inventory: the newest state of Git that the cluster was given.
pub(super) const STATE: &str = "state";

/// The name and folder of the volume with the files by which the pod knows its cluster.
pub(super) const CLUSTER: &str = "cluster";

/// The file of a token in its volume.
pub(super) const TOKEN_FILE: &str = "token";

/// The name and folder of the volume with the keys of Secrets.
pub(super) const SECRETS: &str = "secrets";

/// The volume of the Secrets Store CSI driver.
pub(super) const SECRETS_STORE: &str = "secrets-store";

/// The volume with the provenance.
pub(super) const PROVENANCE: &str = "provenance";

/// The certificates of the API server as the file `ca.crt`. Kubernetes publishes them in every namespace.
pub(super) fn authority(optional: bool) -> VolumeProjection {
    let map = ConfigMapProjection {
        name: "kube-root-ca.crt".to_owned(),
        items: Some(vec![KeyToPath { key: "ca.crt".to_owned(), path: "ca.crt".to_owned(), mode: None }]),
        optional: optional.then_some(true),
    };
    VolumeProjection { config_map: Some(map), ..VolumeProjection::default() }
}

/// A token of the ServiceAccount as the file [`TOKEN_FILE`], for an audience or, by default, the API server.
pub(super) fn token(audience: Option<String>) -> VolumeProjection {
    let token = ServiceAccountTokenProjection { audience, expiration_seconds: Some(3600), path: TOKEN_FILE.to_owned() };
    VolumeProjection { service_account_token: Some(token), ..VolumeProjection::default() }
}

/// A volume projected from several sources.
pub(super) fn projected(name: &str, sources: Vec<VolumeProjection>) -> Volume {
    Volume {
        name: name.to_owned(),
        projected: Some(ProjectedVolumeSource { sources: Some(sources), default_mode: None }),
        ..Volume::default()
    }
}
