//! Shared flows that run before and after every proxy of an environment.

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
pub(super) fn attached_flow_hooks(_organization: &Organization, _environment: &str) -> Vec<AttachedFlowHook> {
    Vec::new()
}
