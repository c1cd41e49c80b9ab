//! Checks of a bundle that parses: order, values and paths, interpreted as Apigee's runtime interprets them.
//!
//! Each check has its own file and an entry in [`CHECKS`]. A check looks only at a [`RuntimeBundle`], so that generated and imported bundles are
//! checked alike. The severity of a finding depends on where the bundle comes from; the caller decides it ([`apigee_flux_function::proxy`]). A check
//! reports nothing where the result is unknown: a variable, a shared flow, a resource of the environment.

mod availability;
mod base_path;
mod cache;
pub mod class;
mod condition;
pub mod cors;
mod deployment_errors;
mod endpoint_properties;
mod error_status;
mod fault_names;
mod fault_rule;
mod file_name;
mod flows;
mod health_check;
mod implication;
mod journey;
mod jwt;
mod limits;
mod message_parts;
mod node;
mod path_pattern;
mod policy_schema;
mod policy_type;
mod post_client;
mod property_sets;
mod quota;
mod quota_order;
mod rate;
mod regex;
mod resources;
mod routes;
mod steps;
mod streaming;
mod tls;
mod variable_names;
mod variables;
mod walk;

use apigee_flux_model::bundle::BundlePath;
use apigee_flux_model::diag::{Code, InBundle};
use apigee_flux_model::runtime::{BundlePlace, Condition, Policy, RuntimeBundle};

pub use class::{BundleClass, class};
pub use deployment_errors::refusals;

/// One check.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// What it checks, in a word or two.
    pub name: &'static str,
    /// Checks a bundle.
    pub run: for<'d> fn(&RuntimeBundle<'d>, &mut Findings<'d>),
}

/// All checks.
pub const CHECKS: &[Check] = &[
    Check { name: "availability of variables", run: availability::run },
    Check { name: "base paths", run: base_path::run },
    Check { name: "caches", run: cache::run },
    Check { name: "conditions", run: condition::run },
    Check { name: "CORS", run: cors::run },
    Check { name: "deployment errors", run: deployment_errors::run },
    Check { name: "endpoint properties", run: endpoint_properties::run },
    Check { name: "error statuses", run: error_status::run },
    Check { name: "fault names", run: fault_names::run },
    Check { name: "fault rules", run: fault_rule::run },
    Check { name: "file names", run: file_name::run },
    Check { name: "flows", run: flows::run },
    Check { name: "health checks", run: health_check::run },
    Check { name: "JWT", run: jwt::run },
    Check { name: "limits", run: limits::run },
    Check { name: "message parts", run: message_parts::run },
    Check { name: "path patterns", run: path_pattern::run },
    Check { name: "policy schemas", run: policy_schema::run },
    Check { name: "policy types", run: policy_type::run },
    Check { name: "logs after the response", run: post_client::run },
    Check { name: "property sets", run: property_sets::run },
    Check { name: "quotas", run: quota::run },
    Check { name: "quota order", run: quota_order::run },
    Check { name: "rates", run: rate::run },
    Check { name: "regular expressions", run: regex::run },
    Check { name: "resources", run: resources::run },
    Check { name: "routes", run: routes::run },
    Check { name: "steps", run: steps::run },
    Check { name: "streaming", run: streaming::run },
    Check { name: "TLS", run: tls::run },
    Check { name: "names of variables", run: variable_names::run },
];

/// Runs all checks.
pub fn check<'d>(bundle: &RuntimeBundle<'d>) -> Vec<Finding<'d>> {
    let mut findings = Findings { found: Vec::new() };
    for check in CHECKS {
        (check.run)(bundle, &mut findings);
    }
    findings.found
}

/// How certain it is that the bundle does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// Apigee rejects the bundle.
    Refused,
    /// The bundle can be deployed but does not work as written.
    Broken,
    /// It may be intended.
    Doubtful,
}

/// A place in a bundle.
#[derive(Debug, Clone, Copy)]
pub enum At<'d> {
    /// In an XML file.
    Place(BundlePlace<'d>),
    /// A file as a whole.
    File(&'d BundlePath),
}

impl<'d> At<'d> {
    /// The file.
    pub fn path(&self) -> &'d BundlePath {
        match self {
            Self::Place(place) => place.path,
            Self::File(path) => path,
        }
    }

    /// File, line and column.
    pub fn in_bundle(&self) -> InBundle {
        let (line, column) = match self {
            Self::Place(place) => place.line_and_column(),
            Self::File(_) => (1, 1),
        };
        InBundle { path: self.path().to_string(), line, column }
    }
}

/// The cause of a finding, which determines the field of the spec that has to be fixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingCause<'d> {
    /// The file that contains the place.
    File,
    /// The policy of a step.
    Policy(&'d str),
    /// A condition: its text, and the offset of the byte in it.
    Condition(&'d str, usize),
}

/// One finding.
#[derive(Debug, Clone)]
pub struct Finding<'d> {
    /// The stable code.
    pub code: Code,
    /// How certain it is.
    pub verdict: Verdict,
    /// The place.
    pub at: At<'d>,
    /// The cause.
    pub cause: FindingCause<'d>,
    /// What is wrong: one line, lower case, no full stop.
    pub message: String,
    /// How to fix it.
    pub help: Option<String>,
    /// A similar name that is probably meant.
    pub proposed: Option<String>,
}

impl<'d> Finding<'d> {
    fn new(code: Code, verdict: Verdict, at: At<'d>, message: impl Into<String>) -> Self {
        Self { code, verdict, at, cause: FindingCause::File, message: message.into(), help: None, proposed: None }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    fn propose(self, proposed: impl Into<String>) -> Self {
        Self { proposed: Some(proposed.into()), ..self }
    }

    fn cause(self, cause: FindingCause<'d>) -> Self {
        Self { cause, ..self }
    }

    /// A finding on a whole policy.
    fn on_policy(code: Code, verdict: Verdict, policy: &Policy<'d>, message: impl Into<String>) -> Self {
        Self::new(code, verdict, At::Place(policy.place), message)
    }

    /// A finding at an offset in a condition.
    fn on_condition(
        code: Code,
        verdict: Verdict,
        condition: &Condition<'d>,
        offset: usize,
        message: impl Into<String>,
    ) -> Self {
        Self::new(code, verdict, At::Place(condition.place_of(offset)), message)
            .cause(FindingCause::Condition(condition.text, offset))
    }
}

/// Collects the findings of the checks.
#[derive(Debug)]
pub struct Findings<'d> {
    found: Vec<Finding<'d>>,
}

impl<'d> Findings<'d> {
    fn add(&mut self, finding: Finding<'d>) {
        self.found.push(finding);
    }
}
