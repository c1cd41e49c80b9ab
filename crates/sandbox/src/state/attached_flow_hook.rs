//! Flow hooks: shared flows that run before and after every proxy of an environment.

use super::state::Organization;

/// A flow hook and the shared flow that is attached to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AttachedFlowHook {
    /// For example `PreProxyFlowHook`.
    pub(super) hook: String,
    /// The name of the shared flow.
    pub(super) shared_flow: String,
}

/// The attached flow hooks of an environment.
pub(super) fn attached_flow_hooks(organization: &Organization, environment: &str) -> Vec<AttachedFlowHook> {
    let hooks = organization.config.flow_hooks(environment).filter(|(_, flow)| !flow.is_empty());
    hooks.map(|(hook, flow)| AttachedFlowHook { hook: hook.to_owned(), shared_flow: flow.to_owned() }).collect()
}
