//! Rates and durations.

use std::time::Duration;

use apigee_flux_model::diag::{Code, FieldPath, Report};
use apigee_flux_model::duration;

/// Longer than any request, or any interval between two health checks.
const LONGEST: Duration = Duration::from_hours(24);

/// Milliseconds of a duration such as `10s` or `200ms`; the error says what is allowed.
pub(super) fn millis(text: &str) -> Result<u64, String> {
    let duration = duration::parse(text)?;
    if duration.is_zero() || duration > LONGEST {
        return Err(format!("`{text}` is not between 1ms and 24h"));
    }
    u64::try_from(duration.as_millis()).map_err(|error| error.to_string())
}

/// Whole seconds of a duration.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let millis = millis(text)?;
    if millis % 1000 == 0 { Ok(millis / 1000) } else { Err(format!("`{text}` is not a whole number of seconds")) }
}

/// Parses a duration, or reports why it is invalid.
pub(super) fn duration(
    text: &str,
    parse: fn(&str) -> Result<u64, String>,
    at: &FieldPath,
    report: &mut Report<'_>,
) -> Option<u64> {
    match parse(text) {
        Ok(value) => Some(value),
        Err(message) => {
            report.error(Code::InvalidValue, at, message);
            None
        }
    }
}

/// True for `100ps`, `30pm`, and for one variable in braces.
pub(super) fn is_rate(text: &str) -> bool {
    if let Some(variable) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        return !variable.is_empty() && !variable.contains(|c: char| c.is_whitespace() || "{}".contains(c));
    }
    let Some(number) = text.strip_suffix("ps").or_else(|| text.strip_suffix("pm")) else {
        return false;
    };
    number.starts_with(|c: char| matches!(c, '1'..='9'))
        && number.len() <= 9
        && number.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(["10s", "200ms", "2m"].map(millis), [Ok(10_000), Ok(200), Ok(120_000)]);
        for text in ["", "10", "s", "1.5s", "-1s", "0s", "10 s", "25h", "99999999999999999999s", "0ms"] {
            assert!(millis(text).is_err(), "{text}");
        }
        assert_eq!(seconds("200ms"), Err("`200ms` is not a whole number of seconds".to_owned()));
    }

    #[test]
    fn rates() {
        for text in ["100ps", "30pm", "1ps", "{propertyset.limits.rate}"] {
            assert!(is_rate(text), "{text}");
        }
        for text in ["", "100", "0ps", "010ps", "ps", "1.5ps", "-1ps", "10ph", "10 ps", "{}", "{a} ps", "banana"] {
            assert!(!is_rate(text), "{text}");
        }
    }
}
