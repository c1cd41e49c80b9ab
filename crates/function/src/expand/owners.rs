//! Owners that contradict each other.

use super::environment::Environment;
use apigee_flux_configuration::Scope;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath};

/// Reports two ApigeeEnvironments of one organization with different owners, if the input has resources of the organization: each of the two could
/// own them, and adding or removing an environment would change the owner.
///
/// An owner that several environments or namespaces share does no harm: a record in Apigee also has the namespace, and each namespace has one
/// reconciler for an organization.
pub(super) fn check<'e>(
    environments: &[Environment<'_>],
    configured: impl Iterator<Item = (Scope, &'e Environment<'e>)>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut told: Vec<&str> = Vec::new();
    for (_, first) in configured.filter(|(scope, _)| *scope == Scope::Organization) {
        let organization = first.organization();
        let differs =
            |other: &&Environment<'_>| other.organization() == organization && other.spec.owner != first.spec.owner;
        let Some(other) = environments.iter().find(differs).filter(|_| !told.contains(&organization)) else { continue };
        told.push(organization);
        let owner = |environment: &Environment<'_>| match &environment.spec.owner {
            Some(owner) => format!("`{owner}`"),
            None => "none".to_owned(),
        };
        let message = format!(
            "the resources of the organization `{organization}` would have the `owner` of {}, {}, but {} sets {}",
            first.resource.subject.label(),
            owner(first),
            other.resource.subject.label(),
            owner(other)
        );
        diagnostics.push(
            Diagnostic::error(Code::ConflictingFields, message)
                .of(&other.resource.subject)
                .at(FieldPath::of(&["spec", "owner"]))
                .help("set the same `owner` in all ApigeeEnvironments of the organization, or render its resources from another input"),
        );
    }
}
