//! Attributes: pairs of a name and a value that products, developers and apps carry.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::diag::{Code, FieldPath, Report};
use crate::limits::{Count, texts};

/// As Apigee writes them.
pub fn list<'m>(attributes: impl IntoIterator<Item = (&'m String, &'m String)>) -> Value {
    attributes.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

/// Reports what Apigee does not take: too many attributes, `others` that fields of their own set included, and their names and values.
pub fn check(
    attributes: &BTreeMap<String, String>,
    others: usize,
    most: &Count,
    at: &FieldPath,
    report: &mut Report<'_>,
) {
    check_count(most, attributes.len() + others, at, report);
    for (name, value) in attributes {
        texts::ATTRIBUTE_NAME.report(name, at.key(name), report);
        texts::ATTRIBUTE_VALUE.report(value, at.key(name), report);
    }
}

/// Reports more of something than Apigee takes.
pub fn check_count(most: &Count, count: usize, at: &FieldPath, report: &mut Report<'_>) {
    if let Err(why) = most.check(count) {
        report.error(Code::LimitExceeded, at, why);
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
        let message = format!("the attribute `{name}` has its own field: set `{field}` instead");
        report.error(Code::ConflictingFields, at.key(name), message);
    }
}
