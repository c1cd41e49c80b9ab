//! `manifest.json`: one half of the interface between the function and the deployer (the Job's arguments are the
//! other).
//!
//! It does not depend on an environment, so that equal bundles are shared between environments and promoted unchanged.

use serde::{Deserialize, Serialize};

use super::{BundleKind, BundlePath, Digest, Files};

/// The newest schema version that this program supports. It writes the first one that has what a bundle needs, so that an older deployer reads all
/// others: [`LISTED`] or [`ARCHIVED`].
pub const SCHEMA_VERSION: u32 = ARCHIVED;

/// The schema version of a manifest that lists the files.
const LISTED: u32 = 1;

/// The schema version of a manifest with an archive.
const ARCHIVED: u32 = 2;

/// The key of the manifest in the ConfigMap and its file name in the mount.
pub const FILE_NAME: &str = "manifest.json";

/// The content of one bundle's ConfigMaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// At most [`SCHEMA_VERSION`]; a newer one is rejected.
    pub schema_version: u32,
    /// Proxy or shared flow.
    pub kind: BundleKind,
    /// The resource's name in Apigee.
    pub name: String,
    /// [`Digest::of_files`] over all files.
    pub digest: Digest,
    /// Every file, sorted by path; none if there is an archive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<ManifestFile>,
    /// The zip file with all files, if they are too many to be listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<Archive>,
    /// What must exist in Apigee before this bundle can be deployed.
    #[serde(default, skip_serializing_if = "Requirements::is_empty")]
    pub requires: Requirements,
}

/// A zip file with all files of a bundle, as [`zip::pack`](super::zip::pack) makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Archive {
    /// The total size of the files, in bytes.
    pub size: u64,
    /// The paths of its parts in order, below the mount's root.
    pub parts: Vec<BundlePath>,
}

/// One file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestFile {
    /// The path below the bundle's root folder, for example `policies/Q-Product.xml`.
    pub path: BundlePath,
    /// [`Digest::of_bytes`] of the file.
    pub digest: Digest,
    /// The size in bytes.
    pub size: u64,
    /// For a file that is too large for one ConfigMap: the paths of its parts in order, below the mount's root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<BundlePath>,
}

/// Names of Apigee resources that a bundle refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Requirements {
    /// Shared flows that `FlowCallout` policies call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared_flows: Vec<String>,
    /// Target servers of load balancers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_servers: Vec<String>,
    /// Key value maps of the environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub key_value_maps: Vec<String>,
}

impl Requirements {
    /// True if nothing is required.
    pub fn is_empty(&self) -> bool {
        self.shared_flows.is_empty() && self.target_servers.is_empty() && self.key_value_maps.is_empty()
    }
}

impl Manifest {
    /// The manifest of `files`, without parts.
    pub fn new(kind: BundleKind, name: &str, files: &Files, requires: Requirements) -> Self {
        Self {
            schema_version: LISTED,
            kind,
            name: name.to_owned(),
            digest: Digest::of_files(files),
            files: files
                .iter()
                .map(|(path, bytes)| ManifestFile {
                    path: path.clone(),
                    digest: Digest::of_bytes(bytes),
                    size: bytes.len() as u64,
                    parts: Vec::new(),
                })
                .collect(),
            archive: None,
            requires,
        }
    }

    /// The same bundle with an archive in `parts` instead of the list of files.
    #[must_use]
    pub fn archived(self, parts: Vec<BundlePath>) -> Self {
        let archive = Archive { size: self.size(), parts };
        Self { schema_version: ARCHIVED, files: Vec::new(), archive: Some(archive), ..self }
    }

    /// The total size of the files, in bytes.
    pub fn size(&self) -> u64 {
        match &self.archive {
            Some(archive) => archive.size,
            None => self.files.iter().map(|file| file.size).sum(),
        }
    }
}
