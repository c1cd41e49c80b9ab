//! `ExpandApigee`: the configuration of the function `expand-apigee`.

use schemars::JsonSchema;
use serde::Deserialize;

use apigee_flux_model::provenance::Provenance;

/// Configuration of the function `expand-apigee`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpandApigeeSpec {
    /// The commit that is rendered; it is written into the description of the revision in Apigee.
    pub provenance: Option<Provenance>,
}
