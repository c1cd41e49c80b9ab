//! The spec of a proxy, merged with the defaults of its profiles, and the origin of each field of the result.
//!
//! It works on the YAML nodes, before values are filled in and types are checked: an invalid field is found once, at the end, and
//! reported at the resource and field in which it was written.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::resolve::is_reference;
use crate::spec::profile::is_default;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report, Subject};
use apigee_flux_model::yaml::{Entry, ScalarStyle, Value, YamlNode};

/// A spec that provides defaults.
#[derive(Debug, Clone, Copy)]
pub(super) struct ProfileLayer<'r> {
    pub subject: &'r Subject,
    pub priority: i32,
    pub spec: &'r YamlNode,
}

/// The spec of a proxy with its defaults.
#[derive(Debug)]
pub(super) struct Overlay<'r> {
    spec: Cow<'r, YamlNode>,
    /// From the highest priority to the lowest.
    layers: &'r [ProfileLayer<'r>],
    origins: Vec<DefaultOrigin>,
}

/// Where a part of the result was written.
#[derive(Debug)]
struct DefaultOrigin {
    /// Its path in the result.
    at: FieldPath,
    /// The layer that it comes from; `None` for the proxy itself.
    layer: Option<usize>,
    /// Its path in that spec.
    field: FieldPath,
}

const POLICIES: &str = "policies";

/// Fields that are alternatives: a proxy that sets one of them does not get another one from a profile.
const CHOICES: [(&[&str], &[&str]); 1] = [(&["spec", "security"], &["apiKey", "oauth2", "jwt", "basic", "hmac"])];

impl<'r> Overlay<'r> {
    /// Merges the layers, from the highest priority to the lowest, into the spec of a proxy.
    pub(super) fn new(own: &'r YamlNode, layers: &'r [ProfileLayer<'r>], report: &mut Report<'_>) -> Self {
        let mut overlay = Self { spec: Cow::Borrowed(own), layers, origins: Vec::new() };
        if layers.is_empty() || !matches!(own.value, Value::Mapping(_)) {
            return overlay;
        }
        let at = FieldPath::of(&["spec"]);
        let mut spec = own.clone();
        for (layer, ProfileLayer { spec: defaults, .. }) in layers.iter().enumerate() {
            let taken = defaults.entries().iter().filter(|entry| entry.key != POLICIES && is_default(&entry.key));
            overlay.fill(&mut spec, taken, layer, &at, report);
        }
        overlay.surround(&mut spec);
        overlay.add_policies(&mut spec, report);
        overlay.spec = Cow::Owned(spec);
        overlay
    }

    /// The merged spec.
    pub(super) fn spec(&self) -> &YamlNode {
        &self.spec
    }

    /// Maps a finding on the result to the resource and field in which it was written.
    pub(super) fn trace(&self, diagnostic: Diagnostic) -> Diagnostic {
        let within = self.origins.iter().filter_map(|origin| Some((origin, diagnostic.field.below(&origin.at)?)));
        let Some((origin, rest)) = within.min_by_key(|(_, rest)| rest.len()) else { return diagnostic };
        let field = rest.iter().cloned().fold(origin.field.clone(), FieldPath::join);
        match origin.layer.and_then(|layer| self.layers.get(layer)) {
            Some(layer) => diagnostic.at(field).of(layer.subject),
            None => diagnostic.at(field),
        }
    }

    /// The layer that set the value at a path; `None` for the proxy itself.
    fn owner(&self, at: &FieldPath) -> Option<usize> {
        let within = self.origins.iter().filter_map(|origin| Some((origin.layer, at.below(&origin.at)?.len())));
        within.min_by_key(|(_, rest)| *rest).and_then(|(layer, _)| layer)
    }

    /// Adds the entries that a mapping does not have yet. Every path is the same in both; only `flow` has a different form.
    fn fill<'n>(
        &mut self,
        into: &mut YamlNode,
        entries: impl Iterator<Item = &'n Entry>,
        layer: usize,
        at: &FieldPath,
        report: &mut Report<'_>,
    ) {
        for entry in entries.filter(|entry| !entry.value.is_null()) {
            let inner = at.key(&entry.key);
            if let Some(other) = other_choice(into, at, &entry.key) {
                self.check_conflict(&at.key(other), &inner, layer, report);
                continue;
            }
            let Value::Mapping(known) = &mut into.value else { return };
            match known.iter_mut().find(|known| known.key == entry.key) {
                Some(known) if known.value.is_null() => {
                    known.value = entry.value.clone();
                    self.origins.push(DefaultOrigin { at: inner.clone(), layer: Some(layer), field: inner });
                }
                Some(known) if is_merged(&known.value, &entry.value, &inner) => {
                    self.fill(&mut known.value, entry.value.entries().iter(), layer, &inner, report);
                }
                Some(known) => {
                    if !is_same(&known.value, &entry.value) {
                        self.check_conflict(&inner, &inner, layer, report);
                    }
                }
                None => {
                    known.push(entry.clone());
                    self.origins.push(DefaultOrigin { at: inner.clone(), layer: Some(layer), field: inner });
                }
            }
        }
    }

    /// Reports that two layers with the same priority set the same field.
    fn check_conflict(&self, taken: &FieldPath, at: &FieldPath, layer: usize, report: &mut Report<'_>) {
        let other = self.owner(taken).and_then(|other| self.layers.get(other));
        let (Some(other), Some(this)) = (other, self.layers.get(layer)) else { return };
        if other.priority == this.priority {
            let message = format!(
                "{} sets another value for `{taken}`, with the same priority {}",
                other.subject.label(),
                other.priority
            );
            report.push(
                Diagnostic::error(Code::ProfileConflict, message)
                    .of(this.subject)
                    .at(at)
                    .help("give one of them a higher `priority`, or let them select different proxies"),
            );
        }
    }

    /// Adds the steps of the layers before and after the proxy's own steps: the higher the priority, the further outside.
    fn surround(&mut self, spec: &mut YamlNode) {
        let own = spec.get("flow").filter(|flow| !flow.is_null()).cloned();
        if own.as_ref().is_some_and(|own| !matches!(own.value, Value::Mapping(_))) {
            return;
        }
        let span = own.as_ref().map_or_else(|| spec.span.clone(), |own| own.span.clone());
        let mut entries = own.as_ref().map(YamlNode::entries).unwrap_or_default().to_vec();
        for direction in ["request", "response"] {
            let written = own.as_ref().and_then(|own| own.get(direction)).filter(|steps| !steps.is_null());
            if written.is_some_and(|steps| !matches!(steps.value, Value::Sequence(_))) {
                continue;
            }
            let of_layer = |layer: &ProfileLayer<'r>, place: &str| {
                let flow = layer.spec.get("flow");
                flow.and_then(|flow| flow.get(place)?.get(direction))
                    .map(YamlNode::elements)
                    .unwrap_or_default()
                    .to_vec()
            };
            let steps_of = |(index, layer): (usize, &ProfileLayer<'r>), place: &'static str| {
                let field = FieldPath::of(&["spec", "flow", place, direction]);
                let steps = of_layer(layer, place).into_iter().enumerate();
                steps.map(move |(number, step)| (Some(index), field.index(number), step)).collect::<Vec<_>>()
            };
            let layers = || self.layers.iter().enumerate();
            let at = FieldPath::of(&["spec", "flow", direction]);
            let own_steps = written.map(YamlNode::elements).unwrap_or_default().iter().enumerate();
            let own_steps = own_steps.map(|(number, step)| (None, at.index(number), step.clone()));
            let before = layers().flat_map(|layer| steps_of(layer, "before"));
            let after = layers().rev().flat_map(|layer| steps_of(layer, "after"));
            let all: Vec<_> = before.chain(own_steps).chain(after).collect();
            if all.iter().all(|(layer, ..)| layer.is_none()) {
                continue;
            }
            let mut steps = Vec::new();
            for (number, (layer, field, step)) in all.into_iter().enumerate() {
                self.origins.push(DefaultOrigin { at: at.index(number), layer, field });
                steps.push(step);
            }
            let value = YamlNode { span: span.clone(), value: Value::Sequence(steps) };
            put(&mut entries, direction, value);
        }
        if let Value::Mapping(fields) = &mut spec.value
            && !entries.is_empty()
        {
            put(fields, "flow", YamlNode { span, value: Value::Mapping(entries) });
        }
    }

    /// Adds the policies of the layers that a step uses: a profile may define more policies than a proxy needs.
    fn add_policies(&mut self, spec: &mut YamlNode, report: &mut Report<'_>) {
        let mut used = BTreeSet::new();
        collect_used(spec, &mut used);
        let at = FieldPath::of(&["spec"]).key(POLICIES);
        for (layer, ProfileLayer { spec: defaults, .. }) in self.layers.iter().enumerate() {
            let offered = defaults.get(POLICIES).map(YamlNode::entries).unwrap_or_default();
            let mut wanted = offered.iter().filter(|entry| used.contains(&entry.key)).peekable();
            let Value::Mapping(fields) = &mut spec.value else { return };
            if wanted.peek().is_none() {
                continue;
            }
            if !fields.iter().any(|entry| entry.key == POLICIES && !entry.value.is_null()) {
                put(fields, POLICIES, YamlNode { span: spec.span.clone(), value: Value::Mapping(Vec::new()) });
            }
            if let Some(entry) = fields.iter_mut().find(|entry| entry.key == POLICIES) {
                self.fill(&mut entry.value, wanted, layer, &at, report);
            }
        }
    }
}

/// Sets a key of a mapping.
fn put(entries: &mut Vec<Entry>, key: &str, value: YamlNode) {
    match entries.iter_mut().find(|entry| entry.key == key) {
        Some(entry) => entry.value = value,
        None => entries.push(Entry { key: key.to_owned(), key_span: value.span.clone(), value }),
    }
}

/// Collects the names of policies in steps: the values of `policy`.
fn collect_used(node: &YamlNode, used: &mut BTreeSet<String>) {
    for entry in node.entries() {
        match entry.value.as_str() {
            Some(name) if entry.key == "policy" => drop(used.insert(name.to_owned())),
            _ => collect_used(&entry.value, used),
        }
    }
    node.elements().iter().for_each(|element| collect_used(element, used));
}

/// True if the fields of two values are merged; a policy or a reference is taken as a whole.
fn is_merged(known: &YamlNode, added: &YamlNode, at: &FieldPath) -> bool {
    let mapping = |node: &YamlNode| matches!(node.value, Value::Mapping(_)) && !is_reference(node);
    let policy = at.below(&FieldPath::of(&["spec", POLICIES])).is_some_and(|rest| !rest.is_empty());
    mapping(known) && mapping(added) && !policy
}

/// Another field that is set and an alternative to this one.
fn other_choice<'n>(mapping: &'n YamlNode, at: &FieldPath, key: &str) -> Option<&'n str> {
    let (_, keys) = CHOICES.iter().find(|(path, keys)| *at == FieldPath::of(path) && keys.contains(&key))?;
    let given = mapping.entries().iter().filter(|entry| !entry.value.is_null());
    given.map(|entry| entry.key.as_str()).find(|other| *other != key && keys.contains(other))
}

/// True for equal values, independent of their position.
fn is_same(a: &YamlNode, b: &YamlNode) -> bool {
    match (&a.value, &b.value) {
        (Value::Scalar(a, style), Value::Scalar(b, other)) => {
            a == b && (*style == ScalarStyle::Plain) == (*other == ScalarStyle::Plain)
        }
        (Value::Sequence(a), Value::Sequence(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Value::Mapping(a), Value::Mapping(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.key == b.key && is_same(&a.value, &b.value))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(yaml: &str) -> YamlNode {
        YamlNode::parse(yaml, 0..yaml.len()).unwrap()
    }

    /// The result as JSON, the origin of each of the paths, and the findings. The layers are `(priority, spec)`.
    fn merged(own: &str, layers: &[(i32, &str)], paths: &[&[&str]]) -> (serde_json::Value, Vec<String>, Vec<String>) {
        let (own, subject) = (node(own), Subject { name: "own".into(), ..Subject::default() });
        let nodes: Vec<(Subject, YamlNode)> = layers
            .iter()
            .enumerate()
            .map(|(index, (_, spec))| (Subject { name: format!("p{}", index + 1), ..Subject::default() }, node(spec)))
            .collect();
        let layers: Vec<ProfileLayer<'_>> = nodes
            .iter()
            .zip(layers)
            .map(|((subject, spec), (priority, _))| ProfileLayer { subject, priority: *priority, spec })
            .collect();
        let mut report = Report::new(&subject);
        let overlay = Overlay::new(&own, &layers, &mut report);
        let traced = |path: &&[&str]| {
            let at = path.iter().fold(FieldPath::of(&["spec"]), |at, key| match key.parse() {
                Ok(index) => at.index(index),
                Err(_) => at.key(*key),
            });
            let found = overlay.trace(Diagnostic::error(Code::InvalidValue, "x").of(&subject).at(at));
            format!("{} {}", found.subject.unwrap().name, found.field)
        };
        let told = paths.iter().map(traced).collect();
        let found = report.into_diagnostics();
        let line = |d: &Diagnostic| format!("{} {}: {}", d.subject.as_ref().unwrap().name, d.field, d.message);
        (overlay.spec().to_json(), told, found.iter().map(line).collect())
    }

    #[test]
    fn what_the_proxy_writes_wins_field_by_field() {
        let (spec, told, found) = merged(
            "{basePath: /x, security: {apiKey: {in: query}}, traffic: none, cors: {origins: [a]}, faults: }",
            &[(
                0,
                "{selector: {}, basePath: /y, security: {headers: default, apiKey: {name: k}}, traffic: {quota: none}, \
                 cors: {origins: [b, c], maxAge: 5}, faults: none}",
            )],
            &[&["security", "headers"], &["security", "apiKey", "name"], &["security", "apiKey", "in"], &["faults"]],
        );
        assert_eq!(
            spec,
            serde_json::json!({
                "basePath": "/x",
                "security": {"apiKey": {"in": "query", "name": "k"}, "headers": "default"},
                "traffic": "none",
                "cors": {"origins": ["a"], "maxAge": 5},
                "faults": "none",
            })
        );
        assert_eq!(
            told,
            [
                "p1 spec.security.headers",
                "p1 spec.security.apiKey.name",
                "own spec.security.apiKey.in",
                "p1 spec.faults"
            ]
        );
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn a_higher_priority_wins_and_the_same_must_agree() {
        let layers = [
            (9, "{faults: none}"),
            (0, "{faults: json, security: {headers: none}, cors: {origins: [a]}}"),
            (0, "{faults: json, security: {headers: default}, cors: {origins: [a]}}"),
        ];
        let (spec, told, found) = merged("{basePath: /x}", &layers, &[&["faults"], &["security", "headers"]]);
        assert_eq!(
            spec,
            serde_json::json!({
                "basePath": "/x", "faults": "none", "security": {"headers": "none"}, "cors": {"origins": ["a"]},
            })
        );
        assert_eq!(told, ["p1 spec.faults", "p2 spec.security.headers"]);
        assert_eq!(
            found,
            ["p3 spec.security.headers: p2 sets another value for `spec.security.headers`, with the same priority 0"]
        );
        // Nothing is taken for fields that the proxy sets itself, so there is no conflict.
        let (_, _, found) = merged("{security: {headers: none}}", &layers, &[]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn one_credential_replaces_another() {
        let (spec, ..) = merged("{security: {jwt: {}}}", &[(0, "{security: {apiKey: {}, headers: default}}")], &[]);
        assert_eq!(spec, serde_json::json!({"security": {"jwt": {}, "headers": "default"}}));
        let (_, _, found) =
            merged("{basePath: /x}", &[(1, "{security: {jwt: {}}}"), (1, "{security: {apiKey: {}}}")], &[]);
        assert_eq!(
            found,
            ["p2 spec.security.apiKey: p1 sets another value for `spec.security.jwt`, with the same priority 1"]
        );
    }

    #[test]
    fn steps_are_put_around_and_known_by_their_own_places() {
        let outer =
            "{flow: {before: {request: [{policy: a}]}, after: {request: [{policy: z}], response: [{policy: r}]}}}";
        let inner = "{flow: {before: {request: [{policy: b}]}, after: {request: [{policy: y}]}}}";
        let (spec, told, _) = merged(
            "{flow: {request: [{policy: own}]}}",
            &[(1, outer), (0, inner)],
            &[&["flow", "request", "1"], &["flow", "request", "2"], &["flow", "request", "4", "policy"], &["flow"]],
        );
        let steps = |names: &[&str]| names.iter().map(|name| serde_json::json!({"policy": name})).collect::<Vec<_>>();
        assert_eq!(
            spec,
            serde_json::json!({"flow": {"request": steps(&["a", "b", "own", "y", "z"]), "response": steps(&["r"])}})
        );
        assert_eq!(
            told,
            [
                "p2 spec.flow.before.request[0]",
                "own spec.flow.request[0]",
                "p1 spec.flow.after.request[0].policy",
                "own spec.flow"
            ]
        );
    }

    #[test]
    fn a_policy_is_taken_whole_and_only_if_a_step_uses_it() {
        let (spec, ..) = merged(
            "{flow: {request: [{policy: A}, {policy: B}]}, policies: {A: {Quota: {Mine: 1}}}}",
            &[(0, "{policies: {A: {Quota: {Theirs: 1}}, B: {Quota: {Theirs: 1}}, C: {Quota: {}}}}")],
            &[],
        );
        assert_eq!(spec["policies"], serde_json::json!({"A": {"Quota": {"Mine": 1}}, "B": {"Quota": {"Theirs": 1}}}));
    }

    #[test]
    fn a_reference_is_one_value() {
        let (spec, ..) = merged(
            "{deploy: {from: {kind: A, name: b, jsonPath: $.c}}}",
            &[(0, "{deploy: {serviceAccount: a}, traffic: {from: {kind: A, name: b, jsonPath: $.c}}}")],
            &[],
        );
        assert_eq!(spec["deploy"].as_object().unwrap().len(), 1);
        assert!(spec["traffic"]["from"].is_object());
    }
}
