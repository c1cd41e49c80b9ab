//! Conditions: their syntax, and whether they can be true.

use super::implication::{contradiction, disjuncts};
use super::walk::conditions;
use super::{Finding, Findings, Verdict};
use std::collections::BTreeSet;

use super::variables::all_written;
use crate::policy::variables::{OPAQUE, SETS, covers};
use apigee_flux_model::condition::{ConditionValue, Expr, Operator};
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{Condition, RuntimeBundle};

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    let written = all_written(bundle);
    for condition in conditions(bundle) {
        match &condition.parsed {
            Err(fault) => {
                let finding = Finding::on_condition(
                    Code::InvalidCondition,
                    Verdict::Broken,
                    condition,
                    fault.offset,
                    fault.message.as_str(),
                );
                findings.add(match &fault.help {
                    Some(help) => finding.help(help.as_str()),
                    None => finding,
                });
            }
            Ok(expr) => {
                unquoted(bundle, &written, condition, expr, findings);
                let Some(disjuncts) = disjuncts(expr) else { continue };
                let faults: Option<Vec<String>> = disjuncts.iter().map(|atoms| contradiction(atoms)).collect();
                if let Some(fault) = faults.and_then(|faults| faults.into_iter().next()) {
                    findings.add(
                        Finding::on_condition(
                            Code::ContradictoryCondition,
                            Verdict::Broken,
                            condition,
                            0,
                            format!("the condition is never true: {fault}"),
                        )
                        .help("join alternatives with `or` and put them in parentheses"),
                    );
                }
            }
        }
    }
}

/// The methods of HTTP: no variable has such a name.
const METHODS: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

/// Reports text on the right side that is not in quotes: Apigee reads it as the name of a variable.
fn unquoted<'d>(
    bundle: &RuntimeBundle<'d>,
    written: &BTreeSet<String>,
    condition: &Condition<'d>,
    expr: &Expr,
    findings: &mut Findings<'d>,
) {
    // A script may set a variable of any name.
    let unknown = bundle.policies.values().any(|policy| OPAQUE.contains(&policy.element));
    for comparison in expr.comparisons() {
        let ConditionValue::Variable(name) = &comparison.right.value else { continue };
        let built_in = || SETS.iter().any(|sets| sets.names.iter().any(|known| covers(known, name)));
        let literal = ["true", "false", "null"].iter().any(|word| word.eq_ignore_ascii_case(name));
        let method = METHODS.iter().any(|method| method.eq_ignore_ascii_case(name));
        let pattern = matches!(comparison.operator, Operator::Like | Operator::MatchesPath | Operator::JavaRegex);
        if name.contains('.') && !pattern
            || literal
            || written.contains(name)
            || built_in()
            || unknown && !method && !pattern
        {
            continue;
        }
        let message =
            format!("`{name}` is not in quotes: Apigee compares with a variable of that name, which nothing sets");
        findings.add(
            Finding::on_condition(Code::UnquotedText, Verdict::Broken, condition, comparison.right.span.start, message)
                .propose(format!("\"{name}\"")),
        );
    }
}
