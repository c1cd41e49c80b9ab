//! The reference page of a kind: a table for each type that its `spec` consists of.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use super::{GENERATED, cell};
use crate::spec::{GROUP, Kind, VERSION};

/// The reference page of a kind.
pub fn kind(kind: &Kind) -> String {
    let schema = (kind.schema)().as_value();
    let empty = Map::new();
    let definitions = schema.get("$defs").and_then(Json::as_object).unwrap_or(&empty);
    let mut writer = Writer { definitions, page: String::new(), waiting: Vec::new(), seen: BTreeSet::new() };
    let _ = write!(
        writer.page,
        "{GENERATED}\n# {}\n\n{}\n\n```yaml\napiVersion: {GROUP}/{VERSION}\nkind: {}\nmetadata:\n  name: NAME\nspec: …\n```\n\n## spec\n\n",
        kind.name,
        kind.doc.trim(),
        kind.name
    );
    writer.page.push_str(
        "Any value may also be `{from: {kind, name, jsonPath}}`, a field of another resource in the input; any text may contain \
         `$(values.NAME)` of the ApigeeEnvironment.\n\n",
    );
    writer.object(schema);
    while !writer.waiting.is_empty() {
        let name = writer.waiting.remove(0);
        writer.definition(&name);
    }
    writer.page
}

struct Writer<'s> {
    definitions: &'s Map<String, Json>,
    page: String,
    /// Types that a page refers to and that are not shown yet.
    waiting: Vec<String>,
    seen: BTreeSet<String>,
}

impl<'s> Writer<'s> {
    fn definition(&mut self, name: &str) {
        let Some(schema) = self.definitions.get(name) else { return };
        let _ = write!(self.page, "\n## {name}\n\n");
        if let Some(description) = schema.get("description").and_then(Json::as_str) {
            let _ = write!(self.page, "{}\n\n", description.replace('\n', " "));
        }
        if schema.get("properties").is_some() {
            self.object(schema);
        } else {
            self.words(schema);
        }
    }

    /// The fields of a mapping.
    fn object(&mut self, schema: &'s Json) {
        let required: Vec<&str> =
            schema.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).collect();
        self.page.push_str("| field | type | |\n|---|---|---|\n");
        for (name, property) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
            let mark = if required.contains(&name.as_str()) { " (required)" } else { "" };
            let description = property.get("description").and_then(Json::as_str).unwrap_or_default();
            let shape = self.shape(property);
            let _ = writeln!(self.page, "| `{name}`{mark} | {} | {} |", cell(&shape), cell(description));
        }
    }

    /// The keywords of a choice.
    fn words(&mut self, schema: &'s Json) {
        let branches = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Json::as_array);
        let mut any = false;
        for branch in branches.into_iter().flatten() {
            let description = branch.get("description").and_then(Json::as_str).unwrap_or_default();
            for word in words(branch) {
                any = true;
                let _ = writeln!(self.page, "- `{word}`: {}", cell(description));
            }
            // A choice of fields, exactly one of which is set.
            for (field, property) in branch.get("properties").and_then(Json::as_object).into_iter().flatten() {
                any = true;
                let shape = self.shape(property);
                let _ = writeln!(self.page, "- `{field}` ({}): {}", cell(&shape), cell(description));
            }
        }
        if !any {
            let shape = self.shape(schema);
            let _ = writeln!(self.page, "{shape}");
        }
    }

    /// The type of a value in plain English.
    fn shape(&mut self, schema: &'s Json) -> String {
        if let Some(reference) = schema.get("$ref").and_then(Json::as_str) {
            let name = reference.trim_start_matches("#/$defs/").to_owned();
            return self.reference(name);
        }
        if let Some(branches) = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Json::as_array) {
            let mut shapes: Vec<String> = Vec::new();
            for branch in branches {
                let shape = self.shape(branch);
                if !shape.is_empty() && !shapes.contains(&shape) {
                    shapes.push(shape);
                }
            }
            return shapes.join(" or ");
        }
        let words = words(schema);
        if !words.is_empty() {
            return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        }
        let types: Vec<&str> = match schema.get("type") {
            Some(Json::String(one)) => vec![one],
            Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
            _ => return "any value".to_owned(),
        };
        let shapes = types.iter().filter_map(|name| match *name {
            "string" => Some("text".to_owned()),
            "integer" => Some("whole number".to_owned()),
            "number" => Some("number".to_owned()),
            "boolean" => Some("`true` or `false`".to_owned()),
            "array" => Some(match schema.get("items") {
                Some(items) => format!("list of {}", self.shape(items)),
                None => "list".to_owned(),
            }),
            "object" => Some(match schema.get("additionalProperties") {
                Some(inner @ Json::Object(_)) => format!("mapping of names to {}", self.shape(inner)),
                Some(Json::Bool(true)) => "mapping of names to any value".to_owned(),
                _ => "mapping".to_owned(),
            }),
            _ => None,
        });
        shapes.collect::<Vec<_>>().join(" or ")
    }

    /// A link to a type; a choice of one keyword is shown in place.
    fn reference(&mut self, name: String) -> String {
        let Some(schema) = self.definitions.get(&name) else { return name };
        let branches = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Json::as_array);
        // A single keyword needs no section.
        if let Some([only]) = branches.map(Vec::as_slice)
            && let [word] = words(only).as_slice()
        {
            return format!("`{word}`");
        }
        if branches.is_none() && schema.get("properties").is_none() {
            return self.shape(schema);
        }
        let link = format!("[{name}](#{})", name.to_lowercase());
        if self.seen.insert(name.clone()) {
            self.waiting.push(name);
        }
        link
    }
}

/// The keywords that a branch allows, if it is a choice of keywords.
fn words(branch: &Json) -> Vec<&str> {
    let choice = branch.get("enum").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
    choice.chain(branch.get("const").and_then(Json::as_str)).collect()
}
