//! `openapi`: the document, and the check of requests against it.

use std::collections::BTreeSet;

use super::super::base_path;
use super::context::Context;
use super::contract::Contract;
use super::endpoint::Draft;
use crate::openapi::{self, OpenApiDocument, Version};
use crate::spec::ApigeeProxySpec;
use crate::spec::openapi::{OpenApi, UnknownOperations, Validate};
use apigee_flux_analysis::policy::oas_validation::OasValidation;
use apigee_flux_model::bundle::zip::MAX_BUNDLE_BYTES;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::yaml;
use apigee_flux_model::yaml::word_or::WordOr;

/// The policy that checks requests.
const POLICY: &str = "OAS-Validate";

/// Reads the document; `None` if there is no document or an error was reported.
pub(super) fn resolve(spec: &ApigeeProxySpec, context: &mut Context<'_, '_>, at: &FieldPath) -> Option<Contract> {
    let openapi = spec.openapi.as_ref()?;
    let at = at.key("openapi");
    let (name, bytes, at_text) = text(openapi, context, &at)?;
    let document = match openapi::read(&bytes) {
        Ok(document) => document,
        Err(faults) => {
            for fault in faults {
                let message = format!("`{name}` cannot be used: {}", fault.message);
                context.report.push(Diagnostic::error(Code::InvalidValue, message).at(&at_text).help(fault.help));
            }
            return None;
        }
    };
    if document.operations.is_empty() {
        context.report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{name}` has no operations"))
                .at(&at_text)
                .help("add `paths` with operations, or remove `openapi`"),
        );
        return None;
    }
    let validate = validate(openapi, &document, context.report, &at);
    let validation = validate.then(|| {
        check_validatable(&name, &document, context.report, &at_text);
        let bytes = document.converted.clone().map_or(bytes, String::into_bytes);
        check_size(&name, bytes.len(), context.report, &at_text);
        let resource = context.add_resource("oas", &name, bytes, &at_text);
        context.add(POLICY, &OasValidation { resource }, &at)
    });
    let reject_unknown = openapi.unknown_operations == UnknownOperations::Reject;
    Some(Contract { document, at, reject_unknown, validation })
}

/// The document's file name and bytes, and the field from which they come.
fn text(openapi: &OpenApi, context: &mut Context<'_, '_>, at: &FieldPath) -> Option<(String, Vec<u8>, FieldPath)> {
    match (&openapi.file, &openapi.inline) {
        (Some(file), None) => {
            let at = at.key("file");
            let name = file.rsplit('/').next().unwrap_or(file);
            let extension = name.rsplit_once('.').map(|(_, extension)| extension);
            if !matches!(extension, Some("json" | "yaml" | "yml")) {
                context.report.push(
                    Diagnostic::error(
                        Code::InvalidValue,
                        format!("`{name}` is not a valid file name for an OpenAPI document"),
                    )
                    .at(&at)
                    .help("Apigee requires a name that ends in `.yaml`, `.yml` or `.json`"),
                );
                return None;
            }
            let bytes = context.read_file(file, &at)?;
            Some((name.to_owned(), bytes, at))
        }
        (None, Some(inline)) => {
            let at = at.key("inline");
            let text = match inline {
                WordOr::Word(text) => text.clone(),
                WordOr::Value(document) => match yaml::encode(document) {
                    Ok(text) => text,
                    Err(why) => {
                        context.report.error(
                            Code::InvalidValue,
                            &at,
                            format!("the document cannot be written as YAML: {why}"),
                        );
                        return None;
                    }
                },
            };
            let extension = if text.trim_start().starts_with('{') { "json" } else { "yaml" };
            Some((format!("openapi.{extension}"), text.into_bytes(), at))
        }
        (None, None) => {
            context.report.push(
                Diagnostic::error(Code::MissingField, "`openapi` has no document")
                    .at(at)
                    .help("write `file`, or the document itself as `inline`"),
            );
            None
        }
        (Some(_), Some(_)) => {
            context.report.push(
                Diagnostic::error(Code::ConflictingFields, "`file` cannot be combined with `inline`")
                    .at(at.key("inline"))
                    .help("remove one of them"),
            );
            None
        }
    }
}

/// Whether requests are checked against the document.
fn validate(openapi: &OpenApi, document: &OpenApiDocument, report: &mut Report<'_>, at: &FieldPath) -> bool {
    let help = "convert the document to OpenAPI 3.0, or write `validate: none`";
    match (openapi.validate, document.version) {
        (Some(Validate::None), _) => false,
        (Some(Validate::Request) | None, Version::V30 | Version::Swagger2) => true,
        (Some(Validate::Request), Version::Later) => {
            let message = "Apigee validates requests against OpenAPI 3.0 only, but the document has a later version";
            report.push(Diagnostic::error(Code::ConflictingFields, message).at(at.key("validate")).help(help));
            false
        }
        (None, Version::Later) => {
            let message =
                "requests are not validated: Apigee supports OpenAPI 3.0 only, but the document has a later version";
            report.push(Diagnostic::warning(Code::ConflictingFields, message).at(at).help(help));
            false
        }
    }
}

/// Reports references to other documents: Apigee reads one file and fetches no other.
fn check_validatable(name: &str, document: &OpenApiDocument, report: &mut Report<'_>, at: &FieldPath) {
    let external = &document.external_references;
    let Some(last) = external.len().checked_sub(1) else { return };
    let mut shown: Vec<String> = external.iter().take(3).map(|target| format!("`{target}`")).collect();
    if last >= shown.len() {
        shown.push(format!("{} more", external.len() - shown.len()));
    }
    let message = format!("`{name}` refers to other documents, which Apigee does not read: {}", shown.join(", "));
    report.push(
        Diagnostic::error(Code::InvalidValue, message)
            .at(at)
            .help("combine them into one document, for example with `redocly bundle`, or write `validate: none`"),
    );
}

/// The limit "API proxy resource file size" on Apigee's limits page is that of a bundle.
fn check_size(name: &str, bytes: usize, report: &mut Report<'_>, at: &FieldPath) {
    if bytes > MAX_BUNDLE_BYTES {
        let message = format!("`{name}` has {bytes} bytes, but Apigee accepts at most {MAX_BUNDLE_BYTES} for one file");
        report.push(Diagnostic::error(Code::BundleTooLarge, message).at(at).help(
            "split the API into a proxy for each tag or path prefix, or write `validate: none`, which leaves the \
             document out of the bundle",
        ));
    }
}

/// The base path: the one in the spec, otherwise that of the document's first server. `None` if an error was reported.
pub(super) fn base_path(
    spec: &ApigeeProxySpec,
    contract: Option<&Contract>,
    report: &mut Report<'_>,
    at: &FieldPath,
) -> Option<String> {
    if let Some(written) = &spec.base_path {
        return Some(written.clone());
    }
    let (message, help) = match contract {
        Some(contract) => {
            let server = contract.document.servers.first();
            let path = server.and_then(openapi::DocumentServer::path);
            let message = match (server, path) {
                (_, Some(path)) => match path_fault(path) {
                    None => return Some(path.to_owned()),
                    Some(why) => format!(
                        "`basePath` is missing, and the path of the document's first server `{}` cannot be used as the \
                         base path: {why}",
                        server.map(|server| server.url.as_str()).unwrap_or_default()
                    ),
                },
                (Some(server), None) => {
                    format!("`basePath` is missing, and the document's first server `{}` has no path", server.url)
                }
                (None, None) => {
                    "`basePath` is missing, and the document has no list of `servers` with a `url`".to_owned()
                }
            };
            (message, "write the path that the proxy serves, for example `basePath: /v1/orders`")
        }
        // The document might contain it, but could not be read.
        None if spec.openapi.is_some() => return None,
        None => (
            "`basePath` is missing".to_owned(),
            "write the path that the proxy serves, for example `/v1/orders`, or use `bundle`",
        ),
    };
    report.push(Diagnostic::error(Code::MissingField, message).at(at.key("basePath")).help(help));
    None
}

/// Why the path of a server cannot be used as a base path.
fn path_fault(path: &str) -> Option<String> {
    if let Some((_, name)) = path.split_once('{') {
        let name = name.split('}').next().unwrap_or(name);
        return Some(format!("its variable `{name}` has no default"));
    }
    base_path::fault(path).map(|(message, _)| message)
}

/// Adds the check to the flow of each operation of the document, before the operation's own steps. In the PreFlow it
/// would run for every request, and refuse those that are not in the document itself: `unknownOperations`, and the
/// operations that are not in the document, would never get a request.
pub(super) fn add(draft: &mut Draft<'_>, _: &mut Context<'_, '_>) {
    let Some(Contract { document, validation: Some(step), .. }) = draft.contract else {
        return;
    };
    let documented: BTreeSet<&str> = document.operations.iter().map(|operation| operation.name.as_str()).collect();
    for flow in draft.endpoint.flows.iter_mut().filter(|flow| documented.contains(flow.name.as_str())) {
        flow.flow.request.insert(0, step.clone());
    }
}
