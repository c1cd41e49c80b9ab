//! A field that is a keyword, or a mapping or list, distinguished by the YAML type.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserialize, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};

/// A scalar (`W`), or a mapping or list (`T`).
///
/// Untagged enums of serde would first copy the value into a buffer, which loses the source text of scalars (`1.20`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WordOr<W, T> {
    /// The scalar.
    Word(W),
    /// The mapping or list.
    Value(T),
}

/// The keyword that turns a feature off, also if a profile turns it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Off {
    /// Turns it off.
    None,
}

impl<T> WordOr<Off, T> {
    /// The value, unless it is turned off.
    pub fn on(&self) -> Option<&T> {
        match self {
            Self::Word(Off::None) => None,
            Self::Value(value) => Some(value),
        }
    }
}

impl<'de, W: Deserialize<'de>, T: Deserialize<'de>> Deserialize<'de> for WordOr<W, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A request for text makes `yaml::decode` return a scalar as written, and a mapping or list as such.
        deserializer.deserialize_string(Both(PhantomData))
    }
}

struct Both<W, T>(PhantomData<(W, T)>);

impl<'de, W: Deserialize<'de>, T: Deserialize<'de>> Visitor<'de> for Both<W, T> {
    type Value = WordOr<W, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a single value, a mapping or a list")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        W::deserialize(text.into_deserializer()).map(WordOr::Word)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(entries)).map(WordOr::Value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Self::Value, A::Error> {
        T::deserialize(SeqAccessDeserializer::new(elements)).map(WordOr::Value)
    }
}

impl<W: JsonSchema, T: JsonSchema> JsonSchema for WordOr<W, T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Or{}", W::schema_name(), T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [generator.subschema_for::<W>(), generator.subschema_for::<T>()]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{YamlNode, decode};
    use indexmap::IndexMap;

    type Field = WordOr<Off, IndexMap<String, String>>;

    fn read(yaml: &str) -> Result<Field, String> {
        let node = YamlNode::parse(yaml, 0..yaml.len()).unwrap();
        decode::decode(&node).map_err(|error| error.to_string())
    }

    #[test]
    fn the_yaml_type_decides_and_text_stays_as_written() {
        assert_eq!(read("none"), Ok(WordOr::Word(Off::None)));
        assert_eq!(read("{a: 1.20}"), Ok(WordOr::Value(IndexMap::from([("a".into(), "1.20".into())]))));
        assert!(read("nothing").unwrap_err().contains("nothing"));
        let list: WordOr<String, Vec<String>> = decode::decode(&YamlNode::parse("[1.20]", 0..6).unwrap()).unwrap();
        assert_eq!(list, WordOr::Value(vec!["1.20".into()]));
    }
}
