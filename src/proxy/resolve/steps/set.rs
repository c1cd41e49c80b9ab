//! `set`.

use super::super::super::credential;
use super::super::names;
use super::{Direction, ShortStep, check_no_query};
use crate::diag::{Code, Diagnostic, FieldPath, Report};
use crate::policy::Policy;
use crate::policy::assign_message::{self, Action, AssignMessage};
use crate::policy::http_modifier::{self, HttpModifier};
use crate::spec::step::Set;

impl ShortStep for Set {
    fn prefix(&self) -> &'static str {
        if self.variables.is_empty() { http_modifier::TYPE.prefix } else { assign_message::TYPE.prefix }
    }

    fn subject(&self, direction: Direction) -> String {
        format!("Set{}", direction.word())
    }

    fn policy(&self, direction: Direction, at: &FieldPath, report: &mut Report<'_>) -> Box<dyn Policy> {
        if self.headers.is_empty() && self.query.is_empty() && self.variables.is_empty() {
            report.push(
                Diagnostic::error(Code::MissingField, "`set` sets nothing")
                    .at(at)
                    .help("write `headers`, `query` or `variables`"),
            );
        }
        check_no_query(self.query.is_empty(), direction, at, report);
        for (name, value) in &self.headers {
            let at = at.key("headers").key(name.as_str());
            names::check_header_value(name, value, &at, report);
            credential::check_named(name, value, &at, report);
        }
        for (name, value) in &self.query {
            let at = at.key("query").key(name.as_str());
            names::check_variable("query parameter", name, &at, report);
            credential::check_named(name, value, &at, report);
        }
        for (name, value) in &self.variables {
            let at = at.key("variables").key(name.as_str());
            names::check_variable("variable", name, &at, report);
            credential::check_text(value, &at, report);
        }
        let pairs = |map: &indexmap::IndexMap<String, String>| {
            map.iter().map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>()
        };
        let message = (!self.headers.is_empty() || !self.query.is_empty())
            .then(|| http_modifier::Action::Set { headers: pairs(&self.headers), query: pairs(&self.query) });
        // The standard policy cannot set variables.
        if self.variables.is_empty() {
            return Box::new(HttpModifier { actions: message.into_iter().collect() });
        }
        let variables = self
            .variables
            .iter()
            .map(|(name, template)| Action::AssignTemplate { name: name.clone(), template: template.clone() });
        Box::new(AssignMessage { actions: variables.chain(message.map(Action::Message)).collect() })
    }
}
