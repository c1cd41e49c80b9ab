//! `bundle`: a whole bundle taken as it is.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// Where the files of a bundle come from: exactly one of the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundleSource {
    /// A ConfigMap of the same input: either one key `bundle.zip`, or one key per file with `__` for `/`, as in
    /// `policies__AM-x.xml`.
    pub config_map_ref: Option<ConfigMapRef>,
    /// The files themselves: path below `apiproxy` or `sharedflowbundle`, and text.
    pub files: Option<IndexMap<String, String>>,
    /// A folder or a zip file, relative to the file that holds this spec. Only `apigee-flux render` reads files.
    pub path: Option<String>,
}

/// A ConfigMap by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfigMapRef {
    /// The ConfigMap's `metadata.name`, before any hash that kustomize appends.
    pub name: String,
}

impl BundleSource {
    /// The names of the fields that are set: one, if the source is sound.
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
