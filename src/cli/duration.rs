//! Durations on the command line.

use std::time::Duration;

/// Parses a whole number and one of the units `ms`, `s`, `m`, `h`, as in `10m`.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("`{text}` is not a duration; write a whole number and one of ms, s, m, h, for example 90s or 10m");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit() {
        for (text, millis) in [("300ms", 300), ("0s", 0), ("90s", 90_000), ("10m", 600_000), ("1h", 3_600_000)] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)));
        }
        for text in ["", "10", "m", "1.5m", "-1s", "10 m", "1d", "99999999999999999999h", "9999999999999999h"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
