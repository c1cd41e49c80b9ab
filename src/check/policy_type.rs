//! Root elements of policies.

use super::{Finding, Findings, Gravity};
use crate::diag::{Code, nearest};
use crate::policy::types::{Known, elements, known};
use crate::runtime::Bundle;

pub(super) fn run<'d>(bundle: &Bundle<'d>, findings: &mut Findings<'d>) {
    for policy in bundle.policies.values() {
        let element = policy.element;
        let finding = match known(element) {
            Some(Known::Apigee(_)) => continue,
            Some(Known::EdgeOnly) => {
                let message = format!("<{element}> is a policy of Apigee Edge, which Apigee X and hybrid do not have");
                Finding::on_policy(Code::UnknownPolicy, Gravity::Broken, policy, message)
            }
            None => {
                let message = format!("no policy is known that has the root element <{element}>");
                Finding::on_policy(Code::UnknownPolicy, Gravity::Doubtful, policy, message)
            }
        };
        findings.add(match nearest(element, elements()) {
            Some(meant) => finding.propose(meant),
            None => finding.help("see Apigee's page \"Policy reference overview\" for those that there are"),
        });
    }
}
