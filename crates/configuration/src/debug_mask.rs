//! `ApigeeDebugMask`: the data that debug sessions of an environment mask (`environments.debugmask`).
//!
//! Each environment has exactly one mask, which always exists; an empty mask counts as missing. An update appends to the lists unless it
//! sets `replaceRepeatedFields`, and changes only the fields in its `updateMask`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::call::{Answer, Body, Change, Field, Read, Request, Shape, Verb};
use super::collection::{Compare, field_names};
use super::{Configuration, ConfigurationSpec, Crud, Plan, Scope, Wanted};
use apigee_flux_model::diag::{Code, FieldPath, Report};

/// The data that debug sessions of an environment mask.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DebugMask {
    /// Flow variables to mask, for example `request.header.authorization`.
    #[serde(default)]
    pub variables: Vec<String>,
    /// XPaths of elements to mask in XML requests.
    #[serde(default)]
    pub request_x_paths: Vec<String>,
    /// XPaths of elements to mask in XML responses.
    #[serde(default)]
    pub response_x_paths: Vec<String>,
    /// XPaths of elements to mask in XML faults.
    #[serde(default)]
    pub fault_x_paths: Vec<String>,
    /// JSONPaths of fields to mask in JSON requests, for example `$.card.number`.
    #[serde(default, rename = "requestJSONPaths")]
    pub request_json_paths: Vec<String>,
    /// JSONPaths of fields to mask in JSON responses.
    #[serde(default, rename = "responseJSONPaths")]
    pub response_json_paths: Vec<String>,
    /// JSONPaths of fields to mask in JSON faults.
    #[serde(default, rename = "faultJSONPaths")]
    pub fault_json_paths: Vec<String>,
    /// The namespace URI of each prefix in the XPaths.
    #[serde(default)]
    pub namespaces: BTreeMap<String, String>,
}

impl ConfigurationSpec for DebugMask {
    const CRUD: &'static dyn Crud = &Masks;
}

impl DebugMask {
    fn x_paths(&self) -> [(&'static str, &[String]); 3] {
        [
            ("requestXPaths", &self.request_x_paths),
            ("responseXPaths", &self.response_x_paths),
            ("faultXPaths", &self.fault_x_paths),
        ]
    }

    fn json_paths(&self) -> [(&'static str, &[String]); 3] {
        [
            ("requestJSONPaths", &self.request_json_paths),
            ("responseJSONPaths", &self.response_json_paths),
            ("faultJSONPaths", &self.fault_json_paths),
        ]
    }
}

impl Configuration for DebugMask {
    fn scope(&self) -> Scope {
        Scope::Environment
    }

    fn fixed_name(&self) -> Option<&'static str> {
        Some("debugmask")
    }

    fn body(&self, _: &str) -> Value {
        let mut body = Map::new();
        let variables = [("variables", self.variables.as_slice())];
        for (field, list) in variables.into_iter().chain(self.x_paths()).chain(self.json_paths()) {
            if !list.is_empty() {
                body.insert(field.to_owned(), json!(list));
            }
        }
        if !self.namespaces.is_empty() {
            body.insert("namespaces".to_owned(), json!(self.namespaces));
        }
        Value::Object(body)
    }

    fn check(&self, _: &str, report: &mut Report<'_>) {
        let at = |field: &str| FieldPath::of(&["spec", field]);
        if self.body("").as_object().is_none_or(|body| body.keys().all(|field| field == "namespaces")) {
            let message = "the mask hides nothing: add `variables` or paths, or remove the resource";
            report.error(Code::InvalidValue, FieldPath::of(&["spec"]), message);
        }
        for (field, paths) in self.json_paths() {
            for (index, path) in paths.iter().enumerate().filter(|(_, path)| !path.starts_with('$')) {
                let message = format!("`{path}` is not a JSONPath: a JSONPath begins with `$`");
                report.error(Code::InvalidValue, at(field).index(index), message);
            }
        }
        for (field, paths) in self.x_paths() {
            for (index, path) in paths.iter().enumerate() {
                let prefixes = path.split('/').filter_map(|step| step.split_once(':')).map(|(prefix, _)| prefix);
                // `axis::name` is not a prefix, and anything that is not a plain name is an expression.
                let is_name = |prefix: &&str| prefix.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c));
                let unknown = |prefix: &&str| !path.contains("::") && !self.namespaces.contains_key(*prefix);
                if let Some(prefix) = prefixes.filter(is_name).find(unknown) {
                    let message = format!("`{path}` uses the undefined prefix `{prefix}`: add its URI to `namespaces`");
                    report.error(Code::InvalidValue, at(field).index(index), message);
                }
            }
        }
    }
}

#[derive(Debug)]
struct Masks;

/// The fields of a mask: its name, its namespaces, then lists without an order.
const FIELDS: &[&str] = &[
    "name",
    "namespaces",
    "variables",
    "requestXPaths",
    "responseXPaths",
    "faultXPaths",
    "requestJSONPaths",
    "responseJSONPaths",
    "faultJSONPaths",
];

/// Apigee may return an empty mask without any field.
const SHAPE: Shape = Shape::empty_or(FIELDS);

const COMPARE: Compare = Compare { server_set: &["name"], sets: FIELDS.split_at(2).1, ..Compare::PLAIN };

/// The update that sets the fields that differ to their values in `body`, and empties fields that `body` does not have.
fn update(wanted: &Wanted<'_>, body: &Value, what: &str, fields: Vec<Field>) -> Option<Change> {
    let names = field_names(&fields);
    if names.is_empty() {
        return None;
    }
    let sent: Map<String, Value> =
        names.split(", ").filter_map(|name| Some((name.to_owned(), body.get(name)?.clone()))).collect();
    let path = wanted.place.path(&["debugmask"]);
    let request = Request::new(Verb::Patch, path, Body::Json(Value::Object(sent)), "apigee.maskconfigs.update")
        .with("updateMask", names.replace(", ", ","))
        .with("replaceRepeatedFields", "true");
    Some(Change { what: format!("{what} {names}"), request, fields })
}

fn live(answers: &[Answer]) -> &Value {
    answers.first().map_or(&Value::Null, Answer::json)
}

impl Crud for Masks {
    fn reads(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        vec![Read::json(wanted.place.path(&["debugmask"]), "apigee.maskconfigs.get").of(SHAPE)]
    }

    fn exists(&self, _: &Wanted<'_>, answers: &[Answer]) -> bool {
        COMPARE.canonical(live(answers)).as_object().is_some_and(|fields| !fields.is_empty())
    }

    fn plan(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Plan, String> {
        let fields = COMPARE.differences(wanted, live(answers));
        Ok(Plan { changes: update(wanted, wanted.body, "set", fields).into_iter().collect(), parts: Vec::new() })
    }

    fn remove(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Vec<Change>, String> {
        let nothing = json!({});
        let fields = COMPARE.differences(&Wanted { body: &nothing, ..wanted.clone() }, live(answers));
        Ok(update(wanted, &nothing, "empty", fields).into_iter().collect())
    }
}
