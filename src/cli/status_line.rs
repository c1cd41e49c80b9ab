//! The status line of a terminal: the last line, which is rewritten in place.

use apigee_flux_model::diag::plain::PlainText;

/// To the start of the line, and clear it (ECMA-48: CR, EL).
const CLEAR: &str = "\r\u{1b}[2K";

/// Disables and enables line wrapping: a line that wraps could not be cleared (DEC private mode 7, which terminals and emulators
/// support).
const CUT: (&str, &str) = ("\u{1b}[?7l", "\u{1b}[?7h");

/// What the terminal shows in its last line.
#[derive(Debug, Default)]
pub(super) struct StatusLine(String);

impl StatusLine {
    /// What to write so that the line shows `text`; an empty text removes the line.
    pub(super) fn show(&mut self, text: &str) -> PlainText {
        let mut shown = self.clear();
        text.clone_into(&mut self.0);
        shown.append(&self.again());
        shown
    }

    /// What to write before any other output.
    pub(super) fn clear(&self) -> PlainText {
        let mut text = PlainText::new();
        text.control(if self.0.is_empty() { "" } else { CLEAR });
        text
    }

    /// What to write after any other output.
    pub(super) fn again(&self) -> PlainText {
        let mut text = PlainText::new();
        if !self.0.is_empty() {
            text.control(CUT.0);
            text.span(&self.0);
            text.control(CUT.1);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_cleared_before_anything_else_and_leaves_nothing() {
        let mut line = StatusLine::default();
        assert_eq!((line.clear().as_str(), line.again().as_str()), ("", ""));
        assert_eq!(line.show("1/2").as_str(), "\u{1b}[?7l1/2\u{1b}[?7h");
        assert_eq!((line.clear().as_str(), line.again().as_str()), ("\r\u{1b}[2K", "\u{1b}[?7l1/2\u{1b}[?7h"));
        assert_eq!(line.show("2/2").as_str(), "\r\u{1b}[2K\u{1b}[?7l2/2\u{1b}[?7h");
        assert_eq!(line.show("").as_str(), "\r\u{1b}[2K");
        assert_eq!((line.clear().as_str(), line.again().as_str()), ("", ""));
    }
}
