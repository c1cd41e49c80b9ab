//! Checks a value against the JSON schema of its type and reports everything that is wrong at once, each finding with
//! its path and a way out. Decoding alone would stop at the first error and say no path.

use schemars::Schema;
use serde_json::{Map, Value as Json};

use crate::diag::{Code, Diagnostic, FieldPath, Report, nearest};
use crate::spec::credential;
use crate::yaml::{Node, ScalarStyle, Value};

/// Reports where `node` does not fit `schema`.
pub fn check(schema: &Schema, node: &Node, at: &FieldPath, report: &mut Report<'_>) {
    let root = schema.as_value();
    let definitions = root.get("$defs").and_then(Json::as_object);
    Walk { definitions, report }.value(root, node, at);
}

/// The finding on a field that nobody knows.
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
    fn value(&mut self, schema: &'s Json, node: &Node, at: &FieldPath) {
        let mut branches = Vec::new();
        self.branches(schema, &mut branches);
        if branches.iter().any(|branch| is_anything(branch)) || node.is_null() {
            return;
        }
        let fitting: Vec<&'s Json> = branches.iter().copied().filter(|branch| fits(branch, node)).collect();
        match &node.value {
            Value::Mapping(entries) => {
                // Of several mappings that one is meant which knows most of the keys.
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
                    None => self.wrong(&branches, node, at),
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
                None => self.wrong(&branches, node, at),
            },
            Value::Scalar(text, _) => {
                if fitting.is_empty() {
                    self.wrong(&branches, node, at);
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

    fn mapping(&mut self, branch: &'s Json, branches: &[&'s Json], node: &Node, at: &FieldPath) {
        let properties = branch.get("properties").and_then(Json::as_object);
        let additional = branch.get("additionalProperties");
        for entry in node.entries() {
            let inner = at.key(&entry.key);
            match (properties.and_then(|properties| properties.get(&entry.key)), additional) {
                (None, Some(Json::Bool(false))) => {
                    let known = branches
                        .iter()
                        .filter_map(|branch| branch.get("properties").and_then(Json::as_object))
                        .flat_map(|properties| properties.keys().map(String::as_str));
                    self.report.push(unknown_field(at, &entry.key, known));
                }
                (Some(schema), _) | (None, Some(schema)) => self.value(schema, &entry.value, &inner),
                (None, None) => {}
            }
        }
        let required = branch.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        for field in required {
            if node.get(field).is_none_or(Node::is_null) {
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

    fn wrong(&mut self, branches: &[&'s Json], node: &Node, at: &FieldPath) {
        // What stands in the place of a secret is one, and is not repeated.
        if let Value::Scalar(text, _) = &node.value
            && branches.iter().any(|branch| branch.pointer("/properties/valueFrom").is_some())
        {
            self.report.push(credential::literal(text, at));
            return;
        }
        let words: Vec<&str> = branches.iter().flat_map(|branch| words(branch)).collect();
        let mut allowed: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        for branch in branches {
            if let Some(name) = type_name(branch)
                && !allowed.iter().any(|known| known == name)
            {
                allowed.push(name.to_owned());
            }
        }
        let found = match &node.value {
            Value::Mapping(_) => "a mapping".to_owned(),
            Value::Sequence(_) => "a list".to_owned(),
            Value::Scalar(text, _) => format!("`{text}`"),
        };
        let expected = match allowed.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            Some((last, _)) => last.clone(),
            None => "another value".to_owned(),
        };
        let mut diagnostic =
            Diagnostic::error(Code::WrongType, format!("expected {expected}, found {found}")).at(at.clone());
        if let Value::Scalar(text, _) = &node.value
            && let Some(near) = nearest(text, words)
        {
            diagnostic = diagnostic.propose(near);
        }
        self.report.push(diagnostic);
    }

    fn out_of_range(&mut self, fitting: &[&'s Json], text: &str, at: &FieldPath) {
        let bound = |key: &str| fitting.iter().find_map(|branch| branch.get(key));
        let message = match (bound("minimum"), bound("maximum")) {
            (Some(low), Some(high)) => format!("`{text}` is not between {low} and {high}"),
            (Some(low), None) => format!("`{text}` is less than {low}"),
            (None, Some(high)) => format!("`{text}` is more than {high}"),
            (None, None) => format!("`{text}` is out of range"),
        };
        self.report.error(Code::InvalidValue, at.clone(), message);
    }
}

/// True for a schema that asks for nothing: `true`, or one that only describes.
fn is_anything(branch: &Json) -> bool {
    let asks = |key: &str| branch.get(key).is_some();
    branch.as_bool() == Some(true)
        || (branch.is_object() && !["type", "enum", "const", "properties", "items"].iter().any(|key| asks(key)))
}

/// The words that a branch allows, if it is a choice of words.
fn words(branch: &Json) -> Vec<&str> {
    let choice = branch.get("enum").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    choice.chain(branch.get("const").and_then(Json::as_str)).collect()
}

fn types(branch: &Json) -> Vec<&str> {
    match branch.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// What a branch allows, in words; `None` for null and for a choice of words.
fn type_name(branch: &Json) -> Option<&'static str> {
    if !words(branch).is_empty() {
        return None;
    }
    types(branch).into_iter().find_map(|name| match name {
        "object" => Some("a mapping"),
        "array" => Some("a list"),
        "string" => Some("text"),
        "integer" => Some("a whole number"),
        "number" => Some("a number"),
        "boolean" => Some("`true` or `false`"),
        _ => None,
    })
}

/// True if the node has the type of the branch. A field of text takes every scalar as it was written.
fn fits(branch: &Json, node: &Node) -> bool {
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
                || plain && types.contains(&"integer") && text.parse::<i128>().is_ok()
                || plain && types.contains(&"number") && text.parse::<f64>().is_ok()
        }
    }
}

fn in_range(branch: &Json, text: &str) -> bool {
    if !types(branch).iter().any(|name| matches!(*name, "integer" | "number")) {
        return true;
    }
    let Ok(number) = text.parse::<f64>() else { return true };
    let bound = |key: &str| branch.get(key).and_then(Json::as_f64);
    bound("minimum").is_none_or(|low| number >= low) && bound("maximum").is_none_or(|high| number <= high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Subject;
    use crate::spec::environment::EnvironmentSpec;

    fn findings(yaml: &str) -> Vec<String> {
        let node = Node::parse(yaml, 0..yaml.len()).unwrap();
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
