//! Attributes: pairs of a name and a value that products, developers and apps carry.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::diag::{Code, FieldPath, Report};

/// The most that one thing takes (Apigee, "Limits").
pub const MOST: usize = 18;

/// As Apigee writes them.
pub fn list<'m>(attributes: impl IntoIterator<Item = (&'m String, &'m String)>) -> Value {
    attributes.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

/// Reports a number of attributes, those that fields of their own set included, that Apigee does not take.
pub fn check(count: usize, most: usize, at: &FieldPath, report: &mut Report<'_>) {
    if count > most {
        let message = format!("there are {count} attributes; Apigee takes {most}");
        report.error(Code::LimitExceeded, at, message);
    }
}

/// With one more, from a field of its own; the field wins over an attribute of that name.
pub fn with(attributes: &BTreeMap<String, String>, name: &str, value: Option<&str>) -> BTreeMap<String, String> {
    let mut all = attributes.clone();
    all.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    all
}

/// Reports an attribute that has a field of its own.
pub fn check_own(
    attributes: &BTreeMap<String, String>,
    name: &str,
    field: &str,
    at: &FieldPath,
    report: &mut Report<'_>,
) {
    if attributes.contains_key(name) {
        let message = format!("the attribute `{name}` has a field of its own: use `{field}`");
        report.error(Code::ConflictingFields, at.key(name), message);
    }
}
