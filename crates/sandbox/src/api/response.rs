//! The response of a handler.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::message::Object;

/// The response of a handler.
#[derive(Debug, PartialEq)]
pub(crate) enum ApiResponse {
    /// JSON.
    Json(Value),
    /// A file.
    Bytes(Vec<u8>),
    /// 204.
    Nothing,
}

impl ApiResponse {
    /// A message without its empty fields.
    pub(crate) fn message(object: &Object) -> Self {
        Self::Json(prune(Value::Object(object.clone())))
    }

    /// The same for a value.
    pub(crate) fn value(value: Value) -> Self {
        Self::Json(prune(value))
    }

    /// The plain array of names that Apigee returns where the discovery document has no `list`.
    pub(crate) fn names<T>(map: &BTreeMap<String, T>) -> Self {
        Self::Json(json!(map.keys().collect::<Vec<_>>()))
    }
}

/// Removes empty strings, lists and objects, as in the JSON form of protocol buffers.
pub(crate) fn prune(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter().map(|(key, value)| (key, prune(value))).filter(|(_, value)| !is_empty(value)).collect(),
        ),
        Value::Array(list) => Value::Array(list.into_iter().map(prune).collect()),
        other => other,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Number(number) => number.as_u64() == Some(0),
        Value::Bool(set) => !set,
    }
}
