//! `set`.

use indexmap::IndexMap;

use super::super::super::credential;
use super::super::context::Context;
use super::super::names;
use super::{Direction, ShortStep, body, check_no_query, check_request_only};
use crate::spec::step::Set;
use apigee_flux_analysis::policy::GeneratedPolicy;
use apigee_flux_analysis::policy::assign_message::{self, AssignAction, AssignMessage};
use apigee_flux_analysis::policy::http_modifier::{self, HttpModifier};
use apigee_flux_analysis::policy::message_parts::MessageParts;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

/// The pairs of a map.
pub(super) fn pairs(map: &IndexMap<String, String>) -> Vec<(String, String)> {
    map.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Checks headers.
pub(super) fn check_headers(headers: &IndexMap<String, String>, at: &FieldPath, report: &mut Report<'_>) {
    for (name, value) in headers {
        let at = at.key(name.as_str());
        names::check_header_value(name, value, &at, report);
        credential::check_named(name, value, &at, report);
    }
}

/// Checks query or form parameters.
pub(super) fn check_parameters(what: &str, of: &IndexMap<String, String>, at: &FieldPath, report: &mut Report<'_>) {
    for (name, value) in of {
        let at = at.key(name.as_str());
        names::check_variable(what, name, &at, report);
        credential::check_named(name, value, &at, report);
    }
}

/// Checks a method.
pub(super) fn check_verb(verb: &str, at: &FieldPath, report: &mut Report<'_>) {
    if !verb.contains('{') {
        super::super::cors::check_method(verb, at, report);
    }
}

impl Set {
    /// HTTPModifier, the standard policy, sets neither variables nor bodies.
    fn needs_assign_message(&self) -> bool {
        !self.variables.is_empty() || self.body.is_some()
    }

    fn check(&self, direction: Direction, at: &FieldPath, report: &mut Report<'_>) {
        check_no_query(self.query.is_empty(), direction, at, report);
        check_request_only("form parameters", "form", !self.form.is_empty(), direction, at, report);
        check_request_only("method", "verb", self.verb.is_some(), direction, at, report);
        check_headers(&self.headers, &at.key("headers"), report);
        check_parameters("query parameter", &self.query, &at.key("query"), report);
        check_parameters("form parameter", &self.form, &at.key("form"), report);
        for (name, value) in &self.variables {
            let at = at.key("variables").key(name.as_str());
            names::check_variable("variable", name, &at, report);
            credential::check_named(name, value, &at, report);
        }
        if let Some(verb) = &self.verb {
            check_verb(verb, &at.key("verb"), report);
        }
        if self.body.is_some() && !self.form.is_empty() {
            report.push(
                Diagnostic::error(Code::ConflictingFields, "`form` cannot be combined with `body`")
                    .at(at.key("form"))
                    .help("form parameters are sent as the body: remove one of the two"),
            );
        }
        let Some(status) = self.status else { return };
        if direction == Direction::Request {
            report.push(
                Diagnostic::error(Code::ConflictingFields, "a request has no status code")
                    .at(at.key("status"))
                    .help("move the step to `response`, or end the request with `raise`"),
            );
        }
        if !(100..=599).contains(&status) {
            report.push(
                Diagnostic::error(Code::InvalidValue, format!("{status} is not a status code"))
                    .at(at.key("status"))
                    .help("write a number from 100 to 599"),
            );
        }
    }
}

impl ShortStep for Set {
    fn prefix(&self) -> &'static str {
        if self.needs_assign_message() { assign_message::TYPE.prefix } else { http_modifier::TYPE.prefix }
    }

    fn subject(&self, direction: Direction) -> String {
        format!("Set{}", direction.word())
    }

    fn policy(&self, direction: Direction, context: &mut Context<'_, '_>, at: &FieldPath) -> Box<dyn GeneratedPolicy> {
        let report = &mut *context.report;
        if *self == Self::default() {
            report.push(
                Diagnostic::error(Code::MissingField, "`set` sets nothing")
                    .at(at)
                    .help("write `headers`, `query`, `form`, `variables`, `verb`, `status` or `body`"),
            );
        }
        self.check(direction, at, report);
        let parts = MessageParts {
            headers: pairs(&self.headers),
            query: pairs(&self.query),
            form: pairs(&self.form),
            verb: self.verb.clone(),
            path: None,
            status: self.status,
        };
        if !self.needs_assign_message() {
            return Box::new(HttpModifier { actions: vec![http_modifier::ModifierAction::SetParts(parts)] });
        }
        let variables = self
            .variables
            .iter()
            .map(|(name, template)| AssignAction::AssignTemplate { name: name.clone(), template: template.clone() });
        let payload = self.body.as_ref().map(|body| body::payload(body, &at.key("body"), report));
        let message = (payload.is_some() || parts != MessageParts::default())
            .then_some(AssignAction::SetParts { parts, payload });
        Box::new(AssignMessage { actions: variables.chain(message).collect() })
    }
}
