//! Compares the methods of the sandbox with the discovery document.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::parameter::EVERYWHERE;
use super::*;

/// Lists that are a plain array of names: Apigee has them, although no protocol buffer describes them.
const BARE_LISTS: [&str; 11] = [
    "/v1/organizations/{}/environments",
    "/v1/organizations/{}/keyvaluemaps",
    "/v1/organizations/{}/apis/{}/keyvaluemaps",
    "/v1/organizations/{}/apis/{}/revisions",
    "/v1/organizations/{}/sharedflows/{}/revisions",
    "/v1/organizations/{}/environments/{}/targetservers",
    "/v1/organizations/{}/environments/{}/keyvaluemaps",
    "/v1/organizations/{}/environments/{}/references",
    "/v1/organizations/{}/environments/{}/keystores",
    "/v1/organizations/{}/environments/{}/flowhooks",
    "/v1/organizations/{}/environments/{}/keystores/{}/aliases",
];

fn document() -> Value {
    serde_json::from_str(include_str!("../../../../testdata/apigee-v1.json")).unwrap()
}

fn methods() -> impl Iterator<Item = &'static Method> {
    METHODS.iter().flat_map(|methods| methods.iter())
}

fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::Get => "GET",
        Verb::Post => "POST",
        Verb::Put => "PUT",
        Verb::Patch => "PATCH",
        Verb::Delete => "DELETE",
    }
}

/// A path without the names of its parameters.
fn plain(path: &str) -> String {
    let mut plain = String::new();
    for part in path.split('{') {
        match part.split_once('}') {
            Some((_, rest)) => plain = plain + "{}" + rest,
            None => plain.push_str(part),
        }
    }
    plain
}

/// The parameter in the form of the extract.
fn parameters(known: Parameters) -> Value {
    let entry = |(name, parameter): &(&str, Parameter)| {
        let value = match parameter {
            Parameter::Text => json!({"type": "string"}),
            Parameter::Bool => json!({"type": "boolean"}),
            Parameter::Int32 => json!({"type": "int32"}),
            Parameter::Int64 => json!({"type": "int64"}),
            Parameter::Mask => json!({"type": "mask"}),
            Parameter::OneOf(allowed) => json!({"type": "string", "enum": allowed}),
        };
        ((*name).to_owned(), value)
    };
    Value::Object(known.iter().map(entry).collect::<Map<String, Value>>())
}

/// The same from the document, without annotations that do not affect what is accepted.
fn documented_parameters(query: &Value) -> Value {
    let mut query = query.clone();
    for parameter in query.as_object_mut().into_iter().flat_map(|map| map.values_mut()) {
        parameter.as_object_mut().unwrap().shift_remove("deprecated");
    }
    query
}

/// The differences between a message and its schema.
fn differences(place: &str, message: &Message, schema: &str, messages: &Value, found: &mut BTreeSet<String>) {
    let fields = messages[schema].as_object().unwrap_or_else(|| panic!("no schema {schema}"));
    let ours: BTreeSet<&str> = message.fields.iter().map(|(name, _)| *name).collect();
    let theirs: BTreeSet<&str> = fields.keys().map(String::as_str).collect();
    found.extend(theirs.difference(&ours).map(|name| format!("{place} lacks {name}")));
    found.extend(ours.difference(&theirs).map(|name| format!("{place} has {name}, which {schema} lacks")));
    for (name, kind) in message.fields {
        let Some(field) = fields.get(*name) else { continue };
        let place = format!("{place}.{name}");
        match kind {
            Type::Output => {}
            _ if field["readOnly"] == true => {
                found.insert(format!("{place} is set by the server only"));
            }
            _ => type_differences(&place, kind, &field["type"], &field["enum"], messages, found),
        }
    }
}

fn type_differences(
    place: &str,
    kind: &Type,
    documented: &Value,
    allowed: &Value,
    messages: &Value,
    found: &mut BTreeSet<String>,
) {
    let same = match kind {
        Type::Text => *documented == "string" && allowed.is_null(),
        Type::Bool => *documented == "boolean",
        Type::Int32 => *documented == "int32",
        Type::Int64 => *documented == "int64",
        Type::Float => *documented == "number",
        Type::Any => *documented == "any",
        Type::Texts => *documented == json!({"*": "string"}),
        Type::Enum(values) => {
            let values: BTreeSet<&str> = values.iter().copied().collect();
            *documented == "string"
                && allowed.as_array().is_some_and(|list| values == list.iter().filter_map(Value::as_str).collect())
        }
        Type::List(item) => match documented.as_array().map(Vec::as_slice) {
            Some([documented]) => return type_differences(place, item, documented, &Value::Null, messages, found),
            _ => false,
        },
        Type::Nested(message) => match documented.as_str() {
            Some(schema) if !messages[schema].is_null() => return differences(place, message, schema, messages, found),
            _ => false,
        },
        Type::Output => true,
    };
    if !same {
        found.insert(format!("{place} is {kind:?}, documented as {documented} {allowed}"));
    }
}

#[test]
fn every_method_takes_what_the_discovery_document_says() {
    let document = document();
    let documented = document["methods"].as_array().unwrap();
    let mut found = BTreeSet::new();
    assert_eq!(parameters(EVERYWHERE), document["everywhere"]);
    assert!(methods().count() > 150, "only {} methods are known", methods().count());
    for method in methods() {
        let place = format!("{} {}", verb(method.verb), plain(&method.path()));
        let same = |one: &&Value| {
            one["verb"] == verb(method.verb) && plain(one["path"].as_str().unwrap()) == plain(&method.path())
        };
        let Some(documented) = documented.iter().find(same) else {
            let is_bare = BARE_LISTS.contains(&plain(&method.path()).as_str());
            if method.verb != Verb::Get || !is_bare || !method.query.is_empty() {
                found.insert(format!("{place} is not a method of the API"));
            }
            continue;
        };
        let (ours, theirs) = (parameters(method.query), documented_parameters(&documented["query"]));
        if ours != theirs {
            found.insert(format!("{place} takes {ours}, documented are {theirs}"));
        }
        match (method.body, documented["body"].as_str()) {
            (BodyType::Nothing, None) | (BodyType::File | BodyType::Bundle, Some("GoogleApiHttpBody")) => {}
            (BodyType::Json(message), Some(schema)) => {
                differences(message.name, message, schema, &document["messages"], &mut found);
            }
            (ours, theirs) => {
                found.insert(format!("{place} takes {ours:?}, documented is {theirs:?}"));
            }
        }
    }
    let found: Vec<String> = found.into_iter().collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_verb_of_a_known_path_is_known() {
    let document = document();
    let ours: BTreeSet<(String, String)> =
        methods().map(|method| (verb(method.verb).to_owned(), plain(&method.path()))).collect();
    let paths: BTreeSet<&String> = ours.iter().map(|(_, path)| path).collect();
    let theirs = document["methods"]
        .as_array()
        .unwrap()
        .iter()
        .map(|method| (method["verb"].as_str().unwrap().to_owned(), plain(method["path"].as_str().unwrap())));
    let missing: Vec<String> = theirs
        .filter(|(_, path)| paths.contains(path))
        .filter(|method| !ours.contains(method))
        .map(|(verb, path)| format!("{verb} {path}"))
        .collect();
    // Their response is the sandbox's own error, and not Google's error for a method that does not exist.
    let lacking: Vec<String> =
        NOT_IMPLEMENTED.iter().map(|(missing, path)| format!("{} {}", verb(*missing), plain(path))).collect();
    assert_eq!(missing, lacking);
}

#[test]
fn no_method_stands_twice() {
    let mut all: Vec<(&str, String)> = methods().map(|method| (verb(method.verb), plain(&method.path()))).collect();
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}
