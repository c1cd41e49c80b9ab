//! The JSON objects that callers send.

use serde_json::{Map, Value};

use super::fault::Fault;
use crate::apigee::Name;

/// What a field of an object holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A string.
    Text,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// An object, of which the sandbox looks at nothing.
    Object,
    /// A list of strings.
    Texts,
}

/// Reads a body; an empty one is an empty object.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, Fault> {
    if bytes.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    serde_json::from_slice(bytes)
        .map_err(|error| Fault::invalid_argument(format!("Invalid JSON payload received. {error}")))
}

/// The name of a new thing: that of the query, or else that of the body. `what` says of what, for the refusal.
pub(super) fn name<'a>(in_query: &'a str, in_body: Option<&'a Value>, what: &str) -> Result<&'a str, Fault> {
    let in_body = in_body.and_then(Value::as_str).unwrap_or_default();
    let name = if in_query.is_empty() { in_body } else { in_query };
    if name.parse::<Name>().is_err() {
        return Err(Fault::invalid_argument(format!(
            "invalid name \"{name}\" of {what}: use 1 to 255 of the characters A-Za-z0-9._-"
        )));
    }
    Ok(name)
}

/// The fields of an object that a caller may set, checked; those that the server sets are left out, as Google's servers do.
pub(super) fn fields(body: &Value, known: &[(&str, Kind)], output_only: &[&str]) -> Result<Map<String, Value>, Fault> {
    let wrong = |text: String| Fault::invalid_argument(format!("Invalid JSON payload received. {text}"));
    let object = body.as_object().ok_or_else(|| wrong("The body is not an object.".to_owned()))?;
    let mut map = Map::new();
    for (name, value) in object.iter().filter(|(name, _)| !output_only.contains(&name.as_str())) {
        let Some((_, kind)) = known.iter().find(|(other, _)| other == name) else {
            return Err(wrong(format!("Unknown name \"{name}\": Cannot find field.")));
        };
        let fits = match kind {
            Kind::Text => value.is_string(),
            Kind::OneOf(words) => value.as_str().is_some_and(|text| words.contains(&text)),
            Kind::Object => value.is_object(),
            Kind::Texts => value.as_array().is_some_and(|list| list.iter().all(Value::is_string)),
        };
        if !fits && !value.is_null() {
            return Err(wrong(format!("Invalid value at '{name}', {value}")));
        }
        map.insert(name.clone(), value.clone());
    }
    Ok(map)
}
