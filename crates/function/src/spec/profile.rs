//! `ApigeeProfile`: what many proxies have in common.

use std::borrow::Cow;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use super::api_proxy::ApigeeProxySpec;
use super::files::SpecFiles;
use super::flow::Flow;
use super::selector::Selector;

/// The fields of an ApigeeProxy that make it the one that it is: a profile cannot have them. Every other field it can.
const OF_ONE_PROXY: [&str; 10] = [
    "name",
    "displayName",
    "description",
    "basePath",
    "openapi",
    "operations",
    "target",
    "targets",
    "routes",
    "endpoints",
];

/// What a profile has under the name of a proxy's field, or what no profile takes over.
const NOT_TAKEN: [&str; 3] = ["bundle", "flow", "files"];

/// Defaults for the ApigeeProxies that the selector selects: the fields that many proxies have in common stand here as they
/// would stand there, as `security`, `cors`, `traffic` or `faults`.
///
/// What a proxy writes itself wins, field by field: with `security.headers` of a profile and `security.apiKey` of the proxy
/// both hold, a list is replaced as a whole, one way of showing a credential replaces another, and `none` switches off. An
/// empty field counts as not written. A proxy with a `bundle` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct ApigeeProfileSpec(Own);

/// What a profile has that a proxy has not, or not so. The proxies' fields are checked where they end up.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Own {
    /// The proxies, by their `metadata.labels`: as Kubernetes selects, with `matchLabels` and `matchExpressions`. Default: all. A
    /// profile with a namespace selects in that one only.
    #[serde(default)]
    pub selector: Selector,
    /// Of several profiles that give one field of a proxy, the one with the highest priority is taken. Two of the same
    /// priority must not give it different values. Default: 0.
    #[serde(default)]
    pub priority: i32,
    /// Steps around those of each proxy. The steps of all profiles that select a proxy run: with a higher priority further
    /// outside, with the same in the order of their names.
    #[schemars(with = "Option<ProfileFlow>")]
    pub flow: Option<IgnoredAny>,
    /// The files that the profile's steps and policies name, taken as they are. A proxy's own file of the same path wins.
    pub files: Option<SpecFiles>,
}

/// Steps around those of a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfileFlow {
    /// Steps that run before the proxy's own, on the request and on the response.
    #[serde(default)]
    pub before: Flow,
    /// Steps that run after the proxy's own, on the request and on the response.
    #[serde(default)]
    pub after: Flow,
}

impl Deref for ApigeeProfileSpec {
    type Target = Own;

    fn deref(&self) -> &Own {
        &self.0
    }
}

/// True for a field of ApigeeProxy that a proxy takes over from a profile as it is.
pub fn is_default(field: &str) -> bool {
    !OF_ONE_PROXY.contains(&field) && !NOT_TAKEN.contains(&field) && is_field_of_proxy(field)
}

fn is_field_of_proxy(field: &str) -> bool {
    let schema = super::kind("ApigeeProxy").map(|kind| (kind.schema)());
    properties(schema).is_some_and(|known| known.contains_key(field))
}

fn properties(schema: Option<&Schema>) -> Option<&serde_json::Map<String, Json>> {
    schema?.get("properties")?.as_object()
}

impl JsonSchema for ApigeeProfileSpec {
    fn schema_name() -> Cow<'static, str> {
        "ApigeeProfileSpec".into()
    }

    /// Own fields, then the proxies': a word that is added there can stand here too.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Own::json_schema(generator);
        let proxy = ApigeeProxySpec::json_schema(generator);
        let taken = properties(Some(&proxy)).into_iter().flatten();
        let taken =
            taken.filter(|(field, _)| !OF_ONE_PROXY.contains(&field.as_str()) && !NOT_TAKEN.contains(&field.as_str()));
        if let Some(own) = schema.get_mut("properties").and_then(Json::as_object_mut) {
            own.extend(taken.map(|(field, schema)| (field.clone(), schema.clone())));
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_has_what_many_proxies_have() {
        let schema = (crate::spec::kind("ApigeeProfile").unwrap().schema)();
        let known = properties(Some(schema)).unwrap();
        for field in
            ["selector", "priority", "flow", "files", "security", "cors", "traffic", "faults", "policies", "deploy"]
        {
            assert!(known[field].get("description").is_some(), "{field}");
        }
        for field in OF_ONE_PROXY.iter().chain(&["bundle"]) {
            assert!(!known.contains_key(*field), "{field}");
        }
        assert!(is_default("security") && !is_default("flow") && !is_default("nonsense"));
    }
}
