//! Resolves values from other resources: `$(values.NAME)` from the environment, `{from: …}` from any resource of the input.
//!
//! Both work on the YAML nodes, before types are checked, so that a number may come from either.

use jsonpath_rust::JsonPath as _;
use serde::Deserialize;
use serde_json::Value as Json;

use super::environment::Environment;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report, nearest};
use apigee_flux_model::krm::Input;
use apigee_flux_model::yaml::{Entry, ScalarStyle, Value, YamlNode, decode};

const OPEN: &str = "$(values.";

/// A reference to a field of another resource.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct From {
    api_version: Option<String>,
    kind: String,
    name: String,
    namespace: Option<String>,
    /// A JSONPath (RFC 9535).
    json_path: String,
}

/// True if any text below the node refers to a value of the environment.
pub(super) fn needs_values(node: &YamlNode) -> bool {
    match &node.value {
        Value::Scalar(text, _) => text.contains(OPEN),
        Value::Sequence(elements) => elements.iter().any(needs_values),
        Value::Mapping(entries) => entries.iter().any(|entry| needs_values(&entry.value)),
    }
}

/// True for `{from: {…, jsonPath: …}}`.
pub(super) fn is_reference(node: &YamlNode) -> bool {
    matches!(node.entries(), [Entry { key, value, .. }] if key == "from" && value.get("jsonPath").is_some())
}

/// The spec with all values filled in. The files of a raw bundle are not changed: they are kept byte for byte.
pub(super) fn resolve(
    spec: &YamlNode,
    input: &Input<'_>,
    environment: Option<&Environment<'_>>,
    report: &mut Report<'_>,
) -> YamlNode {
    Resolver { input, environment, report }.node(spec, &FieldPath::of(&["spec"]))
}

struct Resolver<'a, 'r, 'x> {
    input: &'a Input<'a>,
    environment: Option<&'a Environment<'a>>,
    report: &'r mut Report<'x>,
}

impl Resolver<'_, '_, '_> {
    fn node(&mut self, node: &YamlNode, at: &FieldPath) -> YamlNode {
        let value = match &node.value {
            Value::Scalar(text, style) if text.contains(OPEN) => Value::Scalar(self.text(text, at), *style),
            Value::Scalar(..) => return node.clone(),
            Value::Sequence(elements) => {
                let elements = elements.iter().enumerate().map(|(index, element)| self.node(element, &at.index(index)));
                Value::Sequence(elements.collect())
            }
            Value::Mapping(entries) => {
                if let ([Entry { value, .. }], true) = (entries.as_slice(), is_reference(node)) {
                    return self.from(node, value, &at.key("from"));
                }
                let inner = |entry: &Entry, this: &mut Self| {
                    let at = at.key(&entry.key);
                    let raw = at.to_string() == "spec.bundle";
                    Entry {
                        value: if raw { entry.value.clone() } else { this.node(&entry.value, &at) },
                        ..entry.clone()
                    }
                };
                Value::Mapping(entries.iter().map(|entry| inner(entry, self)).collect())
            }
        };
        YamlNode { span: node.span.clone(), value }
    }

    fn text(&mut self, text: &str, at: &FieldPath) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPEN) {
            filled.push_str(before);
            let Some((name, after)) = after.split_once(')') else {
                self.report.error(Code::UnknownValue, at, format!("`{OPEN}` has no closing `)`"));
                return filled;
            };
            match self.value(name) {
                Ok(value) => {
                    if let Err(why) = self.input.budget().text(value.len()) {
                        self.report.push(Diagnostic::error(Code::InputTooLarge, why).at(at).help("use shorter values"));
                        return filled;
                    }
                    filled.push_str(value);
                }
                Err(diagnostic) => self.report.push(diagnostic.at(at)),
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    fn value(&self, name: &str) -> Result<&str, Diagnostic> {
        let Some(environment) = self.environment else {
            let message = format!("`$(values.{name})` needs an environment, and none is known here");
            return Err(Diagnostic::error(Code::UnknownValue, message).help(
                "read the directory that also contains the ApigeeEnvironment; an ApigeeEnvironment itself cannot use values",
            ));
        };
        let values = &environment.spec.values;
        values.get(name).map(String::as_str).ok_or_else(|| {
            let message = format!("the environment `{}` has no value `{name}`", environment.name());
            let known = || values.keys().map(String::as_str);
            let mut diagnostic = Diagnostic::error(Code::UnknownValue, message).help(if values.is_empty() {
                format!("add it to `spec.values` of {}", environment.resource.subject.label())
            } else {
                format!("its values: {}", known().collect::<Vec<_>>().join(", "))
            });
            if let Some(near) = nearest(name, known()) {
                diagnostic = diagnostic.propose(near);
            }
            diagnostic
        })
    }

    fn from(&mut self, whole: &YamlNode, written: &YamlNode, at: &FieldPath) -> YamlNode {
        match self.looked_up(written) {
            Ok(json) => from_json(&json, whole),
            Err(diagnostic) => {
                self.report.push(diagnostic.at(at));
                // The error is reported already; null avoids a second one.
                YamlNode { span: whole.span.clone(), value: Value::Scalar(String::new(), ScalarStyle::Plain) }
            }
        }
    }

    fn looked_up(&self, written: &YamlNode) -> Result<Json, Diagnostic> {
        let wrong = |message: String| Diagnostic::error(Code::UnresolvedReference, message);
        let from: From = decode::decode(written).map_err(|error| {
            wrong(error.message)
                .help("`from` has the fields kind, name, jsonPath and, if needed, namespace and apiVersion")
        })?;
        let found: Vec<_> = self
            .input
            .named(&from.kind, &from.name)
            .filter(|item| {
                let header = &item.header;
                !header.is_output()
                    && header.names().any(|name| name == from.name)
                    && from.api_version.as_ref().is_none_or(|version| *version == header.api_version)
                    && from
                        .namespace
                        .as_ref()
                        .is_none_or(|namespace| header.namespace.as_ref() == Some(&namespace.into()))
            })
            .collect();
        let item = match found.as_slice() {
            [item] => item,
            [] => return Err(wrong(format!("no {} `{}` is in the input", from.kind, from.name))),
            several => {
                return Err(wrong(format!("{} resources match {} `{}`", several.len(), from.kind, from.name))
                    .help("add `namespace` or `apiVersion`"));
            }
        };
        let json = self.input.json(item).map_err(|error| wrong(error.message))?;
        let values = json.query(&from.json_path).map_err(|error| {
            let message = format!("`{}` is not a JSONPath: {error}", from.json_path);
            wrong(message).help("write it as in RFC 9535, for example `$.spec.ports[0].port`")
        })?;
        match values.as_slice() {
            [value] => {
                self.input
                    .budget()
                    .text(weight(value))
                    .map_err(|why| Diagnostic::error(Code::InputTooLarge, why).help("refer to smaller values"))?;
                Ok((*value).clone())
            }
            [] => Err(wrong(format!("`{}` matches nothing in {} `{}`", from.json_path, from.kind, from.name))),
            several => Err(wrong(format!(
                "`{}` matches {} values in {} `{}`; it must match exactly one",
                from.json_path,
                several.len(),
                from.kind,
                from.name
            ))),
        }
    }
}

/// The approximate memory that a copy of a value needs.
fn weight(json: &Json) -> usize {
    const NODE: usize = 32;
    NODE + match json {
        Json::Null | Json::Bool(_) | Json::Number(_) => 0,
        Json::String(text) => text.len(),
        Json::Array(elements) => elements.iter().map(weight).sum(),
        Json::Object(fields) => fields.iter().map(|(key, value)| key.len() + weight(value)).sum(),
    }
}

/// The value of another resource as a node, with the position of the reference.
fn from_json(json: &Json, place: &YamlNode) -> YamlNode {
    let value = match json {
        Json::Null => Value::Scalar(String::new(), ScalarStyle::Plain),
        Json::Bool(_) | Json::Number(_) => Value::Scalar(json.to_string(), ScalarStyle::Plain),
        Json::String(text) => Value::Scalar(text.clone(), ScalarStyle::Quoted),
        Json::Array(elements) => Value::Sequence(elements.iter().map(|element| from_json(element, place)).collect()),
        Json::Object(fields) => Value::Mapping(
            fields
                .iter()
                .map(|(key, value)| Entry {
                    key: key.clone(),
                    key_span: place.span.clone(),
                    value: from_json(value, place),
                })
                .collect(),
        ),
    };
    YamlNode { span: place.span.clone(), value }
}
