//! The finding for a value of the wrong type: the allowed types, the value found, and the fix.

use serde_json::Value as Json;

use super::credential;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, nearest};
use apigee_flux_model::yaml::{self, ScalarStyle, Value, YamlNode};

/// The maximum number of fields of a mapping that a message lists.
const LISTED_FIELDS: usize = 12;

/// The finding for `node`, which matches none of the branches of the schema.
pub(super) fn finding(branches: &[&Json], node: &YamlNode, at: &FieldPath) -> Diagnostic {
    // A literal in place of a reference to a secret is a credential, so it is not repeated.
    if let Some(text) = node.as_str()
        && branches.iter().any(|branch| branch.pointer("/properties/valueFrom").is_some())
    {
        return credential::literal(text, at);
    }
    if node.as_str().is_some() && branches.iter().any(|branch| is_secret_ref(branch)) {
        return credential::literal_in_proxy(at);
    }
    let message = format!("expected {}, found {}", expected(branches), found(node));
    let mut diagnostic = Diagnostic::error(Code::WrongType, message).at(at.clone());
    let words = branches.iter().flat_map(|branch| words(branch));
    if let Some(near) = node.as_str().and_then(|text| nearest(text, words)) {
        return diagnostic.propose(near);
    }
    if let Some(help) = what_to_write(branches, node) {
        diagnostic = diagnostic.help(help);
    }
    diagnostic
}

/// True for the schema of `SecretRef`.
fn is_secret_ref(branch: &Json) -> bool {
    let properties = branch.get("properties").and_then(Json::as_object);
    properties.is_some_and(|properties| properties.len() == 1 && properties.contains_key("kvm"))
}

/// The types and keywords that the branches allow.
fn expected(branches: &[&Json]) -> String {
    let mut allowed: Vec<String> =
        branches.iter().flat_map(|branch| words(branch)).map(|word| format!("`{word}`")).collect();
    for name in branches.iter().filter_map(|branch| type_name(branch)) {
        if !allowed.iter().any(|known| known == name) {
            allowed.push(name.to_owned());
        }
    }
    match allowed.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => "another value".to_owned(),
    }
}

fn found(node: &YamlNode) -> String {
    match &node.value {
        Value::Mapping(_) => "a mapping".to_owned(),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Scalar(..) if node.is_null() => "null".to_owned(),
        Value::Scalar(text, ScalarStyle::Quoted) => format!("the text `{}`", text.escape_debug()),
        Value::Scalar(text, ScalarStyle::Plain) => format!("`{text}`"),
    }
}

/// The fix, if the intended value can be derived from the value found.
fn what_to_write(branches: &[&Json], node: &YamlNode) -> Option<String> {
    let takes = |name: &str| branches.iter().any(|branch| types(branch).contains(&name));
    if node.is_null() {
        return Some(match () {
            () if takes("string") => "write a value, or `\"\"` for an empty text".to_owned(),
            () if takes("array") => "write a value, or `[]` for an empty list".to_owned(),
            () => "write a value, or remove the field".to_owned(),
        });
    }
    if let Value::Scalar(text, style) = &node.value {
        let (boolean, number) = (takes("boolean"), takes("integer") || takes("number"));
        let quoted = *style == ScalarStyle::Quoted;
        let meant_truth = match text.to_lowercase().as_str() {
            "true" | "yes" | "on" | "y" => Some("true"),
            "false" | "no" | "off" | "n" => Some("false"),
            _ => None,
        };
        match meant_truth {
            Some(truth) if boolean && quoted && text == truth => {
                return Some(format!("remove the quotes: `{truth}`"));
            }
            Some(truth) if boolean => return Some(format!("write `{truth}`, without quotes")),
            _ => {}
        }
        let fits = if takes("number") { yaml::is_number(text) } else { yaml::is_integer(text) };
        if number && quoted && fits {
            return Some(format!("remove the quotes: `{text}`"));
        }
        let digits = text.trim_start_matches('0');
        if number && text.len() > digits.len() && yaml::is_integer(digits) {
            return Some(format!("write `{digits}`: YAML 1.1 reads a number that begins with 0 as octal"));
        }
        if takes("array") {
            let entries: Vec<&str> = text.split([' ', ',']).filter(|entry| !entry.is_empty()).collect();
            return Some(format!("write it as a list: `[{}]`", entries.join(", ")));
        }
    }
    let fields: Vec<&str> = branches
        .iter()
        .filter_map(|branch| branch.get("properties").and_then(Json::as_object))
        .flat_map(|properties| properties.keys().map(String::as_str))
        .collect();
    match fields.as_slice() {
        [] => None,
        all if all.len() > LISTED_FIELDS => Some(format!(
            "write a mapping with some of the {} allowed fields, for example {}",
            all.len(),
            all[..LISTED_FIELDS].join(", ")
        )),
        all => Some(format!("write a mapping; allowed fields: {}", all.join(", "))),
    }
}

/// The keywords that a branch allows, if it is a choice of keywords.
pub(super) fn words(branch: &Json) -> Vec<&str> {
    let choice = branch.get("enum").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    choice.chain(branch.get("const").and_then(Json::as_str)).collect()
}

/// The JSON types of a branch.
pub(super) fn types(branch: &Json) -> Vec<&str> {
    match branch.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The name of the type that a branch allows; `None` for null and for a choice of keywords.
fn type_name(branch: &Json) -> Option<&'static str> {
    if !words(branch).is_empty() {
        return None;
    }
    types(branch).into_iter().find_map(|name| match name {
        "object" => Some("a mapping"),
        "array" => Some("a list"),
        "string" => Some("text"),
        "integer" => Some("a whole number"),
        "number" => Some("a number"),
        "boolean" => Some("`true` or `false`"),
        _ => None,
    })
}
