//! `ApigeeProxy`: an API proxy.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ai::Ai;
use super::bundle_resource::BundleResource;
use super::bundle_source::BundleSource;
use super::cors::Cors;
use super::deploy::Deploy;
use super::endpoint::Endpoint;
use super::faults::Faults;
use super::files::SpecFiles;
use super::flow::Flow;
use super::graphql::GraphQl;
use super::logging::Logging;
use super::openapi::OpenApi;
use super::operation::Operation;
use super::route::Route;
use super::security::Security;
use super::target::Targets;
use super::traffic::Traffic;
use apigee_flux_model::yaml::Verbatim;
use apigee_flux_model::yaml::word_or::{Off, WordOr};

/// An API proxy, generated from the fields of this spec or taken from a `bundle`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApigeeProxySpec {
    /// The name of the proxy in Apigee. Default: `metadata.name`.
    pub name: Option<String>,
    /// The name that the Apigee console shows. Default: the name of the proxy.
    pub display_name: Option<String>,
    /// A description of the proxy.
    pub description: Option<String>,
    /// The environments to deploy to: names of ApigeeEnvironments. Default: all ApigeeEnvironments in the input.
    #[serde(default)]
    pub environments: Vec<String>,
    /// The base path of the proxy, for example `/v1/orders`; `*` matches any one segment. Default: the path of the
    /// first server of `openapi`.
    pub base_path: Option<String>,
    /// An OpenAPI document: each of its operations becomes a flow, and requests are validated against it.
    pub openapi: Option<OpenApi>,
    /// The web origins that may call the API, or `none`. Default: `none`.
    pub cors: Option<WordOr<Off, Cors>>,
    /// Authentication, threat protection and security headers, or `none`. Default: `none`.
    pub security: Option<WordOr<Off, Security>>,
    /// Limits on the number of calls, or `none`. Default: the quota of the API product with `security.apiKey` or
    /// `oauth2`, unless `ai.tokenQuota` is set.
    pub traffic: Option<WordOr<Off, Traffic>>,
    /// Checks of GraphQL requests, or `none`. Default: `none`.
    pub graphql: Option<WordOr<Off, GraphQl>>,
    /// Policies for calls to a language model, or `none`. Default: `none`.
    pub ai: Option<WordOr<Off, Ai>>,
    /// Settings for single operations (a path and its methods), by name: the `operationId` of an operation in
    /// `openapi`, or a new name for an operation that is not in it.
    #[serde(default)]
    pub operations: IndexMap<String, Operation>,
    /// Steps that run for every request and response.
    #[serde(default)]
    pub flow: Flow,
    /// The URL of the only target: short for an entry of `targets` with the name `default`.
    pub target: Option<String>,
    /// The targets, or `none`.
    pub targets: Option<Targets>,
    /// The target for each request. Default: the only target, or the target named `default`.
    pub routes: Option<Vec<Route>>,
    /// Additional proxy endpoints. The fields above define the endpoint named `default`.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// The format of error responses: `json`, `none`, or `{rules, body}`. Default: `json`.
    pub faults: Option<Faults>,
    /// A log entry for each call, or `none`. Default: `none`.
    pub logging: Option<WordOr<Off, Logging>>,
    /// Property sets of the proxy: set → name → value. Policies and conditions read them as `propertyset.SET.NAME`.
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

impl ApigeeProxySpec {
    /// The fields that are set and generate a bundle: none of them can be combined with `bundle`.
    pub fn intent_fields(&self) -> Vec<&'static str> {
        [
            ("displayName", self.display_name.is_some()),
            ("description", self.description.is_some()),
            ("basePath", self.base_path.is_some()),
            ("openapi", self.openapi.is_some()),
            ("cors", self.cors.is_some()),
            ("security", self.security.is_some()),
            ("traffic", self.traffic.is_some()),
            ("graphql", self.graphql.is_some()),
            ("ai", self.ai.is_some()),
            ("operations", !self.operations.is_empty()),
            ("flow", self.flow != Flow::default()),
            ("target", self.target.is_some()),
            ("targets", self.targets.is_some()),
            ("routes", self.routes.is_some()),
            ("endpoints", !self.endpoints.is_empty()),
            ("faults", self.faults.is_some()),
            ("logging", self.logging.is_some()),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes the path of every property that has no description.
    fn undocumented(schema: &serde_json::Value, at: &str, found: &mut Vec<String>) {
        match schema {
            serde_json::Value::Object(entries) => {
                for (key, value) in entries {
                    if let ("properties", Some(properties)) = (key.as_str(), value.as_object()) {
                        let silent = |property: &serde_json::Value| property.get("description").is_none();
                        let names = properties.iter().filter(|(_, property)| silent(property)).map(|(name, _)| name);
                        found.extend(names.map(|name| format!("{at}.{name}")));
                        // A property may have the name `properties` itself.
                        for (name, property) in properties {
                            undocumented(property, &format!("{at}.{name}"), found);
                        }
                    } else {
                        undocumented(value, &format!("{at}.{key}"), found);
                    }
                }
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| undocumented(item, at, found)),
            _ => {}
        }
    }

    #[test]
    fn every_field_is_documented() {
        let schema = schemars::schema_for!(ApigeeProxySpec);
        let mut found = Vec::new();
        undocumented(schema.as_value(), "", &mut found);
        assert_eq!(found, [""; 0]);
    }
}
