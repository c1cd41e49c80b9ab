//! What a Job needs to create Secrets for keys that Apigee generates: a Role that allows to create Secrets, and neither to read nor to
//! change one.

use super::api_access::{callers, grant, rule};
use super::metadata::Metadata;
use super::object::Object;

/// The argument that makes the deployer create Secrets.
pub(super) const ARGUMENT: &str = "--create-secrets";

/// The name of the Role and its RoleBinding.
const ROLE: &str = "apigee-deployer-secrets";

/// The Role and RoleBinding for the pods that create Secrets; `None` if there is none. All objects are in one namespace.
pub fn secret_access<'o>(objects: impl Iterator<Item = &'o Object>, metadata: &Metadata<'_>) -> Option<[Object; 2]> {
    let creators = callers(objects, ARGUMENT);
    if creators.names.is_empty() {
        return None;
    }
    // A rule cannot restrict `create` to names.
    Some(grant(ROLE, vec![rule("", "secrets", &["create"], None)], creators.accounts, metadata))
}
