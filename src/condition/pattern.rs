//! The patterns of `Matches` and `MatchesPath`.

/// True if a text matches a pattern of `Matches`: `*` stands for any text, `%` escapes the next character.
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

/// True if a path matches a pattern of `MatchesPath`: `*` stands for one segment, or a part of it, `{name}` for one segment whatever its name, `**`
/// for one or more, and `%` escapes the next character. A slash at the end counts, in the pattern as in the path.
pub fn matches_path(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    // `reached[n]`: what was read of the pattern matches the first n segments. Linear in both, whatever the number of `**`.
    let mut reached = vec![false; path.len() + 1];
    reached[0] = true;
    for wanted in pattern {
        let mut next = vec![false; path.len() + 1];
        for (index, segment) in path.iter().enumerate() {
            next[index + 1] = match wanted {
                "**" => reached[index] || next[index],
                _ => reached[index] && matches_segment(wanted, segment),
            };
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

fn matches_segment(pattern: &str, segment: &str) -> bool {
    let one = pattern == "*" || (pattern.starts_with('{') && pattern.find('}') == Some(pattern.len() - 1));
    if one { !segment.is_empty() } else { like(pattern, segment) }
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
            ("/orders", "/orders/", false),
            ("/*/a/", "/x/a/", true),
            ("/*/a/", "/x/a", false),
            ("/orders/*", "/orders/1", true),
            ("/orders/*", "/orders", false),
            ("/orders/*", "/orders/1/items", false),
            ("/orders/**", "/orders/1/items", true),
            ("/orders/**", "/orders", false),
            ("/orders/*", "/orders/", false),
            ("/*/a/**", "/x/a/b/c/d", true),
            ("/a/**/feed/**", "/a/b/feed/rss/1234", true),
            ("/**", "/a/b", true),
            ("/", "/", true),
            ("/", "", false),
            ("/a/*/c", "/a/b/c", true),
            ("/*.json", "/a.json", true),
            ("/**", "/", true),
            ("/**", "", false),
            ("/*/a/{reader}/feed/", "/y/a/foo/feed/", true),
            ("/{id}", "/1", true),
            ("/{id}", "/1/2", false),
            ("/%{user%}", "/{user}", true),
            ("/%{user%}", "/user", false),
            ("", "", true),
        ] {
            assert_eq!(matches_path(pattern, path), expected, "{pattern} {path}");
        }
    }
}
