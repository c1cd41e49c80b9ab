//! `ApigeeSharedFlow`: steps that proxies share.

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

/// A shared flow: from steps, or from a whole `bundle`. It runs where a proxy calls it, on the request or on the response.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApigeeSharedFlowSpec {
    /// The shared flow's name in Apigee, by which proxies call it. Default: `metadata.name`.
    pub name: Option<String>,
    /// The name that Apigee's pages show. Default: the shared flow's name.
    pub display_name: Option<String>,
    /// What the shared flow is for.
    pub description: Option<String>,
    /// The environments to deploy to, by the names of ApigeeEnvironments. Default: all that are in the input.
    #[serde(default)]
    pub environments: Vec<String>,
    /// The steps in their order. They act on the message at hand: the request if a proxy calls the shared flow on the request,
    /// else the response.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Property sets of the shared flow: set → name → value, which policies and conditions read as `propertyset.SET.NAME`.
    #[serde(default)]
    pub properties: IndexMap<String, IndexMap<String, String>>,
    /// Any Apigee policy by its name: XML written as YAML (`$name` is an attribute, `$text` the text), a string of XML, or
    /// `{file: PATH}` of a file that holds XML. A step uses it by `policy: NAME`.
    #[serde(default)]
    pub policies: IndexMap<String, Verbatim>,
    /// Files that `policies` name: path below `resources`, as `jsc/a.js` or `xsl/a.xsl`, → text, or `{file: PATH}`.
    #[serde(default)]
    pub resources: IndexMap<String, WordOr<String, BundleResource>>,
    /// The files that the spec names. Default: those beside the spec, which only `apigee-flux render` reads.
    pub files: Option<SpecFiles>,
    /// How the shared flow is deployed.
    #[serde(default)]
    pub deploy: Deploy,
    /// A whole bundle as it is, in place of every field that would make one.
    pub bundle: Option<BundleSource>,
}

impl ApigeeSharedFlowSpec {
    /// The fields that are set and would make a bundle: none of them goes with `bundle`.
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
