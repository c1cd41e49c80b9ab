//! `files`: where the files come from that a spec refers to.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bundle_source::ConfigMapRef;

/// The files that a spec refers to, for example in `openapi.file` and `javascript.file`. A function cannot read files,
/// so they are part of the input; `apigee-flux render` also reads files next to the spec.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpecFiles {
    /// A ConfigMap in the same input, for example from a `configMapGenerator`. A key is the path of a file with `__`
    /// for `/`, or the file name only: `js/a.js` has the key `js__a.js` or `a.js`.
    pub config_map_ref: Option<ConfigMapRef>,
    /// The files: path → text.
    #[serde(default)]
    pub inline: IndexMap<String, String>,
}
