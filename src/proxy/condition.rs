//! Conditions in Apigee's language: making those of operations, and checking those that users write.

use crate::diag::{Code, Diagnostic};

/// What is wrong with a condition that a user wrote; none if Apigee can read it.
pub(super) fn fault(condition: &str) -> Option<Diagnostic> {
    let fault = if condition.trim().is_empty() {
        Diagnostic::error(Code::InvalidCondition, "the condition is empty")
    } else {
        let fault = crate::condition::parse(condition).err()?;
        let diagnostic = Diagnostic::error(Code::InvalidCondition, fault.message).offset(fault.offset);
        match fault.help {
            Some(help) => return Some(diagnostic.help(help)),
            None => diagnostic,
        }
    };
    Some(fault.help("a condition reads as `request.verb = \"POST\"`"))
}

/// The condition of an operation. The suffix of a request to the base path itself is `/` or nothing.
pub(super) fn of_operation(path: &str, methods: &[String]) -> String {
    let path = if matches!(path, "/" | "/**") {
        format!("((proxy.pathsuffix = \"\") or (proxy.pathsuffix MatchesPath \"{path}\"))")
    } else {
        format!("(proxy.pathsuffix MatchesPath \"{path}\")")
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
    fn an_operation_of_the_base_path_matches_both_spellings() {
        let get = ["GET".to_owned()];
        assert_eq!(
            of_operation("/", &get),
            "((proxy.pathsuffix = \"\") or (proxy.pathsuffix MatchesPath \"/\")) and (request.verb = \"GET\")"
        );
        assert_eq!(
            of_operation("/a/*", &["GET".to_owned(), "PUT".to_owned()]),
            "(proxy.pathsuffix MatchesPath \"/a/*\") and ((request.verb = \"GET\") or (request.verb = \"PUT\"))"
        );
        assert_eq!(of_operation("/a", &[]), "(proxy.pathsuffix MatchesPath \"/a\")");
    }
}
