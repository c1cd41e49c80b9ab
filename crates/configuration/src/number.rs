//! Numbers that Apigee stores as signed 64-bit integers.

use apigee_flux_model::diag::{Code, FieldPath, Report};

/// The largest number.
const MAX: u64 = i64::MAX as u64;

/// Reports a number that is too large.
pub(super) fn check(number: u64, at: &FieldPath, report: &mut Report<'_>) {
    if number > MAX {
        report.error(Code::InvalidValue, at, format!("`{number}` is too large: Apigee accepts at most {MAX}"));
    }
}
