//! Where a secret is kept: a spec only ever points to it.

use schemars::JsonSchema;
use serde::Deserialize;

/// A secret by its place.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretRef {
    /// An entry of a key value map, which the proxy reads at run time.
    pub kvm: KvmEntry,
}

/// An entry of an encrypted key value map of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KvmEntry {
    /// The map's name.
    pub map: String,
    /// The entry's key.
    pub key: String,
}
