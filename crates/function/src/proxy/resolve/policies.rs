//! `policies` and `resources`: policies that the user wrote in Apigee's format, and the files that they name.

use indexmap::IndexMap;

use super::super::credential;
use super::context::Context;
use super::names;
use crate::spec::bundle_resource::BundleResource;
use apigee_flux_analysis::policy::raw;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath};
use apigee_flux_model::xml;
use apigee_flux_model::yaml::Verbatim;
use apigee_flux_model::yaml::word_or::WordOr;

/// The folders below `resources` that Apigee X supports.
const FOLDERS: &[&str] = &["graphql", "java", "jsc", "oas", "properties", "py", "wsdl", "xsd", "xsl"];

/// Adds all policies.
pub(super) fn add(policies: &IndexMap<String, Verbatim>, context: &mut Context<'_, '_>, at: &FieldPath) {
    for (name, value) in policies {
        let at = at.key("policies").key(name.as_str());
        names::check_policy("policy", name, &at, context.report);
        let file = match file(value) {
            Some(path) => text_of(path, context, &at.key("file")).map(Verbatim::Scalar),
            None => Some(value.clone()),
        };
        let read = file.and_then(|value| {
            check_credentials(&value, &at, context);
            raw::read(name, &value, &at, context.report)
        });
        context.add_written(name, read, &at);
    }
}

/// Adds the files that policies name.
pub(super) fn add_resources(
    resources: &IndexMap<String, WordOr<String, BundleResource>>,
    context: &mut Context<'_, '_>,
    at: &FieldPath,
) {
    for (path, content) in resources {
        let at = at.key("resources").key(path.as_str());
        let Some((folder, name)) = path.split_once('/').filter(|(folder, _)| FOLDERS.contains(folder)) else {
            context.report.push(
                Diagnostic::error(Code::InvalidValue, format!("`{path}` is not a valid resource path"))
                    .at(at)
                    .help(format!("start it with one of the folders {}, for example `jsc/a.js`", FOLDERS.join(", "))),
            );
            continue;
        };
        let bytes = match content {
            WordOr::Word(text) => {
                credential::check_text(text, &at, context.report);
                Some(text.clone().into_bytes())
            }
            WordOr::Value(resource) => context.read_file(&resource.file, &at.key("file")),
        };
        context.add_resource(folder, name, bytes.unwrap_or_default(), &at);
    }
}

/// The path of `{file: PATH}`: no policy has that root element.
fn file(value: &Verbatim) -> Option<&str> {
    let Verbatim::Mapping(entries) = value else { return None };
    match (entries.len(), entries.get("file")) {
        (1, Some(Verbatim::Scalar(path))) => Some(path),
        _ => None,
    }
}

/// A file's text, or `None` if an error was reported.
fn text_of(path: &str, context: &mut Context<'_, '_>, at: &FieldPath) -> Option<String> {
    let bytes = context.read_file(path, at)?;
    let text = String::from_utf8(bytes).ok();
    if text.is_none() {
        context.report.push(
            Diagnostic::error(Code::MalformedXml, format!("the file `{path}` is not UTF-8"))
                .at(at)
                .help("save it as UTF-8"),
        );
    }
    text
}

fn check_credentials(value: &Verbatim, at: &FieldPath, context: &mut Context<'_, '_>) {
    match value {
        Verbatim::Scalar(text) => {
            if let Ok(document) = xml::parse(text) {
                credential::check_xml(&document, at, context.report);
            }
        }
        Verbatim::Mapping(_) | Verbatim::Sequence(_) => credential::check_yaml(value, at, context.report),
    }
}
