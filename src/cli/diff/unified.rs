//! Unified diffs.

use std::time::Duration;

use similar::TextDiff;

use apigee_flux_model::diag::plain::PlainText;

/// The number of context lines around a change.
const CONTEXT: usize = 3;

/// The time after which a diff becomes coarse: an untrusted file must not keep the program busy.
const PATIENCE: Duration = Duration::from_secs(2);

/// The hunks from one text to another, without a header. Control characters except tabs are escaped.
pub(super) fn diff(old: &str, new: &str) -> String {
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
    let text = diff.unified_diff().context_radius(CONTEXT).to_string();
    PlainText::of_lines(&text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_stands_among_its_lines() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        assert_eq!(diff(old, &old.replace('6', "six")), "@@ -3,7 +3,7 @@\n 3\n 4\n 5\n-6\n+six\n 7\n 8\n 9\n");
        assert_eq!(diff("", "a\n"), "@@ -0,0 +1 @@\n+a\n");
        assert_eq!(diff("a\n", "a\n"), "");
    }

    #[test]
    fn every_line_has_its_sign_and_none_steers_a_terminal() {
        let text = diff("a\n\u{1b}[2Jb", "a\r\n```\nc");
        assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text:?}");
        for line in text.lines() {
            assert!(line.starts_with(['@', ' ', '+', '-', '\\']), "{line:?}");
        }
    }
}
