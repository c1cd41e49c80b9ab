//! `remove`.

use super::super::context::Context;
use super::super::names;
use super::{Direction, ShortStep, check_no_query};
use crate::spec::step::Remove;
use apigee_flux_analysis::policy::GeneratedPolicy;
use apigee_flux_analysis::policy::http_modifier::{self, HttpModifier, ModifierAction};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath};

impl ShortStep for Remove {
    fn prefix(&self) -> &'static str {
        http_modifier::TYPE.prefix
    }

    fn subject(&self, direction: Direction) -> String {
        format!("Remove{}", direction.word())
    }

    fn policy(&self, direction: Direction, context: &mut Context<'_, '_>, at: &FieldPath) -> Box<dyn GeneratedPolicy> {
        let report = &mut *context.report;
        if self.headers.is_empty() && self.query.is_empty() {
            report.push(
                Diagnostic::error(Code::MissingField, "`remove` removes nothing")
                    .at(at)
                    .help("write `headers` or `query`"),
            );
        }
        check_no_query(self.query.is_empty(), direction, at, report);
        for (index, name) in self.headers.iter().enumerate() {
            names::check_header(name, &at.key("headers").index(index), report);
        }
        for (index, name) in self.query.iter().enumerate() {
            names::check_variable("query parameter", name, &at.key("query").index(index), report);
        }
        Box::new(HttpModifier {
            actions: vec![ModifierAction::Remove { headers: self.headers.clone(), query: self.query.clone() }],
        })
    }
}
