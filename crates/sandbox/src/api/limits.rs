//! Enforces the limits of [`apigee_flux_model::limits`] with the error 400.

use serde_json::Value;

use super::error::ApiError;
use super::message::{Object, text};
use apigee_flux_model::limits::{CountLimit, TextLimit};

/// 400 unless a text is allowed. `field` is its place in the request.
pub(crate) fn check(rule: &TextLimit, field: &str, text: &str) -> Result<(), ApiError> {
    rule.check(text).map_err(|broken| ApiError::invalid_argument(format!("{field}: {}", broken.message())))
}

/// The same for a field of a message, if it is set.
pub(crate) fn check_field(rule: &TextLimit, message: &str, object: &Object, field: &str) -> Result<(), ApiError> {
    match text(object, field) {
        "" => Ok(()),
        given => check(rule, &format!("{message}.{field}"), given),
    }
}

/// The same for each text of a list.
pub(crate) fn check_list(rule: &TextLimit, message: &str, object: &Object, field: &str) -> Result<(), ApiError> {
    let list = object.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    list.enumerate().try_for_each(|(index, text)| check(rule, &format!("{message}.{field}[{index}]"), text))
}

/// 400 if there are too many.
pub(crate) fn check_count(rule: &CountLimit, field: &str, count: usize) -> Result<(), ApiError> {
    rule.check(count).map_err(|why| ApiError::invalid_argument(format!("{field}: {why}")))
}

/// The number of elements in a list.
pub(crate) fn count(object: &Object, field: &str) -> usize {
    object.get(field).and_then(Value::as_array).map_or(0, Vec::len)
}
