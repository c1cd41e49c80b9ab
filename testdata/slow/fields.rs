//! Every field of every configuration kind is changed to another value and back: in Git, and manually in Apigee.
//!
//! The fields come from the kinds' own schemas, so that none is forgotten; `testdata/fields/KIND.yaml` has the values for each field.
//! A field without an entry fails, and so does an entry without a field. For each field:
//!
//! - Git changes from A to B to A: each change is written, with as many requests as the entry says, and Apigee ends in its first state.
//! - Git has A and a manual change in Apigee has B, and the other way round: the difference is found, named and repaired.
//! - Applying any of these states again writes nothing.
//!
//! An entry has `from` and `to`, merged into the kind's `base` (RFC 7396), and `writes`, the number of requests of the change (1 by default).
//! If a field behaves differently, the entry has one of:
//!
//! - `fixed`: it cannot be changed; the text of the error.
//! - `other`: it names another resource; the reason.
//! - `once`: Apigee does not store it, or reads it only when it creates an object; the reason. A change writes nothing.
//! - `one-way`: it requests an action that is not undone; the reason.
//! - `unseen`: Apigee does not return it, so a manual change is not found; the reason.
//! - `stays`: a manually created object is unmanaged and kept; the reason.
//!
//! `path#NOTE` is one more pair of values for a field.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use apigee_flux_configuration::Common;
use apigee_flux_configuration::secret::ValueFrom;
use apigee_flux_deployer::Polling;
use apigee_flux_deployer::apply::{self, ApplyReport, Mode, ResourceResult, apply};
use apigee_flux_deployer::client::Settings;
use apigee_flux_deployer::retry::Backoff;
use apigee_flux_deployer::{Client, TokenSource};
use apigee_flux_function::spec::KINDS;
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_sandbox::{self as sandbox, Sandbox};
use libtest_mimic::{Failed, Trial};
use schemars::SchemaGenerator;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::documents::{Applying, documents};
use super::run::function;
use super::small_bundle::upload;

/// What one kind is tried with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    /// Resources that it names, for every state.
    #[serde(default)]
    with: Vec<Value>,
    /// `proxy NAME` and `flow NAME`, imported and deployed before.
    #[serde(default)]
    bundles: Vec<String>,
    /// The keys of the Secrets, as `SECRET/KEY`. `file:PATH` is a file of the repository.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    /// The spec that the values are merged into. `file:PATH` is a file of the repository.
    base: Value,
    fields: BTreeMap<String, Field>,
}

/// How one field is changed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Field {
    #[serde(default)]
    from: Value,
    to: Value,
    #[serde(default)]
    writes: Option<usize>,
    #[serde(default)]
    fixed: Option<String>,
    #[serde(default)]
    other: Option<String>,
    #[serde(default)]
    once: Option<String>,
    #[serde(default)]
    one_way: Option<String>,
    #[serde(default)]
    unseen: Option<String>,
    #[serde(default)]
    stays: Option<String>,
}

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for kind in KINDS.iter().filter(|kind| kind.configuration().is_some()) {
        let schema = (kind.schema)().as_value().clone();
        let data = read(kind.name);
        let (name, known) = (kind.name, data.clone().map(|data| data.fields.into_keys().collect()));
        trials.push(Trial::test(format!("fields::{name}: every field"), move || complete(name, &schema, &known?)));
        for (path, field) in data.iter().flat_map(|data| data.fields.clone()) {
            let data = data.clone().unwrap();
            trials.push(Trial::test(format!("fields::{name} {path}"), move || {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
                runtime.block_on(change(name, &data, &field))
            }));
        }
    }
    trials
}

fn read(kind: &str) -> Result<Kind, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/fields/{kind}.yaml"));
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_yaml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Every field of the schema has an entry, and every entry a field.
fn complete(kind: &str, schema: &Value, known: &BTreeSet<String>) -> Result<(), Failed> {
    let common = SchemaGenerator::default().into_root_schema_for::<Common>();
    let common: BTreeSet<&String> = common.as_value()["properties"].as_object().unwrap().keys().collect();
    let mut fields = BTreeSet::new();
    let own = schema["properties"].as_object().unwrap().iter().filter(|(name, _)| !common.contains(name));
    for (name, field) in own {
        leaves(schema, field, name, &mut fields);
    }
    let plain = |path: &String| path.split('#').next().unwrap().to_owned();
    let known: BTreeSet<String> = known.iter().map(plain).collect();
    let missing: Vec<&String> = fields.difference(&known).collect();
    let strange: Vec<&String> = known.difference(&fields).collect();
    if missing.is_empty() && strange.is_empty() {
        return Ok(());
    }
    Err(format!("testdata/fields/{kind}.yaml lacks {missing:?} and has {strange:?}, which the kind does not have")
        .into())
}

/// The fields below a schema that have a value of their own: `a.b`, `list[]`, `map.*`. A secret is one field.
fn leaves(root: &Value, schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        return leaves(root, &root["$defs"][reference.trim_start_matches("#/$defs/")], path, found);
    }
    if let Some(branches) = ["anyOf", "oneOf"].iter().find_map(|key| schema[key].as_array()) {
        for branch in branches.iter().filter(|branch| branch["type"] != "null") {
            leaves(root, branch, path, found);
        }
        return;
    }
    if let Some(fields) = schema["properties"].as_object() {
        for (name, field) in fields {
            let path = format!("{path}.{name}");
            if name == "valueFrom" {
                found.insert(path)
            } else {
                leaves(root, field, &path, found);
                true
            };
        }
    } else if schema["items"].is_object() {
        leaves(root, &schema["items"], &format!("{path}[]"), found);
    } else if schema["additionalProperties"].is_object() {
        leaves(root, &schema["additionalProperties"], &format!("{path}.*"), found);
    } else {
        found.insert(path.to_owned());
    }
}

/// JSON merge patch.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let object = target.as_object_mut().unwrap();
    for (name, value) in fields {
        if value.is_null() {
            object.shift_remove(name);
        } else {
            merge(object.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

/// Replaces `file:PATH` by the file of the repository.
fn fill(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(file) = text.strip_prefix("file:") {
                *text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(fill),
        Value::Object(fields) => fields.values_mut().for_each(fill),
        _ => {}
    }
}

async fn change(kind: &str, data: &Kind, field: &Field) -> Result<(), Failed> {
    let spec = |patches: &[&Value]| {
        let mut spec = data.base.clone();
        patches.iter().filter(|patch| !patch.is_null()).for_each(|patch| merge(&mut spec, patch));
        fill(&mut spec);
        spec
    };
    let a = render(kind, data, &spec(&[&field.from]))?;
    let b = render(kind, data, &spec(&[&field.from, &field.to]))?;
    let folder = tempfile::tempdir()?;
    let world = World::start(&folder.path().join("state.json"), data).await?;
    for bundle in &data.bundles {
        world.bundle(bundle).await?;
    }
    world.apply(&a).await?;
    world.settled(&a).await?;
    let state_a = world.state();
    if let Some(text) = &field.fixed {
        let why = world.apply(&b).await.err().ok_or("the change is not rejected")?;
        if !why.contains(text.as_str()) {
            return Err(format!("the error does not contain `{text}`: {why}").into());
        }
        return same("after the error", &content(&world.state()), &content(&state_a));
    }
    let (writes, _) = world.apply(&b).await.map_err(|why| format!("A to B: {why}"))?;
    world.settled(&b).await.map_err(|why| format!("B again: {why}"))?;
    let state_b = world.state();
    if field.once.is_some() {
        if writes != 0 {
            return Err(format!("A to B took {writes} calls, and the field does nothing").into());
        }
        return same("after B", &content(&state_b), &content(&state_a));
    }
    if field.unseen.is_none() && content(&state_b) == content(&state_a) {
        return Err("A to B changes nothing in Apigee".into());
    }
    let expected = field.writes.unwrap_or(1);
    if field.other.is_some() {
        return if writes == 0 { Err("the other resource is not created".into()) } else { Ok(()) };
    }
    if writes != expected {
        return Err(format!("A to B took {writes} calls, not {expected}:\n{}", world.log()).into());
    }
    if field.one_way.is_none() {
        world.apply(&a).await.map_err(|why| format!("B to A: {why}"))?;
        world.settled(&a).await.map_err(|why| format!("A again: {why}"))?;
        same("after B to A", &content(&world.state()), &content(&state_a))?;
    }
    if field.unseen.is_some() || field.one_way.is_some() {
        return Ok(());
    }
    // Manual changes: Apigee has the objects of the other state, and the records of this one.
    for (what, git, mine, theirs) in
        [("A, manually B", &a, &state_a, &state_b), ("B, manually A", &b, &state_b, &state_a)]
    {
        let file = folder.path().join(what.replace([' ', ','], "-"));
        let mut stored: Value = serde_json::from_slice(&fs::read(folder.path().join("state.json"))?)?;
        stored["state"] = with_records_of(theirs, mine);
        fs::write(&file, stored.to_string())?;
        let world = World::start(&file, data).await?;
        let seen = world.look(git).await.map_err(|why| format!("Git {what}: {why}"))?;
        if !seen && field.stays.is_none() {
            return Err(format!("Git {what}: the difference is not found").into());
        }
        world.apply(git).await.map_err(|why| format!("Git {what}: {why}"))?;
        world.settled(git).await.map_err(|why| format!("Git {what}, again: {why}"))?;
        if field.stays.is_none() {
            same(&format!("Git {what}"), &content(&world.state()), &content(mine))?;
        }
    }
    Ok(())
}

fn same(what: &str, found: &Value, expected: &Value) -> Result<(), Failed> {
    if found == expected {
        return Ok(());
    }
    let mut differences = Vec::new();
    differ(found, expected, "", &mut differences);
    Err(format!("{what} Apigee has something else:\n{}", differences.join("\n")).into())
}

fn differ(found: &Value, expected: &Value, at: &str, all: &mut Vec<String>) {
    if found == expected {
        return;
    }
    if let (Value::Object(a), Value::Object(b)) = (found, expected) {
        let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for name in names {
            differ(&found[name], &expected[name], &format!("{at}/{name}"), all);
        }
        return;
    }
    all.push(format!("{at}: {found}, not {expected}"));
}

/// The fields that the server sets.
const OF_THE_SERVER: [&str; 8] =
    ["createdAt", "lastModifiedAt", "modified", "sequence", "issuedAt", "expiresAt", "time", "deployStartTime"];

/// The state of Apigee without the fields that the server sets, without records and empty values, and with sorted lists of attributes and
/// keys.
fn content(state: &Value) -> Value {
    match state {
        Value::Object(fields) => {
            let kept =
                fields.iter().filter(|(name, _)| *name != "apigee-flux" && !OF_THE_SERVER.contains(&name.as_str()));
            let kept = kept.map(|(name, value)| (name.clone(), content(value)));
            let is_empty = |value: &Value| {
                value.is_null()
                    || *value == json!({})
                    || *value == json!([])
                    || *value == json!("")
                    || *value == json!(false)
            };
            Value::Object(kept.filter(|(_, value)| !is_empty(value)).collect::<BTreeMap<_, _>>().into_iter().collect())
        }
        Value::Array(elements) => {
            let mut elements: Vec<Value> = elements.iter().map(content).collect();
            elements.sort_by_key(Value::to_string);
            Value::Array(elements)
        }
        other => other.clone(),
    }
}

/// A state with the records of another one.
fn with_records_of(state: &Value, other: &Value) -> Value {
    match state {
        Value::Object(fields) => Value::Object(
            fields
                .iter()
                .map(|(name, value)| {
                    let other = &other[name];
                    let value = if name == "apigee-flux" { other.clone() } else { with_records_of(value, other) };
                    (name.clone(), value)
                })
                .collect(),
        ),
        other => other.clone(),
    }
}

/// The documents that are rendered from a state of Git.
fn render(kind: &str, data: &Kind, spec: &Value) -> Result<Vec<Applying>, Failed> {
    let resource = |kind: &str, name: &str, spec: &Value| json!({"apiVersion": "apigeeflux.dev/v1alpha1", "kind": kind, "metadata": {"name": name, "namespace": "apigee"}, "spec": spec});
    let mut input = vec![resource("ApigeeEnvironment", "dev", &json!({"organization": "acme"}))];
    input.extend(
        data.with
            .iter()
            .map(|one| resource(one["kind"].as_str().unwrap(), one["name"].as_str().unwrap(), &one["spec"])),
    );
    input.push(resource(kind, "it", spec));
    let input: Vec<String> = input.iter().map(Value::to_string).collect();
    let ran = function(&input.join("\n---\n"));
    if ran.failed {
        return Err(format!("the function rejects {spec}: {}", ran.stderr).into());
    }
    let mut found = documents(&ran.stdout);
    // The environment's before the organization's.
    found.sort_by_key(|applying| applying.place.environment.is_none());
    Ok(found)
}

struct World {
    sandbox: Sandbox,
    client: Client,
    http: reqwest::Client,
    secrets: Arc<BTreeMap<String, Vec<u8>>>,
}

impl World {
    async fn start(state: &Path, data: &Kind) -> Result<Self, Failed> {
        let options = sandbox::SandboxOptions {
            progressing: Duration::ZERO,
            state_file: Some(state.to_owned()),
            ..sandbox::SandboxOptions::default()
        };
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await?;
        let backoff = Backoff { first: Duration::from_millis(10), attempts: 3, ..Backoff::default() };
        let settings = Settings { rate: 10_000.try_into().unwrap(), backoff, ..Settings::default() };
        let client = Client::new(sandbox.url().parse().unwrap(), TokenSource::None, &settings).unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read = |text: &String| match text.strip_prefix("file:") {
            Some(file) => fs::read(root.join(file)).unwrap(),
            None => text.clone().into_bytes(),
        };
        let secrets = data.secrets.iter().map(|(key, text)| (key.clone(), read(text))).collect();
        Ok(Self { sandbox, client, http: reqwest::Client::new(), secrets: Arc::new(secrets) })
    }

    fn state(&self) -> Value {
        self.sandbox.with_state(|state, _| serde_json::to_value(state).unwrap())
    }

    fn log(&self) -> String {
        let requests = self.sandbox.requests();
        let writes = requests.iter().filter(|request| request.is_write);
        let lines: Vec<String> = writes.map(|request| format!("{} {}", request.method, request.path)).collect();
        lines.join("\n")
    }

    async fn run(&self, documents: &[Applying], mode: Mode) -> Result<Vec<ApplyReport>, String> {
        let mut reports = Vec::new();
        for Applying { place, owner, document } in documents {
            let options = apply::ApplyOptions {
                workers: 1.try_into().unwrap(),
                timeout: Duration::from_millis(300),
                polling: Polling {
                    first: Duration::from_millis(10),
                    longest: Duration::from_millis(50),
                    ..Polling::default()
                },
                mode,
                ..apply::ApplyOptions::new(owner)
            };
            let secrets = Arc::clone(&self.secrets);
            let look_up = Arc::new(move |place: &ValueFrom| match place {
                ValueFrom::SecretKeyRef(secret) => {
                    let key = format!("{}/{}", secret.name, secret.key);
                    secrets.get(&key).cloned().ok_or_else(|| format!("no {key} in the test"))
                }
                ValueFrom::File(path) => Err(format!("no file `{path}` in a test")),
            });
            let report = apply(&self.client, place, document, look_up, &options, Arc::new(|_| {})).await;
            let report = report.map_err(|error| error.to_string())?;
            if let Some(applied) = report.resources.iter().find(|applied| applied.result == ResourceResult::Failed) {
                return Err(format!("{}: {}", applied.id, applied.reason));
            }
            reports.push(report);
        }
        Ok(reports)
    }

    /// Applies; returns the number of requests that write, without those for records.
    async fn apply(&self, documents: &[Applying]) -> Result<(usize, Vec<ApplyReport>), String> {
        let before = self.sandbox.requests().len();
        let reports = self.run(documents, Mode::Write).await?;
        let requests = self.sandbox.requests();
        let is_record = |path: &str| path.contains("/keyvaluemaps/apigee-flux") || path.ends_with("/keyvaluemaps");
        let writes = requests[before..].iter().filter(|request| request.is_write && !is_record(&request.path)).count();
        Ok((writes, reports))
    }

    /// Applying again writes nothing.
    async fn settled(&self, documents: &[Applying]) -> Result<(), String> {
        let reports = self.run(documents, Mode::Write).await?;
        let changed =
            reports.iter().flat_map(|report| &report.resources).find(|one| one.result != ResourceResult::Unchanged);
        let writes: u32 = reports.iter().map(|report| report.writes).sum();
        match changed {
            Some(one) => Err(format!("{} is {:?} again: {}", one.id, one.result, one.reason)),
            None if writes > 0 => Err(format!("{writes} calls write something though nothing changed")),
            None => Ok(()),
        }
    }

    /// Whether a read-only run finds a difference, and names a field or the action.
    async fn look(&self, documents: &[Applying]) -> Result<bool, String> {
        let before = self.state();
        let reports = self.run(documents, Mode::Look).await?;
        if self.state() != before {
            return Err("a read-only run changes something".to_owned());
        }
        let mut all = reports.iter().flat_map(|report| &report.resources);
        Ok(all.any(|one| one.result == ResourceResult::Updated && !one.reason.is_empty()))
    }

    /// Imports and deploys `proxy NAME` or `flow NAME`.
    async fn bundle(&self, line: &str) -> Result<(), Failed> {
        let (kind, name) = line.split_once(' ').unwrap();
        let kind = if kind == "proxy" { BundleKind::Proxy } else { BundleKind::SharedFlow };
        upload(&self.http, &self.sandbox.url(), kind, name, Some("dev")).await
    }
}
