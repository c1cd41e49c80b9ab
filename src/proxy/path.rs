//! Paths: base paths, and the patterns of operations.

use std::cmp::Ordering;

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

/// The pattern of an operation's path: `{name}` as OpenAPI has it becomes `*`.
pub(super) fn pattern(path: &str) -> Result<String, Fault> {
    if let Some(fault) = common_fault(path) {
        return Err(fault);
    }
    let count = path.split('/').count();
    let segments = path.split('/').enumerate().map(|(index, segment)| match segment {
        "*" => Ok("*"),
        "**" if index + 1 == count => Ok("**"),
        "**" => Err((
            format!("`{path}` has `**` before its end"),
            "`**` matches any number of segments and stands last; `*` matches one",
        )),
        _ if segment.len() > 2 && segment.starts_with('{') && segment.find('}') == Some(segment.len() - 1) => Ok("*"),
        _ if segment.contains(['{', '}', '*']) => {
            Err((format!("`{segment}` mixes a wildcard with text"), "a wildcard is a whole segment: `*` or `{name}`"))
        }
        _ => Ok(segment),
    });
    Ok(segments.collect::<Result<Vec<_>, _>>()?.join("/"))
}

/// The segments of a pattern.
fn segments(pattern: &str) -> Vec<&str> {
    pattern.split('/').filter(|segment| !segment.is_empty()).collect()
}

/// True if some path matches both patterns.
pub(super) fn overlap(a: &str, b: &str) -> bool {
    fn both(a: &[&str], b: &[&str]) -> bool {
        match (a, b) {
            (["**", ..], _) | (_, ["**", ..]) | ([], []) => true,
            ([x, a @ ..], [y, b @ ..]) => (x == y || *x == "*" || *y == "*") && both(a, b),
            _ => false,
        }
    }
    both(&segments(a), &segments(b))
}

/// The more specific pattern first: text before `*` before `**`, segment by segment, then the longer one.
pub(super) fn specificity(a: &str, b: &str) -> Ordering {
    let rank = |segment: &&str| match *segment {
        "**" => 2,
        "*" => 1,
        _ => 0,
    };
    let (a, b) = (segments(a), segments(b));
    a.iter().map(rank).cmp(b.iter().map(rank)).then(b.len().cmp(&a.len()))
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

    #[test]
    fn patterns() {
        assert_eq!(pattern("/{orderId}/items/*").as_deref(), Ok("/*/items/*"));
        assert_eq!(pattern("/a/**").as_deref(), Ok("/a/**"));
        for path in ["/a{b}", "/{a}{b}", "/**/a", "/a*", "a", "/{}"] {
            assert!(pattern(path).is_err(), "{path}");
        }
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
        ] {
            assert_eq!(overlap(a, b), expected, "{a} {b}");
            assert_eq!(overlap(b, a), expected, "{b} {a}");
        }
        assert_eq!(specificity("/a/*", "/*/b"), Ordering::Less);
        assert_eq!(specificity("/a", "/**"), Ordering::Less);
    }
}
