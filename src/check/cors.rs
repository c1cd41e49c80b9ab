//! CORS: a preflight carries no credential, and is answered by the CORS policy or by nobody.

use std::borrow::Cow;

use super::node::{child, text};
use super::walk::{Passed, request, verifies};
use super::{At, Blame, Finding, Findings, Gravity};
use crate::condition::{Variables, evaluate};
use crate::diag::Code;
use crate::runtime::{Bundle, Condition};

/// What a preflight looks like.
struct Preflight;

impl Variables for Preflight {
    fn get(&self, name: &str) -> Option<Option<Cow<'_, str>>> {
        let known = |value: &'static str| Some(Some(Cow::Borrowed(value)));
        match name.to_ascii_lowercase().as_str() {
            "request.verb" | "message.verb" => known("OPTIONS"),
            "request.header.origin" => known("https://app.example.com"),
            "request.header.access-control-request-method" => known("GET"),
            "request.header.authorization" => Some(None),
            _ => None,
        }
    }
}

fn holds(condition: Option<&Condition<'_>>) -> Option<bool> {
    match condition {
        None => Some(true),
        Some(condition) => condition.parsed.as_ref().ok().and_then(|expr| evaluate(expr, &Preflight)),
    }
}

/// Whether a step runs for a preflight.
fn runs(step: &Passed<'_, '_>) -> Option<bool> {
    match (holds(step.step.condition.as_ref()), holds(step.flow.and_then(|flow| flow.condition.as_ref()))) {
        (Some(true), Some(true)) => Some(true),
        (Some(false), _) | (_, Some(false)) => Some(false),
        _ => None,
    }
}

pub(super) fn run<'d>(bundle: &Bundle<'d>, findings: &mut Findings<'d>) {
    for endpoint in &bundle.proxy_endpoints {
        let steps = request(endpoint, bundle);
        let answers = |step: &&Passed<'_, 'd>| {
            step.policy.element == "CORS"
                && child(step.policy.node, "GeneratePreflightResponse").is_none_or(|node| text(node) != "false")
        };
        for cors in steps.iter().filter(answers) {
            let name = cors.policy.name;
            let stopped =
                |step: &&Passed<'_, 'd>| verifies(step.policy) && step.precedes(cors) && runs(step) == Some(true);
            if let Some(before) = steps.iter().find(stopped) {
                findings.add(
                    Finding::new(
                        Code::LateCors,
                        Gravity::Broken,
                        At::Place(cors.step.place),
                        format!(
                            "`{name}` runs after `{}`, which refuses every preflight: it carries no credential",
                            before.policy.name
                        ),
                    )
                    .blame(Blame::Policy(name))
                    .help(format!("attach `{name}` first in the request's PreFlow")),
                );
            }
            let Some(condition) =
                cors.step.condition.as_ref().filter(|condition| holds(Some(condition)) == Some(false))
            else {
                continue;
            };
            let others =
                steps.iter().filter(answers).any(|other| other.policy.name != name && runs(other) != Some(false));
            if !others {
                findings.add(
                    Finding::on_condition(
                        Code::LateCors,
                        Gravity::Broken,
                        condition,
                        0,
                        format!("the condition keeps `{name}` from answering preflights"),
                    )
                    .help("remove the condition: for requests without the header `Origin` the policy does nothing"),
                );
            }
        }
    }
}
