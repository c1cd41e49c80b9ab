//! `resources`: files of the bundle that policies name.

use schemars::JsonSchema;
use serde::Deserialize;

/// A file of the bundle that comes from another file, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundleResource {
    /// The file, as `js/normalize-order.js`.
    pub file: String,
}
