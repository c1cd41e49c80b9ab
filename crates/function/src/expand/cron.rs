//! Schedules of CronJobs, as the API server of Kubernetes validates them.
//!
//! Kubernetes uses the parser `robfig/cron` of Go. No crate agrees with it: of 111 schedules, `croner` 4.0 judges 31 otherwise, `cron` 0.17
//! 35, `cronexpr` 1.7 37 and `saffron` 0.1 42. They accept `7` for Sunday, `L`, `W` and `#`, which the API server refuses, and refuse `?` and `5/15`.

use apigee_flux_model::stable_parts;

/// The fields of a schedule in their order: what it is, its smallest and largest number, and the names of its numbers.
const FIELDS: [(&str, i64, i64, &[&str]); 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day", 1, 31, &[]),
    ("month", 1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    ("weekday", 0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

/// The last day that every month has.
const LAST_COMMON_DAY: i64 = 28;

/// The schedules that have a name.
const WORDS: [&str; 7] = ["@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually"];

/// The schedule with a number in place of each `H`, as Jenkins has it: `H` is one of the field's numbers, and `H/STEP` every STEP-th number from one of
/// them. Which one depends on `key` only: environments do not start their runs in the same minute, and each keeps its own.
pub(super) fn spread(text: &str, key: &str) -> String {
    let numbered = text.split_whitespace().zip(FIELDS).map(|(part, (what, least, most, _))| {
        let hash = i64::try_from(stable_parts::hash(&format!("{key} {what}"))).unwrap_or_default();
        let ranges =
            part.split(',').map(|range| own_range(range, least, most, hash).unwrap_or_else(|| range.to_owned()));
        ranges.collect::<Vec<_>>().join(",")
    });
    if text.contains('H') && text.split_whitespace().count() == FIELDS.len() {
        numbered.collect::<Vec<_>>().join(" ")
    } else {
        text.to_owned()
    }
}

/// The range for `H` or `H/STEP`; `None` for any other.
fn own_range(text: &str, least: i64, most: i64, hash: i64) -> Option<String> {
    let count = most.min(if most == 31 { LAST_COMMON_DAY } else { most }) - least + 1;
    if text == "H" {
        return Some((least + hash % count).to_string());
    }
    let step: i64 = text.strip_prefix("H/")?.parse().ok().filter(|step| *step > 0)?;
    let start = least + hash % step.min(count);
    Some(format!("{start}-{most}/{step}"))
}

/// Checks a schedule, in which `H` stands for a number: see [`spread`]. The error says what is wrong and what is allowed. `@every`, which Kubernetes accepts and does not document, is refused.
pub(super) fn check(text: &str) -> Result<(), String> {
    let spread = spread(text, "");
    let parts: Vec<&str> = spread.split_whitespace().collect();
    if WORDS.contains(&text) {
        return Ok(());
    }
    // The API server looks for the letters anywhere.
    if parts.len() != FIELDS.len() || text.starts_with('@') || text.contains("TZ") {
        return Err(format!(
            "`{text}` is not a schedule; write five fields (minute, hour, day, month, weekday) such as `H/15 * * * *`, or `@hourly`"
        ));
    }
    for (part, (what, least, most, names)) in parts.into_iter().zip(FIELDS) {
        // Empty ranges are ignored.
        let mut ranges = part.split(',').filter(|range| !range.is_empty());
        if !ranges.all(|range| is_range(range, least, most, names)) {
            let names = match names {
                [first, .., last] => format!(" or `{first}` to `{last}`"),
                _ => String::new(),
            };
            return Err(format!(
                "`{part}` is not a valid {what} in the schedule `{text}`; use `*`, `H` for a number of the environment's own, or numbers from {least} to {most}{names}"
            ));
        }
    }
    Ok(())
}

/// `*`, `A` or `A-B`, each also as `…/STEP`.
fn is_range(text: &str, min: i64, max: i64, words: &[&str]) -> bool {
    let number = |text: &str| {
        let named = (min..).zip(words).find(|(_, word)| word.eq_ignore_ascii_case(text));
        named.map_or_else(|| text.parse().ok(), |(number, _)| Some(number))
    };
    let (range, step) = text.split_once('/').map_or((text, None), |(range, step)| (range, Some(step)));
    if step.is_some_and(|step| !step.parse::<i64>().is_ok_and(|step| step > 0)) {
        return false;
    }
    let (start, end) = range.split_once('-').unwrap_or((range, range));
    // What follows `*-` is ignored.
    if matches!(start, "*" | "?") {
        return true;
    }
    let (Some(start), Some(end)) = (number(start), number(end)) else { return false };
    min <= start && start <= end && end <= max
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn environments_have_their_own_minutes() {
        let of = |number: usize| spread("H/15 * * * *", &format!("organizations/acme/environments/env-{number}"));
        let all: BTreeSet<String> = (0..200).map(of).collect();
        assert_eq!(all.len(), 15, "{all:?}");
        assert!(all.contains("0-59/15 * * * *") && all.contains("14-59/15 * * * *"));
        assert!((0..50).all(|number| check(&of(number)) == Ok(()) && of(number) == of(number)));
        for text in ["H H * * *", "H H H H H", "H/7,30 H/100 H/40 * H/2", "0 H 1 * *"] {
            for number in 0..50 {
                let spread = spread(text, &number.to_string());
                assert!(!spread.contains('H') && check(&spread) == Ok(()), "{text}: {spread}");
            }
        }
        let days: BTreeSet<String> = (0..500).map(|number| spread("0 0 H * *", &number.to_string())).collect();
        assert_eq!(days.len(), 28, "every month has these days");
        assert_eq!(spread("@hourly", "a"), "@hourly");
        assert_eq!(spread("*/15 0 1 JAN THU", "a"), "*/15 0 1 JAN THU");
        for wrong in ["H/0 * * * *", "H-5 * * * *", "H/x * * * *", "h * * * *", "HH * * * *"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }

    /// What `validateScheduleFormat` of Kubernetes 1.36 accepts with `robfig/cron` 3.0.1.
    const ACCEPTED: &[&str] = &[
        "*/15 * * * *",
        "* * * * *",
        "0 0 * * *",
        "0 0 1 1 *",
        "59 23 31 12 6",
        "0 0 * * 0",
        "0 0 31 2 *",
        "0 0 * jan-mar mon-fri",
        "0 0 * JAN Sun",
        "0 0 * * SUN,MON",
        "0,15,30,45 * * * *",
        "1,,2 * * * *",
        ", * * * *",
        "1, * * * *",
        "0-10 * * * *",
        "5-5 * * * *",
        "0-59/5 * * * *",
        "5/15 * * * *",
        "*/60 * * * *",
        "*/100 * * * *",
        "*-5 * * * *",
        "+5 * * * *",
        "*/+5 * * * *",
        "05 08 * * *",
        "007 * * * *",
        "? * * * *",
        "0 0 ? * ?",
        "?/5 * * * *",
        "*  *   *  *\t*",
        " * * * * * ",
        "\n* * * * *",
        "*\u{a0}* * * *",
        "@hourly",
        "@daily",
        "@midnight",
        "@weekly",
        "@monthly",
        "@yearly",
        "@annually",
        "0 0 * * mon/2",
        "0 0 * * 1-mon",
        "*/9223372036854775807 * * * *",
        "0 0 1-31/2 */2 *",
    ];

    /// What it refuses.
    const REFUSED: &[&str] = &[
        "60 * * * *",
        "0 24 * * *",
        "0 0 0 * *",
        "0 0 32 * *",
        "0 0 1 0 *",
        "0 0 1 13 *",
        "0 0 * * 7",
        "0 0 * january *",
        "0 0 * * monday",
        "mon * * * *",
        "0 0 jan * *",
        "10-0 * * * *",
        "1-2-3 * * * *",
        "*/0 * * * *",
        "*/ * * * *",
        "*/5/2 * * * *",
        "/5 * * * *",
        "*/-5 * * * *",
        "-5 * * * *",
        "?? * * * *",
        "** * * * *",
        "* * * * * *",
        "0 * * * * *",
        "* * * *",
        "* *",
        "",
        "@Hourly",
        "@reboot",
        " @hourly",
        "@hourly ",
        "@every",
        "@every 1",
        "@every 5 m",
        "@every 1d",
        "CRON_TZ=UTC * * * * *",
        "TZ=UTC * * * * *",
        "TZ=UTC @hourly",
        "0 0 L * *",
        "0 0 15W * *",
        "0 0 * * 5L",
        "0 0 * * 1#2",
        "0 0 * * mon#1",
        "1.5 * * * *",
        "0x5 * * * *",
        "1_0 * * * *",
        "a * * * *",
        "0 0 * * mon-7",
        "0 0 * * fri-mon",
        "99999999999999999999 * * * *",
        "*/99999999999999999999 * * * *",
        "4294967301 * * * *",
        "18446744073709551615 * * * *",
        "١ * * * *",
    ];

    #[test]
    fn schedules_are_judged_as_by_kubernetes() {
        for text in ACCEPTED {
            assert_eq!(check(text), Ok(()), "{text:?}");
        }
        for text in REFUSED {
            assert!(check(text).is_err(), "{text:?}");
        }
    }

    /// Kubernetes accepts them.
    #[test]
    fn intervals_are_refused() {
        for text in ["@every 1h", "@every 1h30m", "@every -5m", "@every 0"] {
            assert!(check(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_field_is_named() {
        assert_eq!(
            check("0 0 * * 7").unwrap_err(),
            "`7` is not a valid weekday in the schedule `0 0 * * 7`; use `*`, `H` for a number of the environment's own, or numbers from 0 to 6 or `sun` to `sat`"
        );
        assert_eq!(
            check("60 * * * *").unwrap_err(),
            "`60` is not a valid minute in the schedule `60 * * * *`; use `*`, `H` for a number of the environment's own, or numbers from 0 to 59"
        );
    }
}
