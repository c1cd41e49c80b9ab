//! Durations in specs and on the command line: `200ms`, `10s`, `10m`, `1h`. And times in RFC 3339 format.

use std::time::Duration;

/// Parses a whole number with one of the units `ms`, `s`, `m`, `h`; the error says what is allowed.
pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("`{text}` is not a duration; write a whole number and `ms`, `s`, `m` or `h`, for example `10s`");
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(milliseconds).map(Duration::from_millis).ok_or_else(wrong)
}

/// Whole milliseconds, `u64::MAX` at most.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A time in milliseconds since 1970, in RFC 3339 format; empty if it is out of the calendar's range.
pub fn rfc3339(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds).ok().and_then(|time| jiff::Timestamp::from_millisecond(time).ok());
    time.map(|time| time.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(rfc3339(1_767_225_600_000), "2026-01-01T00:00:00Z");
        assert_eq!(rfc3339(u64::MAX), "");
    }

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(parse("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(parse("10m"), Ok(Duration::from_mins(10)));
        for wrong in ["10", "m", "1.5s", "10 m", "", "99999999999999999999h"] {
            assert!(parse(wrong).unwrap_err().contains("whole number"), "{wrong}");
        }
    }
}
