//! Tests every field of every kind with values of the wrong type: each is reported at its field and in terms of YAML.

use serde_json::{Map, Value as Json, json};

use super::schema::check;
use super::wrong_value::{types, words};
use super::{KINDS, Kind};
use apigee_flux_model::diag::{Diagnostic, FieldPath, FieldSegment, Report, Subject};
use apigee_flux_model::yaml::YamlNode;

/// How deep the walk goes: steps hold steps.
const DEPTH: usize = 7;

/// Values as people write them by mistake, as YAML.
const ODD: [&str; 14] = [
    "null",
    "\"true\"",
    "yes",
    "True",
    "017",
    "-1",
    "1.5",
    "99999999999999999999",
    "'10'",
    "some words",
    "[]",
    "[null]",
    "{a: b}",
    "[[a], {b: c}]",
];

/// Words of serde and of Rust that an author of YAML does not know.
const FOREIGN: [&str; 14] = [
    "untagged", "variant", "variants", "struct", "enum", "sequence", "string", "boolean", "integer", "float", "u32",
    "u64", "i64", "EOF",
];

/// Whether a message contains words of Rust outside of quotes.
fn is_foreign(message: &str) -> bool {
    let own: String = message.split('`').step_by(2).collect();
    let mut words = own.split(|c: char| !c.is_alphanumeric());
    own.contains("unit value") || words.any(|word| FOREIGN.contains(&word))
}

struct Walk<'s> {
    definitions: Option<&'s Map<String, Json>>,
}

impl<'s> Walk<'s> {
    fn branches(&self, schema: &'s Json) -> Vec<&'s Json> {
        if let Some(name) = schema.get("$ref").and_then(Json::as_str) {
            let name = name.trim_start_matches("#/$defs/");
            return self
                .definitions
                .and_then(|all| all.get(name))
                .map_or_else(Vec::new, |schema| self.branches(schema));
        }
        match ["anyOf", "oneOf"].iter().find_map(|key| schema.get(*key)).and_then(Json::as_array) {
            Some(union) => union.iter().flat_map(|branch| self.branches(branch)).collect(),
            None => vec![schema],
        }
    }

    /// A value of the correct type: the shortest one.
    fn right(&self, branch: &'s Json) -> Json {
        if let Some(word) = words(branch).first() {
            return json!(word);
        }
        match types(branch).first().copied() {
            Some("object") => Json::Object(self.required(branch)),
            Some("array") => json!([]),
            Some("integer" | "number") => branch.get("minimum").cloned().unwrap_or(json!(1)),
            Some("boolean") => json!(true),
            _ => json!("x"),
        }
    }

    fn required(&self, branch: &'s Json) -> Map<String, Json> {
        let names = branch.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        names
            .filter_map(|name| {
                let schema = branch.get("properties")?.get(name)?;
                Some((name.to_owned(), self.right(self.branches(schema).first()?)))
            })
            .collect()
    }

    /// Documents in which one value each is replaced by `hole`, with the path of that value.
    fn holes(&self, schema: &'s Json, depth: usize, hole: &Json) -> Vec<(Json, Vec<FieldSegment>)> {
        let mut found = vec![(hole.clone(), Vec::new())];
        if depth == 0 {
            return found;
        }
        for branch in self.branches(schema) {
            let fields = branch.get("properties").and_then(Json::as_object).into_iter().flatten();
            for (key, inner) in fields {
                for (value, path) in self.holes(inner, depth - 1, hole) {
                    let mut document = self.required(branch);
                    document.insert(key.clone(), value);
                    found.push((Json::Object(document), below(FieldSegment::Key(key.clone()), path)));
                }
            }
            if let Some(items) = branch.get("items") {
                for (value, path) in self.holes(items, depth - 1, hole) {
                    found.push((json!([value]), below(FieldSegment::Index(0), path)));
                }
            }
            if let Some(values) = branch.get("additionalProperties").filter(|schema| schema.is_object()) {
                for (value, path) in self.holes(values, depth - 1, hole) {
                    found.push((json!({"name": value}), below(FieldSegment::Key("name".to_owned()), path)));
                }
            }
        }
        found
    }
}

fn below(segment: FieldSegment, mut path: Vec<FieldSegment>) -> Vec<FieldSegment> {
    path.insert(0, segment);
    path
}

/// The findings for a spec.
fn findings(kind: &Kind, spec: &YamlNode) -> Vec<Diagnostic> {
    let subject = Subject::default();
    let mut report = Report::new(&subject);
    let at = FieldPath::of(&["spec"]);
    check((kind.schema)(), spec, &at, &mut report);
    let mut found = report.into_diagnostics();
    if found.is_empty()
        && let Err(error) = kind.decode(spec)
    {
        let place = error.span.map_or(at.clone(), |span| spec.path_of(&span, at));
        found.push(Diagnostic::error(apigee_flux_model::diag::Code::InvalidValue, error.message).at(place));
    }
    found
}

#[test]
fn every_field_refuses_wrong_values_in_words_of_yaml_and_at_its_place() {
    const HOLE: &str = "__hole__";
    let (mut tried, mut wrong) = (0_u32, Vec::new());
    for kind in KINDS.iter() {
        let schema = (kind.schema)().as_value();
        let walk = Walk { definitions: schema.get("$defs").and_then(Json::as_object) };
        for (document, path) in walk.holes(schema, DEPTH, &json!(HOLE)) {
            if path.is_empty() {
                continue;
            }
            let text = document.to_string();
            for odd in ODD {
                let yaml = text.replacen(&format!("\"{HOLE}\""), odd, 1);
                let node = YamlNode::parse(&yaml, 0..yaml.len()).unwrap();
                tried += 1;
                for finding in findings(kind, &node) {
                    let message = finding.text();
                    let inside = finding.field.segments().iter().skip(1).zip(&path).all(|(found, hole)| found == hole);
                    if !inside || is_foreign(&message) {
                        wrong.push(format!("{} {yaml}\n  {}: {message}", kind.name, finding.field));
                    }
                }
            }
        }
    }
    assert!(tried > 10_000, "only {tried} values were tried");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}
