//! Differences as text for people.

use std::fmt::Write as _;

use super::difference::{Change, Difference, summary};

/// For each environment what changes; unchanged resources are counted only.
pub(super) fn text(differences: &[Difference]) -> String {
    let mut text = String::new();
    let mut place = None;
    for difference in differences.iter().filter(|difference| difference.change != Change::Unchanged) {
        if place != Some(difference.place()) {
            place = Some(difference.place());
            let _ = writeln!(text, "{}", difference.place());
        }
        let Difference { kind, name, change, reason, details, .. } = difference;
        let _ = writeln!(text, "  {change:<7} {kind}/{name}: {reason}");
        for detail in details {
            let _ = writeln!(text, "    {:<7} {}", detail.change, detail.part);
            for line in detail.diff.lines() {
                // The bar keeps what stands in a file from being taken for a command by whoever reads logs.
                let _ = writeln!(text, "      | {line}");
            }
        }
    }
    let _ = writeln!(text, "{}", summary(differences));
    text
}
