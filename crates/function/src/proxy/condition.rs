//! Conditions in Apigee's language: generates those of operations, and checks those that users write.

use apigee_flux_model::diag::{Code, Diagnostic};
use apigee_flux_model::path_pattern::OperationPattern;

/// What is wrong with a condition that a user wrote, or `None` if Apigee can parse it.
pub(super) fn fault(condition: &str) -> Option<Diagnostic> {
    let fault = if condition.trim().is_empty() {
        Diagnostic::error(Code::InvalidCondition, "the condition is empty")
    } else {
        let fault = apigee_flux_model::condition::parse(condition).err()?;
        let diagnostic = Diagnostic::error(Code::InvalidCondition, fault.message).offset(fault.offset);
        match fault.help {
            Some(help) => return Some(diagnostic.help(help)),
            None => diagnostic,
        }
    };
    Some(fault.help("write a condition, for example `request.verb = \"POST\"`"))
}

/// The condition of an operation.
pub(super) fn of_operation(pattern: &OperationPattern, methods: &[String]) -> String {
    let path = pattern.condition();
    let verbs: Vec<String> = methods.iter().map(|verb| format!("(request.verb = \"{verb}\")")).collect();
    match verbs.as_slice() {
        [] => path,
        [verb] => format!("{path} and {verb}"),
        several => format!("{path} and ({})", several.join(" or ")),
    }
}

/// The start of a comparison of the request's method.
const VERB: &str = "request.verb = \"";

/// The methods with which the condition of an operation compares.
pub(super) fn verbs(condition: &str) -> Vec<&str> {
    condition.split(VERB).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// The condition that none of `conditions` holds, or `None` if `conditions` is empty.
pub(super) fn unless(conditions: &[String]) -> Option<String> {
    match conditions {
        [] => None,
        [one] => Some(format!("!({one})")),
        several => Some(format!("!(({}))", several.join(") or ("))),
    }
}

/// The variables of a condition: words with a dot in them, outside strings.
pub(super) fn variables(condition: &str) -> Vec<String> {
    let outside = condition.split('"').step_by(2);
    let words = outside.flat_map(|text| text.split(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c))));
    words
        .filter(|word| word.contains('.') && word.starts_with(|c: char| c.is_ascii_alphabetic()))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use apigee_flux_model::path_pattern::Dialect;

    #[test]
    fn a_condition_is_taken_apart() {
        let condition = of_operation(&pattern("/a"), &["GET".to_owned(), "HEAD".to_owned()]);
        assert_eq!(verbs(&condition), ["GET", "HEAD"]);
        assert_eq!(variables(&condition), ["proxy.pathsuffix", "request.verb", "request.verb"]);
        assert_eq!(variables("(request.header.x-a=\"b.c\")&&(1.5 < flow.d)"), ["request.header.x-a", "flow.d"]);
    }

    #[test]
    fn what_is_exempt_is_negated_as_a_whole() {
        let [a, b] = ["a = 1".to_owned(), "b = 2 and c = 3".to_owned()];
        assert_eq!(unless(&[]), None);
        assert_eq!(unless(std::slice::from_ref(&b)).as_deref(), Some("!(b = 2 and c = 3)"));
        assert_eq!(unless(&[a, b]).as_deref(), Some("!((a = 1) or (b = 2 and c = 3))"));
    }

    #[test]
    fn an_operation_has_a_path_and_methods() {
        let get = ["GET".to_owned()];
        let of = |path: &str, methods: &[String]| of_operation(&pattern(path), methods);
        assert_eq!(
            of("/", &get),
            "((proxy.pathsuffix = \"\") or (proxy.pathsuffix = \"/\")) and (request.verb = \"GET\")"
        );
        assert_eq!(
            of("/a/*", &["GET".to_owned(), "PUT".to_owned()]),
            "(proxy.pathsuffix MatchesPath \"/a/*\") and ((request.verb = \"GET\") or (request.verb = \"PUT\"))"
        );
        assert_eq!(of("/a", &[]), "(proxy.pathsuffix MatchesPath \"/a\")");
    }

    fn pattern(path: &str) -> OperationPattern {
        OperationPattern::parse(path, Dialect::Spec).unwrap()
    }
}
