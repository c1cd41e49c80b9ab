//! Flows that never run: of `<Flows>` the first that matches runs, and no other.

use super::implication::{Atom, covers, possible};
use super::{At, Finding, Findings, Gravity};
use crate::diag::Code;
use crate::runtime::{Bundle, Flow};

pub(super) fn run<'d>(bundle: &Bundle<'d>, findings: &mut Findings<'d>) {
    let proxies = bundle.proxy_endpoints.iter().map(|endpoint| &endpoint.flows);
    let targets = bundle.target_endpoints.iter().map(|endpoint| &endpoint.flows);
    for flows in proxies.chain(targets) {
        endpoint(flows, findings);
    }
}

fn endpoint<'d>(flows: &[Flow<'d>], findings: &mut Findings<'d>) {
    let mut earlier: Vec<(&Flow<'d>, Vec<Vec<Atom>>)> = Vec::new();
    for (index, flow) in flows.iter().enumerate() {
        let Some(condition) = &flow.condition else {
            if let Some(next) = flows.get(index + 1) {
                findings.add(
                    Finding::new(
                        Code::UnreachableFlow,
                        Gravity::Broken,
                        At::Place(flow.place),
                        format!("the flow `{}` has no condition and runs for every request: `{}` behind it never runs", flow.name, next.name),
                    )
                    .help("move it to the end, or give it a condition; steps for every request belong into PreFlow or PostFlow"),
                );
            }
            return;
        };
        let Some(alternatives) = condition.parsed.as_ref().ok().and_then(possible) else { continue };
        if let Some((first, known)) = earlier.iter().find(|(_, known)| covers(known, &alternatives)) {
            let equal = covers(&alternatives, known);
            let message = if equal {
                format!("the flow `{}` never runs: `{}` before it has the same condition", flow.name, first.name)
            } else {
                format!("the flow `{}` never runs: `{}` before it takes all of its requests", flow.name, first.name)
            };
            let help = if equal {
                "put the steps of both into one flow, or correct one of the conditions".to_owned()
            } else {
                format!("move it in front of `{}`: the first flow that matches runs, and no other", first.name)
            };
            findings
                .add(Finding::on_condition(Code::UnreachableFlow, Gravity::Broken, condition, 0, message).help(help));
        }
        earlier.push((flow, alternatives));
    }
}
