//! `raise`.

use super::super::context::Context;
use super::{Direction, ShortStep};
use crate::spec::step::Raise;
use apigee_flux_analysis::policy::GeneratedPolicy;
use apigee_flux_analysis::policy::raise_fault::{self, FaultMessage, RaiseFault};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath};
use apigee_flux_model::template::{self, TemplatePart};

/// The reason phrases of the status codes that APIs use (RFC 9110).
const REASONS: &[(u16, &str)] = &[
    (400, "Bad Request"),
    (401, "Unauthorized"),
    (403, "Forbidden"),
    (404, "Not Found"),
    (405, "Method Not Allowed"),
    (406, "Not Acceptable"),
    (409, "Conflict"),
    (410, "Gone"),
    (413, "Content Too Large"),
    (415, "Unsupported Media Type"),
    (422, "Unprocessable Content"),
    (429, "Too Many Requests"),
    (500, "Internal Server Error"),
    (501, "Not Implemented"),
    (502, "Bad Gateway"),
    (503, "Service Unavailable"),
    (504, "Gateway Timeout"),
];

impl ShortStep for Raise {
    fn prefix(&self) -> &'static str {
        raise_fault::TYPE.prefix
    }

    fn subject(&self, direction: Direction) -> String {
        format!("Raise{}{}", self.status, direction.word())
    }

    fn policy(&self, _: Direction, context: &mut Context<'_, '_>, at: &FieldPath) -> Box<dyn GeneratedPolicy> {
        let report = &mut *context.report;
        if !(400..=599).contains(&self.status) {
            report.push(
                Diagnostic::error(Code::InvalidValue, format!("{} is not the status code of an error", self.status))
                    .at(at.key("status"))
                    .help("write a number from 400 to 599"),
            );
        }
        let standard = REASONS.iter().find(|(status, _)| *status == self.status);
        let reason = self.reason.clone();
        Box::new(RaiseFault {
            status: self.status,
            reason: reason.unwrap_or_else(|| standard.map_or("", |(_, reason)| reason).to_owned()),
            message: self.message.as_ref().map(|text| {
                let variable = template::parts(text).iter().any(|part| !matches!(part, TemplatePart::Text(_)));
                if variable { FaultMessage::Template(text.clone()) } else { FaultMessage::Text(text.clone()) }
            }),
            ..RaiseFault::default()
        })
    }
}
