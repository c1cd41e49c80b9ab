//! A Secret that a Job creates in its namespace: the key that Apigee generated for an app.

use std::fmt;

use serde_json::Value;

/// The field of an app's body that names the Secret.
pub const FIELD: &str = "keySecretName";

/// A Secret to create, with the keys `key` and `secret`.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// The name of the Secret.
    pub name: String,
    /// The consumer key.
    pub key: String,
    /// The consumer secret.
    pub secret: String,
}

/// The values are never printed.
impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewSecret({})", self.name)
    }
}

/// The names of the Secrets that a resource with this body creates: of an app, or of the apps of a group.
pub fn names(body: &Value) -> impl Iterator<Item = &str> {
    let apps = body.get("apps").and_then(Value::as_object).into_iter().flat_map(|apps| apps.values());
    [body].into_iter().chain(apps).filter_map(|app| app.get(FIELD)?.as_str())
}
