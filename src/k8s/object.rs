//! A typed Kubernetes object, ready to be written.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{Metadata, Resource};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::krm::{Id, annotation};

/// An object with its fields in the order in which people read them: identity first.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// What it is.
    pub id: Id,
    value: Value,
}

impl Object {
    /// Takes a typed object.
    pub(super) fn new<K>(typed: &K) -> Result<Self, String>
    where
        K: Resource + Metadata<Ty = ObjectMeta> + Serialize,
    {
        let metadata = typed.metadata();
        let id = Id {
            group: K::GROUP.to_owned(),
            kind: K::KIND.to_owned(),
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        };
        let Value::Object(mut fields) = serde_json::to_value(typed).map_err(|error| error.to_string())? else {
            return Err(format!("{} is no mapping", K::KIND));
        };
        if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
            *metadata = reordered(std::mem::take(metadata), &["name", "namespace", "labels", "annotations"]);
        }
        Ok(Self { id, value: reordered(fields, &["apiVersion", "kind", "metadata", "immutable"]).into() })
    }

    /// All fields.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// A field at the top.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.value.get(field)
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.value.get("metadata")?.get("labels")?.get(key)?.as_str()
    }

    /// The value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.value.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }

    /// Sets an annotation.
    pub fn annotate(&mut self, key: &str, text: &str) {
        let metadata = self.value.get_mut("metadata").and_then(Value::as_object_mut);
        let annotations = metadata.map(|metadata| metadata.entry("annotations").or_insert_with(|| Map::new().into()));
        if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
            annotations.insert(key.to_owned(), text.into());
            annotations.sort_keys();
        }
    }

    /// Takes away what tells kpt where the object goes, and returns the file.
    pub fn take_path(&mut self) -> Option<String> {
        let annotations = self.value.get_mut("metadata")?.get_mut("annotations")?.as_object_mut()?;
        let path = annotations.shift_remove(annotation::PATH);
        annotations.shift_remove(annotation::INDEX);
        annotations.shift_remove(annotation::PACKAGE_PATH);
        path?.as_str().map(str::to_owned)
    }

    /// The object as a YAML document.
    pub fn to_yaml(&self) -> Result<String, String> {
        crate::yaml::encode(&self.value)
    }
}

/// Moves some fields to the front.
fn reordered(mut fields: Map<String, Value>, first: &[&str]) -> Map<String, Value> {
    let mut ordered = Map::new();
    for name in first {
        if let Some(field) = fields.shift_remove(*name) {
            ordered.insert((*name).to_owned(), field);
        }
    }
    ordered.extend(fields);
    ordered
}
