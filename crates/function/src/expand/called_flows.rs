//! Checks calls of shared flows: cycles, removed shared flows, and names that are probably misspelled.

use std::collections::{BTreeMap, BTreeSet};

use super::bundle_resource::BundleResource;
use super::environment::Environment;
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, has_errors, nearest};

/// An organization and one of its environments.
type EnvironmentKey<'b> = (&'b str, &'b str);

/// The shared flows of an environment by their names in Apigee.
type Flows<'b> = BTreeMap<&'b str, &'b BundleResource<'b>>;

/// Checks the calls of shared flows, separately for each environment.
pub(super) fn check<'b>(bundles: &'b [BundleResource<'b>], diagnostics: &mut Vec<Diagnostic>) {
    let mut places: BTreeMap<EnvironmentKey<'b>, Flows<'b>> = BTreeMap::new();
    let flows: Vec<&BundleResource<'b>> =
        bundles.iter().filter(|bundle| bundle.kind == BundleKind::SharedFlow && bundle.removal().is_none()).collect();
    for flow in &flows {
        for environment in &flow.environments {
            places.entry((environment.organization(), environment.name())).or_default().insert(&flow.name, flow);
        }
    }
    // A flow with an error is not in the list, so a call of it would look like a missing flow.
    let complete = !has_errors(diagnostics);
    let mut tell = |diagnostic: Diagnostic| {
        // Most environments have the same flows: report each finding once.
        if !diagnostics.contains(&diagnostic) {
            diagnostics.push(diagnostic);
        }
    };
    for caller in bundles.iter().filter(|bundle| bundle.removal().is_none()) {
        leaving(caller, bundles).into_iter().for_each(&mut tell);
    }
    for flows in places.values() {
        circles(flows).into_iter().for_each(&mut tell);
    }
    for caller in bundles.iter().filter(|bundle| complete && bundle.removal().is_none()) {
        for environment in &caller.environments {
            let none = Flows::new();
            let here = places.get(&(environment.organization(), environment.name())).unwrap_or(&none);
            let missing = caller.requires.shared_flows.iter().filter(|name| !here.contains_key(name.as_str()));
            missing.filter_map(|name| missing_flow(caller, name, environment.name(), &flows)).for_each(&mut tell);
        }
    }
}

/// Reports the shared flows that a bundle calls in an environment from which they are removed.
fn leaving(caller: &BundleResource<'_>, bundles: &[BundleResource<'_>]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let gone = |bundle: &&BundleResource<'_>| bundle.kind == BundleKind::SharedFlow && bundle.removal().is_some();
    for flow in bundles.iter().filter(gone).filter(|flow| caller.requires.shared_flows.contains(&flow.name)) {
        let left = flow.environments.iter().find(|left| caller.environments.iter().any(|at| same_place(at, left)));
        let Some(environment) = left else { continue };
        // Another resource may define a flow of the same name in that environment.
        let stays = bundles.iter().any(|other| {
            let same = other.kind == BundleKind::SharedFlow && other.name == flow.name && other.removal().is_none();
            same && other.environments.iter().any(|at| same_place(at, environment))
        });
        if stays {
            continue;
        }
        let message = format!(
            "the shared flow `{}` is removed from environment `{}`, where {} still calls it",
            flow.name,
            environment.name(),
            caller.resource.subject.label()
        );
        found.push(
            Diagnostic::error(Code::SharedFlowInUse, message)
                .of(&flow.resource.subject)
                .at(FieldPath::of(&["spec", "deploy", "state"]))
                .help("remove the call first: otherwise requests to that API fail, or Apigee refuses to undeploy the shared flow"),
        );
    }
    found
}

fn same_place(one: &Environment<'_>, other: &Environment<'_>) -> bool {
    (one.organization(), one.name()) == (other.organization(), other.name())
}

/// Reports each cycle once, at its first member by name.
fn circles(flows: &Flows<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut done = BTreeSet::new();
    for name in flows.keys() {
        let mut path = Vec::new();
        follow(name, flows, &mut path, &mut done, &mut found);
    }
    found
}

fn follow<'b>(
    name: &'b str,
    flows: &Flows<'b>,
    path: &mut Vec<&'b str>,
    done: &mut BTreeSet<&'b str>,
    found: &mut Vec<Diagnostic>,
) {
    if let Some(start) = path.iter().position(|above| *above == name) {
        found.push(circle(&path[start..], flows));
        return;
    }
    let Some(flow) = flows.get(name) else { return };
    if !done.insert(name) {
        return;
    }
    path.push(name);
    for called in &flow.requires.shared_flows {
        follow(called, flows, path, done, found);
    }
    path.pop();
}

fn circle(members: &[&str], flows: &Flows<'_>) -> Diagnostic {
    let first = members.iter().enumerate().min_by_key(|(_, name)| **name).map_or(0, |(index, _)| index);
    let mut order: Vec<&str> = members.to_vec();
    order.rotate_left(first);
    let name = order.first().copied().unwrap_or_default();
    let chain: Vec<String> = order.iter().chain(order.first()).map(|name| format!("`{name}`")).collect();
    let diagnostic = Diagnostic::error(
        Code::SharedFlowCircle,
        format!("shared flows call each other in a cycle: {}", chain.join(" calls ")),
    )
    .help("Apigee deploys a shared flow after those that it calls: remove one of the calls");
    match flows.get(name) {
        Some(flow) => diagnostic.of(&flow.resource.subject),
        None => diagnostic,
    }
}

/// Only a warning, and only for a probable mistake: any other shared flow may exist in Apigee already.
fn missing_flow(
    caller: &BundleResource<'_>,
    name: &str,
    environment: &str,
    flows: &[&BundleResource<'_>],
) -> Option<Diagnostic> {
    let warning = |message| Diagnostic::warning(Code::MissingSharedFlow, message).of(&caller.resource.subject);
    if flows.iter().any(|flow| flow.name == name) {
        let message =
            format!("the shared flow `{name}` is called in environment `{environment}`, but not deployed there");
        return Some(warning(message).help("add the environment to the `spec.environments` of the ApigeeSharedFlow"));
    }
    let renamed = flows.iter().find(|flow| flow.resource.names.iter().any(|known| known == name));
    let near = renamed
        .map(|flow| flow.name.as_str())
        .or_else(|| nearest(name, flows.iter().map(|flow| flow.name.as_str())))?;
    let message = format!("no ApigeeSharedFlow `{name}` is in the input");
    Some(warning(message).propose(near).help("otherwise it must exist in Apigee already"))
}
