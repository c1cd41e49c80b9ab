//! A free-form value whose scalars keep their source text.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// The type name that makes [`super::decode`] pass scalars as text.
pub(super) const MARKER: &str = "$apigee-flux::Verbatim";

/// Any YAML value with its scalars as written: for XML in YAML notation, where `1.20` must not become `1.2`.
#[derive(Debug, Clone, PartialEq)]
pub enum Verbatim {
    /// A scalar's text; empty for null.
    Scalar(String),
    /// A list.
    Sequence(Vec<Verbatim>),
    /// A mapping in the order written.
    Mapping(IndexMap<String, Verbatim>),
}

impl<'de> Deserialize<'de> for Verbatim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(MARKER, VerbatimVisitor)
    }
}

impl Serialize for Verbatim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Scalar(text) => serializer.serialize_str(text),
            Self::Sequence(items) => serializer.collect_seq(items),
            Self::Mapping(entries) => serializer.collect_map(entries),
        }
    }
}

struct VerbatimVisitor;

impl<'de> Visitor<'de> for VerbatimVisitor {
    type Value = Verbatim;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Verbatim, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E>(self, text: &str) -> Result<Verbatim, E> {
        Ok(Verbatim::Scalar(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Verbatim, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Verbatim::Sequence(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Verbatim, A::Error> {
        let mut mapping = IndexMap::new();
        while let Some((key, value)) = entries.next_entry::<String, Verbatim>()? {
            mapping.insert(key, value);
        }
        Ok(Verbatim::Mapping(mapping))
    }
}

impl JsonSchema for Verbatim {
    fn schema_name() -> Cow<'static, str> {
        "Verbatim".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        true.into()
    }
}
