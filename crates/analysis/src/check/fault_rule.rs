//! RaiseFault inside fault rules.

use super::walk::fault_rules;
use super::{At, Finding, FindingCause, Findings, Verdict};
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::RuntimeBundle;

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    for step in fault_rules(bundle).flat_map(|rule| &rule.steps) {
        let raises = bundle.policies.get(step.policy).is_some_and(|p| p.enabled && p.element == "RaiseFault");
        if raises {
            let message = format!("the RaiseFault policy `{}` runs inside a FaultRule", step.policy);
            findings.add(
                Finding::new(Code::RaiseInFaultRule, Verdict::Doubtful, At::Place(step.place), message)
                    .cause(FindingCause::Policy(step.policy))
                    .help("it raises another fault, and Apigee skips the DefaultFaultRule: set the response with AssignMessage"),
            );
        }
    }
}
