//! `operations.X.security: none`: operations that require no credential.

use std::collections::HashMap;

use crate::proxy::model::flow::ConditionalFlow;
use crate::spec::ApigeeProxySpec;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

/// The conditions of the public operations.
///
/// They match exactly the requests of their flow. Other flows could match some of a wildcard's requests, and a target
/// may interpret `/public/../private` differently from Apigee; so a public operation needs an exact path and methods.
pub(super) fn conditions(
    spec: &ApigeeProxySpec,
    flows: &[ConditionalFlow],
    report: &mut Report<'_>,
    at: &FieldPath,
) -> Vec<String> {
    let by_name: HashMap<&str, &ConditionalFlow> = flows.iter().map(|flow| (flow.name.as_str(), flow)).collect();
    let mut conditions = Vec::new();
    for (name, _) in spec.operations.iter().filter(|(_, operation)| operation.security.is_some()) {
        let flow = by_name.get(name.as_str());
        let Some((flow, condition)) = flow.and_then(|flow| Some((flow, flow.condition.clone()?))) else {
            // The error in the operation was already reported.
            continue;
        };
        if !flow.exact {
            report.push(
                Diagnostic::error(
                    Code::ConflictingFields,
                    format!("`{name}` is public but does not match an exact path and methods"),
                )
                .at(at.key("operations").key(name.as_str()).key("security"))
                .help(
                    "write a path without wildcards, and `methods`; to make more paths public, add an endpoint with \
                     `security: none`",
                ),
            );
        }
        conditions.push(condition);
    }
    conditions
}
