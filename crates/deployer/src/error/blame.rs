//! The place in a bundle that an error of Apigee refers to: errors name a file of the zip, rarely a line, and usually
//! the element or value.

use std::fmt;

use regex_lite::Regex;

use apigee_flux_model::bundle::{BundleKind, Files};

/// A longer line is truncated, in characters: it is part of a one-line message.
const MAX_TEXT: usize = 160;

/// A place in the bundle, with the finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blame {
    /// The file below the bundle's root folder; as Apigee wrote it if the bundle has no such file.
    pub path: String,
    /// The line, from 1: the one that Apigee gives, or the only one that contains what Apigee names.
    pub line: Option<usize>,
    /// The column, from 1, if Apigee gives one.
    pub column: Option<usize>,
    /// The text of the line.
    pub text: Option<String>,
    /// Apigee's description of the finding.
    pub description: String,
}

/// `policies/AM-x.xml:3:5: what is wrong | the line`.
impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.path, self.finding())
    }
}

impl Blame {
    /// The file and the place in it, if there is one: `policies/AM-x.xml:3`.
    pub fn place(&self) -> String {
        format!("{}{}", self.path, self.position())
    }

    /// The text after the file name: `:3:5: what is wrong | the line`.
    pub fn finding(&self) -> String {
        let text = self.text.as_ref().map(|text| format!(" | {}", text.trim())).unwrap_or_default();
        format!("{}: {}{text}", self.position(), self.description)
    }

    fn position(&self) -> String {
        match (self.line, self.column) {
            (Some(line), Some(column)) => format!(":{line}:{column}"),
            (Some(line), None) => format!(":{line}"),
            (None, _) => String::new(),
        }
    }

    /// The place of one finding about a file (`edge.configstore.bundle.BadBundle.violations`).
    pub fn new(kind: BundleKind, files: &Files, filename: &str, description: &str) -> Self {
        let path = below_root(kind, filename);
        let text = files.get(path).map(String::from_utf8_lossy).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let (line, column) = match position_in(description) {
            Some((line, column)) if (1..=lines.len()).contains(&line) => (Some(line), column),
            _ => (line_named(description, &lines), None),
        };
        let text = line.and_then(|line| lines.get(line - 1)).map(|text| cut(text));
        Self { path: path.to_owned(), line, column, text, description: description.to_owned() }
    }

    /// The policies of the bundle that an error names, as deployment errors do: `ExtractVariables EV-Age: at least one
    /// of …` (Apigee's pages "Deployment error troubleshooting").
    pub fn in_text(kind: BundleKind, files: &Files, text: &str) -> Vec<Self> {
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
        let mut found = Vec::new();
        for (path, _) in files.iter() {
            let name = path.as_str().strip_prefix("policies/").and_then(|name| name.strip_suffix(".xml"));
            let Some(name) = name.filter(|name| !name.is_empty()) else { continue };
            let is_named = text.match_indices(name).any(|(at, _)| {
                let before = text[..at].chars().next_back();
                let after = text[at + name.len()..].chars().next();
                // A name may contain a space; around a name, a space is a separator.
                before.is_none_or(|c| c == ' ' || !is_part(c)) && after.is_none_or(|c| c == ' ' || !is_part(c))
            });
            if is_named {
                found.push(Self::new(kind, files, path.as_str(), text));
            }
        }
        found
    }
}

/// The path below the root folder, without anything before that folder.
fn below_root(kind: BundleKind, filename: &str) -> &str {
    let root = kind.root();
    match filename.rfind(root).map(|at| (at, &filename[at + root.len()..])) {
        Some((at, rest)) if at == 0 || filename[..at].ends_with('/') => {
            rest.strip_prefix('/').filter(|path| !path.is_empty()).unwrap_or(filename)
        }
        _ => filename,
    }
}

/// The line and the column that a description gives: `lineNumber: 3; columnNumber: 5`, `line 3`, `at 3:5`.
fn position_in(description: &str) -> Option<(usize, Option<usize>)> {
    let number = |pattern: &str, group: usize| -> Option<usize> {
        Regex::new(pattern).ok()?.captures(description)?.get(group)?.as_str().parse().ok()
    };
    let pair = r"(?i)\b(?:at|line)\s+(\d+):(\d+)";
    if let Some(line) = number(pair, 1) {
        return Some((line, number(pair, 2)));
    }
    let line = number(r"(?i)\bline(?:\s*number)?\s*[:=#]?\s*(\d+)", 1)?;
    Some((line, number(r"(?i)\bcol(?:umn)?(?:\s*number)?\s*[:=#]?\s*(\d+)", 1)))
}

/// The only line that contains what a description names: a quoted text, or else an element. The text after "must"
/// describes the allowed values, which may occur elsewhere in the file.
fn line_named(description: &str, lines: &[&str]) -> Option<usize> {
    let wrong = description.split(" must ").next().unwrap_or_default();
    let only = |needle: &str| {
        let mut holding = lines.iter().enumerate().filter(|(_, line)| line.contains(needle));
        let first = holding.next()?;
        holding.next().is_none().then_some(first.0 + 1)
    };
    let quoted = wrong.split('"').skip(1).step_by(2).filter(|text| !text.is_empty());
    let quoted = quoted.flat_map(|text| [format!("\"{text}\""), format!(">{text}<")]);
    let words = wrong.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 2);
    let elements = words.flat_map(|word| [' ', '>', '/'].map(|end| format!("<{word}{end}")));
    quoted.chain(elements).find_map(|needle| only(&needle))
}

fn cut(line: &str) -> String {
    line.chars().take(MAX_TEXT).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use apigee_flux_model::bundle::BundlePath;

    const POLICY: &str = "<AssignMessage name=\"AM-debug\">\n  <Set/>\n  <AssignTo transport=\"https\" type=\"request\"/>\n</AssignMessage>\n";
    const EXTRACT: &str = "<ExtractVariables name=\"EV-Age\">\n  <XMLPayload>\n    <Variable name=\"a\" type=\"string\"/>\n    \
                           <Variable name=\"b\" type=\"String\"/>\n  </XMLPayload>\n</ExtractVariables>\n";

    fn files() -> Files {
        [("policies/AM-debug.xml", POLICY), ("policies/EV-Age.xml", EXTRACT)]
            .map(|(path, text)| (BundlePath::parse(path).unwrap(), text.as_bytes().to_vec()))
            .into_iter()
            .collect()
    }

    #[track_caller]
    fn check(filename: &str, description: &str, expected: &str) {
        assert_eq!(Blame::new(BundleKind::Proxy, &files(), filename, description).to_string(), expected);
    }

    #[test]
    fn what_is_named_is_found() {
        // https://github.com/apigee/apigeecli/issues/534
        check(
            "apiproxy/policies/AM-debug.xml",
            "The AssignTo transport attribute must be \"http\".",
            "policies/AM-debug.xml:3: The AssignTo transport attribute must be \"http\". | <AssignTo transport=\"https\" type=\"request\"/>",
        );
        // An Apigee Edge to X migration guide shows this finding.
        let description = "The XMLPayload Variable type attribute \"String\" must be one of \"boolean\", \"string\".";
        check(
            "apiproxy/policies/EV-Age.xml",
            description,
            &format!("policies/EV-Age.xml:4: {description} | <Variable name=\"b\" type=\"String\"/>"),
        );
    }

    #[test]
    fn a_position_is_believed_if_the_file_has_it() {
        let file = "apiproxy/policies/AM-debug.xml";
        for (text, place) in [
            ("bad; lineNumber: 3; columnNumber: 5; x", "3:5"),
            ("bad at line 3, column 5", "3:5"),
            ("bad at 3:5", "3:5"),
            ("bad on line 3", "3"),
        ] {
            check(
                file,
                text,
                &format!("policies/AM-debug.xml:{place}: {text} | <AssignTo transport=\"https\" type=\"request\"/>"),
            );
        }
        check(file, "bad at line 77", "policies/AM-debug.xml: bad at line 77");
    }

    #[test]
    fn a_foreign_file_keeps_its_name() {
        // https://github.com/apigee/apigeecli/issues/307
        check("/T/x/apiproxy/", "zip entry is outside the root", "/T/x/apiproxy/: zip entry is outside the root");
        check("other.txt", "bad at line 1", "other.txt: bad at line 1");
        check("/tmp/x/apiproxy/policies/EV-Age.xml", "bad", "policies/EV-Age.xml: bad");
    }

    #[test]
    fn a_policy_that_a_deployment_error_names_is_found() {
        let text = "revision 2: its state is ERROR: ExtractVariables EV-Age: at least one of URIPath is mandatory";
        let found = Blame::in_text(BundleKind::Proxy, &files(), text);
        assert_eq!(found.iter().map(|blame| blame.path.as_str()).collect::<Vec<_>>(), ["policies/EV-Age.xml"]);
        assert_eq!(Blame::in_text(BundleKind::Proxy, &files(), "EV-Age-2 and my-EV-Age"), []);
    }
}
