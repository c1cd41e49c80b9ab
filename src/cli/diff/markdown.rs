//! Differences as a comment on a pull request.
//!
//! Its content comes from specs and from Apigee and is untrusted: it must not break out of a cell or a block, or mention a user.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::difference::{Comparison, Detail, Difference, summary};
use crate::cli::markdown::{code, plain};
use apigee_flux_model::diag::human::plural;

/// The maximum size of the comment, in bytes: GitHub accepts 65,536 characters.
const MAX_BYTES: usize = 60 * 1024;

/// The maximum size of the table, in bytes, so that there is room for diffs.
const MAX_TABLE: usize = 24 * 1024;

/// The maximum size of one diff, in bytes, so that there is room for others.
const MAX_DIFF: usize = 12 * 1024;

/// The space that is reserved for the notes at the end, in bytes.
const RESERVE: usize = 512;

/// The first line, by which a workflow finds its comment in order to replace it.
const MARK: &str = "<!-- apigee-flux diff -->\n";

/// The maximum size of the notes, in bytes.
const MAX_NOTES: usize = 4 * 1024;

/// A table of the changes, what would fail first, and a collapsible block for each part that differs. Resources that stay as they are are
/// only counted.
pub(super) fn markdown(comparison: &Comparison) -> String {
    let Comparison { differences, notes } = comparison;
    let mut text = format!("{MARK}### Apigee: {}\n", summary(differences));
    let mut left_out = 0;
    for note in notes {
        let note = format!("\n> {}\n", plain(note));
        if text.len() + note.len() > MAX_NOTES {
            left_out += 1;
        } else {
            text.push_str(&note);
        }
    }
    if left_out > 0 {
        let _ = writeln!(text, "\n{}: `apigee-flux diff` shows them.", plural(left_out, "more note"));
    }
    let changed: Vec<&Difference> = differences.iter().filter(|difference| difference.change.is_change()).collect();
    if changed.is_empty() {
        text.push_str("\nNothing would change.\n");
        return text;
    }
    text.push_str("\n| where | change | resource | why |\n|---|---|---|---|\n");
    let mut left_out = 0;
    for difference in &changed {
        let row = row(difference);
        if text.len() + row.len() > MAX_TABLE {
            left_out += 1;
        } else {
            text.push_str(&row);
        }
    }
    if left_out > 0 {
        let _ = writeln!(text, "\n{} more: `apigee-flux diff` shows them.", plural(left_out, "change"));
    }
    let mut left_out = 0;
    for block in blocks(&changed) {
        let block = block.to_markdown();
        if text.len() + block.len() > MAX_BYTES - RESERVE {
            left_out += 1;
        } else {
            text.push_str(&block);
        }
    }
    if left_out > 0 {
        let _ = writeln!(
            text,
            "\nThe differences of {} do not fit here: `apigee-flux diff` shows them.",
            plural(left_out, "more part")
        );
    }
    text
}

fn row(difference: &Difference) -> String {
    let Difference { kind, name, change, reason, .. } = difference;
    let place = difference.place();
    format!("| {} | {change} | {} {} | {} |\n", code(&place), code(kind), code(name), plain(reason))
}

/// A collapsible block for one detail.
struct Block<'d> {
    /// All places with the same difference: environments usually get the same bundle.
    places: Vec<String>,
    difference: &'d Difference,
    detail: &'d Detail,
}

fn blocks<'d>(changed: &[&'d Difference]) -> Vec<Block<'d>> {
    let mut blocks: Vec<Block<'d>> = Vec::new();
    let mut known: BTreeMap<(&str, &str, &Detail), usize> = BTreeMap::new();
    for difference in changed {
        for detail in &difference.details {
            let at = *known.entry((&difference.kind, &difference.name, detail)).or_insert(blocks.len());
            match blocks.get_mut(at) {
                Some(block) => block.places.push(difference.place()),
                None => blocks.push(Block { places: vec![difference.place()], difference, detail }),
            }
        }
    }
    blocks
}

impl Block<'_> {
    fn to_markdown(&self) -> String {
        let Difference { kind, name, .. } = self.difference;
        let Detail { part, change, diff } = self.detail;
        let title = format!("{kind}/{name}: {change} {part} ({})", self.places.join(", "));
        let (diff, cut) = cut(diff);
        let fence = "`".repeat(longest_run(diff).max(2) + 1);
        let note = match cut {
            0 => String::new(),
            cut => format!("{} more: `apigee-flux diff` shows them.\n\n", plural(cut, "line")),
        };
        let end = if diff.ends_with('\n') { "" } else { "\n" };
        format!(
            "\n<details><summary>{}</summary>\n\n{fence}diff\n{diff}{end}{fence}\n\n{note}</details>\n",
            code(&title)
        )
    }
}

/// As many whole lines of a diff as [`MAX_DIFF`] allows, and the number of omitted lines.
fn cut(diff: &str) -> (&str, usize) {
    if diff.len() <= MAX_DIFF {
        return (diff, 0);
    }
    let mut end = MAX_DIFF;
    while !diff.is_char_boundary(end) {
        end -= 1;
    }
    // A single line may exceed the limit.
    let end = diff[..end].rfind('\n').map_or(end, |at| at + 1);
    (&diff[..end], diff[end..].lines().count())
}

/// The length of the longest run of backticks: a fence must be longer.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::diff::difference::PlannedChange;

    fn markdown(differences: Vec<Difference>) -> String {
        super::markdown(&Comparison { differences, notes: Vec::new() })
    }

    fn difference(name: &str, diff: &str) -> Difference {
        Difference {
            organization: "acme".into(),
            environment: Some("prod".into()),
            kind: "ApigeeProxy".into(),
            name: name.into(),
            change: PlannedChange::Update,
            reason: "because".into(),
            details: vec![Detail { part: "a.xml".into(), change: PlannedChange::Update, diff: diff.into() }],
        }
    }

    #[test]
    fn content_breaks_out_of_nothing() {
        let diff = "@@ -1 +1 @@\n ````\n-</details>\n+```\n";
        let mut hostile = difference("a|b`<img>\n# x", diff);
        hostile.reason = "by @everyone | **so** <b>\n[x](y)".into();
        let text = markdown(vec![hostile]);
        let fences: Vec<&str> = text.lines().filter(|line| line.starts_with('`')).collect();
        assert_eq!(fences, ["`````diff", "`````"], "{text}");
        let row = text.lines().find(|line| line.starts_with("| <code>acme")).unwrap();
        assert_eq!(row.matches('|').count(), 5, "{row}");
        for markup in ["<img", "<b>", "**", "@every", "[x]", "`"] {
            assert!(!row.contains(markup), "{row}");
        }
    }

    #[test]
    fn the_comment_fits() {
        let line = format!("+{}\n", "ä`".repeat(60));
        for (count, diff) in [(2000, line.clone()), (20, line.repeat(2000)), (3, format!("+{}", "ä".repeat(100_000)))]
        {
            let many: Vec<Difference> = (0..count).map(|index| difference(&format!("p{index}"), &diff)).collect();
            let text = markdown(many);
            assert!(text.len() <= MAX_BYTES, "{}", text.len());
            assert!(text.contains("`apigee-flux diff` shows them"), "a note says what is missing");
            assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
        }
    }

    #[test]
    fn what_differs_alike_in_two_environments_is_shown_once() {
        let dev = Difference { environment: Some("dev".into()), ..difference("a", "+x\n") };
        let other = Difference { environment: Some("test".into()), ..difference("a", "+y\n") };
        let text = markdown(vec![dev, other, difference("a", "+x\n"), difference("b", "+x\n")]);
        let titles: Vec<&str> = text.lines().filter(|line| line.starts_with("<details>")).collect();
        assert_eq!(titles.len(), 3, "{titles:?}");
        assert!(titles[0].contains("(acme/dev, acme/prod)") && titles[1].contains("(acme/test)"), "{titles:?}");
    }

    #[test]
    fn notes_are_no_markup_and_leave_room_for_the_table() {
        let notes: Vec<String> = (0..100).map(|number| format!("{number} **x** <b> @all ").repeat(5)).collect();
        let text = super::markdown(&Comparison { differences: vec![difference("a", "+x\n")], notes });
        assert!(text.contains("\n> 0 ") && text.contains("more notes: `apigee-flux diff` shows them."), "{text}");
        assert!(text.len() < 2 * MAX_NOTES && text.contains("| where |"), "{text}");
        assert!(!text.contains("<b>") && !text.contains("@all") && !text.contains("**"), "{text}");
    }

    #[test]
    fn nothing_is_said_of_what_stays() {
        let same = Difference { change: PlannedChange::Unchanged, ..difference("a", "") };
        let text = markdown(vec![same]);
        assert!(text.contains("1 unchanged") && text.contains("Nothing would change.") && !text.contains("because"));
    }
}
