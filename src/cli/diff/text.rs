//! Differences as text for people.

use super::difference::{Comparison, Difference, summary};
use apigee_flux_model::diag::plain::PlainText;

/// The changes of each environment, what would fail first; resources that stay as they are are only counted.
pub(super) fn text(comparison: &Comparison) -> PlainText {
    let Comparison { differences, notes } = comparison;
    let mut text = PlainText::new();
    let mut place = None;
    for difference in differences.iter().filter(|difference| difference.change.is_change()) {
        if place != Some(difference.place()) {
            place = Some(difference.place());
            text.line(format_args!("{}", difference.place()));
        }
        let Difference { kind, name, change, reason, details, .. } = difference;
        text.line(format_args!("  {change:<7} {kind}/{name}: {reason}"));
        for detail in details {
            text.line(format_args!("    {:<7} {}", detail.change, detail.part));
            for line in detail.diff.lines() {
                // The bar prevents a log reader such as a CI system from interpreting a line of a file as a command.
                text.line_of_file(format_args!("      | {line}"));
            }
        }
    }
    for note in notes {
        text.line(format_args!("note: {note}"));
    }
    text.line(format_args!("{}", summary(differences)));
    text
}
