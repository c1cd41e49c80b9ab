//! `javascript`.

use super::super::super::credential;
use super::super::context::Context;
use super::super::{names, units};
use super::set::pairs;
use super::{Direction, OwnResource, ShortStep, add_file, camel_stem};
use crate::spec::step::Javascript;
use apigee_flux_analysis::policy::GeneratedPolicy;
use apigee_flux_analysis::policy::javascript::{self as policy, Script};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath};
use apigee_flux_model::template::{self, TemplatePart};

/// Milliseconds that a script may run.
const TIME_LIMIT: u64 = 200;

impl ShortStep for Javascript {
    fn prefix(&self) -> &'static str {
        policy::TYPE.prefix
    }

    fn subject(&self, direction: Direction) -> String {
        self.file.as_deref().map_or_else(|| format!("Script{}", direction.word()), camel_stem)
    }

    fn policy(&self, _: Direction, context: &mut Context<'_, '_>, at: &FieldPath) -> Box<dyn GeneratedPolicy> {
        let script = match (&self.file, &self.source) {
            (Some(file), None) => Script::Resource(add_file("jsc", file, context, &at.key("file"))),
            (None, Some(source)) => {
                if source.trim().is_empty() {
                    context.report.error(Code::InvalidValue, at.key("source"), "the script is empty");
                }
                credential::check_text(source, &at.key("source"), context.report);
                Script::Own
            }
            (file, _) => {
                let found = if file.is_some() { "both" } else { "none" };
                context.report.push(
                    Diagnostic::error(
                        Code::ConflictingFields,
                        format!("a script needs either `file` or `source`, found {found}"),
                    )
                    .at(at)
                    .help("write `{file: js/a.js}`, or the script itself as `source: |`"),
                );
                Script::Own
            }
        };
        let include =
            |(index, file): (usize, &String)| add_file("jsc", file, context, &at.key("includes").index(index));
        let includes = self.includes.iter().enumerate().map(include).collect();
        for (name, text) in &self.properties {
            let at = at.key("properties").key(name.as_str());
            names::check_variable("property", name, &at, context.report);
            credential::check_named(name, text, &at, context.report);
            if let Some(variable) = template::parts(text).iter().find_map(TemplatePart::variable) {
                context.report.push(
                    Diagnostic::warning(
                        Code::InvalidValue,
                        format!("the script gets `{{{variable}}}` as plain text: a property is not a message template"),
                    )
                    .at(at)
                    .help(format!("read it in the script: `context.getVariable(\"{variable}\")`")),
                );
            }
        }
        let time_limit = self.time_limit.as_ref();
        let time_limit =
            time_limit.and_then(|text| units::duration(text, units::millis, &at.key("timeLimit"), context.report));
        Box::new(policy::Javascript {
            time_limit: time_limit.unwrap_or(TIME_LIMIT),
            properties: pairs(&self.properties),
            includes,
            script,
        })
    }

    fn own_resource(&self) -> Option<OwnResource> {
        self.source.as_ref().filter(|_| self.file.is_none()).map(|source| OwnResource {
            folder: "jsc",
            name: policy::own_resource,
            bytes: source.clone().into_bytes(),
        })
    }
}
