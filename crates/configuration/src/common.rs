//! The fields that all configuration kinds share, and how a spec is decoded: common fields and the fields of the kind
//! are in the same mapping.

use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::document::ConfigurationDeletionPolicy;
use crate::{Configuration, ConfigurationSpec};
use apigee_flux_model::lifecycle::Adopt;
use apigee_flux_model::yaml::{Value, YamlNode};

/// The fields of every configuration kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Common {
    /// The name in Apigee. Default: `metadata.name`.
    pub name: Option<String>,
    /// The environments that get this resource, for kinds of an environment: names of ApigeeEnvironments. Default: all
    /// ApigeeEnvironments in the input.
    #[serde(default)]
    pub environments: Vec<String>,
    /// The organizations that get this resource, for kinds of an organization. Default: the organizations of all
    /// ApigeeEnvironments in the input.
    #[serde(default)]
    pub organizations: Vec<String>,
    /// What happens in Apigee when this resource is removed from Git. Default: `Orphan`.
    #[serde(default)]
    pub deletion_policy: ConfigurationDeletionPolicy,
    /// Whether to take over an object in Apigee that is not managed by apigee-flux. Default: `never`.
    #[serde(default)]
    pub adopt: Adopt,
    /// Names that this resource refers to and that are defined outside of this input.
    #[serde(default)]
    pub external: Vec<String>,
}

/// The decoded spec of a configuration kind.
#[derive(Debug, Clone)]
pub struct Configured {
    /// The fields that all configuration kinds share.
    pub common: Common,
    /// The fields of the kind.
    pub spec: Arc<dyn Configuration>,
}

/// The schema of a kind: its own fields, then the common ones.
pub(crate) fn schema<T: ConfigurationSpec>() -> Schema {
    let mut own = SchemaGenerator::default().into_root_schema_for::<T>();
    let common = SchemaGenerator::default().into_root_schema_for::<Common>();
    for group in ["properties", "$defs"] {
        let Some(Json::Object(fields)) = common.get(group).cloned() else { continue };
        match own.get_mut(group) {
            Some(Json::Object(known)) => known.extend(fields),
            _ => {
                own.insert(group.to_owned(), Json::Object(fields));
            }
        }
    }
    own
}

/// The two halves of a spec: the common fields, and those of the kind.
pub(crate) fn split(node: &YamlNode) -> (YamlNode, YamlNode) {
    const COMMON: [&str; 6] = ["name", "environments", "organizations", "deletionPolicy", "adopt", "external"];
    let (common, own) = node.entries().iter().cloned().partition(|entry| COMMON.contains(&entry.key.as_str()));
    let mapping = |entries| YamlNode { span: node.span.clone(), value: Value::Mapping(entries) };
    (mapping(common), mapping(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_fields_are_those_of_the_type() {
        let schema = SchemaGenerator::default().into_root_schema_for::<Common>();
        let fields: Vec<YamlNode> = schema
            .get("properties")
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
            .map(|(key, _)| YamlNode::parse(&format!("{key}: x\n"), 0..key.len() + 4).unwrap())
            .collect();
        assert_eq!(fields.len(), 6);
        for field in fields {
            assert_eq!(split(&field).1.entries().len(), 0, "{field:?}");
        }
    }
}
