//! `logging`.

use indexmap::IndexMap;

use super::super::credential;
use super::context::Context;
use super::endpoint::{Draft, Given, Intent};
use super::{credentials, names};
use crate::spec::logging::{CloudLogging, FieldsWord, Level, Protocol, Syslog};
use apigee_flux_analysis::policy::message_logging::{self as policy, LogDestination, MessageLogging};
use apigee_flux_analysis::policy::ssl_info::SslInfo;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::template;
use apigee_flux_model::yaml::word_or::WordOr;

/// `default`: identifies a request and says how it ended. The path comes from the caller and is escaped; the rest comes
/// from Apigee. `message` is the response, or the error: a request that failed has no `response`.
const DEFAULT: &str = r#"{"proxy":"{apiproxy.name}","revision":"{apiproxy.revision}","environment":"{environment.name}","verb":"{request.verb}","path":"{escapeJSON(proxy.pathsuffix)}","status":"{message.status.code}","requestId":"{messageid}","fault":"{fault.name}"}"#;

/// The variables that hold the query of a request, including a key in it.
const WITH_QUERY: [&str; 4] = ["request.querystring", "request.uri", "request.url", "proxy.url"];

/// Adds the logs to the PostClientFlow, where they do not delay the response.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>) {
    let Some(Given { value: logging, at, own }) = draft.intent.logging.clone() else {
        return;
    };
    let hidden = hidden(&draft.intent);
    if logging.cloud_logging.is_none() && logging.syslog.is_none() {
        context.report.push(
            Diagnostic::error(Code::MissingField, "`logging` has no destination")
                .at(&at)
                .help("write `cloudLogging` or `syslog`, or `logging: none`"),
        );
    }
    if let Some(cloud_logging) = &logging.cloud_logging {
        let at = at.key("cloudLogging");
        let log = to_cloud_logging(cloud_logging, &hidden, &at, context.report);
        let name = draft.intent.policy_name(policy::TYPE.prefix, "CloudLogging", own);
        draft.endpoint.post_client_flow.push(context.add(&name, &log, &at));
    }
    if let Some(syslog) = &logging.syslog {
        let at = at.key("syslog");
        let log = to_syslog(syslog, &hidden, &at, context.report);
        let name = draft.intent.policy_name(policy::TYPE.prefix, "Syslog", own);
        draft.endpoint.post_client_flow.push(context.add(&name, &log, &at));
    }
}

/// The variables of an endpoint that hold its callers' credentials.
fn hidden(intent: &Intent<'_>) -> Vec<String> {
    let variables: Vec<String> =
        intent.credentials.iter().map(|credential| credentials::variable(credential.mechanism)).collect();
    let in_query = variables.iter().any(|variable| variable.starts_with("request.queryparam."));
    let whole = WITH_QUERY.into_iter().filter(|_| in_query).map(str::to_owned);
    whole.chain(variables).collect()
}

fn to_cloud_logging(log: &CloudLogging, hidden: &[String], at: &FieldPath, report: &mut Report<'_>) -> MessageLogging {
    let message = match &log.fields {
        WordOr::Word(FieldsWord::Default) => DEFAULT.to_owned(),
        WordOr::Value(fields) => json(fields, hidden, &at.key("fields"), report),
    };
    for (name, value) in &log.labels {
        let at = at.key("labels").key(name.as_str());
        names::check_variable("label", name, &at, report);
        check_credentials(value, hidden, &at, report);
    }
    MessageLogging {
        destination: LogDestination::CloudLogging {
            log: log_name(&log.log, &at.key("log"), report),
            message,
            labels: log.labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        },
        level: log.level.map(Level::as_str),
    }
}

/// The full name of the log.
fn log_name(name: &str, at: &FieldPath, report: &mut Report<'_>) -> String {
    let id = match name.strip_prefix("projects/") {
        Some(rest) => rest.split_once("/logs/").map_or("", |(_, id)| id),
        None => name,
    };
    if id.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "/_-.%{}".contains(c)) {
        report.push(Diagnostic::error(Code::InvalidValue, format!("`{name}` is not a valid log name")).at(at).help(
            "use letters, digits, `_`, `-` and `.`, for example `apigee-orders`, or write `projects/PROJECT/logs/NAME`",
        ));
    }
    if name.starts_with("projects/") { name.to_owned() } else { format!("projects/{{organization.name}}/logs/{name}") }
}

/// The fields as one JSON object on one line.
fn json(fields: &IndexMap<String, String>, hidden: &[String], at: &FieldPath, report: &mut Report<'_>) -> String {
    if fields.is_empty() {
        report.push(
            Diagnostic::error(Code::InvalidValue, "`fields` is empty")
                .at(at)
                .help("map names to texts, write `default`, or remove `cloudLogging`"),
        );
    }
    let mut members = Vec::new();
    for (name, value) in fields {
        let at = at.key(name.as_str());
        names::check_variable("field", name, &at, report);
        check_message(value, hidden, &at, report);
        members.push(format!("\"{}\":\"{}\"", json_text(name), template::escaped(value, json_text)));
    }
    format!("{{{}}}", members.join(","))
}

/// A text, escaped for use between the quotes of a JSON string.
fn json_text(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
}

fn to_syslog(log: &Syslog, hidden: &[String], at: &FieldPath, report: &mut Report<'_>) -> MessageLogging {
    let host = log.host.as_str();
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || "/:@".contains(c)) {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{host}` is not a valid host name"))
                .at(at.key("host"))
                .help(
                    "write only the host name or address, for example `logs.example.com`; the port has its own field",
                ),
        );
    }
    if log.tls.is_some() && log.protocol == Some(Protocol::Udp) {
        report.push(
            Diagnostic::error(Code::ConflictingFields, "`tls` needs `protocol: tcp`, found `udp`")
                .at(at.key("protocol"))
                .help("remove `protocol` or `tls`"),
        );
    }
    let message = match &log.message {
        None => DEFAULT.to_owned(),
        Some(message) => {
            check_message(message, hidden, &at.key("message"), report);
            template::escaped(message, str::to_owned)
        }
    };
    let tls = log.tls.clone().map(|tls| SslInfo {
        trust_store: tls.trust_store,
        client: tls.mtls.map(|mtls| (mtls.key_store, mtls.key_alias)),
    });
    MessageLogging {
        destination: LogDestination::Syslog {
            host: log.host.clone(),
            port: log.port.unwrap_or(if tls.is_some() { 6514 } else { 514 }),
            protocol: if log.protocol == Some(Protocol::Udp) { "UDP" } else { "TCP" },
            message,
            format_message: log.format_message,
            tls,
        },
        level: log.level.map(Level::as_str),
    }
}

/// Checks a text that is logged.
fn check_message(text: &str, hidden: &[String], at: &FieldPath, report: &mut Report<'_>) {
    check_credentials(text, hidden, at, report);
    for function in template::unsafe_functions(text) {
        report.push(
            Diagnostic::warning(
                Code::InvalidValue,
                format!("the result of `{function}` is logged without escaping, including quotes and line breaks"),
            )
            .at(at)
            .help("assign it to a variable in a step and log the variable: variables are escaped"),
        );
    }
}

/// Reports variables that hold credentials: a log has more readers than are allowed to know them.
fn check_credentials(text: &str, hidden: &[String], at: &FieldPath, report: &mut Report<'_>) {
    for variable in template::variables(text) {
        // `message` can also be the request, and names of headers are not case-sensitive.
        let name = variable.strip_prefix("message.").map_or(variable.to_owned(), |rest| format!("request.{rest}"));
        let is = |hidden: &String| {
            let head = name.get(..hidden.len()).is_some_and(|head| head.eq_ignore_ascii_case(hidden));
            head && name[hidden.len()..].chars().next().is_none_or(|next| next == '.')
        };
        if credential::is_variable(&name) || hidden.iter().any(is) {
            report.push(
                Diagnostic::error(Code::InvalidValue, format!("`{{{variable}}}` would write a credential to the log"))
                    .at(at)
                    .help(
                        "remove it; to log the consumer, use an identifier, for example \
                         `{verifyapikey.VA-Default.client_id}`",
                    ),
            );
        }
    }
}
