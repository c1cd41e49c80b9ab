//! The paths of operations, in OpenAPI documents and in `match.path`.

use std::cmp::{Ordering, Reverse};

use super::percent::{Undecodable, decoded, is_unreserved};
use super::{PathPattern, Piece, java_regex};

/// What is wrong with a path, and the fix.
pub type PathSyntaxError = (String, &'static str);

/// The source of a path, which decides its syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// An OpenAPI document: a `*` inside a segment is a plain character.
    OpenApi,
    /// The field `match.path`, where `*` is always a wildcard.
    Spec,
}

/// The pattern of an operation's path. Its characters are decoded: it is compared with the patterns of other operations, not with paths.
#[derive(Debug, Clone)]
pub struct OperationPattern {
    pieces: Vec<Piece>,
    /// The pieces, with characters merged that conditions cannot distinguish.
    pattern: PathPattern,
    /// The same with a placeholder for each character that may be sent encoded, so that it overlaps with every pattern that matches one of the
    /// spellings.
    spelled: PathPattern,
}

impl OperationPattern {
    /// Reads a path: `{name}` is a part of a segment, `*` one segment, and `**` at the end one or more.
    pub fn parse(path: &str, dialect: Dialect) -> Result<Self, PathSyntaxError> {
        if !path.starts_with('/') {
            return Err((
                format!("`{path}` does not start with `/`"),
                "write the path below the base path, for example `/orders`",
            ));
        }
        if path.contains("//") {
            return Err((format!("`{path}` has an empty segment"), "write one `/` between two segments"));
        }
        let mut pieces = Vec::with_capacity(path.len());
        let mut rest = path.split('/').skip(1).peekable();
        while let Some(segment) = rest.next() {
            pieces.push(Piece::Char('/'));
            match segment {
                "*" => pieces.extend([Piece::One, Piece::Any]),
                "**" if rest.peek().is_none() => pieces.push(Piece::All),
                "**" if dialect == Dialect::Spec => {
                    return Err((
                        format!("`{path}` has `**` before its end"),
                        "`**` matches one or more segments and must be last; `*` matches one",
                    ));
                }
                _ if segment.contains('*') && dialect == Dialect::Spec => {
                    return Err((
                        format!("`{segment}` mixes a wildcard with text"),
                        "`*` matches one whole segment; write `{name}` for a part of a segment, `%2A` for the character",
                    ));
                }
                _ => read_segment(segment, &mut pieces)?,
            }
        }
        let told_apart = pieces.iter().map(|piece| match piece {
            Piece::Char(character) if java_regex::is_bracket(*character) => Piece::Char('['),
            other => *other,
        });
        let pattern = PathPattern { pieces: told_apart.collect() };
        let mut spelled = Vec::with_capacity(pieces.len());
        for piece in &pieces {
            match piece {
                Piece::Char(character) if *character != '/' && !is_unreserved(*character) => {
                    spelled.extend([Piece::One, Piece::Any]);
                }
                other => spelled.push(*other),
            }
        }
        Ok(Self { pieces, pattern, spelled: PathPattern { pieces: spelled } })
    }

    /// The pattern, to compare it with others.
    pub fn pattern(&self) -> &PathPattern {
        &self.pattern
    }

    /// A pattern that matches at least every spelling of the paths: if two of these patterns do not overlap, no request matches both operations.
    pub fn spelled(&self) -> &PathPattern {
        &self.spelled
    }

    /// True if the pattern matches more than one path.
    pub fn has_wildcards(&self) -> bool {
        self.pattern.pieces.iter().any(|piece| !matches!(piece, Piece::Char(_)))
    }

    /// The condition that a request's path matches, in Apigee's language.
    ///
    /// The condition relies only on documented behavior: `MatchesPath` if no client encodes any character of the text; the operator `=` for a
    /// slash at the end, which `MatchesPath` is reported to handle differently; `JavaRegex` for everything else.
    pub fn condition(&self) -> String {
        const SUFFIX: &str = "proxy.pathsuffix";
        let pieces = self.pieces.as_slice();
        let root = format!("({SUFFIX} = \"\") or ({SUFFIX} = \"/\")");
        match pieces {
            [Piece::Char('/')] => return format!("({root})"),
            [Piece::Char('/'), Piece::All] => return format!("({root} or ({SUFFIX} MatchesPath \"/**\"))"),
            _ => {}
        }
        let plain = pieces.iter().all(|piece| !matches!(piece, Piece::Char(c) if *c != '/' && !is_unreserved(*c)));
        let slash = pieces.last() == Some(&Piece::Char('/'));
        if plain && slash && !self.has_wildcards() {
            return format!("({SUFFIX} = \"{}\")", self.apigee().unwrap_or_default());
        }
        match self.apigee().filter(|_| plain && !slash) {
            Some(pattern) => format!("({SUFFIX} MatchesPath \"{pattern}\")"),
            None => format!("({SUFFIX} JavaRegex \"{}\")", java_regex::of(pieces)),
        }
    }

    /// The pattern in the syntax of `MatchesPath`; `None` if that cannot express the text around a placeholder.
    fn apigee(&self) -> Option<String> {
        let segments = self.pattern.segments().map(|segment| match segment {
            [Piece::One, Piece::Any] => Some("*".to_owned()),
            [Piece::All] => Some("**".to_owned()),
            _ => segment.iter().map(|piece| if let Piece::Char(c) = piece { Some(*c) } else { None }).collect(),
        });
        Some(segments.collect::<Option<Vec<String>>>()?.join("/"))
    }

    /// The order of patterns, the more specific first: segment by segment, text before text with placeholders before one placeholder before `**`.
    ///
    /// OpenAPI requires concrete paths before templated ones. A pattern is always before the patterns that cover it: of two segments with
    /// placeholders, the one with more text, or with more placeholders and the same amount of text, cannot cover the other.
    pub fn specificity(&self, other: &Self) -> Ordering {
        self.pattern.segments().map(rank).cmp(other.pattern.segments().map(rank))
    }

    /// The first segment that is a placeholder of another framework, such as `:id`.
    pub fn foreign_placeholder(path: &str) -> Option<&str> {
        path.split('/').find(|segment| {
            segment.strip_prefix(':').is_some_and(|name| {
                let rest = name.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
                name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && (rest.is_empty() || rest.starts_with(['(', '+', '*']))
            })
        })
    }
}

fn read_segment(segment: &str, pieces: &mut Vec<Piece>) -> Result<(), PathSyntaxError> {
    let start = pieces.len();
    let mut rest = segment;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, after)) = after.split_once('}').filter(|(name, _)| !name.is_empty() && !name.contains('{')) else {
            return Err(brace(segment));
        };
        read_text(segment, before, pieces)?;
        // The boundary between two adjacent placeholders is ambiguous: they count as one.
        if pieces[start..].last() != Some(&Piece::Any) {
            pieces.extend([Piece::One, Piece::Any]);
        }
        rest = after;
    }
    read_text(segment, rest, pieces)?;
    let dots = [Piece::Char('.'); 2];
    if matches!(pieces.len() - start, 1 | 2) && dots.starts_with(&pieces[start..]) {
        return Err((
            format!("the segment `{segment}` never reaches Apigee: clients and proxies resolve `.` and `..` first"),
            "write the resolved path",
        ));
    }
    Ok(())
}

fn brace(segment: &str) -> PathSyntaxError {
    let message = format!("`{segment}` has a brace that is not part of a placeholder");
    (message, "write `{name}` for a placeholder, `%7B` and `%7D` for the characters")
}

/// Reads text without placeholders.
fn read_text(segment: &str, text: &str, pieces: &mut Vec<Piece>) -> Result<(), PathSyntaxError> {
    if text.contains('}') {
        return Err(brace(segment));
    }
    if let Some(bad) = text.chars().find(|c| "?#".contains(*c)) {
        let message = format!("`{segment}` has a `{bad}`, which ends the path of a URL");
        return Err((
            message,
            "remove the query: it is not part of a path; write `%3F` and `%23` for the characters themselves",
        ));
    }
    let text = decoded(text).map_err(|why| match why {
        Undecodable::Slash => (
            format!("`{segment}` has an encoded slash, which gateways may interpret as a separator between segments"),
            "write a placeholder such as `{name}` for the whole segment",
        ),
        Undecodable::NotUtf8 => (
            format!("the encoded bytes in `{segment}` are not UTF-8"),
            "write the characters as they are, or encode them as UTF-8",
        ),
    })?;
    if let Some(bad) = text.chars().find(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}')) {
        let message = format!("`{segment}` has the character {bad:?}, which a condition cannot contain");
        return Err((message, "write a placeholder such as `{name}` for it"));
    }
    pieces.extend(text.chars().map(Piece::Char));
    Ok(())
}

/// The kind of a segment and, for placeholders next to text, the amount of text and the number of placeholders. A character counts with the
/// length of its longest encoding, because text of other patterns may match a part of the encoding.
fn rank(segment: &[Piece]) -> (u8, Reverse<usize>, Reverse<usize>) {
    let length = |piece: &Piece| match piece {
        Piece::Char(character) if is_unreserved(*character) => 1,
        Piece::Char(character) => 3 * character.len_utf8(),
        Piece::One | Piece::Any | Piece::All => 0,
    };
    let text: usize = segment.iter().map(length).sum();
    let placeholders = segment.iter().filter(|piece| **piece == Piece::One).count();
    let kind = match (segment, placeholders) {
        ([Piece::All], _) => 3,
        (_, 0) => return (0, Reverse(0), Reverse(0)),
        (_, 1) if text == 0 => 2,
        _ => 1,
    };
    (kind, Reverse(text), Reverse(placeholders))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::condition::{Variables, evaluate, parse};

    fn pattern(path: &str) -> OperationPattern {
        OperationPattern::parse(path, Dialect::OpenApi).unwrap_or_else(|fault| panic!("{path}: {fault:?}"))
    }

    struct Suffix<'s>(&'s str);

    impl Variables for Suffix<'_> {
        #[allow(clippy::option_option, reason = "as in the trait")]
        fn get(&self, name: &str) -> Option<Option<std::borrow::Cow<'_, str>>> {
            (name == "proxy.pathsuffix").then(|| Some(self.0.into()))
        }
    }

    fn holds(path: &str, suffix: &str) -> Option<bool> {
        let condition = pattern(path).condition();
        evaluate(&parse(&condition).unwrap_or_else(|fault| panic!("{condition}: {fault:?}")), &Suffix(suffix))
    }

    #[test]
    fn conditions() {
        for (path, expected) in [
            ("/", "((proxy.pathsuffix = \"\") or (proxy.pathsuffix = \"/\"))"),
            (
                "/**",
                "((proxy.pathsuffix = \"\") or (proxy.pathsuffix = \"/\") or (proxy.pathsuffix MatchesPath \"/**\"))",
            ),
            ("/orders", "(proxy.pathsuffix MatchesPath \"/orders\")"),
            ("/orders/", "(proxy.pathsuffix = \"/orders/\")"),
            ("/{a}/", "(proxy.pathsuffix JavaRegex \"^/[^/]+/$\")"),
            ("/{orderId}/items/*", "(proxy.pathsuffix MatchesPath \"/*/items/*\")"),
            ("/a/**", "(proxy.pathsuffix MatchesPath \"/a/**\")"),
            ("/a.b-c_d~e", "(proxy.pathsuffix MatchesPath \"/a.b-c_d~e\")"),
            ("/jobs:purge", "(proxy.pathsuffix JavaRegex \"^/jobs(:|%3[Aa])purge$\")"),
            ("/{name}:cancel", "(proxy.pathsuffix JavaRegex \"^/[^/]+(:|%3[Aa])cancel$\")"),
            ("/a%20b/**", "(proxy.pathsuffix JavaRegex \"^/a( |%20)b/.*$\")"),
            ("/{a}.json/{b}-{c}", "(proxy.pathsuffix JavaRegex \"^/[^/]+[.]json/[^/]+-[^/]+$\")"),
            ("/{a}{b}", "(proxy.pathsuffix MatchesPath \"/*\")"),
            ("/{a}{b}x", "(proxy.pathsuffix JavaRegex \"^/[^/]+x$\")"),
            ("/{a}.{b}-{c}.x", "(proxy.pathsuffix JavaRegex \"^/[^/][^/.]*[.][^/][^/-]*-[^/]+[.]x$\")"),
            ("/{a}:{b}--{c}", "(proxy.pathsuffix JavaRegex \"^/[^/](?>[^/]*?(:|%3[Aa]))[^/](?>[^/]*?--)[^/]+$\")"),
            ("/é", "(proxy.pathsuffix JavaRegex \"^/(é|%[Cc]3%[Aa]9)$\")"),
        ] {
            assert_eq!(pattern(path).condition(), expected, "{path}");
        }
    }

    #[test]
    fn every_spelling_of_a_path_is_matched() {
        for (path, suffix, expected) in [
            ("/a b", "/a%20b", true),
            ("/a%20b", "/a b", true),
            ("/a%20b", "/a20b", false),
            ("/q\"uote/{x}", "/q%22uote/1", true),
            ("/q%22uote/{x}", "/q\"uote/1", true),
            ("/q\"uote/{x}", "/q'uote/1", false),
            ("/é", "/%c3%A9", true),
            ("/é", "/é", true),
            ("/100%", "/100%25", true),
            ("/100%25", "/100%", true),
            ("/100%25/{x}", "/100%20/1", false),
            ("/a%25ab", "/a%25ab", true),
            ("/a%25ab", "/a%ab", true),
            ("/{a}%{b}", "/a%25b", true),
            ("/{a}%{b}", "/a%x", true),
            ("/{a}%{b}", "/a%C3%A9b", false),
            ("/a\\b", "/a%5Cb", true),
            ("/a[b]^c|d", "/a[b]^c|d", true),
            ("/a[b]^c|d", "/a%5Bb%5D%5Ec%7Cd", true),
            ("/a[b]", "/aXbX", false),
            ("/a[b]", "/aZb_", false),
            ("/a[b]", "/aéb😀", false),
            ("/q\"", "/q!", false),
            ("/Users('{id}')", "/Users('7')", true),
            ("/Users('{id}')", "/Users(%277%27)", true),
            ("/a$b&c+d*e", "/a$b&c+d*e", true),
            ("/a$b&c+d*e", "/a%24b%26c%2Bd%2ae", true),
            ("/a*b", "/axb", false),
            ("/x.json", "/xyjson", false),
            ("/jobs/{id}:cancel", "/jobs/7%3acancel", true),
            ("/jobs/{id}:cancel", "/jobs/:cancel", false),
            ("/{a}.{b}.{c}", "/1.2.3.4", true),
            ("/{a}.{b}.{c}", "/1.2", false),
            ("/{a}.{b}.{c}", "/...x.y", true),
            ("/a/", "/a", false),
            ("/%7Bid%7D", "/{id}", true),
            ("/%7Bid%7D", "/%7Bid%7d", true),
            ("/%7Bid%7D", "/id", false),
        ] {
            assert_eq!(holds(path, suffix), Some(expected), "{path} {suffix}");
        }
    }

    #[test]
    fn what_cannot_be_matched_is_an_error() {
        for path in [
            "a",
            "",
            "/a//b",
            "//",
            "/a{b",
            "/a}",
            "/{a{b}}",
            "/{}",
            "/a%2Fb",
            "/a%2fb",
            "/%FF",
            "/a?b=c",
            "/a#b",
            "/.",
            "/a/../b",
            "/%2e%2E/x",
            "/a\nb",
            "/a%0Ab",
        ] {
            for dialect in [Dialect::OpenApi, Dialect::Spec] {
                assert!(OperationPattern::parse(path, dialect).is_err(), "{path}");
            }
        }
        for path in ["/**/a", "/a*", "/*{a}"] {
            assert!(OperationPattern::parse(path, Dialect::Spec).is_err(), "{path}");
            assert!(OperationPattern::parse(path, Dialect::OpenApi).is_ok(), "{path}");
        }
        assert!(OperationPattern::parse("/...", Dialect::Spec).is_ok());
    }

    #[test]
    fn placeholders_of_other_frameworks() {
        for (path, expected) in [
            ("/x/:id", Some(":id")),
            ("/x/:id(.*)/y", Some(":id(.*)")),
            ("/x/{id}:cancel", None),
            ("/x:purge", None),
            ("/:", None),
            ("/:8080", None),
        ] {
            assert_eq!(OperationPattern::foreign_placeholder(path), expected, "{path}");
        }
    }

    #[test]
    fn patterns_that_share_a_path_overlap() {
        for (a, b, expected) in [
            ("/*", "/a", true),
            ("/*", "/a/b", false),
            ("/a/**", "/a/b/c", true),
            ("/a/**", "/a", false),
            ("/a/*", "/*/b", true),
            ("/a/*", "/b/*", false),
            ("/", "/*", false),
            ("/a/", "/a", false),
            ("/{x}.json", "/a.json", true),
            ("/{x}.json", "/.json", false),
            ("/{x}.json", "/{x}.xml", false),
            ("/{x}.json", "/a{x}", true),
            ("/{x}-{y}", "/a-b-c", true),
            ("/a b", "/a%20b", true),
        ] {
            let (a, b) = (pattern(a), pattern(b));
            assert_eq!(a.pattern().overlaps(b.pattern()), expected, "{a:?} {b:?}");
            assert_eq!(b.pattern().overlaps(a.pattern()), expected, "{b:?} {a:?}");
        }
        for (first, second) in [
            ("/a/*", "/*/b"),
            ("/a", "/**"),
            ("/a", "/a{x}"),
            ("/{x}.json", "/*"),
            ("/ab{x}", "/a{x}"),
            ("/{a}-{b}-{c}", "/{a}-{b}"),
            ("/!{a}", "/{a}1{b}"),
        ] {
            assert_eq!(pattern(first).specificity(&pattern(second)), Ordering::Less, "{first} {second}");
            assert_eq!(pattern(second).specificity(&pattern(first)), Ordering::Greater, "{second} {first}");
        }
    }

    fn path() -> impl Strategy<Value = String> {
        let word = prop_oneof![Just("a"), Just("b"), Just("-"), Just("{x}"), Just("{y}"), Just(":")];
        let segment = proptest::collection::vec(word, 1..4).prop_map(|words| words.concat());
        let path = proptest::collection::vec(segment, 1..4).prop_map(|segments| format!("/{}", segments.join("/")));
        (path, any::<bool>()).prop_map(|(path, rest)| if rest { format!("{path}/**") } else { path })
    }

    proptest! {
        /// Otherwise a flow would always hide another.
        #[test]
        fn what_is_covered_is_more_specific(narrow in path(), wide in path()) {
            let (narrow, wide) = (pattern(&narrow), pattern(&wide));
            if wide.pattern().covers(narrow.pattern())
                && wide.pattern() != narrow.pattern() {
                prop_assert_eq!(narrow.specificity(&wide), Ordering::Less);
            }
        }
    }
}
