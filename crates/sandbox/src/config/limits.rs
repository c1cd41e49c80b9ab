//! What Apigee takes, as its API answers: the table of [`apigee_flux_model::limits`] as 400.

use serde_json::Value;

use super::message::{Object, text};
use crate::fault::Fault;
use apigee_flux_model::limits::{Count, Text};

/// 400 unless a text is taken. `field` is its place in the request.
pub(super) fn check(rule: &Text, field: &str, text: &str) -> Result<(), Fault> {
    rule.check(text).map_err(|broken| Fault::invalid_argument(format!("{field}: {}", broken.message())))
}

/// The same of a field of a message, if it is set.
pub(super) fn check_field(rule: &Text, message: &str, object: &Object, field: &str) -> Result<(), Fault> {
    match text(object, field) {
        "" => Ok(()),
        given => check(rule, &format!("{message}.{field}"), given),
    }
}

/// The same of each text of a list.
pub(super) fn check_list(rule: &Text, message: &str, object: &Object, field: &str) -> Result<(), Fault> {
    let list = object.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    list.enumerate().try_for_each(|(index, text)| check(rule, &format!("{message}.{field}[{index}]"), text))
}

/// 400 when there are too many.
pub(super) fn check_count(rule: &Count, field: &str, count: usize) -> Result<(), Fault> {
    rule.check(count).map_err(|why| Fault::invalid_argument(format!("{field}: {why}")))
}

/// The elements of a list.
pub(super) fn count(object: &Object, field: &str) -> usize {
    object.get(field).and_then(Value::as_array).map_or(0, Vec::len)
}
