//! `resources`: resource files of the bundle that policies refer to.

use schemars::JsonSchema;
use serde::Deserialize;

/// A resource file of the bundle, copied from another file byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BundleResource {
    /// The file, for example `js/normalize-order.js`.
    pub file: String,
}
