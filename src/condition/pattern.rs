//! The patterns of `Matches` and `MatchesPath`.

/// True if a text matches a pattern of `Matches`: `*` stands for any text, `?` for one character, `%` escapes the next one.
pub fn like(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    glob(&pattern, &text)
}

fn glob(pattern: &[char], text: &[char]) -> bool {
    // The last `*` seen, and how much it has taken.
    let mut star: Option<(usize, usize)> = None;
    let (mut p, mut t) = (0, 0);
    while t < text.len() {
        let escaped = pattern.get(p) == Some(&'%') && pattern.get(p + 1).is_some();
        match (pattern.get(p), text.get(t)) {
            (Some('*'), _) => {
                star = Some((p, t));
                p += 1;
            }
            (Some(_), Some(found)) if escaped && pattern.get(p + 1) == Some(found) => {
                p += 2;
                t += 1;
            }
            (Some('?'), _) => {
                p += 1;
                t += 1;
            }
            (Some(wanted), Some(found)) if !escaped && wanted == found => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    p = at + 1;
                    t = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|character| *character == '*')
}

/// True if a path matches a pattern of `MatchesPath`: `*` stands for one segment, or a part of it, and `**` for any number of segments. A slash
/// at the end of the path does not count.
pub fn matches_path(pattern: &str, path: &str) -> bool {
    let segments = |text: &str| text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let rooted = |text: &str| text.is_empty() || text.starts_with('/');
    if pattern.starts_with('/') != rooted(path) && !path.is_empty() {
        return false;
    }
    // The empty suffix is not `/`.
    if path.is_empty() {
        return pattern.is_empty() || pattern == "**";
    }
    match_segments(&segments(pattern), &segments(path))
}

fn match_segments(pattern: &[String], path: &[String]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, None) => true,
        (Some((first, rest)), _) if first == "**" => {
            (0..=path.len()).any(|taken| path.get(taken..).is_some_and(|left| match_segments(rest, left)))
        }
        (Some((first, rest)), Some((segment, left))) => like(first, segment) && match_segments(rest, left),
        _ => false,
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
            ("a?c", "abc", true),
            ("%*a", "*a", true),
            ("%*a", "ba", false),
            ("application/json*", "application/json; charset=utf-8", true),
            ("*a*b*", "xxaxxbxx", true),
        ] {
            assert_eq!(like(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn paths() {
        for (pattern, path, expected) in [
            ("/orders", "/orders", true),
            ("/orders", "/orders/", true),
            ("/orders/*", "/orders/1", true),
            ("/orders/*", "/orders", false),
            ("/orders/*", "/orders/1/items", false),
            ("/orders/**", "/orders/1/items", true),
            ("/**", "/a/b", true),
            ("/", "/", true),
            ("/", "", false),
            ("/a/*/c", "/a/b/c", true),
            ("/*.json", "/a.json", true),
            ("/{id}", "/1", false),
            ("/{id}", "/{id}", true),
        ] {
            assert_eq!(matches_path(pattern, path), expected, "{pattern} {path}");
        }
    }
}
