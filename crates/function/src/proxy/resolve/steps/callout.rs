//! `callout`.

use super::super::context::Context;
use super::super::{names, target_auth, targets, units};
use super::set::{check_headers, check_parameters, check_verb, pairs};
use super::{Direction, ShortStep, body, camel};
use crate::spec::step::Callout;
use apigee_flux_analysis::policy::GeneratedPolicy;
use apigee_flux_analysis::policy::message_parts::MessageParts;
use apigee_flux_analysis::policy::service_callout::{self as policy, CalloutDestination, ServiceCallout};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

impl Callout {
    fn destination(&self, at: &FieldPath, report: &mut Report<'_>) -> CalloutDestination {
        match (&self.url, &self.server) {
            (Some(url), None) => {
                targets::check_url(url, &at.key("url"), report);
                if self.path.is_some() {
                    report.push(
                        Diagnostic::error(Code::ConflictingFields, "`path` needs `server`, found `url`")
                            .at(at.key("path"))
                            .help("append the path to the `url`"),
                    );
                }
                CalloutDestination::Url(url.clone())
            }
            (None, Some(server)) => {
                names::check_file_name("target server", server, &at.key("server"), report);
                if let Some(path) = self.path.as_deref().filter(|path| !path.starts_with('/')) {
                    report.push(
                        Diagnostic::error(Code::InvalidValue, format!("`{path}` does not start with `/`"))
                            .at(at.key("path"))
                            .help("write the path on the server, for example `/api/orders`"),
                    );
                }
                CalloutDestination::Server { name: server.clone(), path: self.path.clone() }
            }
            (url, _) => {
                let found = if url.is_some() { "both" } else { "none" };
                report.push(
                    Diagnostic::error(
                        Code::ConflictingFields,
                        format!("a callout needs either `url` or `server`, found {found}"),
                    )
                    .at(at)
                    .help(
                        "a `server` is an ApigeeTargetServer of the environment; a `url` is the same in every \
                         environment",
                    ),
                );
                CalloutDestination::Url(String::new())
            }
        }
    }

    /// The name of the service, for variables and policies.
    fn service(&self) -> String {
        if let Some(response) = &self.response {
            return camel(response);
        }
        let host = self.url.as_deref().and_then(|url| url.split("://").nth(1)).unwrap_or_default();
        let host = host.split(['/', '?', ':']).next().unwrap_or_default();
        let name = camel(self.server.as_deref().unwrap_or(host));
        if name.is_empty() { "Callout".to_owned() } else { name }
    }
}

impl ShortStep for Callout {
    fn prefix(&self) -> &'static str {
        policy::TYPE.prefix
    }

    fn subject(&self, _: Direction) -> String {
        self.service()
    }

    fn policy(&self, _: Direction, context: &mut Context<'_, '_>, at: &FieldPath) -> Box<dyn GeneratedPolicy> {
        let report = &mut *context.report;
        let destination = self.destination(at, report);
        check_headers(&self.headers, &at.key("headers"), report);
        check_parameters("query parameter", &self.query, &at.key("query"), report);
        let verb = self.method.clone();
        if let Some(verb) = &verb {
            check_verb(verb, &at.key("method"), report);
        }
        let verb = verb.unwrap_or_else(|| if self.body.is_some() { "POST" } else { "GET" }.to_owned());
        if let Some(response) = &self.response {
            let at = at.key("response");
            names::check_variable("variable", response, &at, report);
            if matches!(response.as_str(), "request" | "response" | "message") {
                report.push(
                    Diagnostic::error(Code::InvalidValue, format!("`{response}` is a message of the proxy itself"))
                        .at(at)
                        .help("the callout would overwrite it: choose another name, for example `geo`"),
                );
            }
        }
        let timeout =
            self.timeout.as_ref().and_then(|text| units::duration(text, units::millis, &at.key("timeout"), report));
        let plain = matches!(&destination, CalloutDestination::Url(url) if url.starts_with("http://"));
        let authentication =
            self.auth.as_ref().and_then(|auth| target_auth::google(auth, plain, &at.key("auth"), report));
        let payload = self.body.as_ref().map(|given| body::payload(given, &at.key("body"), report));
        Box::new(ServiceCallout {
            request: format!("callout{}Request", self.service()),
            parts: MessageParts {
                headers: pairs(&self.headers),
                query: pairs(&self.query),
                verb: Some(verb),
                ..MessageParts::default()
            },
            payload,
            response: self.response.clone(),
            timeout,
            destination,
            authentication,
        })
    }
}
