//! The messages of the discovery document: which fields a body may have, and their types.
//!
//! Google's servers refuse unknown fields (<https://github.com/scastria/terraform-provider-apigee/issues/6> shows the body), ignore
//! output-only fields, accept numbers and booleans also as strings, and write 64-bit numbers as strings.

use serde_json::{Map, Number, Value, json};

use super::error::ApiError;
use apigee_flux_model::names::Name;

/// A message as stored: only known fields, in the types of its schema.
pub(crate) type Object = Map<String, Value>;

/// A schema of the discovery document.
#[derive(Debug)]
pub(crate) struct Message {
    /// The request's field as Google's errors name it, for example `key_value_map`.
    pub(crate) name: &'static str,
    /// The fields with their types.
    pub(crate) fields: &'static [(&'static str, Type)],
}

/// The type of a field.
#[derive(Debug)]
pub(crate) enum Type {
    /// `string`.
    Text,
    /// `boolean`.
    Bool,
    /// `integer`, format int32.
    Int32,
    /// `string`, format int64.
    Int64,
    /// `number`.
    Float,
    /// `string`, one of these.
    Enum(&'static [&'static str]),
    /// `array`.
    List(&'static Type),
    /// `object` with any keys and strings as values.
    Texts,
    /// Another schema.
    Nested(&'static Message),
    /// `any`.
    Any,
    /// Set by the server; a value in a request is ignored.
    Output,
}

/// `GoogleCloudApigeeV1Attribute`.
pub(crate) const ATTRIBUTE: Message =
    Message { name: "attribute", fields: &[("name", Type::Text), ("value", Type::Text)] };

/// A list of strings.
pub(crate) const LIST: Type = Type::List(&Type::Text);

/// A list of attributes.
pub(crate) const ATTRIBUTES: Type = Type::List(&Type::Nested(&ATTRIBUTE));

/// The JSON of a body; an empty body is an empty object. 400 unless it is a JSON object.
pub(crate) fn parse(body: &[u8]) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    let wrong = |why: &str| ApiError::invalid_argument(format!("Invalid JSON payload received. {why}"));
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(wrong("Unknown name \"\": Root element must be a message.")),
        Err(error) => Err(wrong(&error.to_string())),
    }
}

/// The name of a new resource: from the query, or otherwise from the message. `what` names the resource in the error.
pub(crate) fn name_of_new<'a>(in_query: &'a str, message: &'a Object, what: &str) -> Result<&'a str, ApiError> {
    let name = if in_query.is_empty() { text(message, "name") } else { in_query };
    if name.parse::<Name>().is_err() {
        return Err(ApiError::invalid_argument(format!(
            "invalid name \"{name}\" of {what}: use 1 to 255 of the characters A-Za-z0-9._-"
        )));
    }
    Ok(name)
}

impl Message {
    /// Reads a JSON value. The error, 400, names every field that is unknown or has another type.
    pub(crate) fn check(&self, value: &Value) -> Result<Object, ApiError> {
        let mut findings = Vec::new();
        let object = self.convert(self.name, value, &mut findings);
        match object {
            Some(object) if findings.is_empty() => Ok(object),
            _ => Err(ApiError::bad_request(&findings)),
        }
    }

    fn convert(&self, place: &str, value: &Value, findings: &mut Vec<(String, String)>) -> Option<Object> {
        let Value::Object(given) = value else {
            findings.push((place.to_owned(), format!("Invalid value at '{place}' (TYPE_MESSAGE), {value}")));
            return None;
        };
        let mut object = Object::new();
        for (key, value) in given {
            match self.fields.iter().find(|(name, _)| name == key) {
                None => findings.push((
                    place.to_owned(),
                    format!("Invalid JSON payload received. Unknown name \"{key}\" at '{place}': Cannot find field."),
                )),
                Some((_, kind)) => {
                    if let Some(value) = kind.convert(&format!("{place}.{key}"), value, findings) {
                        object.insert(key.clone(), value);
                    }
                }
            }
        }
        Some(object)
    }

    /// The fields of an update: those of the mask, written as in JSON or in snake case, or without a mask those of the body.
    /// The error, 400, names an unknown field.
    pub(crate) fn masked(&self, mask: Option<&str>, body: &Object) -> Result<Vec<&'static str>, ApiError> {
        let plain = |text: &str| text.replace('_', "").to_ascii_lowercase();
        let Some(mask) = mask.filter(|mask| !mask.is_empty() && *mask != "*") else {
            return Ok(self.fields.iter().map(|(name, _)| *name).filter(|name| body.contains_key(*name)).collect());
        };
        mask.split(',')
            .map(|wanted| {
                // A field of a nested message selects the whole nested message.
                let top = wanted.trim().split('.').next().unwrap_or_default();
                let field = self.fields.iter().find(|(name, _)| plain(name) == plain(top));
                field.map(|(name, _)| *name).ok_or_else(|| {
                    let allowed: Vec<&str> = self.fields.iter().map(|(name, _)| *name).collect();
                    ApiError::invalid_argument(format!(
                        "updateMask names \"{wanted}\", which {} does not have; use some of: {}",
                        self.name,
                        allowed.join(", ")
                    ))
                })
            })
            .collect()
    }
}

impl Type {
    /// The value as stored; `None` for null, for defaults of 64-bit numbers and for output-only fields.
    fn convert(&self, place: &str, value: &Value, findings: &mut Vec<(String, String)>) -> Option<Value> {
        if value.is_null() {
            return None;
        }
        let converted = match self {
            Self::Output => return None,
            Self::Any => Some(value.clone()),
            Self::Text => value.is_string().then(|| value.clone()),
            Self::Bool => match value {
                Value::Bool(_) => Some(value.clone()),
                Value::String(text) => text.parse().ok().map(Value::Bool),
                _ => None,
            },
            Self::Int32 => integer(value).and_then(|number| i32::try_from(number).ok()).map(Value::from),
            Self::Int64 => match integer(value) {
                Some(0) => return None,
                number => number.map(|number| Value::String(number.to_string())),
            },
            Self::Float => match value {
                Value::Number(_) => Some(value.clone()),
                Value::String(text) => text.parse().ok().and_then(Number::from_f64).map(Value::Number),
                _ => None,
            },
            Self::Enum(allowed) => value.as_str().is_some_and(|text| allowed.contains(&text)).then(|| value.clone()),
            Self::List(kind) => value.as_array().map(|list| {
                let items = list.iter().enumerate();
                items.filter_map(|(index, item)| kind.convert(&format!("{place}[{index}]"), item, findings)).collect()
            }),
            Self::Texts => value.as_object().filter(|map| map.values().all(Value::is_string)).map(|_| value.clone()),
            Self::Nested(message) => return message.convert(place, value, findings).map(Value::Object),
        };
        if converted.is_none() {
            let shown = if matches!(self, Self::Text | Self::Any) { String::new() } else { format!(", {value}") };
            findings.push((place.to_owned(), format!("Invalid value at '{place}' ({}){shown}", self.name())));
        }
        converted
    }

    /// The type's name in Google's errors.
    fn name(&self) -> String {
        match self {
            Self::Text | Self::Any | Self::Output => "TYPE_STRING".to_owned(),
            Self::Bool => "TYPE_BOOL".to_owned(),
            Self::Int32 => "TYPE_INT32".to_owned(),
            Self::Int64 => "TYPE_INT64".to_owned(),
            Self::Float => "TYPE_DOUBLE".to_owned(),
            Self::Enum(allowed) => format!("one of {}", allowed.join(", ")),
            Self::List(kind) => format!("list of {}", kind.name()),
            Self::Texts => "map of TYPE_STRING".to_owned(),
            Self::Nested(message) => message.name.to_owned(),
        }
    }
}

/// An integer, written as a number or as a string.
fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// The text of a field; empty if the field is missing.
pub(crate) fn text<'a>(object: &'a Object, field: &str) -> &'a str {
    object.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The strings of a list field.
pub(crate) fn texts(object: &Object, field: &str) -> Vec<String> {
    let list = object.get(field).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The number of a 64-bit field.
pub(crate) fn number(object: &Object, field: &str) -> Option<i64> {
    object.get(field).and_then(integer)
}

/// 400 unless all these text fields are set.
pub(crate) fn require(object: &Object, message: &str, fields: &[&str]) -> Result<(), ApiError> {
    let missing: Vec<(String, String)> = fields
        .iter()
        .filter(|field| match object.get(**field) {
            None => true,
            Some(Value::String(text)) => text.is_empty(),
            Some(Value::Array(list)) => list.is_empty(),
            Some(_) => false,
        })
        .map(|field| (format!("{message}.{field}"), format!("{message}.{field} is required: set it")))
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(ApiError::bad_request(&missing)) }
}

/// Sets a field of a message.
pub(crate) fn set(object: &mut Object, field: &str, value: impl Into<Value>) {
    object.insert(field.to_owned(), value.into());
}

#[cfg(test)]
mod tests {
    use super::*;

    const INNER: Message = Message { name: "inner", fields: &[("on", Type::Bool)] };
    const THING: Message = Message {
        name: "thing",
        fields: &[
            ("name", Type::Text),
            ("port", Type::Int32),
            ("since", Type::Int64),
            ("kind", Type::Enum(&["A", "B"])),
            ("tags", LIST),
            ("requestXPaths", LIST),
            ("inner", Type::Nested(&INNER)),
            ("createdAt", Type::Output),
        ],
    };

    fn read(text: &str) -> Result<Object, ApiError> {
        THING.check(&parse(text.as_bytes())?)
    }

    #[test]
    fn types_become_those_of_the_schema() {
        let object =
            read(r#"{"name":null,"port":"443","since":5,"kind":"B","inner":{"on":"true"},"createdAt":"1","tags":[]}"#);
        let expected = json!({"port": 443, "since": "5", "kind": "B", "inner": {"on": true}, "tags": []});
        assert_eq!(Value::Object(object.unwrap()), expected);
    }

    #[test]
    fn every_wrong_field_is_named() {
        let body = read(r#"{"entry":[],"port":70000000000,"kind":"C","inner":{"off":true}}"#).unwrap_err().body(1);
        let text = body.to_string();
        for part in
            ["Unknown name \\\"entry\\\" at 'thing'", "'thing.port' (TYPE_INT32)", "one of A, B", "at 'thing.inner'"]
        {
            assert!(text.contains(part), "{part} not in {text}");
        }
        assert_eq!(body["error"]["details"][0]["@type"], "type.googleapis.com/google.rpc.BadRequest");
    }

    #[test]
    fn a_wrong_text_is_not_repeated() {
        let text = read(r#"{"name":{"password":"s3cret"}}"#).unwrap_err().body(1).to_string();
        assert!(!text.contains("s3cret"), "{text}");
    }

    #[test]
    fn masks_are_read_in_both_cases() {
        let body = Object::new();
        assert_eq!(THING.masked(Some("request_x_paths,tags"), &body).unwrap(), ["requestXPaths", "tags"]);
        assert!(THING.masked(Some("other"), &body).is_err());
        let body = read(r#"{"tags":["a"]}"#).unwrap();
        assert_eq!(THING.masked(None, &body).unwrap(), ["tags"]);
    }
}
