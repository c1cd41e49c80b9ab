//! `ApigeeReference`: a name for a keystore or truststore, which can be pointed at another one (`environments.references`).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::collection::{Collection, Compare, NamedBy, Update};
use super::{Configuration, ConfigurationSpec, Crud, Read, Reference as NamedThing, Scope, Wanted};
use apigee_flux_model::diag::{Code, FieldPath, Report};
use apigee_flux_model::limits::texts;

/// A name for a keystore: a new keystore takes the place of an old one without a change of what names it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reference {
    /// The keystore in the same environment.
    pub refers: String,
    /// What the keystore is used as. Default: `KeyStore`.
    pub resource_type: Option<ResourceType>,
    /// What it is.
    pub description: Option<String>,
}

/// What a keystore is used as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ResourceType {
    /// Keys and certificates to show to others.
    KeyStore,
    /// Certificates of others, to trust.
    TrustStore,
}

/// What a field names: a keystore, or behind `ref://` a reference. Whether Apigee answers 400 or 404 when it is missing, no document says,
/// so that it is looked for before.
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

    fn references(&self) -> Vec<NamedThing> {
        vec![NamedThing { kind: "ApigeeKeystore", name: self.refers.clone(), at: FieldPath::of(&["spec", "refers"]) }]
    }
}
