//! `ApigeeSharedFlow`: a shared flow.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::bundle_resource::BundleResource;
use super::bundle_source::BundleSource;
use super::deploy::Deploy;
use super::files::SpecFiles;
use super::step::Step;
use apigee_flux_model::yaml::Verbatim;
use apigee_flux_model::yaml::word_or::WordOr;

/// A shared flow, generated from `steps` or taken from a `bundle`. It runs where a proxy calls it, on the request or on
/// the response.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApigeeSharedFlowSpec {
    /// The name of the shared flow in Apigee, which proxies call. Default: `metadata.name`.
    pub name: Option<String>,
    /// The name that the Apigee console shows. Default: the name of the shared flow.
    pub display_name: Option<String>,
    /// A description of the shared flow.
    pub description: Option<String>,
    /// The environments to deploy to: names of ApigeeEnvironments. Default: all ApigeeEnvironments in the input.
    #[serde(default)]
    pub environments: Vec<String>,
    /// The steps in their order. They apply to the request if a proxy calls the shared flow on the request, otherwise
    /// to the response.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Property sets of the shared flow: set → name → value. Policies and conditions read them as
    /// `propertyset.SET.NAME`.
    #[serde(default)]
    pub properties: IndexMap<String, IndexMap<String, String>>,
    /// Apigee policies by name: XML written as YAML (`$name` is an attribute, `$text` the text), a string of XML, or
    /// `{file: PATH}` for a file of XML. A step runs one with `policy: NAME`.
    #[serde(default)]
    pub policies: IndexMap<String, Verbatim>,
    /// Resource files that `policies` refer to: the path below `resources`, for example `jsc/a.js` or `xsl/a.xsl`, →
    /// text, or `{file: PATH}`.
    #[serde(default)]
    pub resources: IndexMap<String, WordOr<String, BundleResource>>,
    /// Where the files that the spec refers to come from. Default: files next to the spec, which only
    /// `apigee-flux render` can read.
    pub files: Option<SpecFiles>,
    /// Deployment settings.
    #[serde(default)]
    pub deploy: Deploy,
    /// A complete bundle. It cannot be combined with the fields that generate a bundle.
    pub bundle: Option<BundleSource>,
}

impl ApigeeSharedFlowSpec {
    /// The fields that are set and generate a bundle: none of them can be combined with `bundle`.
    pub fn intent_fields(&self) -> Vec<&'static str> {
        [
            ("displayName", self.display_name.is_some()),
            ("description", self.description.is_some()),
            ("steps", !self.steps.is_empty()),
            ("properties", !self.properties.is_empty()),
            ("policies", !self.policies.is_empty()),
            ("resources", !self.resources.is_empty()),
            ("files", self.files.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, given)| given.then_some(name))
        .collect()
    }
}
