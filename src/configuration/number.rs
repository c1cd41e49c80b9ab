//! Numbers that Apigee keeps in 64 bits with a sign.

use crate::diag::{Code, FieldPath, Report};

/// The largest.
const MAX: u64 = i64::MAX as u64;

/// Reports a number that does not fit.
pub(super) fn check(number: u64, at: &FieldPath, report: &mut Report<'_>) {
    if number > MAX {
        report.error(Code::InvalidValue, at, format!("`{number}` is too large: Apigee accepts at most {MAX}"));
    }
}
