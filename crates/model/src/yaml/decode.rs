//! Decodes a [`YamlNode`] into a type with serde.
//!
//! Fields of type `String` accept the source text of any plain scalar. The schema validation in `spec::schema` runs first and reports all
//! errors together, with paths; only errors that a schema cannot express are found here.

use std::fmt;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserialize, Deserializer, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::node::{ScalarStyle, Value, YamlNode, number};
use super::{Span, verbatim};

/// Why a value does not fit its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    /// What was expected and what was found.
    pub message: String,
    /// The place, if known.
    pub span: Option<Span>,
}

/// Uses the terms of YAML and of this project's other messages: serde's own messages use Rust terms ("unit value", "u32", "struct").
impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), span: None }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {}, found {}", in_yaml(&expected.to_string()), shown(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {}, found {length} values", in_yaml(&expected.to_string())))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format_args!("expected {}, found `{variant}`", one_of(expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format_args!("unknown field `{field}`; expected {}", one_of(expected)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("the field `{field}` is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::custom(format_args!("the field `{field}` is defined more than once"))
    }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [one] => format!("`{one}`"),
        [rest @ .., last] => {
            let rest: Vec<String> = rest.iter().map(|word| format!("`{word}`")).collect();
            format!("{} or `{last}`", rest.join(", "))
        }
    }
}

fn shown(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Str(text) => format!("`{text}`"),
        Unexpected::Char(one) => format!("`{one}`"),
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(number) => format!("`{number}`"),
        Unexpected::Signed(number) => format!("`{number}`"),
        Unexpected::Float(number) => format!("`{number}`"),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a mapping".to_owned(),
        _ => "another value".to_owned(),
    }
}

/// What a serde type expects, in terms of YAML. The project's own visitors already use these terms.
fn in_yaml(expected: &str) -> String {
    let word = match expected {
        "a string" | "string" | "a character" | "variant identifier" | "field identifier" => "text",
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        "a map" => "a mapping",
        "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        other if other.starts_with("struct ") || other.starts_with("enum ") => "a mapping",
        other if other.starts_with("a tuple ") || other.starts_with("tuple ") => "a list",
        other if other.starts_with("a nonzero ") => "a whole number other than 0",
        other => other,
    };
    word.to_owned()
}

/// Decodes a node.
pub fn decode<'de, T: Deserialize<'de>>(node: &'de YamlNode) -> Result<T, DecodeError> {
    T::deserialize(NodeDeserializer { node, verbatim: false })
}

#[derive(Clone, Copy)]
struct NodeDeserializer<'de> {
    node: &'de YamlNode,
    verbatim: bool,
}

impl<'de> NodeDeserializer<'de> {
    fn located<T>(self, result: Result<T, DecodeError>) -> Result<T, DecodeError> {
        result.map_err(|error| DecodeError {
            span: error.span.or_else(|| Some(self.node.span.clone())),
            message: error.message,
        })
    }

    fn inner(self, node: &'de YamlNode) -> Self {
        Self { node, ..self }
    }
}

impl<'de> IntoDeserializer<'de, DecodeError> for NodeDeserializer<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for NodeDeserializer<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        let result = match &self.node.value {
            Value::Sequence(elements) => {
                visitor.visit_seq(SeqDeserializer::new(elements.iter().map(|node| self.inner(node))))
            }
            Value::Mapping(entries) => visitor.visit_map(MapDeserializer::new(
                entries.iter().map(|entry| (entry.key.as_str(), self.inner(&entry.value))),
            )),
            Value::Scalar(text, _) if self.verbatim => visitor.visit_str(if self.node.is_null() { "" } else { text }),
            Value::Scalar(text, ScalarStyle::Quoted) => visitor.visit_str(text),
            Value::Scalar(text, ScalarStyle::Plain) => match text.as_str() {
                _ if self.node.is_null() => visitor.visit_unit(),
                "true" | "True" | "TRUE" => visitor.visit_bool(true),
                "false" | "False" | "FALSE" => visitor.visit_bool(false),
                _ => match number(text) {
                    Some(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                        (Some(value), _, _) => visitor.visit_u64(value),
                        (_, Some(value), _) => visitor.visit_i64(value),
                        (_, _, Some(value)) => visitor.visit_f64(value),
                        _ => visitor.visit_str(text),
                    },
                    None => visitor.visit_str(text),
                },
            },
        };
        self.located(result)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Scalar(text, _) if !self.node.is_null() => self.located(visitor.visit_str(text)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    /// A field with the value null counts as not set, as in Kubernetes.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match &self.node.value {
            Value::Mapping(entries) => {
                let set = entries.iter().filter(|entry| !entry.value.is_null());
                let map = MapDeserializer::new(set.map(|entry| (entry.key.as_str(), self.inner(&entry.value))));
                self.located(visitor.visit_map(map))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(Self { verbatim: self.verbatim || name == verbatim::MARKER, ..self })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let result = match &self.node.value {
            Value::Scalar(text, _) => visitor.visit_enum(text.as_str().into_deserializer()),
            Value::Mapping(entries) => visitor.visit_enum(de::value::MapAccessDeserializer::new(MapDeserializer::new(
                entries.iter().map(|entry| (entry.key.as_str(), self.inner(&entry.value))),
            ))),
            Value::Sequence(_) => Err(de::Error::custom("expected one of the allowed words, found a list")),
        };
        self.located(result)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verbatim;
    use super::*;
    use indexmap::IndexMap;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Sample {
        text: String,
        count: Option<u32>,
        kind: Word,
        free: IndexMap<String, Verbatim>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    enum Word {
        First,
        Second(String),
    }

    #[test]
    fn typed_text_and_free_text_are_as_written() {
        let source = "text: 1.20\ncount: 3\nkind: first\nfree: {a: 0777, b: [on, ~], c: {d: 1.20}}\n";
        let node = YamlNode::parse(source, 0..source.len()).unwrap();
        let sample: Sample = decode(&node).unwrap();
        assert_eq!((sample.text.as_str(), sample.count, sample.kind), ("1.20", Some(3), Word::First));
        assert_eq!(sample.free["a"], Verbatim::Scalar("0777".into()));
        assert_eq!(
            sample.free["b"],
            Verbatim::Sequence(vec![Verbatim::Scalar("on".into()), Verbatim::Scalar(String::new())])
        );
    }

    #[test]
    fn an_error_knows_its_place() {
        let source = "text: a\ncount: x\nkind: {second: b}\nfree: {}\n";
        let node = YamlNode::parse(source, 0..source.len()).unwrap();
        let error = decode::<Sample>(&node).unwrap_err();
        assert_eq!(&source[error.span.unwrap()], "x");
    }
}
