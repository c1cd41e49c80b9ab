//! A policy that the user wrote: XML as YAML, or a string of XML.

use crate::diag::{Code, Diagnostic, FieldPath, Report, nearest};
use crate::xml::{Element, from_yaml, parse};
use crate::yaml::Verbatim;

use super::{EDGE_ONLY, POLICIES, root};

/// A policy's file, however it came to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyFile {
    /// Ours to write.
    Element(Element),
    /// The user's own text, never printed anew.
    Text(String),
}

/// Reads the value of one entry of `policies`; none if an error was reported.
pub fn read(name: &str, value: &Verbatim, at: &FieldPath, report: &mut Report<'_>) -> Option<PolicyFile> {
    match value {
        Verbatim::Scalar(text) => read_text(name, text, at, report),
        Verbatim::Mapping(entries) => {
            let mut entries = entries.iter();
            let (Some((element, body)), None) = (entries.next(), entries.next()) else {
                wrong_shape(at, report);
                return None;
            };
            let at = at.key(element.as_str());
            check_type(element, &at, report);
            let element = from_yaml::element(element, body, &at, report)?;
            with_common_parts(name, &element, &at, report).map(PolicyFile::Element)
        }
        Verbatim::Sequence(_) => {
            wrong_shape(at, report);
            None
        }
    }
}

fn wrong_shape(at: &FieldPath, report: &mut Report<'_>) {
    report.push(
        Diagnostic::error(Code::WrongType, "a policy is one element, or a string of XML")
            .at(at)
            .help("write `{AssignMessage: {…}}` with the policy's root element as the only key"),
    );
}

/// Reports a root element that Apigee X does not have, or that nobody knows.
fn check_type(element: &str, at: &FieldPath, report: &mut Report<'_>) {
    let known = || POLICIES.iter().map(|policy| policy.element);
    if known().any(|name| name == element) {
        return;
    }
    if let Some((_, help)) = EDGE_ONLY.iter().find(|(name, _)| *name == element) {
        let message = format!("Apigee X and hybrid do not have the policy <{element}>, only Apigee Edge has it");
        report.push(Diagnostic::error(Code::InvalidValue, message).at(at).help(*help));
        return;
    }
    let message = format!("no policy is known that has the root element <{element}>");
    let warning = Diagnostic::warning(Code::InvalidValue, message).at(at);
    report.push(match nearest(element, known()) {
        Some(meant) => warning.propose(meant),
        None => warning.help("Apigee refuses a bundle with a policy that it does not know"),
    });
}

fn wrong_name(found: &str, name: &str, at: &FieldPath, report: &mut Report<'_>) {
    report.push(
        Diagnostic::error(
            Code::ConflictingFields,
            format!("the policy calls itself `{found}`, but it stands under `{name}`"),
        )
        .at(at)
        .help("Apigee takes the attribute `name` for the policy's name: make both equal"),
    );
}

fn read_text(name: &str, text: &str, at: &FieldPath, report: &mut Report<'_>) -> Option<PolicyFile> {
    let document = match parse(text) {
        Ok(document) => document,
        Err(error) => {
            report.push(
                Diagnostic::error(Code::MalformedXml, format!("the policy's XML does not parse: {error}"))
                    .at(at)
                    .help("lines and columns count inside the string"),
            );
            return None;
        }
    };
    let root = document.root_element();
    check_type(root.tag_name().name(), at, report);
    let found = root.attribute("name").unwrap_or_default();
    if found != name {
        wrong_name(found, name, at, report);
        return None;
    }
    Some(PolicyFile::Text(text.to_owned()))
}

/// Adds the attributes and the `DisplayName` that every policy has, where the user did not write them.
fn with_common_parts(name: &str, written: &Element, at: &FieldPath, report: &mut Report<'_>) -> Option<Element> {
    if let Some(found) = written.attributes().get("name").filter(|found| *found != name) {
        wrong_name(found, name, &at.key("$name"), report);
        return None;
    }
    let common = if written.children_named("DisplayName").next().is_some() {
        let bare = Element::new(written.name());
        root(written.name(), name).attributes().iter().fold(bare, |element, (key, value)| element.attribute(key, value))
    } else {
        root(written.name(), name)
    };
    let element = written.attributes().iter().fold(common, |element, (key, value)| element.attribute(key, value));
    Some(written.contents().iter().cloned().fold(element, Element::content))
}
