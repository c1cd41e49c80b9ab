//! The patterns of Apigee's operators `Matches` and `MatchesPath`, as Google's page "Conditions reference" describes them.

use super::{PathPattern, Piece};

impl PathPattern {
    /// The pattern that matches one text.
    pub fn literal(text: &str) -> Self {
        Self { pieces: text.chars().map(Piece::Char).collect() }
    }

    /// A pattern of `Matches`: `*` is any text, `%` escapes the next character.
    pub fn of_matches(text: &str) -> Self {
        let mut pieces = Vec::with_capacity(text.len());
        let mut rest = text.chars().peekable();
        while let Some(character) = rest.next() {
            pieces.push(match character {
                '*' => Piece::All,
                '%' => Piece::Char(rest.next().unwrap_or('%')),
                _ => Piece::Char(character),
            });
        }
        Self { pieces }
    }

    /// A pattern of `MatchesPath`: a segment `*` or `{name}` is one segment, a `*` next to text any part of one, `**` any number of segments, and `%`
    /// escapes the next character.
    ///
    /// Apigee's users report that `**` next to text also crosses segments: `**/north/depot**` matches `/north/depot/1`.
    pub fn of_matches_path(text: &str) -> Self {
        let mut pieces = Vec::with_capacity(text.len());
        for (index, segment) in text.split('/').enumerate() {
            if index > 0 {
                pieces.push(Piece::Char('/'));
            }
            let is_name = segment.starts_with('{') && segment.find('}') == Some(segment.len() - 1);
            if segment == "*" || is_name {
                pieces.extend([Piece::One, Piece::Any]);
                continue;
            }
            let mut rest = segment.chars().peekable();
            while let Some(character) = rest.next() {
                pieces.push(match character {
                    '*' if rest.next_if_eq(&'*').is_some() => Piece::All,
                    '*' => Piece::Any,
                    '%' => Piece::Char(rest.next().unwrap_or('%')),
                    _ => Piece::Char(character),
                });
            }
        }
        Self { pieces }
    }
}

/// True if a text matches a pattern of `Matches`.
pub fn like(pattern: &str, text: &str) -> bool {
    PathPattern::of_matches(pattern).matches(text)
}

/// Whether a path matches a pattern of `MatchesPath`; `None` if Apigee's behavior is not documented.
///
/// A slash at the end of a path is significant: `/a` does not match `/a/`. Apigee's staff report that the pattern `/` matches an empty path
/// and not `/`, contrary to the page, so the result is `None` for both. It is also `None` if a path lacks the slash at the end of any other
/// pattern.
pub fn matches_path(pattern: &str, path: &str) -> Option<bool> {
    let matches = |pattern: &str| PathPattern::of_matches_path(pattern).matches(path);
    if pattern == "/" {
        return (!path.is_empty() && path != "/").then_some(false);
    }
    match pattern.strip_suffix('/') {
        Some(shorter) if !path.ends_with('/') && matches(shorter) => None,
        _ => Some(matches(pattern)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text() {
        for (pattern, text, expected) in [
            ("a*c", "abbc", true),
            ("a*c", "ab", false),
            ("*", "", true),
            ("a?c", "abc", false),
            ("/c%*at", "/c*at", true),
            ("%*a", "*a", true),
            ("%*a", "ba", false),
            ("100%", "100%", true),
            ("application/json*", "application/json; charset=utf-8", true),
            ("*a*b*", "xxaxxbxx", true),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn paths() {
        for (pattern, path, expected) in [
            ("/orders", "/orders", Some(true)),
            ("/orders", "/orders/", Some(false)),
            ("/*/a/", "/x/a/", Some(true)),
            ("/*/a/", "/x/a", None),
            ("/*/a/", "/x/b", Some(false)),
            ("/orders/*", "/orders/1", Some(true)),
            ("/orders/*", "/orders", Some(false)),
            ("/orders/*", "/orders/1/items", Some(false)),
            ("/orders/**", "/orders/1/items", Some(true)),
            ("/orders/**", "/orders", Some(false)),
            ("/orders/*", "/orders/", Some(false)),
            ("/*/a/**", "/x/a/b/c/d", Some(true)),
            ("/a/**/feed/**", "/a/b/feed/rss/1234", Some(true)),
            ("/**", "/a/b", Some(true)),
            ("/", "/", None),
            ("/", "", None),
            ("/", "/a", Some(false)),
            ("/a/*/c", "/a/b/c", Some(true)),
            ("/*.json", "/a.json", Some(true)),
            ("/**", "/", Some(true)),
            ("/**", "", Some(false)),
            ("/*/a/{reader}/feed/", "/y/a/foo/feed/", Some(true)),
            ("/{id}", "/1", Some(true)),
            ("/{id}", "/1/2", Some(false)),
            ("/%{user%}", "/{user}", Some(true)),
            ("/%{user%}", "/user", Some(false)),
            ("", "", Some(true)),
            // As reported in the answers to stackoverflow.com/questions/21228086.
            ("/**/north/depot/**", "/x/north/depot/y", Some(true)),
            ("/**/north/depot/**", "/north/depot/y", Some(false)),
            ("**/north/depot**", "/north/depot", Some(true)),
            ("**/north/depot**", "/x/north/depot", Some(true)),
            ("**/north/depot**", "/north/depot/y", Some(true)),
            ("**/north/depot**", "/x/north/depot/y/z", Some(true)),
            ("**/north/depot**", "/x/north/depots", Some(true)),
        ] {
            assert_eq!(matches_path(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn what_covers_what() {
        let of = PathPattern::of_matches_path;
        for (wide, narrow, expected) in [
            ("/*", "/a", true),
            ("/a", "/*", false),
            ("/**", "/a/*/c", true),
            ("/*", "/**", false),
            ("/*/b", "/a/b", true),
            ("/{id}", "/*", true),
            ("/a*", "/ab*", true),
            ("/ab*", "/a*", false),
            ("/*", "/a*b*c", true),
            ("/*", "/a**", false),
            ("/**/b", "/a/**/b", true),
            ("/a**", "/a/**", true),
            ("/a/**", "/a", false),
        ] {
            assert_eq!(of(wide).covers(&of(narrow)), expected, "{wide} {narrow}");
        }
        for (a, b, expected) in [
            ("/*", "/a", true),
            ("/*", "/a/b", false),
            ("/a*", "/*b", true),
            ("/a*c", "/b*c", false),
            ("/**/a", "/b/**", true),
            ("/a/**", "/b/**", false),
        ] {
            assert_eq!(of(a).overlaps(&of(b)), expected, "{a} {b}");
            assert_eq!(of(b).overlaps(&of(a)), expected, "{b} {a}");
        }
    }

    /// With backtracking, each of these would practically never finish.
    #[test]
    fn many_wildcards_are_no_burden() {
        for count in [12, 30, 200] {
            for between in ["*a", "**a", "*-", "**/"] {
                let pattern = format!("/{}z", between.repeat(count));
                let text = format!("/{}", "a-/".repeat(3 * count));
                assert_eq!(matches_path(&pattern, &text), Some(false));
                let other = format!("/{}y", between.repeat(count));
                let (pattern, other) = (PathPattern::of_matches_path(&pattern), PathPattern::of_matches_path(&other));
                assert!(!pattern.covers(&other) && !pattern.overlaps(&other) && pattern.overlaps(&pattern.clone()));
            }
        }
    }
}
