//! Text of specs and of Apigee in Markdown: it may hold anything, breaks out of no cell and mentions nobody.

use std::fmt::Write as _;

use apigee_flux_model::diag::plain;

/// Text in which nothing is markup, in one line, see [`plain::Plain`]. A mention needs a letter right behind its `@`.
pub(super) fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in plain::plain(text).chars() {
        match c {
            '@' => escaped.push_str("&#64;\u{2060}"),
            '.' | ',' | ';' | ':' | '/' | '-' | '(' | ')' => escaped.push(c),
            c if c.is_ascii_punctuation() => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// A name, in which nothing is markup either.
pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", plain(text))
}
