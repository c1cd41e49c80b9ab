//! The JSON schema of a whole resource, for editors and other validators.

use serde_json::{Map, Value as Json, json};

use crate::spec::{GROUP, Kind, VERSION};

/// The definition of a value that comes from another resource. No type of a spec has this name.
const OTHER_RESOURCE: &str = "OtherResource";

/// The JSON schema (draft 2020-12) of a resource of this kind.
///
/// Any scalar may also be `{from: …}`, or text with `$(values.NAME)`: both are replaced before the value is checked.
pub fn schema(kind: &Kind) -> Json {
    let mut spec = (kind.schema)().as_value().clone();
    let definitions = spec.as_object_mut().and_then(|spec| {
        spec.remove("$schema");
        spec.remove("$defs")
    });
    let mut definitions = definitions.and_then(|definitions| definitions.as_object().cloned()).unwrap_or_default();
    definitions.values_mut().for_each(allow_references);
    allow_references(&mut spec);
    definitions.insert(OTHER_RESOURCE.to_owned(), other_resource());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.name,
        "description": kind.doc.trim(),
        "type": "object",
        "required": ["apiVersion", "kind", "metadata"],
        "properties": {
            "apiVersion": {"const": format!("{GROUP}/{VERSION}")},
            "kind": {"const": kind.name},
            "metadata": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
            "spec": spec,
        },
        "additionalProperties": false,
        "$defs": definitions,
    })
}

fn other_resource() -> Json {
    let text = |description: &str| json!({"type": "string", "description": description});
    json!({
        "description": "A field of another resource in the input.",
        "type": "object",
        "required": ["from"],
        "additionalProperties": false,
        "properties": {"from": {
            "type": "object",
            "required": ["kind", "name", "jsonPath"],
            "additionalProperties": false,
            "properties": {
                "apiVersion": text("The apiVersion of the resource; required if several resources match."),
                "kind": text("The kind of the resource."),
                "name": text("The name of the resource."),
                "namespace": text("The namespace of the resource; required if several resources match."),
                "jsonPath": text("The JSONPath (RFC 9535) of the field, for example `$.spec.ports[0].port`."),
            },
        }},
    })
}

/// Allows references in place of every scalar.
fn allow_references(schema: &mut Json) {
    match schema {
        Json::Object(entries) => {
            let scalar = entries.contains_key("enum") || entries.contains_key("const") || is_scalar(entries);
            // A definition that is a keyword of a choice keeps its own documentation inside.
            for (key, value) in entries.iter_mut() {
                match key.as_str() {
                    "properties" | "$defs" => {
                        if let Some(inner) = value.as_object_mut() {
                            inner.values_mut().for_each(allow_references);
                        }
                    }
                    "items" | "additionalProperties" => allow_references(value),
                    "anyOf" | "oneOf" => value.as_array_mut().into_iter().flatten().for_each(allow_references),
                    _ => {}
                }
            }
            if scalar {
                let description = entries.shift_remove("description");
                let inner = Json::Object(std::mem::take(entries));
                entries.extend(description.map(|text| ("description".to_owned(), text)));
                entries.insert(
                    "anyOf".to_owned(),
                    json!([
                        inner,
                        {"type": "string", "pattern": "\\$\\(values\\."},
                        {"$ref": format!("#/$defs/{OTHER_RESOURCE}")},
                    ]),
                );
            }
        }
        Json::Array(branches) => branches.iter_mut().for_each(allow_references),
        _ => {}
    }
}

fn is_scalar(entries: &Map<String, Json>) -> bool {
    let is = |name: &str| matches!(name, "string" | "integer" | "number" | "boolean");
    match entries.get("type") {
        Some(Json::String(name)) => is(name),
        Some(Json::Array(names)) => names.iter().filter_map(Json::as_str).any(is),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::KINDS;

    #[test]
    fn no_definition_of_a_spec_is_replaced() {
        for kind in KINDS.iter() {
            let own = (kind.schema)().as_value().pointer("/$defs").and_then(Json::as_object).map_or(0, Map::len);
            let all = schema(kind).pointer("/$defs").and_then(Json::as_object).map_or(0, Map::len);
            assert_eq!(all, own + 1, "{}", kind.name);
        }
    }

    #[test]
    fn every_reference_of_a_schema_leads_somewhere() {
        fn references(schema: &Json, found: &mut Vec<String>) {
            match schema {
                Json::Object(entries) => {
                    found.extend(entries.get("$ref").and_then(Json::as_str).map(str::to_owned));
                    entries.values().for_each(|value| references(value, found));
                }
                Json::Array(elements) => elements.iter().for_each(|element| references(element, found)),
                _ => {}
            }
        }
        for kind in KINDS.iter() {
            let schema = schema(kind);
            let mut found = Vec::new();
            references(&schema, &mut found);
            assert!(!found.is_empty(), "{}", kind.name);
            for reference in found {
                let pointer = reference.trim_start_matches('#');
                assert!(schema.pointer(pointer).is_some(), "{}: {reference}", kind.name);
            }
        }
    }
}
