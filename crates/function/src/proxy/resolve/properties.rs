//! `properties`: property sets of the proxy.

use std::fmt::Write as _;

use indexmap::IndexMap;

use super::super::credential;
use super::context::Context;
use super::names;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath};

/// Set → name → value.
type Sets = IndexMap<String, IndexMap<String, String>>;

/// Adds a file for each set.
pub(super) fn add(sets: &Sets, context: &mut Context<'_, '_>, at: &FieldPath) {
    for (set, properties) in sets {
        let at = at.key("properties").key(set.as_str());
        names::check_file_name("property set", set, &at, context.report);
        if set.contains('.') {
            context.report.push(
                Diagnostic::error(Code::InvalidValue, format!("the name `{set}` of a property set contains a `.`"))
                    .at(&at)
                    .help("in `propertyset.SET.NAME` its end would be ambiguous: use `-` or `_`"),
            );
        }
        for (name, value) in properties {
            let at = at.key(name.as_str());
            names::check_variable("property", name, &at, context.report);
            credential::check_named(name, value, &at, context.report);
        }
        context.add_resource("properties", &format!("{set}.properties"), text(properties).into_bytes(), &at);
    }
}

/// The file, as `java.util.Properties` reads it in any encoding.
fn text(properties: &IndexMap<String, String>) -> String {
    let lines =
        properties.iter().map(|(name, value)| [&escaped(name, true), "=", &escaped(value, false), "\n"].concat());
    lines.collect()
}

/// Escapes characters that would end a name, start a comment or be trimmed, and all characters that are not ASCII.
fn escaped(text: &str, name: bool) -> String {
    let mut out = String::new();
    for (index, character) in text.chars().enumerate() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{c}' => out.push_str("\\f"),
            // Space before a value is not part of it.
            ' ' if name || index == 0 => out.push_str("\\ "),
            '=' | ':' | '#' | '!' if name => {
                out.push('\\');
                out.push(character);
            }
            ' '..='~' => out.push(character),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04X}");
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_reads_as_it_was_meant() {
        let properties = [
            ("tier", "gold"),
            ("a:b", " two  words "),
            ("url", "https://a.example.com/?b=c#d"),
            ("path", "C:\\x\ny"),
            ("price", "5 \u{20ac} \u{1f600}"),
            ("!", ""),
        ];
        let properties = properties.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        assert_eq!(
            text(&properties),
            "tier=gold\na\\:b=\\ two  words \nurl=https://a.example.com/?b=c#d\npath=C:\\\\x\\ny\n\
             price=5 \\u20AC \\uD83D\\uDE00\n\\!=\n"
        );
    }
}
