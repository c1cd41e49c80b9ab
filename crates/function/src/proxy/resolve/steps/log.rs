//! `log`.

use super::super::super::credential;
use super::super::context::Context;
use super::{Direction, ShortStep, body};
use crate::spec::step::Log;
use apigee_flux_analysis::policy::GeneratedPolicy;
use apigee_flux_analysis::policy::message_logging::{self, LogDestination, MessageLogging};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath};

impl ShortStep for Log {
    fn prefix(&self) -> &'static str {
        message_logging::TYPE.prefix
    }

    fn subject(&self, direction: Direction) -> String {
        format!("Log{}", direction.word())
    }

    fn policy(&self, _: Direction, context: &mut Context<'_, '_>, at: &FieldPath) -> Box<dyn GeneratedPolicy> {
        let entry = &self.cloud_logging;
        let at = at.key("cloudLogging");
        let parts: Vec<&str> = entry.log.split('/').collect();
        let log = match parts.as_slice() {
            [name] if !name.is_empty() => format!("projects/{{organization.name}}/logs/{name}"),
            ["projects", project, "logs", name] if !project.is_empty() && !name.is_empty() => entry.log.clone(),
            _ => {
                context.report.push(
                    Diagnostic::error(Code::InvalidValue, format!("`{}` is not a valid log name", entry.log))
                        .at(at.key("log"))
                        .help(
                            "write its short name, for example `apigee-orders`, or its full name, for example \
                             `projects/acme-logs/logs/apigee`",
                        ),
                );
                String::new()
            }
        };
        if entry.message.is_empty() {
            context.report.push(
                Diagnostic::error(Code::MissingField, "the log entry is empty")
                    .at(at.key("message"))
                    .help("map names to texts, for example `{tenant: \"{request.header.x-tenant}\"}`"),
            );
        }
        for (name, text) in &entry.message {
            let at = at.key("message").key(name.as_str());
            credential::check_named(name, text, &at, context.report);
            if text.contains("{private.") {
                context.report.push(
                    Diagnostic::error(Code::InlineCredential, "a private variable would be written to the log")
                        .at(at)
                        .help("remove it: everyone who can read the log would see it"),
                );
            }
        }
        let message: serde_json::Map<String, serde_json::Value> =
            entry.message.iter().map(|(name, text)| (name.clone(), body::escape_variables(text).into())).collect();
        let message = serde_json::Value::Object(message).to_string();
        Box::new(MessageLogging {
            destination: LogDestination::CloudLogging { log, message, labels: Vec::new() },
            level: None,
        })
    }
}
