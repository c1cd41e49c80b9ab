//! What a proxy is in Apigee's words: endpoints, flows, steps, policies and targets, and their XML. It knows nothing of specs.

pub(super) mod api_proxy;
mod bundle_files;
pub(super) mod fault_handling;
pub(super) mod flow;
pub(super) mod proxy_endpoint;
pub(super) mod shared_flow;
pub(super) mod target_endpoint;
