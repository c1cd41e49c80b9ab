//! Points in time: RFC 3339 in UTC in specs, milliseconds since 1970 in Apigee.

/// Converts `2027-01-31` or `2027-01-31T12:00:00Z` to milliseconds since 1970. The error says what is allowed.
pub fn millis(text: &str) -> Result<u64, String> {
    parse(text).ok_or_else(|| {
        format!("`{text}` is not a date or time since 1970; write it in UTC, as `2027-01-31` or `2027-01-31T12:00:00Z`")
    })
}

fn parse(text: &str) -> Option<u64> {
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time.strip_suffix('Z')?, ':', [2, 2, 2])?;
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = usize::try_from(month.checked_sub(1)?).ok()?;
    if day == 0 || day > *lengths.get(before)? || hour > 23 || minute > 59 || second > 59 || year < 1970 {
        return None;
    }
    let years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let days = years + lengths.iter().take(before).sum::<u64>() + day - 1;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
}

/// Parses three numbers, each with the given number of digits.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let parts: Vec<&str> = text.split(separator).collect();
    let number = |index: usize| {
        let part = parts.get(index)?;
        let right = part.len() == *digits.get(index)? && part.bytes().all(|byte| byte.is_ascii_digit());
        if right { part.parse().ok() } else { None }
    };
    if parts.len() == 3 { Some([number(0)?, number(1)?, number(2)?]) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        assert_eq!(millis("1970-01-01"), Ok(0));
        assert_eq!(millis("2000-03-01T00:00:01Z"), Ok(951_868_801_000));
        assert_eq!(millis("2027-01-31T12:00:00Z"), Ok(1_801_396_800_000));
        for text in
            ["", "2027", "2027-13-01", "2027-02-29", "2027-01-01T24:00:00Z", "2027-01-01T00:00:00", "1969-12-31"]
        {
            assert!(millis(text).is_err(), "{text}");
        }
    }
}
