//! What a user writes: one file per kind and per concept inside a kind.

pub mod api_proxy;
pub mod bundle_source;
pub mod cors;
pub mod credential;
pub mod deploy;
pub mod endpoint;
pub mod faults;
pub mod flow;
pub mod operation;
pub mod route;
pub mod security;
pub mod step;
pub mod target;
pub mod traffic;
pub mod word_or;

pub use api_proxy::ApigeeProxySpec;
pub use bundle_source::BundleSource;
