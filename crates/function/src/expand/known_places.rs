//! The namespaces that keep the inventory and the reconciler of an environment although no spec is left in them.
//!
//! Otherwise the last resource that is removed from Git would never be pruned: its reconciler would be removed together with it.

use super::ExpandOptions;
use super::environment::Environment;
use apigee_flux_model::krm::{Input, Item, annotation};
use apigee_flux_model::names::kubernetes::{ENVIRONMENT, ORGANIZATION, label_value};
use apigee_flux_model::yaml::YamlNode;

/// The roles of the outputs that say which environment a namespace serves: the inventory, and the CronJob.
const ROLES: [&str; 2] = ["inventory", "reconcile"];

/// An environment and a namespace that serves it, according to an output of an earlier run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownPlace {
    /// The namespace.
    pub namespace: String,
    /// The value of the output's label with the organization.
    pub organization: String,
    /// The value of the output's label with the environment.
    pub environment: String,
}

/// A namespace that keeps the reconciler of an environment.
pub(super) struct KeptNamespace<'r> {
    pub namespace: String,
    pub environment: &'r Environment<'r>,
    /// Whether specs may have moved away from it. The namespace of the ApigeeEnvironment alone does not say so: another input may have an
    /// ApigeeEnvironment there, whose proxies must not be taken from it.
    pub is_origin: bool,
}

/// What an output of an earlier run says about its namespace. `None` for other items, and for outputs without a namespace.
pub fn known_place(input: &Input<'_>, item: &Item<'_>) -> Option<KnownPlace> {
    let header = &item.header;
    if !header.is_output() || !ROLES.contains(&header.annotation(annotation::ROLE)?) {
        return None;
    }
    let node = input.node(item).ok()?;
    let labels = node.get("metadata")?.get("labels")?;
    let label = |name| labels.get(name).and_then(YamlNode::as_str).map(str::to_owned);
    Some(KnownPlace {
        namespace: header.namespace.as_deref()?.to_owned(),
        organization: label(ORGANIZATION)?,
        environment: label(ENVIRONMENT)?,
    })
}

/// The namespaces, each with its environment, in a stable order. Only environments that are rendered.
pub(super) fn all<'r>(
    input: &Input<'_>,
    options: &ExpandOptions<'_>,
    environments: &'r [Environment<'r>],
) -> Vec<KeptNamespace<'r>> {
    let mut before: Vec<KnownPlace> = input.items().iter().filter_map(|item| known_place(input, item)).collect();
    before.extend(options.known.iter().cloned());
    before.sort();
    let mut places = Vec::new();
    let wanted = |environment: &&Environment<'_>| options.environment.is_none_or(|only| environment.is_named(only));
    for environment in environments.iter().filter(wanted) {
        let own = environment.resource.namespace().filter(|_| environment.spec.reconcile().is_some());
        let kept =
            |namespace: &str, is_origin| KeptNamespace { namespace: namespace.to_owned(), environment, is_origin };
        places.extend(own.map(|namespace| kept(namespace, false)));
        places.extend(environment.spec.namespaces.iter().map(|namespace| kept(namespace, true)));
        let labels = (label_value(environment.organization()), label_value(environment.name()));
        let same = before.iter().filter(|place| (&place.organization, &place.environment) == (&labels.0, &labels.1));
        let is_other = |namespace: &str| environment.resource.namespace() != Some(namespace);
        places.extend(same.map(|place| kept(&place.namespace, is_other(&place.namespace))));
    }
    places
}
