//! Values that are kept elsewhere: a spec holds where, the pod holds what.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::spec::word_or::WordOr;

/// A text, or where a secret one is kept.
pub type Text = WordOr<String, Secret>;

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Secret {
    /// Its place.
    pub value_from: ValueFrom,
}

/// The place of a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum ValueFrom {
    /// A key of a Kubernetes Secret in the namespace of the Job: one of Sealed Secrets, External Secrets or your own.
    SecretKeyRef(SecretKeyRef),
    /// A file in the pod, which an agent of Vault or a CSI driver puts there: an absolute path.
    File(String),
}

/// A key of a Kubernetes Secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretKeyRef {
    /// The Secret's name.
    pub name: String,
    /// The key in it.
    pub key: String,
}

impl std::fmt::Display for ValueFrom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SecretKeyRef(SecretKeyRef { name, key }) => write!(f, "key `{key}` of Secret `{name}`"),
            Self::File(path) => write!(f, "file `{path}`"),
        }
    }
}

/// A text as it stands in a body.
pub fn body(text: &Text) -> Value {
    match text {
        WordOr::Word(text) => Value::String(text.clone()),
        WordOr::Value(secret) => of(secret),
    }
}

/// A secret as it stands in a body.
pub fn of(secret: &Secret) -> Value {
    // An enum of strings always has a JSON form.
    serde_json::to_value(secret).unwrap_or_default()
}

/// All secrets of a body: the field of each as a JSON pointer (RFC 6901), and its place.
pub fn all(body: &Value) -> Vec<(String, ValueFrom)> {
    let mut found = Vec::new();
    walk(body, &mut String::new(), &mut found);
    found
}

fn walk(value: &Value, at: &mut String, found: &mut Vec<(String, ValueFrom)>) {
    if let Some(secret) = read(value) {
        found.push((at.clone(), secret));
        return;
    }
    let length = at.len();
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                at.push('/');
                at.push_str(&escape(key));
                walk(value, at, found);
                at.truncate(length);
            }
        }
        Value::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                at.push_str(&format!("/{index}"));
                walk(value, at, found);
                at.truncate(length);
            }
        }
        _ => {}
    }
}

/// A key as a part of a JSON pointer.
pub fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn read(value: &Value) -> Option<ValueFrom> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    serde_json::from_value(fields.get("valueFrom")?.clone()).ok()
}

/// The body with its secrets filled in, and the fields that hold them.
pub fn fill<E>(body: &Value, look_up: impl Fn(&ValueFrom) -> Result<String, E>) -> Result<(Value, Vec<String>), E> {
    let (mut filled, mut fields) = (body.clone(), Vec::new());
    for (at, place) in all(body) {
        let secret = look_up(&place)?;
        if let Some(value) = filled.pointer_mut(&at) {
            *value = Value::String(secret);
        }
        fields.push(at);
    }
    Ok((filled, fields))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_found_and_filled_in() {
        let body = json!({"a": {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}, "b/c": [{"valueFrom": {"file": "/f"}}],
            "d": {"valueFrom": {"unknown": 1}}});
        let (filled, fields) = fill::<()>(&body, |place| Ok(place.to_string())).unwrap();
        assert_eq!(fields, ["/a", "/b~1c/0"]);
        assert_eq!(
            filled,
            json!({"a": "key `k` of Secret `s`", "b/c": ["file `/f`"], "d": {"valueFrom": {"unknown": 1}}})
        );
        assert_eq!(fill(&body, |_| Err("gone")), Err("gone"));
    }
}
