//! References to secrets: a spec never contains the secret itself.

use schemars::JsonSchema;
use serde::Deserialize;

/// A reference to a secret.
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
    /// The name of the map.
    pub map: String,
    /// The key of the entry.
    pub key: String,
}
