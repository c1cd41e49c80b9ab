//! Names of things in Apigee and Google Cloud, each parsed once.

pub mod endpoint;
pub mod kubernetes;
pub mod kubernetes_rules;
mod name;
mod revision_id;
mod service_account;

pub use endpoint::Endpoint;
pub use name::Name;
pub use revision_id::RevisionId;
pub use service_account::ServiceAccount;

/// The base path that Apigee serves: an empty path is `/`, and a trailing slash is ignored.
pub fn served_path(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    if path.is_empty() { "/" } else { path }
}
