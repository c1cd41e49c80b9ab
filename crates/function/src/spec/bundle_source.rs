//! `bundle`: a complete bundle, deployed without changes.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// Where the files of a bundle come from: exactly one field must be set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundleSource {
    /// A ConfigMap in the same input: either one key `bundle.zip`, or one key per file with `__` for `/`, for example
    /// `policies__AM-x.xml`.
    pub config_map_ref: Option<ConfigMapRef>,
    /// The files: path below `apiproxy` or `sharedflowbundle` → text.
    pub files: Option<IndexMap<String, String>>,
    /// A directory or a zip file, relative to the file of this spec. Only `apigee-flux render` can read files.
    pub path: Option<String>,
}

/// A reference to a ConfigMap by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfigMapRef {
    /// The `metadata.name` of the ConfigMap, without the hash that kustomize appends.
    pub name: String,
}

impl BundleSource {
    /// The names of the fields that are set; exactly one in a valid source.
    pub fn given(&self) -> Vec<&'static str> {
        [
            self.config_map_ref.as_ref().map(|_| "configMapRef"),
            self.files.as_ref().map(|_| "files"),
            self.path.as_ref().map(|_| "path"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
