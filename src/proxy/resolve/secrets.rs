//! Secrets that a spec points to.

use super::super::flow::Step;
use super::context::Context;
use super::names;
use crate::diag::FieldPath;
use crate::policy::key_value_map_operations::{Entry, Key, ReadMap};
use crate::spec::secret_ref::SecretRef;

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
    let entry = Entry { key: Key::Literal(secret.kvm.key.clone()), variable: variable.to_owned() };
    context.add(name, &ReadMap { map: secret.kvm.map.clone(), entries: vec![entry] }, &at)
}
