//! Path patterns that match nothing, or something else than they seem to.

use super::walk::conditions;
use super::{Finding, Findings, Verdict};
use apigee_flux_model::condition::{Comparison, ConditionValue, Expr, Operator};
use apigee_flux_model::diag::Code;
use apigee_flux_model::path_pattern::OperationPattern;
use apigee_flux_model::runtime::{Condition, RuntimeBundle};

/// The variables that hold a path without a query.
const PATHS: [&str; 4] = ["proxy.pathsuffix", "request.path", "message.path", "proxy.basepath"];

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    for condition in conditions(bundle) {
        for comparison in condition.parsed.iter().flat_map(Expr::comparisons) {
            compare(comparison, condition, findings);
        }
    }
}

fn compare<'d>(comparison: &Comparison, condition: &Condition<'d>, findings: &mut Findings<'d>) {
    let (ConditionValue::Variable(variable), ConditionValue::Text(pattern)) =
        (&comparison.left.value, &comparison.right.value)
    else {
        return;
    };
    let path = PATHS.contains(&variable.as_str());
    let mut verdict = Verdict::Broken;
    let fault = match comparison.operator {
        Operator::MatchesPath if path && braced(pattern).is_some() => {
            verdict = Verdict::Doubtful;
            let segment = braced(pattern).unwrap_or_default();
            (
                format!("`{segment}` in `{pattern}` matches any one segment, which few readers and tools expect"),
                "write `*`, which has the same meaning".to_owned(),
            )
        }
        Operator::MatchesPath if path && encoded(pattern).is_some() => {
            let code = encoded(pattern).unwrap_or_default();
            let plain = code.trim_start_matches('%');
            (
                format!(
                    "`{code}` in `{pattern}` matches the text `{plain}`: in MatchesPath, `%` escapes the next character"
                ),
                format!("compare with JavaRegex, where `{code}` is plain text"),
            )
        }
        Operator::MatchesPath if path && OperationPattern::foreign_placeholder(pattern).is_some() => {
            verdict = Verdict::Doubtful;
            let segment = OperationPattern::foreign_placeholder(pattern).unwrap_or_default();
            (
                format!("`{segment}` in `{pattern}` is plain text, not a placeholder"),
                "write `*` for any one segment".to_owned(),
            )
        }
        // In MatchesPath `{name}` is one segment, which Google's page "Conditions reference" says and its samples use.
        Operator::Like | Operator::Equals if path && braced(pattern).is_some() => {
            let segment = braced(pattern).unwrap_or_default();
            (
                format!(
                    "`{segment}` is not a wildcard for `{}`: `{pattern}` matches no path with a value in its place",
                    comparison.operator.as_str()
                ),
                format!("compare with MatchesPath: `{variable} MatchesPath \"{pattern}\"`"),
            )
        }
        Operator::MatchesPath | Operator::Equals if path && pattern.contains('?') => (
            format!("`{pattern}` never matches: `{variable}` has no query"),
            "compare a query parameter with `request.queryparam.NAME`".to_owned(),
        ),
        _ => return,
    };
    findings.add(
        Finding::on_condition(Code::DeadPattern, verdict, condition, comparison.right.span.start, fault.0)
            .help(fault.1),
    );
}

/// The first percent-encoded character of a pattern.
fn encoded(pattern: &str) -> Option<&str> {
    let is_code = |code: &&str| code.bytes().skip(1).all(|byte| byte.is_ascii_hexdigit());
    // `%%` is an escaped percent sign.
    let mut rest = pattern;
    while let Some(at) = rest.find('%') {
        if let Some(code) = rest.get(at..at + 3).filter(is_code) {
            return Some(code);
        }
        rest = rest.get(at + 2..)?;
    }
    None
}

/// The first `{name}` of a pattern.
fn braced(pattern: &str) -> Option<&str> {
    let (start, _) = pattern.match_indices('{').find(|(start, _)| !pattern[..*start].ends_with('%'))?;
    let end = start + pattern[start..].find('}')?;
    Some(&pattern[start..=end])
}
