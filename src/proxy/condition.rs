//! Conditions in Apigee's language: making those of operations, and checking those that users write.

use super::path::Pattern;

/// Why a condition cannot be meant; none if nothing is wrong that can be seen without variables.
pub(super) fn fault(condition: &str) -> Option<&'static str> {
    if condition.trim().is_empty() {
        return Some("the condition is empty");
    }
    let mut in_string = false;
    let mut open = 0_i32;
    for character in condition.chars() {
        match character {
            '"' => in_string = !in_string,
            '(' if !in_string => open += 1,
            ')' if !in_string => {
                open -= 1;
                if open < 0 {
                    return Some("a `)` closes nothing");
                }
            }
            _ => {}
        }
    }
    if in_string {
        return Some("a string has no closing `\"`");
    }
    (open > 0).then_some("a `(` is not closed")
}

/// The condition of an operation. The suffix of a request to the base path itself is `/` or nothing.
pub(super) fn of_operation(pattern: &Pattern, methods: &[String]) -> String {
    let path = match pattern.matches_path() {
        Some(path) if pattern.is_base() => {
            format!("((proxy.pathsuffix = \"\") or (proxy.pathsuffix MatchesPath \"{path}\"))")
        }
        Some(path) => format!("(proxy.pathsuffix MatchesPath \"{path}\")"),
        None => format!("(proxy.pathsuffix JavaRegex \"{}\")", pattern.regex()),
    };
    let verbs: Vec<String> = methods.iter().map(|verb| format!("(request.verb = \"{verb}\")")).collect();
    match verbs.as_slice() {
        [] => path,
        [verb] => format!("{path} and {verb}"),
        several => format!("{path} and ({})", several.join(" or ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_brackets_must_close() {
        for (condition, expected) in [
            ("request.verb = \"GET\"", None),
            ("(a = \"(\") and (b = \")\")", None),
            (" ", Some("the condition is empty")),
            ("a = \"b", Some("a string has no closing `\"`")),
            ("(a = 1", Some("a `(` is not closed")),
            ("a = 1)", Some("a `)` closes nothing")),
        ] {
            assert_eq!(fault(condition), expected, "{condition}");
        }
    }

    #[test]
    fn an_operation_of_the_base_path_matches_both_spellings() {
        let get = ["GET".to_owned()];
        let of = |path: &str, methods: &[String]| of_operation(&Pattern::parse(path).unwrap(), methods);
        assert_eq!(
            of("/", &get),
            "((proxy.pathsuffix = \"\") or (proxy.pathsuffix MatchesPath \"/\")) and (request.verb = \"GET\")"
        );
        assert_eq!(
            of("/a/*", &["GET".to_owned(), "PUT".to_owned()]),
            "(proxy.pathsuffix MatchesPath \"/a/*\") and ((request.verb = \"GET\") or (request.verb = \"PUT\"))"
        );
        assert_eq!(of("/a", &[]), "(proxy.pathsuffix MatchesPath \"/a\")");
        assert_eq!(of("/{a}:b", &get), "(proxy.pathsuffix JavaRegex \"^/[^/]+:b$\") and (request.verb = \"GET\")");
    }
}
