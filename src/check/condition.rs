//! Conditions: their syntax, and whether they can hold.

use super::implication::{contradiction, disjuncts};
use super::walk::conditions;
use super::{Finding, Findings, Gravity};
use crate::diag::Code;
use crate::runtime::Bundle;

pub(super) fn run<'d>(bundle: &Bundle<'d>, findings: &mut Findings<'d>) {
    for condition in conditions(bundle) {
        match &condition.parsed {
            Err(fault) => {
                let finding = Finding::on_condition(
                    Code::InvalidCondition,
                    Gravity::Broken,
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
                let Some(disjuncts) = disjuncts(expr) else { continue };
                let faults: Option<Vec<String>> = disjuncts.iter().map(|atoms| contradiction(atoms)).collect();
                if let Some(fault) = faults.and_then(|faults| faults.into_iter().next()) {
                    findings.add(
                        Finding::on_condition(
                            Code::ContradictoryCondition,
                            Gravity::Broken,
                            condition,
                            0,
                            format!("the condition never holds: {fault}"),
                        )
                        .help("join alternatives with `or`, and put them into parentheses"),
                    );
                }
            }
        }
    }
}
