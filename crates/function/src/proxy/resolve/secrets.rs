//! Credentials to which a spec refers.

use super::context::Context;
use super::names;
use crate::proxy::model::flow::Step;
use crate::spec::secret_ref::SecretRef;
use apigee_flux_analysis::policy::PolicyValue;
use apigee_flux_analysis::policy::key_value_map_operations::{KeyValueMapOperations, MapOperation};
use apigee_flux_model::diag::FieldPath;

/// Adds a step that reads a secret into a variable, which must start with `private.` so that traces do not show it.
pub(super) fn read(
    name: &str,
    secret: &SecretRef,
    variable: &str,
    at: &FieldPath,
    context: &mut Context<'_, '_>,
) -> Step {
    let at = at.key("kvm");
    names::check_map(&secret.kvm.map, &at.key("map"), context.report);
    names::check_map_key(&secret.kvm.key, &at.key("key"), context.report);
    context.add(name, &get(&secret.kvm.map, PolicyValue::Text(secret.kvm.key.clone()), variable), &at)
}

/// How long Apigee may use a value before it reads the map again: a changed secret is in use everywhere after that.
const EXPIRY_SECONDS: u64 = 300;

/// Reads one entry of a map of the environment into a variable, which stays unset if the entry is missing.
pub(super) fn get(map: &str, key: PolicyValue, variable: &str) -> KeyValueMapOperations {
    KeyValueMapOperations {
        map: PolicyValue::Text(map.to_owned()),
        scope: "environment",
        expiry: EXPIRY_SECONDS,
        operations: vec![MapOperation::Get { key, variable: variable.to_owned() }],
    }
}
