//! `extract`.

use indexmap::IndexMap;

use super::super::context::Context;
use super::super::names;
use super::{Direction, ShortStep, body, check_request_only};
use crate::spec::step::{Extract, XmlType};
use apigee_flux_analysis::policy::GeneratedPolicy;
use apigee_flux_analysis::policy::extract_variables::{self as policy, ExtractVariables};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::yaml::word_or::WordOr;

impl ShortStep for Extract {
    fn prefix(&self) -> &'static str {
        policy::TYPE.prefix
    }

    fn subject(&self, direction: Direction) -> String {
        format!("Extract{}", direction.word())
    }

    fn policy(&self, direction: Direction, context: &mut Context<'_, '_>, at: &FieldPath) -> Box<dyn GeneratedPolicy> {
        let report = &mut *context.report;
        if *self == (Self { from: self.from.clone(), namespaces: self.namespaces.clone(), ..Self::default() }) {
            report.push(
                Diagnostic::error(Code::MissingField, "`extract` reads nothing")
                    .at(at)
                    .help("write `json`, `xml`, `header`, `query`, `form`, `uriPath` or `variable`"),
            );
        }
        if let Some(from) = &self.from {
            names::check_variable("message", from, &at.key("from"), report);
        }
        if self.from.is_none() {
            check_request_only("query parameters", "query", !self.query.is_empty(), direction, at, report);
            check_request_only("form parameters", "form", !self.form.is_empty(), direction, at, report);
            check_request_only("path", "uriPath", !self.uri_path.is_empty(), direction, at, report);
        }
        for (index, pattern) in self.uri_path.iter().enumerate() {
            check_pattern(pattern, &at.key("uriPath").index(index), report);
        }
        let mut read = |key: &str, what: &str, map: &IndexMap<String, WordOr<String, Vec<String>>>| {
            let at = at.key(key);
            map.iter().map(|(name, given)| (name.clone(), patterns(what, name, given, &at, report))).collect()
        };
        let (query, headers) = (read("query", "query parameter", &self.query), read("header", "header", &self.header));
        let (form, variables) =
            (read("form", "form parameter", &self.form), read("variable", "variable", &self.variable));
        for (name, path) in &self.json {
            let at = at.key("json").key(name.as_str());
            names::check_variable("variable", name, &at, report);
            if !path.starts_with('$') {
                report.push(
                    Diagnostic::error(Code::InvalidValue, format!("`{path}` is not a JSONPath"))
                        .at(at)
                        .help("start it with `$`, for example `$.order.id`"),
                );
            }
        }
        let xml = self.xml.iter().map(|(name, given)| {
            let at = at.key("xml").key(name.as_str());
            names::check_variable("variable", name, &at, report);
            let (path, kind) = match given {
                WordOr::Word(path) => (path, XmlType::String),
                WordOr::Value(variable) => (&variable.path, variable.kind),
            };
            if path.trim().is_empty() {
                report.error(Code::InvalidValue, at, "the XPath is empty");
            }
            (name.clone(), kind.as_str(), path.clone())
        });
        let xml = xml.collect();
        if self.xml.is_empty() && !self.namespaces.is_empty() {
            report.push(
                Diagnostic::error(Code::ConflictingFields, "`namespaces` needs `xml`")
                    .at(at.key("namespaces"))
                    .help("only XPath expressions use namespace prefixes"),
            );
        }
        Box::new(ExtractVariables {
            source: body::source(self.from.as_deref(), direction),
            uri_path: self.uri_path.clone(),
            query,
            headers,
            form,
            variables,
            json: super::set::pairs(&self.json),
            namespaces: super::set::pairs(&self.namespaces),
            xml,
        })
    }

    /// Without a body the policy would raise a fault.
    fn condition(&self, direction: Direction) -> Option<String> {
        let source = body::source(self.from.as_deref(), direction);
        let message = matches!(source.as_str(), "request" | "response" | "message");
        let body = (!self.json.is_empty() || !self.xml.is_empty())
            .then(|| if message { body::has_body(&source) } else { format!("({source} != null)") });
        let form = (!self.form.is_empty()).then(|| format!("({source}.formstring != null)"));
        match (body, form) {
            (Some(body), Some(form)) => Some(format!("{body} and {form}")),
            (body, form) => body.or(form),
        }
    }
}

fn check_pattern(pattern: &str, at: &FieldPath, report: &mut Report<'_>) {
    let opened = pattern.matches('{').count();
    if opened == 0 || opened != pattern.matches('}').count() {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{pattern}` does not assign anything to a variable"))
                .at(at)
                .help("write the variable in braces in the place of its value, for example `Bearer {flow.token}`"),
        );
    }
}

fn patterns(
    what: &str,
    name: &str,
    given: &WordOr<String, Vec<String>>,
    at: &FieldPath,
    report: &mut Report<'_>,
) -> Vec<String> {
    let at = at.key(name);
    if what == "header" {
        names::check_header(name, &at, report);
    } else {
        names::check_variable(what, name, &at, report);
    }
    match given {
        WordOr::Word(pattern) => {
            check_pattern(pattern, &at, report);
            vec![pattern.clone()]
        }
        WordOr::Value(patterns) => {
            if patterns.is_empty() {
                report.error(
                    Code::MissingField,
                    &at,
                    "the list of patterns is empty; add one, for example `{flow.value}`",
                );
            }
            for (index, pattern) in patterns.iter().enumerate() {
                check_pattern(pattern, &at.index(index), report);
            }
            patterns.clone()
        }
    }
}
