//! Paths: base paths, and the patterns of operations.

use std::cmp::{Ordering, Reverse};

/// What is wrong with a path, and the way out.
pub(super) type Fault = (String, &'static str);

/// Why a base path is none; Apigee's rules for wildcards are those of its page "Creating an API proxy".
pub(super) fn base_path_fault(path: &str) -> Option<Fault> {
    if let Some(fault) = common_fault(path) {
        return Some(fault);
    }
    if path.len() > 1 && path.ends_with('/') {
        return Some((format!("`{path}` ends in `/`"), "write it without: both forms are served"));
    }
    for segment in path.split('/').skip(1) {
        if segment.contains(['{', '}']) {
            let message = format!("`{segment}` is no wildcard in a base path");
            return Some((message, "write `*` for a segment of any text"));
        }
        if segment != "*" && segment.contains('*') {
            let message = format!("`{segment}` is not allowed in a base path");
            return Some((message, "`*` stands for one whole segment; what follows the base path needs no wildcard"));
        }
    }
    None
}

fn common_fault(path: &str) -> Option<Fault> {
    if !path.starts_with('/') {
        return Some((format!("`{path}` does not start with `/`"), "write the path from the host on, as `/v1/orders`"));
    }
    if let Some(bad) = path.chars().find(|c| c.is_whitespace() || c.is_control() || "?#\"<>\\^`|".contains(*c)) {
        return Some((
            format!("the character {bad:?} is not allowed in a path"),
            "a path has no query and no spaces; other characters are percent-encoded",
        ));
    }
    path.contains("//").then(|| (format!("`{path}` has an empty segment"), "write one `/` between two segments"))
}

/// The pattern of an operation's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// A text; empty for what stands behind a slash at the end.
    Text(String),
    /// Wildcards with text around them: the texts before, between and behind them, some perhaps empty.
    Mixed(Vec<String>),
    /// Any one segment.
    One,
    /// Any number of segments.
    Rest,
}

impl Pattern {
    /// Reads a path: `{name}` as OpenAPI has it is the wildcard `*`, and may have text around it.
    pub(super) fn parse(path: &str) -> Result<Self, Fault> {
        if let Some(fault) = common_fault(path) {
            return Err(fault);
        }
        let mut segments = Vec::new();
        let mut rest = path.split('/').skip(1).filter(|_| path != "/").peekable();
        while let Some(segment) = rest.next() {
            segments.push(match segment {
                "*" => Segment::One,
                "**" if rest.peek().is_none() => Segment::Rest,
                "**" => {
                    return Err((
                        format!("`{path}` has `**` before its end"),
                        "`**` matches any number of segments and stands last; `*` matches one",
                    ));
                }
                _ if segment.contains('*') => {
                    return Err((
                        format!("`{segment}` mixes a wildcard with text"),
                        "`*` stands for one whole segment; write `{name}` for a part of one",
                    ));
                }
                _ => braces(segment)?,
            });
        }
        Ok(Self { segments })
    }

    /// True for the base path itself, whose suffix is `/` or nothing.
    pub(super) fn is_base(&self) -> bool {
        matches!(self.segments.as_slice(), [] | [Segment::Rest])
    }

    /// The pattern of Apigee's operator `MatchesPath`; none if that could not tell the text around a wildcard.
    pub(super) fn matches_path(&self) -> Option<String> {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Text(text) => Some(text.as_str()),
            Segment::One => Some("*"),
            Segment::Rest => Some("**"),
            Segment::Mixed(_) => None,
        });
        Some(format!("/{}", segments.collect::<Option<Vec<_>>>()?.join("/")))
    }

    /// The pattern as a regular expression of Java.
    pub(super) fn regex(&self) -> String {
        const ANY: &str = "[^/]+";
        let mut regex = "^".to_owned();
        for segment in &self.segments {
            match segment {
                Segment::Text(text) => regex.extend(["/", &quoted(text)]),
                Segment::One => regex.extend(["/", ANY]),
                Segment::Rest => regex.push_str("(/.*)?"),
                Segment::Mixed(texts) => {
                    let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
                    regex.extend(["/", &texts.join(ANY)]);
                }
            }
        }
        regex.push('$');
        regex
    }

    /// True if some path matches both patterns.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        fn both(a: &[Segment], b: &[Segment]) -> bool {
            match (a, b) {
                ([Segment::Rest, ..], _) | (_, [Segment::Rest, ..]) | ([], []) => true,
                ([x, a @ ..], [y, b @ ..]) => x.meets(y) && both(a, b),
                _ => false,
            }
        }
        both(&self.segments, &other.segments)
    }

    /// What orders patterns, the more specific first: text before text with a wildcard before `*` before `**`, segment by
    /// segment, then the longer one.
    pub(super) fn specificity(&self, other: &Self) -> Ordering {
        let ranks = |pattern: &'_ Self| pattern.segments.iter().map(Segment::rank).collect::<Vec<_>>();
        ranks(self).cmp(&ranks(other)).then(other.segments.len().cmp(&self.segments.len()))
    }
}

/// A segment without `*`.
fn braces(segment: &str) -> Result<Segment, Fault> {
    let mut texts = vec![String::new()];
    let mut rest = segment;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, after)) = after.split_once('}').filter(|(name, _)| !name.is_empty() && !name.contains('{')) else {
            return Err((format!("`{segment}` has a brace that stands for no wildcard"), "write `{name}`"));
        };
        if let Some(last) = texts.last_mut() {
            last.push_str(before);
        }
        texts.push(String::new());
        rest = after;
    }
    if rest.contains('}') {
        return Err((format!("`{segment}` has a brace that stands for no wildcard"), "write `{name}`"));
    }
    if let Some(last) = texts.last_mut() {
        last.push_str(rest);
    }
    Ok(match texts.as_mut_slice() {
        [text] => Segment::Text(std::mem::take(text)),
        [before, behind] if before.is_empty() && behind.is_empty() => Segment::One,
        _ => Segment::Mixed(texts),
    })
}

/// A text as a regular expression that matches nothing else. A backslash could be taken for one of the condition's own.
fn quoted(text: &str) -> String {
    text.chars().fold(String::new(), |mut quoted, c| {
        match c {
            // Java reads these two as the start and end of a class even inside one.
            '[' | ']' => quoted.push('.'),
            '.' | '$' | '(' | ')' | '+' | '&' => quoted.extend(['[', c, ']']),
            _ => quoted.push(c),
        }
        quoted
    })
}

impl Segment {
    /// The kind, and for text around wildcards how much of it.
    fn rank(&self) -> (u8, Reverse<usize>) {
        match self {
            Self::Text(_) => (0, Reverse(0)),
            Self::Mixed(texts) => (1, Reverse(texts.iter().map(String::len).sum())),
            Self::One => (2, Reverse(0)),
            Self::Rest => (3, Reverse(0)),
        }
    }

    /// True if some text matches both.
    fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Text(text), Self::Mixed(texts)) | (Self::Mixed(texts), Self::Text(text)) => around(texts, text),
            (Self::Mixed(a), Self::Mixed(b)) => {
                let ends = |texts: &'_ [String]| (texts.first().cloned(), texts.last().cloned());
                let ((a_first, a_last), (b_first, b_last)) = (ends(a), ends(b));
                let (a_first, b_first) = (a_first.unwrap_or_default(), b_first.unwrap_or_default());
                let (a_last, b_last) = (a_last.unwrap_or_default(), b_last.unwrap_or_default());
                let starts = a_first.starts_with(&b_first) || b_first.starts_with(&a_first);
                starts && (a_last.ends_with(&b_last) || b_last.ends_with(&a_last))
            }
            (Self::One | Self::Rest, _) | (_, Self::One | Self::Rest) => true,
        }
    }
}

/// True if the text has these texts with something between each two.
fn around(texts: &[String], text: &str) -> bool {
    match texts {
        [] => text.is_empty(),
        [only] => text == only,
        [first, rest @ ..] => text.strip_prefix(first.as_str()).is_some_and(|behind| {
            let cuts = behind.char_indices().skip(1).map(|(at, _)| at).chain([behind.len()]);
            !behind.is_empty() && cuts.into_iter().any(|at| around(rest, &behind[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_paths() {
        for path in ["/", "/v1", "/v1/orders", "/team/*/members", "/a-b_c.d~e", "/a%20b"] {
            assert_eq!(base_path_fault(path), None, "{path}");
        }
        for (path, message) in [
            ("v1", "`v1` does not start with `/`"),
            ("", "`` does not start with `/`"),
            ("/v1/", "`/v1/` ends in `/`"),
            ("/v1//a", "`/v1//a` has an empty segment"),
            ("/v 1", "the character ' ' is not allowed in a path"),
            ("/v1?x=1", "the character '?' is not allowed in a path"),
            ("/v1/{id}", "`{id}` is no wildcard in a base path"),
            ("/v1/**", "`**` is not allowed in a base path"),
            ("/v1/a*", "`a*` is not allowed in a base path"),
        ] {
            assert_eq!(base_path_fault(path).map(|fault| fault.0).as_deref(), Some(message), "{path}");
        }
    }

    fn pattern(path: &str) -> Pattern {
        Pattern::parse(path).unwrap_or_else(|fault| panic!("{path}: {fault:?}"))
    }

    #[test]
    fn patterns() {
        for (path, expected) in
            [("/", "/"), ("/orders/", "/orders/"), ("/{orderId}/items/*", "/*/items/*"), ("/a/**", "/a/**")]
        {
            assert_eq!(pattern(path).matches_path().as_deref(), Some(expected), "{path}");
        }
        for path in ["/a{b", "/a}", "/{a{b}}", "/**/a", "/a*", "a", "/{}", "/*{a}"] {
            assert!(Pattern::parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn text_around_a_wildcard_needs_a_regular_expression() {
        let mixed = pattern("/Accounts/{Sid}.json/{a}-{b}/*");
        assert_eq!(mixed.matches_path(), None);
        assert_eq!(mixed.regex(), "^/Accounts/[^/]+[.]json/[^/]+-[^/]+/[^/]+$");
        assert_eq!(pattern("/v1/{name}:cancel").regex(), "^/v1/[^/]+:cancel$");
        assert_eq!(pattern("/Users('{id}')/**").regex(), "^/Users[(]'[^/]+'[)](/.*)?$");
    }

    #[test]
    fn patterns_that_share_a_path_overlap() {
        for (a, b, expected) in [
            ("/*", "/a", true),
            ("/*", "/a/b", false),
            ("/a/**", "/a/b/c", true),
            ("/a/*", "/*/b", true),
            ("/a/*", "/b/*", false),
            ("/", "/*", false),
            ("/a/", "/a", false),
            ("/{x}.json", "/a.json", true),
            ("/{x}.json", "/.json", false),
            ("/{x}.json", "/{x}.xml", false),
            ("/{x}.json", "/a{x}", true),
            ("/{x}-{y}", "/a-b-c", true),
        ] {
            assert_eq!(pattern(a).overlaps(&pattern(b)), expected, "{a} {b}");
            assert_eq!(pattern(b).overlaps(&pattern(a)), expected, "{b} {a}");
        }
        for (first, second) in [
            ("/a/*", "/*/b"),
            ("/a", "/**"),
            ("/a", "/a{x}"),
            ("/{x}.json", "/*"),
            ("/ab{x}", "/a{x}"),
            ("/a", "/a/**"),
        ] {
            assert_eq!(pattern(first).specificity(&pattern(second)), Ordering::Less, "{first} {second}");
            assert_eq!(pattern(second).specificity(&pattern(first)), Ordering::Greater, "{second} {first}");
        }
    }
}
