//! `ApigeeReference`: a name for a keystore or truststore that can be changed to refer to another one (`environments.references`).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::collection::{Collection, Compare, NamedBy, Update};
use super::{Configuration, ConfigurationSpec, Crud, Read, ResourceReference, Scope, Wanted};
use apigee_flux_model::diag::{Code, FieldPath, Report};
use apigee_flux_model::limits::texts;

/// A name for a keystore. The keystore can be replaced without changing the target servers and proxies that use the name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reference {
    /// The name of the keystore, in the same environment.
    pub refers: String,
    /// How the keystore is used. Default: `KeyStore`.
    pub resource_type: Option<ResourceType>,
    /// A description.
    pub description: Option<String>,
}

/// How a keystore is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ResourceType {
    /// It holds keys and certificates that Apigee presents.
    KeyStore,
    /// It holds certificates that Apigee trusts.
    TrustStore,
}

/// Reads what a field refers to: a keystore, or a reference after `ref://`. It is read before a change because it is not documented whether
/// Apigee returns 400 or 404 if it is missing.
pub(super) fn keystore(wanted: &Wanted<'_>, named: Option<&Value>) -> Option<Read> {
    let named = named?.as_str()?;
    Some(match named.strip_prefix("ref://") {
        Some(reference) => Read::json(wanted.place.path(&["references", reference]), "apigee.references.get"),
        None => Read::json(wanted.place.path(&["keystores", named]), "apigee.keystores.get"),
    })
}

impl ConfigurationSpec for Reference {
    const CRUD: &'static dyn Crud = &Collection {
        path: "references",
        named_by: NamedBy::Field("name"),
        update: Update::Put,
        permission: "apigee.references",
        compare: Compare::PLAIN,
        prerequisites: |wanted| keystore(wanted, wanted.body.get("refers")).into_iter().collect(),
    };
}

impl Configuration for Reference {
    fn scope(&self) -> Scope {
        Scope::Environment
    }

    fn body(&self, _: &str) -> Value {
        let kind = match self.resource_type.unwrap_or(ResourceType::KeyStore) {
            ResourceType::KeyStore => "KeyStore",
            ResourceType::TrustStore => "TrustStore",
        };
        let mut body = json!({"refers": self.refers, "resourceType": kind});
        if let Some(description) = &self.description {
            body["description"] = json!(description);
        }
        body
    }

    fn check(&self, name: &str, report: &mut Report<'_>) {
        texts::REFERENCE.report(name, FieldPath::of(&["spec", "name"]), report);
        if let Some(name) = self.refers.strip_prefix("ref://") {
            let message =
                format!("a reference refers to a keystore, not to another reference: write `{name}` without `ref://`");
            report.error(Code::InvalidValue, FieldPath::of(&["spec", "refers"]), message);
        } else {
            texts::KEYSTORE.report(&self.refers, FieldPath::of(&["spec", "refers"]), report);
        }
    }

    fn references(&self) -> Vec<ResourceReference> {
        vec![ResourceReference {
            kind: "ApigeeKeystore",
            name: self.refers.clone(),
            at: FieldPath::of(&["spec", "refers"]),
        }]
    }
}
