//! Proxies that are removed while another proxy of the input takes their base path: a proxy with a new name.

use std::collections::BTreeMap;

use super::bundle_resource::BundleResource;
use crate::spec::deploy::BundleDeletionPolicy;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath};
use apigee_flux_model::names::served_path;

/// An organization and an environment; empty without environments.
type Place = (String, String);

/// A proxy that is deployed: its spec and its name in Apigee.
type Successor = (String, String);

/// Finds the successors of absent proxies, and warns that the change of the name interrupts the API. An absent bundle without a successor must say
/// how much is removed.
pub(super) fn find(bundles: &mut [BundleResource<'_>], diagnostics: &mut Vec<Diagnostic>) {
    let mut taken: BTreeMap<(Place, String), Successor> = BTreeMap::new();
    for bundle in bundles.iter().filter(|bundle| !bundle.is_absent()) {
        for place in places(bundle) {
            for path in &bundle.base_paths {
                let successor = (bundle.resource.subject.label(), bundle.name.clone());
                taken.entry((place.clone(), served_path(path).to_owned())).or_insert(successor);
            }
        }
    }
    for bundle in bundles.iter_mut().filter(|bundle| bundle.is_absent()) {
        let mut interrupted = None;
        let mut everywhere = true;
        for place in places(bundle) {
            let found = bundle.base_paths.iter().find_map(|path| {
                let successor = taken.get(&(place.clone(), served_path(path).to_owned()))?;
                Some((path.clone(), successor.clone()))
            });
            everywhere &= found.is_some();
            interrupted = interrupted.or(found);
        }
        let is_undecided = bundle.deploy.deletion_policy == BundleDeletionPolicy::Orphan;
        bundle.has_successor = everywhere;
        let finding = match interrupted {
            _ if is_undecided && !everywhere => undecided(),
            Some((path, successor)) => renamed(&bundle.name, &path, &successor),
            None => continue,
        };
        let finding = finding.of(&bundle.resource.subject).at(FieldPath::of(&["spec", "deploy", "state"]));
        // A spec that is read once for each environment has it once.
        if !diagnostics.contains(&finding) {
            diagnostics.push(finding);
        }
    }
}

fn places(bundle: &BundleResource<'_>) -> Vec<Place> {
    let place = |organization: &str, name: &str| (organization.to_owned(), name.to_owned());
    if bundle.environments.is_empty() {
        return vec![Place::default()];
    }
    bundle.environments.iter().map(|environment| place(environment.organization(), environment.name())).collect()
}

fn undecided() -> Diagnostic {
    Diagnostic::error(Code::MissingField, "`state: absent` requires a `deletionPolicy`, which says how much is removed").help(
        "set `deletionPolicy` to Undeploy or Delete; to keep the deployment in Apigee unchanged, remove the resource instead",
    )
}

fn renamed(name: &str, path: &str, (spec, successor): &Successor) -> Diagnostic {
    let message = format!(
        "the base path `{path}` moves from the proxy `{name}` to `{successor}`, and nothing serves it in between: Apigee accepts the new proxy only \
         after the old one is undeployed"
    );
    Diagnostic::warning(Code::RenameInterrupts, message)
        .help(format!("to avoid the interruption, set `spec.name: {name}` in {spec}, which keeps the name in Apigee, and remove this spec"))
}
