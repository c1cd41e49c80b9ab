//! Diagnostics in the format of a compiler: the message, the source line, and how to fix it.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

pub use super::plain::Colour;
use super::plain::{PlainText, is_active};
use super::{Diagnostic, Severity};

/// Where a diagnostic is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcePlace {
    /// The file, as the user would open it.
    pub file: String,
    /// Line and column in characters, from 1; `None` if only the file is known.
    pub position: Option<(usize, usize)>,
    /// The text of the line.
    pub line: Option<String>,
    /// Whether the place is the place in the bundle, which the message then does not repeat.
    pub in_bundle: bool,
}

const BOLD: &str = "1";
const FRAME: &str = "1;34";

/// The maximum width of a line, in columns of a terminal: a longer line would wrap, and the caret would not be below its column.
const WIDEST: usize = 160;

/// The SGR code of the colour of a severity.
pub const fn tone(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "1;31",
        Severity::Warning => "1;33",
        Severity::Info => "1;36",
    }
}

/// The place with its source line, framed; ends with a line break.
pub fn excerpt(place: &SourcePlace, severity: Severity, colour: Colour) -> PlainText {
    let mut text = PlainText::new();
    let number = number(Some(place));
    let margin = margin(&number);
    let position = place.position.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default();
    text.span(&margin);
    text.painted(colour, FRAME, "-->");
    text.line(format_args!(" {}{position}", place.file));
    // A finding for information is about the whole resource.
    let line = place.line.as_ref().filter(|_| severity != Severity::Info);
    if let (Some((_, column)), Some(line)) = (place.position, line) {
        let (line, before) = window(line, column);
        text.span(format_args!("{margin} "));
        text.painted(colour, FRAME, "|");
        text.end();
        text.painted(colour, FRAME, &number);
        text.span(" ");
        text.painted(colour, FRAME, "|");
        text.line(format_args!(" {line}"));
        text.span(format_args!("{margin} "));
        text.painted(colour, FRAME, "|");
        text.span(format_args!(" {}", " ".repeat(before)));
        text.painted(colour, tone(severity), "^");
        text.end();
    }
    text
}

fn number(place: Option<&SourcePlace>) -> String {
    place.and_then(|place| place.position).map(|(line, _)| line.to_string()).unwrap_or_default()
}

/// Spaces, as wide as the line number.
fn margin(number: &str) -> String {
    " ".repeat(number.len().max(1))
}

/// The diagnostic with its source line; ends with a line break.
pub fn render(diagnostic: &Diagnostic, place: Option<&SourcePlace>, colour: Colour) -> PlainText {
    let severity = diagnostic.severity;
    let mut text = PlainText::new();
    text.painted(colour, tone(severity), format_args!("{}[{}]", severity.as_str(), diagnostic.code));
    text.painted(colour, BOLD, format_args!(": {}", message(diagnostic, place)));
    text.end();
    if let Some(place) = place {
        text.append(&excerpt(place, severity, colour));
    }
    let margin = margin(&number(place));
    let mut note = |label: &str, note: &str| {
        text.span(format_args!("{margin} "));
        text.painted(colour, FRAME, "=");
        text.span(" ");
        text.painted(colour, BOLD, label);
        text.line(format_args!(": {note}"));
    };
    let subject = diagnostic.subject.as_ref().map(super::Subject::label).filter(|label| !label.is_empty());
    match (subject, diagnostic.field.is_root()) {
        (Some(subject), true) => note("in", &subject),
        (Some(subject), false) => note("in", &format!("{subject} {}", diagnostic.field)),
        (None, _) => {}
    }
    if let Some(help) = &diagnostic.help {
        note("help", help);
    }
    text
}

/// The message and its proposal, without the help.
pub fn message(diagnostic: &Diagnostic, place: Option<&SourcePlace>) -> String {
    let mut bare = Diagnostic { help: None, ..diagnostic.clone() };
    if place.is_some_and(|place| place.in_bundle) {
        bare.in_bundle = None;
    }
    bare.text()
}

/// The part of a line that is shown, and the width of the text before the character in `column`. A tab is shown as a space.
fn window(line: &str, column: usize) -> (String, usize) {
    let characters: Vec<char> = line.trim_end().chars().map(|c| if is_active(c) { ' ' } else { c }).collect();
    let before = column.clamp(1, characters.len() + 1) - 1;
    let text = |part: &[char]| part.iter().collect::<String>();
    let whole = text(&characters);
    if whole.width() <= WIDEST {
        return (whole, text(&characters[..before]).width());
    }
    // The terminal columns where the characters begin; the last one is where the line ends.
    let mut ends = 0;
    let mut begins = vec![0];
    begins.extend(characters.iter().map(|c| {
        ends += c.width().unwrap_or_default();
        ends
    }));
    let first = (begins[before] + 1).saturating_sub(WIDEST / 2).min(ends.saturating_sub(WIDEST));
    // A combining character belongs to the one before it.
    let starts = |index: usize| characters.get(index).is_none_or(|c| c.width() != Some(0));
    let start = (0..before).find(|index| begins[*index] >= first && starts(*index)).unwrap_or(before);
    let length = begins[start..].iter().take_while(|column| **column <= begins[start] + WIDEST).count() - 1;
    (text(&characters[start..start + length]), text(&characters[start..before]).width())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::diag::{Code, FieldPath, InBundle, Subject};

    fn place(line: &str, position: (usize, usize)) -> SourcePlace {
        SourcePlace {
            file: "a.yaml".to_owned(),
            position: Some(position),
            line: Some(line.to_owned()),
            in_bundle: false,
        }
    }

    #[test]
    fn the_caret_stands_below_its_column() {
        let subject = Subject { kind: "ApigeeProxy".to_owned(), name: "x".to_owned(), ..Subject::default() };
        let diagnostic = Diagnostic::error(Code::InvalidValue, "`banana` is not a rate")
            .of(&subject)
            .at(FieldPath::of(&["spec", "rate"]))
            .help("write `10ps`");
        assert_eq!(
            render(&diagnostic, Some(&place("  rate: banana", (12, 9))), Colour::Never).as_str(),
            "error[AF013]: `banana` is not a rate\n  --> a.yaml:12:9\n   |\n12 |   rate: banana\n   |         ^\n   = in: \
             ApigeeProxy/x spec.rate\n   = help: write `10ps`\n"
        );
        assert_eq!(
            render(&Diagnostic::warning(Code::InvalidValue, "x"), None, Colour::Never).as_str(),
            "warning[AF013]: x\n"
        );
        assert!(render(&diagnostic, None, Colour::Always).as_str().starts_with("\u{1b}[1;31merror[AF013]\u{1b}[0m"));
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let line = format!("{}^{}", "a".repeat(500), "b".repeat(500));
        let (shown, before) = window(&line, 501);
        assert_eq!((shown.len(), shown.chars().nth(before)), (WIDEST, Some('^')));
        assert_eq!(window("ab", 99), ("ab".to_owned(), 2));
    }

    /// What the width of every character was before terminals were considered.
    fn window_of_narrow(line: &str, column: usize) -> (String, usize) {
        let characters: Vec<char> = line.trim_end().chars().map(|c| if is_active(c) { ' ' } else { c }).collect();
        let column = column.clamp(1, characters.len() + 1);
        if characters.len() <= WIDEST {
            return (characters.into_iter().collect(), column - 1);
        }
        let start = column.saturating_sub(WIDEST / 2).min(characters.len() - WIDEST);
        (characters[start..start + WIDEST].iter().collect(), column - start - 1)
    }

    proptest! {
        #[test]
        fn a_line_of_narrow_characters_is_cut_by_their_number(line in "[ -~\\t]{0,400}", column in 0_usize..420) {
            prop_assert_eq!(window(&line, column), window_of_narrow(&line, column));
        }

        #[test]
        fn a_line_is_never_wider_than_a_terminal(line in "[a字e\u{301}👩\u{200d}\t]{0,300}", column in 0_usize..320) {
            let (shown, before) = window(&line, column);
            prop_assert!(shown.width() <= WIDEST && before <= shown.width(), "{} of {}", before, shown.width());
        }
    }

    #[test]
    fn the_caret_stands_below_a_wide_character() {
        // The line, the column of `^` in characters, and the width of what is before it, as a terminal shows it.
        for (line, width) in [
            ("名前: ^", 6),
            ("ﾊﾝ: ^", 4),
            ("e\u{301}te\u{301}: ^", 5),
            ("🚀 ^", 3),
            ("👩\u{200d}🚀 ^", 3),
            ("🇩🇪 ^", 3),
            ("❤\u{fe0f} ^", 3),
            ("\ta\t^", 3),
            ("й: ^", 3),
        ] {
            let column = line.chars().position(|c| c == '^').unwrap() + 1;
            let (shown, before) = window(line, column);
            assert_eq!(before, width, "{shown}");
        }
        let line = format!("{}^{}", "字".repeat(300), "字".repeat(300));
        let (shown, before) = window(&line, 301);
        assert_eq!((before, shown.split('^').next().map(UnicodeWidthStr::width)), (78, Some(78)));
        assert!((WIDEST - 1..=WIDEST).contains(&shown.width()), "{}", shown.width());
    }

    #[test]
    fn the_place_in_a_bundle_is_said_once() {
        let mut diagnostic = Diagnostic::warning(Code::InvalidRate, "no rate").help("h");
        diagnostic.in_bundle = Some(InBundle { path: "policies/a.xml".to_owned(), line: 2, column: 3 });
        assert_eq!(message(&diagnostic, None), "policies/a.xml:2:3: no rate");
        let on_disk = SourcePlace { in_bundle: true, ..place("", (2, 3)) };
        assert_eq!(message(&diagnostic, Some(&on_disk)), "no rate");
    }
}
