//! `files`: where the files come from that a spec names.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bundle_source::ConfigMapRef;

/// The files that a spec names, such as `openapi.file` and `javascript.file`. A function gets no files, so they come with the
/// input; `apigee-flux render` also reads those beside the spec.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpecFiles {
    /// A ConfigMap of the same input, as a `configMapGenerator` makes it. A key is a file's path with `__` for `/`, or its last
    /// part only: `js/a.js` is found under `js__a.js` and under `a.js`.
    pub config_map_ref: Option<ConfigMapRef>,
    /// Path → text.
    #[serde(default)]
    pub inline: IndexMap<String, String>,
}
