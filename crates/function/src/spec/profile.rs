//! `ApigeeProfile`: settings that many proxies share.

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

/// The fields of an ApigeeProxy that are specific to one proxy: a profile cannot have them. It can have every other
/// field.
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

/// Fields that mean something else in a profile, and fields that a proxy does not get from a profile.
const NOT_TAKEN: [&str; 3] = ["bundle", "flow", "files"];

/// Defaults for the ApigeeProxies that match the selector: fields of an ApigeeProxy that many proxies share, for
/// example `security`, `cors`, `traffic` or `faults`.
///
/// A value in the spec of the proxy takes precedence, field by field: `security.headers` of a profile and
/// `security.apiKey` of a proxy are combined, a list is replaced as a whole, one type of credential replaces another,
/// and `none` turns a feature off. An empty field counts as not set. A proxy with a `bundle` is not changed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct ApigeeProfileSpec(Own);

/// The fields of a profile that a proxy does not have, or has in another form. The fields of a proxy are checked as
/// part of each proxy.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Own {
    /// The proxies that the profile applies to, by their `metadata.labels`: a Kubernetes selector with `matchLabels`
    /// and `matchExpressions`. Default: all proxies. A profile with a namespace applies only to proxies in that
    /// namespace.
    #[serde(default)]
    pub selector: Selector,
    /// If several profiles set the same field of a proxy, the profile with the highest priority takes precedence.
    /// Profiles with the same priority must not set different values. Default: 0.
    #[serde(default)]
    pub priority: i32,
    /// Steps before and after the steps of each proxy. The steps of all profiles that select a proxy run: steps of a
    /// profile with a higher priority enclose those of the others; with the same priority, the order is that of the
    /// names.
    #[schemars(with = "Option<ProfileFlow>")]
    pub flow: Option<IgnoredAny>,
    /// The files that the steps and policies of the profile refer to. A file of the proxy with the same path takes
    /// precedence.
    pub files: Option<SpecFiles>,
}

/// Steps before and after the steps of a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfileFlow {
    /// Steps that run before the steps of the proxy, on the request and on the response.
    #[serde(default)]
    pub before: Flow,
    /// Steps that run after the steps of the proxy, on the request and on the response.
    #[serde(default)]
    pub after: Flow,
}

impl Deref for ApigeeProfileSpec {
    type Target = Own;

    fn deref(&self) -> &Own {
        &self.0
    }
}

/// Whether a proxy gets this field of ApigeeProxy from a profile unchanged.
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

    /// The fields of `Own`, then those of ApigeeProxy: a field that is added there is allowed here too.
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
