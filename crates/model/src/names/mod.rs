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
