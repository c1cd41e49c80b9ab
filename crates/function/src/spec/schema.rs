//! Checks a value against the JSON schema of its type and reports all problems together, each with its path and a fix.
//! Decoding alone would stop at the first error and report no path.

use schemars::Schema;
use serde_json::{Map, Value as Json};

use super::wrong_value::{self, types, words};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report, nearest};
use apigee_flux_model::yaml::{self, ScalarStyle, Value, YamlNode};

/// The maximum number of unknown fields of one mapping that are reported, each with the allowed fields.
const MAX_UNKNOWN: usize = 20;

/// Reports where `node` does not conform to `schema`.
pub fn check(schema: &Schema, node: &YamlNode, at: &FieldPath, report: &mut Report<'_>) {
    let root = schema.as_value();
    let definitions = root.get("$defs").and_then(Json::as_object);
    Walk { definitions, report }.value(root, node, at);
}

/// The finding for an unknown field.
pub fn unknown_field<'n>(at: &FieldPath, key: &str, known: impl Iterator<Item = &'n str> + Clone) -> Diagnostic {
    let near = nearest(key, known.clone());
    let mut diagnostic = Diagnostic::error(Code::UnknownField, format!("unknown field `{key}`"))
        .at(at.key(key))
        .help(format!("allowed here: {}", known.collect::<Vec<_>>().join(", ")));
    if let Some(near) = near {
        diagnostic = diagnostic.propose(near);
    }
    diagnostic
}

struct Walk<'s, 'r, 'x> {
    definitions: Option<&'s Map<String, Json>>,
    report: &'r mut Report<'x>,
}

impl<'s> Walk<'s, '_, '_> {
    fn value(&mut self, schema: &'s Json, node: &YamlNode, at: &FieldPath) {
        let mut branches = Vec::new();
        self.branches(schema, &mut branches);
        if branches.iter().any(|branch| is_anything(branch)) {
            return;
        }
        if node.is_null() {
            if !branches.iter().any(|branch| allows_null(branch)) {
                self.report.push(wrong_value::finding(&branches, node, at));
            }
            return;
        }
        let fitting: Vec<&'s Json> = branches.iter().copied().filter(|branch| fits(branch, node)).collect();
        match &node.value {
            Value::Mapping(entries) => {
                // If several mappings are allowed, use the one that has most of the keys.
                let keys = |branch: &Json| {
                    let known = branch.get("properties").and_then(Json::as_object);
                    entries.iter().filter(|entry| known.is_some_and(|known| known.contains_key(&entry.key))).count()
                };
                let mut best: Option<&'s Json> = None;
                for branch in fitting {
                    if best.is_none_or(|best| keys(branch) > keys(best)) {
                        best = Some(branch);
                    }
                }
                match best {
                    Some(branch) => self.mapping(branch, &branches, node, at),
                    None => self.report.push(wrong_value::finding(&branches, node, at)),
                }
            }
            Value::Sequence(elements) => match fitting.first() {
                Some(branch) => {
                    if let Some(inner) = branch.get("items") {
                        for (index, element) in elements.iter().enumerate() {
                            self.value(inner, element, &at.index(index));
                        }
                    }
                }
                None => self.report.push(wrong_value::finding(&branches, node, at)),
            },
            Value::Scalar(text, _) => {
                if fitting.is_empty() {
                    self.report.push(wrong_value::finding(&branches, node, at));
                } else if !fitting.iter().any(|branch| in_range(branch, text)) {
                    self.out_of_range(&fitting, text, at);
                }
            }
        }
    }

    /// The alternatives of a schema, references and unions resolved.
    fn branches(&self, schema: &'s Json, found: &mut Vec<&'s Json>) {
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
            let name = reference.trim_start_matches("#/$defs/");
            if let Some(definition) = self.definitions.and_then(|definitions| definitions.get(name)) {
                self.branches(definition, found);
            }
            return;
        }
        let union = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(*key)).and_then(Json::as_array);
        match union {
            Some(inner) => inner.iter().for_each(|branch| self.branches(branch, found)),
            None => found.push(schema),
        }
    }

    fn mapping(&mut self, branch: &'s Json, branches: &[&'s Json], node: &YamlNode, at: &FieldPath) {
        let properties = branch.get("properties").and_then(Json::as_object);
        let additional = branch.get("additionalProperties");
        let mut unknown = 0;
        for entry in node.entries() {
            let inner = at.key(&entry.key);
            match (properties.and_then(|properties| properties.get(&entry.key)), additional) {
                (None, Some(Json::Bool(false))) => {
                    unknown += 1;
                    if unknown > MAX_UNKNOWN {
                        continue;
                    }
                    let known = branches
                        .iter()
                        .filter_map(|branch| branch.get("properties").and_then(Json::as_object))
                        .flat_map(|properties| properties.keys().map(String::as_str));
                    self.report.push(unknown_field(at, &entry.key, known));
                }
                // A field that is null is not set, as in Kubernetes; a required field is reported below.
                (Some(_), _) if entry.value.is_null() => {}
                (Some(schema), _) | (None, Some(schema)) => self.value(schema, &entry.value, &inner),
                (None, None) => {}
            }
        }
        if unknown > MAX_UNKNOWN {
            let message = format!("{} more unknown fields", unknown - MAX_UNKNOWN);
            self.report.push(Diagnostic::error(Code::UnknownField, message).at(at.clone()));
        }
        let required = branch.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        for field in required {
            if node.get(field).is_none_or(YamlNode::is_null) {
                let doc = properties
                    .and_then(|properties| properties.get(field)?.get("description")?.as_str())
                    .and_then(|doc| doc.split(". ").next())
                    .map(|doc| format!(": {}", doc.trim_end_matches('.')));
                self.report.push(
                    Diagnostic::error(Code::MissingField, format!("the field `{field}` is missing"))
                        .at(at.clone())
                        .help(format!("set `{}`{}", at.key(field), doc.unwrap_or_default())),
                );
            }
        }
    }

    fn out_of_range(&mut self, fitting: &[&'s Json], text: &str, at: &FieldPath) {
        let low = fitting.iter().find_map(|branch| limits(branch).0);
        let high = fitting.iter().find_map(|branch| limits(branch).1);
        let message = match (low, high) {
            (Some(low), Some(high)) => format!("`{text}` is not between {low} and {high}"),
            (Some(low), None) => format!("`{text}` is less than {low}"),
            (None, Some(high)) => format!("`{text}` is more than {high}"),
            (None, None) => format!("`{text}` is out of range"),
        };
        self.report.error(Code::InvalidValue, at.clone(), message);
    }
}

/// True for a schema without constraints: `true`, or only a description.
fn is_anything(branch: &Json) -> bool {
    let asks = |key: &str| branch.get(key).is_some();
    branch.as_bool() == Some(true)
        || (branch.is_object() && !["type", "enum", "const", "properties", "items"].iter().any(|key| asks(key)))
}

/// True for a branch that allows null.
fn allows_null(branch: &Json) -> bool {
    types(branch).contains(&"null") || branch.get("const").is_some_and(Json::is_null)
}

/// True if the node has the type of the branch. A text field accepts every scalar as written.
fn fits(branch: &Json, node: &YamlNode) -> bool {
    let types = types(branch);
    match &node.value {
        Value::Mapping(_) => types.contains(&"object"),
        Value::Sequence(_) => types.contains(&"array"),
        Value::Scalar(text, style) => {
            let words = words(branch);
            if !words.is_empty() {
                return words.contains(&text.as_str());
            }
            let plain = *style == ScalarStyle::Plain;
            types.contains(&"string")
                || plain && types.contains(&"boolean") && matches!(text.as_str(), "true" | "false")
                || plain && types.contains(&"integer") && yaml::is_integer(text)
                || plain && types.contains(&"number") && yaml::is_number(text)
        }
    }
}

fn in_range(branch: &Json, text: &str) -> bool {
    let Ok(number) = text.parse::<f64>() else { return true };
    let (low, high) = limits(branch);
    low.is_none_or(|low| number >= low) && high.is_none_or(|high| number <= high)
}

/// The smallest and the largest number of a branch: from the schema, or the range of its integer type.
fn limits(branch: &Json) -> (Option<f64>, Option<f64>) {
    if !types(branch).iter().any(|name| matches!(*name, "integer" | "number")) {
        return (None, None);
    }
    let of_type = match branch.get("format").and_then(Json::as_str) {
        Some("uint8") => (Some(0.0), Some(f64::from(u8::MAX))),
        Some("uint16") => (Some(0.0), Some(f64::from(u16::MAX))),
        Some("uint32") => (Some(0.0), Some(f64::from(u32::MAX))),
        Some("int32") => (Some(f64::from(i32::MIN)), Some(f64::from(i32::MAX))),
        // The exact bounds of 64 bits cannot be represented as f64; these are the nearest values inside the range.
        Some("uint64" | "uint") => (Some(0.0), Some(18_446_744_073_709_549_568.0)),
        Some("int64" | "int") => (Some(-9_223_372_036_854_774_784.0), Some(9_223_372_036_854_774_784.0)),
        _ => (None, None),
    };
    let bound = |key: &str| branch.get(key).and_then(Json::as_f64);
    (bound("minimum").or(of_type.0), bound("maximum").or(of_type.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::environment::EnvironmentSpec;
    use apigee_flux_model::diag::Subject;

    fn findings(yaml: &str) -> Vec<String> {
        let node = YamlNode::parse(yaml, 0..yaml.len()).unwrap();
        let subject = Subject::default();
        let mut report = Report::new(&subject);
        let schema = schemars::schema_for!(EnvironmentSpec);
        check(&schema, &node, &FieldPath::of(&["spec"]), &mut report);
        report.into_diagnostics().iter().map(|d| format!("{}: {}", d.field, d.text())).collect()
    }

    #[test]
    fn a_right_value_gives_no_finding() {
        assert!(findings("organization: acme\nvalues: {a: 1.20}\nruntime: hybrid\ndeployer: {rate: 10}\n").is_empty());
    }

    #[test]
    fn every_wrong_field_is_found_at_once() {
        let found = findings("organisation: acme\nruntime: hybird\nvalues: [a]\ndeployer: {rate: 0, imige: x}\n");
        assert_eq!(found.len(), 6, "{found:#?}");
        assert!(found[0].starts_with("spec.organisation: unknown field `organisation`; did you mean `organization`?"));
        assert_eq!(found[1], "spec.runtime: expected `x` or `hybrid`, found `hybird`; did you mean `hybrid`?");
        assert_eq!(found[2], "spec.values: expected a mapping, found a list");
        assert_eq!(found[3], "spec.deployer.rate: `0` is not between 1 and 1000");
        assert!(found[4].contains("did you mean `image`?"));
        assert!(found[5].starts_with("spec: the field `organization` is missing; set `spec.organization`"));
    }
}
