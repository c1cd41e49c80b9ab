//! `kvm`.

use super::super::super::credential;
use super::super::context::Context;
use super::super::{names, units};
use super::{Direction, ShortStep, camel, value};
use crate::spec::step::Kvm;
use apigee_flux_analysis::policy::GeneratedPolicy;
use apigee_flux_analysis::policy::key_value_map_operations::{self as policy, KeyValueMapOperations, MapOperation};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

/// Seconds until a value is read from the map again.
const EXPIRY: u64 = 300;

impl ShortStep for Kvm {
    fn prefix(&self) -> &'static str {
        policy::TYPE.prefix
    }

    fn subject(&self, _: Direction) -> String {
        camel(&self.map)
    }

    fn policy(&self, _: Direction, context: &mut Context<'_, '_>, at: &FieldPath) -> Box<dyn GeneratedPolicy> {
        let report = &mut *context.report;
        let map = value(&self.map, &at.key("map"), report);
        if self.map.trim().is_empty() {
            report.error(Code::InvalidValue, at.key("map"), "the name of the map is empty");
        }
        if self.get.is_empty() && self.put.is_empty() && self.delete.is_empty() {
            report.push(
                Diagnostic::error(Code::MissingField, "`kvm` does nothing")
                    .at(at)
                    .help("write `get` (for example `{region: flow.region}`), `put` or `delete`"),
            );
        }
        let mut operations = Vec::new();
        for (key, text) in &self.put {
            let at = at.key("put").key(key.as_str());
            credential::check_named(key, text, &at, report);
            operations.push(MapOperation::Put { key: value(key, &at, report), value: value(text, &at, report) });
        }
        for (key, variable) in &self.get {
            let at = at.key("get").key(key.as_str());
            names::check_variable("variable", variable, &at, report);
            check_private(key, variable, &at, report);
            operations.push(MapOperation::Get { key: value(key, &at, report), variable: variable.clone() });
        }
        for (index, key) in self.delete.iter().enumerate() {
            operations.push(MapOperation::Delete { key: value(key, &at.key("delete").index(index), report) });
        }
        let expiry =
            self.expiry.as_ref().and_then(|text| units::duration(text, units::seconds, &at.key("expiry"), report));
        Box::new(KeyValueMapOperations {
            map,
            scope: self.scope.as_str(),
            expiry: expiry.unwrap_or(EXPIRY),
            operations,
        })
    }
}

/// Warns of a credential that debug sessions would show: Apigee hides only variables whose names start with `private.`.
fn check_private(key: &str, variable: &str, at: &FieldPath, report: &mut Report<'_>) {
    let secret = credential::is_secret_name(key) || credential::is_secret_name(variable);
    if secret && !variable.starts_with("private.") {
        report.push(
            Diagnostic::warning(Code::InvalidValue, format!("debug sessions show the value of `{variable}`"))
                .at(at)
                .propose(format!("private.{variable}")),
        );
    }
}
