//! Text that is safe to show. Names, keys and responses of servers may contain any characters: a line break and `::` are a command to a CI
//! system, an escape character is a command to a terminal, and a bidirectional control character changes how a line reads.
//!
//! All text output is a [`PlainText`], which consists of lines and escapes their content; all JSON output goes through [`json`].

use std::fmt::{self, Display, Write};

/// True for an active character, one that has an effect where it is shown: C0 and C1 controls and DEL, line and paragraph separators, and the
/// characters that change the direction of text (Unicode, UAX #9; CVE-2021-42574).
pub const fn is_active(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

/// Shows a value on one line: every active character is escaped as in Rust, `\n` or `\u{1b}`.
#[derive(Debug, Clone, Copy)]
pub struct Plain<T>(pub T);

impl<T: Display> Display for Plain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The value is escaped as a whole, because a command may span several parts of it.
        escape(&self.0.to_string(), false, f)
    }
}

/// Writes a text with active characters and commands escaped. In lines of files, tabs are kept.
fn escape(text: &str, keeps_tabs: bool, out: &mut impl Write) -> fmt::Result {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        match c {
            '\t' if keeps_tabs => out.write_char(c)?,
            '\n' => out.write_str("\\n")?,
            '\r' => out.write_str("\\r")?,
            '\t' => out.write_str("\\t")?,
            '#' if starts_command(rest) => out.write_str("\\u{23}")?,
            c if is_active(c) => write!(out, "\\u{{{:x}}}", u32::from(c))?,
            c => out.write_char(c)?,
        }
        rest = after;
    }
    Ok(())
}

/// True for `##[…` and `##WORD[…`: commands to GitHub Actions (the older form), Azure Pipelines and TeamCity, at any place in a line.
fn starts_command(text: &str) -> bool {
    let word = text.strip_prefix("##").map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric()));
    word.is_some_and(|rest| rest.starts_with('['))
}

/// A value on one line, see [`Plain`].
pub fn plain(value: impl Display) -> String {
    Plain(value).to_string()
}

/// For `#[serde(serialize_with = …)]` on fields of a document that people read: readers of JSON show them unescaped.
pub fn serialize<S: serde::Serializer>(text: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Plain(text))
}

/// JSON in which active characters and commands to CI systems, which JSON allows in strings, are escaped too. Outside of strings, line breaks
/// are the only active characters of JSON.
pub fn json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        if c != '\n' && is_active(c) || c == '#' && starts_command(&text[at..]) {
            // All of them are below U+10000.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Whether to colour text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// With escape sequences of ECMA-48, for a terminal.
    Always,
    /// Plain.
    Never,
}

/// Lines of text for people. No added value can end a line or cross its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlainText(String);

impl PlainText {
    /// An empty text.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    pub fn line(&mut self, line: impl Display) {
        self.span(line);
        self.end();
    }

    /// Adds text to the last line, which [`end`](Self::end) ends.
    pub fn span(&mut self, text: impl Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{}", Plain(text));
    }

    /// Adds a line of a file, in which tabs are kept.
    pub fn line_of_file(&mut self, line: impl Display) {
        let _ = escape(&line.to_string(), true, &mut self.0);
        self.end();
    }

    /// A text from the lines of a string.
    pub fn of_lines(text: &str) -> Self {
        let mut lines = Self::new();
        text.split_terminator('\n').for_each(|line| lines.line_of_file(line));
        lines
    }

    /// A JSON document, see [`json`].
    pub fn of_json(document: &str) -> Self {
        Self(format!("{}\n", json(document)))
    }

    /// Adds a control sequence for the terminal.
    pub fn control(&mut self, sequence: &'static str) {
        self.0.push_str(sequence);
    }

    /// Adds text to the last line, in the colour of an SGR code (ECMA-48).
    pub fn painted(&mut self, colour: Colour, code: &'static str, text: impl Display) {
        match colour {
            Colour::Always => {
                self.0.push_str("\u{1b}[");
                self.0.push_str(code);
                self.0.push('m');
                self.span(text);
                self.0.push_str("\u{1b}[0m");
            }
            Colour::Never => self.span(text),
        }
    }

    /// Ends the line. A line that would be a command to GitHub Actions (`::NAME::…`, with or without leading blanks) is escaped.
    pub fn end(&mut self) {
        let start = self.0.rfind('\n').map_or(0, |at| at + 1);
        let line = &self.0[start..];
        if line.trim_start().starts_with("::") {
            let at = start + line.len() - line.trim_start().len();
            self.0.replace_range(at..=at, "\\u{3a}");
        }
        self.0.push('\n');
    }

    /// Adds a workflow command of GitHub Actions with properties and a message, both already escaped for the command.
    pub fn command(&mut self, name: &'static str, properties: impl Display, message: impl Display) {
        let _ = writeln!(self.0, "::{name} {}::{}", Plain(properties), Plain(message));
    }

    /// Ends the line with CRLF, as RFC 4180 requires.
    pub fn end_record(&mut self) {
        self.0.push_str("\r\n");
    }

    /// Adds all lines of another text.
    pub fn append(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if there is no text.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Display for PlainText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_is_escaped() {
        assert_eq!(
            plain("a\n::stop-commands::b\r\t\u{1b}[2J\u{9b}1m"),
            "a\\n::stop-commands::b\\r\\t\\u{1b}[2J\\u{9b}1m"
        );
        assert_eq!(plain("\u{202e}x\u{2066}\u{2028}\u{7f}"), "\\u{202e}x\\u{2066}\\u{2028}\\u{7f}");
        assert_eq!(plain("ä ✓ \\n 日本 ## [a] #[b]"), "ä ✓ \\n 日本 ## [a] #[b]");
        assert_eq!(plain("x ##[error]a ##vso[b]"), "x \\u{23}#[error]a \\u{23}#vso[b]");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let value = serde_json::json!({"a\u{9b}": ["\u{202e}\u{2028}\u{7f}\n"]});
        let text = json(&serde_json::to_string_pretty(&value).unwrap());
        assert!(!text.contains(|c| c != '\n' && is_active(c)), "{text:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }

    #[test]
    fn no_line_is_a_command() {
        let mut text = PlainText::new();
        text.line("::stop-commands::x");
        text.line_of_file("\t ::error::x");
        text.line("a::b ::c::");
        text.command("error", "file=a", "x\n::b::");
        let expected = "\\u{3a}:stop-commands::x\n\t \\u{3a}:error::x\na::b ::c::\n::error file=a::x\\n::b::\n";
        assert_eq!(text.as_str(), expected);
        assert_eq!(json("[\"##vso[a]\"]"), "[\"\\u0023#vso[a]\"]");
    }

    #[test]
    fn colours_are_ours_only() {
        let mut text = PlainText::new();
        text.painted(Colour::Always, "1", "a\u{1b}[2Jb");
        text.end();
        assert_eq!(text.as_str(), "\u{1b}[1ma\\u{1b}[2Jb\u{1b}[0m\n");
    }

    proptest! {
        #[test]
        fn a_line_is_a_line(parts in proptest::collection::vec(any::<String>(), 0..5)) {
            let mut text = PlainText::new();
            for part in &parts {
                text.line(part);
            }
            prop_assert_eq!(text.as_str().matches('\n').count(), parts.len());
            prop_assert!(!text.as_str().contains(|c| c != '\n' && is_active(c)));
        }
    }
}
