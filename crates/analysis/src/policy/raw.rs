//! A policy written by the user: XML as YAML, or a string of XML.

use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::xml::{Element, from_yaml, parse};
use apigee_flux_model::yaml::Verbatim;

use super::root;

/// The XML of a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyFile {
    /// XML that apigee-flux writes.
    Element(Element),
    /// The text of the user, unchanged.
    Text(String),
}

/// Reads the value of one entry of `policies`; `None` if an error was reported.
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
        Diagnostic::error(Code::WrongType, "expected a policy: one element, or a string of XML")
            .at(at)
            .help("write `{AssignMessage: {…}}` with the policy's root element as the only key"),
    );
}

fn wrong_name(found: &str, name: &str, at: &FieldPath, report: &mut Report<'_>) {
    report.push(
        Diagnostic::error(
            Code::ConflictingFields,
            format!("the policy has the name `{found}` in its XML, but the key `{name}` in `policies`"),
        )
        .at(at)
        .help("use the same name in both: Apigee uses the attribute `name` as the name of the policy"),
    );
}

fn read_text(name: &str, text: &str, at: &FieldPath, report: &mut Report<'_>) -> Option<PolicyFile> {
    let document = match parse(text) {
        Ok(document) => document,
        Err(error) => {
            report.push(
                Diagnostic::error(Code::MalformedXml, format!("the XML of the policy cannot be parsed: {error}"))
                    .at(at)
                    .help("fix the XML; line and column are relative to the start of the string"),
            );
            return None;
        }
    };
    let root = document.root_element();
    let found = root.attribute("name").unwrap_or_default();
    if found != name {
        wrong_name(found, name, at, report);
        return None;
    }
    Some(PolicyFile::Text(text.to_owned()))
}

/// Adds the attributes and the `DisplayName` that every policy has, if the user did not write them.
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

#[cfg(test)]
mod tests {
    use super::*;
    use apigee_flux_model::diag::Subject;
    use apigee_flux_model::xml::Content;
    use apigee_flux_model::yaml::{YamlNode, decode};
    use indexmap::IndexMap;

    #[test]
    fn every_type_passes_as_it_is_written() {
        let source = include_str!("../../../../testdata/bundles/every-policy/proxy.yaml");
        let node = YamlNode::parse(source, 0..source.len()).unwrap();
        let policies = node.get("spec").and_then(|spec| spec.get("policies")).unwrap();
        let policies: IndexMap<String, Verbatim> = decode::decode(policies).unwrap();
        let subject = Subject::default();
        let mut report = Report::new(&subject);
        let mut elements = Vec::new();
        for (name, value) in &policies {
            let Verbatim::Mapping(policy) = value else { panic!("{name}") };
            let (element, body) = policy.first().unwrap();
            let Some(PolicyFile::Element(read)) = read(name, value, &FieldPath::root(), &mut report) else {
                panic!("{name}")
            };
            // The elements of the user are kept in their order, after those that every policy has.
            let written = from_yaml::element(element, body, &FieldPath::root(), &mut report).unwrap();
            let (display_name, children) = read.contents().split_first().unwrap();
            assert_eq!(display_name, &Content::Element(Element::leaf("DisplayName", name)), "{name}");
            assert_eq!(children, written.contents(), "{name}");
            for (attribute, value) in written.attributes() {
                assert_eq!(read.attributes().get(attribute), Some(value), "{name}");
            }
            elements.push(element.as_str());
        }
        assert_eq!(report.into_diagnostics(), []);
        assert_eq!(elements, crate::policy::POLICIES.iter().map(|policy| policy.element).collect::<Vec<_>>());
    }
}
