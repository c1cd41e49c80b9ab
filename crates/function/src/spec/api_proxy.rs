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

/// An API proxy: from words of intent, or from a whole `bundle`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApigeeProxySpec {
    /// The proxy's name in Apigee. Default: `metadata.name`.
    pub name: Option<String>,
    /// The name that Apigee's pages show. Default: the proxy's name.
    pub display_name: Option<String>,
    /// What the proxy is for.
    pub description: Option<String>,
    /// The environments to deploy to, by the names of ApigeeEnvironments. Default: all that are in the input.
    #[serde(default)]
    pub environments: Vec<String>,
    /// The path that the proxy serves, as `/v1/orders`; `*` stands for one segment of any text. Default: the path of the first
    /// server of `openapi`.
    pub base_path: Option<String>,
    /// An OpenAPI document: each of its operations becomes a flow, and requests are checked against it.
    pub openapi: Option<OpenApi>,
    /// Which web pages may call, or `none`. Default: `none`.
    pub cors: Option<WordOr<Off, Cors>>,
    /// Credentials, threats and security headers, or `none`. Default: `none`.
    pub security: Option<WordOr<Off, Security>>,
    /// Limits on the number of calls, or `none`. Default: the product's quota with `security.apiKey` or `oauth2`, unless
    /// `ai.tokenQuota` is given.
    pub traffic: Option<WordOr<Off, Traffic>>,
    /// Checks of GraphQL requests, or `none`. Default: `none`.
    pub graphql: Option<WordOr<Off, GraphQl>>,
    /// A gateway in front of a language model, or `none`. Default: `none`.
    pub ai: Option<WordOr<Off, Ai>>,
    /// What happens for one path and method only, by the operation's name: the `operationId` of one in `openapi`, or a name for
    /// a further one.
    #[serde(default)]
    pub operations: IndexMap<String, Operation>,
    /// Steps of every request and response.
    #[serde(default)]
    pub flow: Flow,
    /// The only target's URL: short for one of `targets` with the name `default`.
    pub target: Option<String>,
    /// The backends, or `none`.
    pub targets: Option<Targets>,
    /// Which target a request goes to. Default: the only target, or the one named `default`.
    pub routes: Option<Vec<Route>>,
    /// Further proxy endpoints; the fields above are the one named `default`.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// What a caller sees of an error: `json`, `none`, or `{rules, body}`. Default: `json`.
    pub faults: Option<Faults>,
    /// What is written down of every call, or `none`. Default: `none`.
    pub logging: Option<WordOr<Off, Logging>>,
    /// Property sets of the proxy: set → name → value, which policies and conditions read as `propertyset.SET.NAME`.
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
    /// How the proxy is deployed.
    #[serde(default)]
    pub deploy: Deploy,
    /// A whole bundle as it is, in place of every field that would make one.
    pub bundle: Option<BundleSource>,
}

impl ApigeeProxySpec {
    /// The fields that are set and would make a bundle: none of them goes with `bundle`.
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
