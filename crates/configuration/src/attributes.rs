//! Attributes: the name-value pairs of products, developers and apps.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use apigee_flux_model::diag::{Code, FieldPath, Report};
use apigee_flux_model::limits::{CountLimit, texts};

/// The attributes in the form of Apigee's API.
pub fn list<'m>(attributes: impl IntoIterator<Item = (&'m String, &'m String)>) -> Value {
    attributes.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

/// Reports what Apigee does not accept: too many attributes, including the `others` that separate fields set, and invalid names and values.
pub fn check(
    attributes: &BTreeMap<String, String>,
    others: usize,
    most: &CountLimit,
    at: &FieldPath,
    report: &mut Report<'_>,
) {
    check_count(most, attributes.len() + others, at, report);
    for (name, value) in attributes {
        texts::ATTRIBUTE_NAME.report(name, at.key(name), report);
        texts::ATTRIBUTE_VALUE.report(value, at.key(name), report);
    }
}

/// Reports a count that exceeds Apigee's limit.
pub fn check_count(most: &CountLimit, count: usize, at: &FieldPath, report: &mut Report<'_>) {
    if let Err(why) = most.check(count) {
        report.error(Code::LimitExceeded, at, why);
    }
}

/// The attributes with one more, which a separate field sets; the field overrides an attribute with the same name.
pub fn with(attributes: &BTreeMap<String, String>, name: &str, value: Option<&str>) -> BTreeMap<String, String> {
    let mut all = attributes.clone();
    all.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    all
}

/// Reports an attribute that has a separate field.
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
