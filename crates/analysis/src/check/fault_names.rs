//! Conditions that compare `fault.name` with a name that no fault has.

use super::walk::conditions;
use super::{Finding, Findings, Verdict};
use crate::policy::variables::FAULT_NAMES;
use apigee_flux_model::condition::{ConditionValue, Expr, Operator};
use apigee_flux_model::diag::{Code, nearest};
use apigee_flux_model::runtime::RuntimeBundle;

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    for condition in conditions(bundle) {
        for comparison in condition.parsed.iter().flat_map(Expr::comparisons) {
            let (ConditionValue::Variable(variable), ConditionValue::Text(name)) =
                (&comparison.left.value, &comparison.right.value)
            else {
                continue;
            };
            let equal = matches!(comparison.operator, Operator::Equals | Operator::NotEquals);
            let like = comparison.operator == Operator::Like && !name.contains('*');
            if variable != "fault.name" || !(equal || like) || FAULT_NAMES.contains(&name.as_str()) {
                continue;
            }
            // A name that is similar to no known one may be missing from Google's pages.
            let Some(meant) = meant(name) else { continue };
            let message = format!("no fault has the name `{name}`; names are case-sensitive");
            findings.add(
                Finding::on_condition(
                    Code::UnknownFaultName,
                    Verdict::Doubtful,
                    condition,
                    comparison.right.span.start,
                    message,
                )
                .propose(meant),
            );
        }
    }
}

/// The fault name that is probably meant. It is the last part of a whole error code such as `oauth.v2.InvalidApiKey`.
fn meant(name: &str) -> Option<&'static str> {
    let last = name.rsplit('.').next().unwrap_or(name);
    let exact = FAULT_NAMES.iter().copied().find(|known| *known == last);
    exact.or_else(|| nearest(last, FAULT_NAMES.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::meant;

    #[test]
    fn misspelt_names_are_told_from_unknown_ones() {
        assert_eq!(meant("InvalidApikey"), Some("InvalidApiKey"));
        assert_eq!(meant("quotaviolation"), Some("QuotaViolation"));
        assert_eq!(meant("oauth.v2.InvalidApiKey"), Some("InvalidApiKey"));
        assert_eq!(meant("SomethingOfOurOwn"), None);
    }
}
