//! `flow`: the user's own steps of every request and response.

use super::context::Context;
use super::endpoint::Draft;
use super::steps::{self, StepOwner};
use crate::proxy::model::flow::Flow;
use crate::spec::ApigeeProxySpec;
use apigee_flux_model::diag::FieldPath;

/// Resolves the steps once for all endpoints.
pub(super) fn resolve(spec: &ApigeeProxySpec, context: &mut Context<'_, '_>, at: &FieldPath) -> Flow {
    steps::flow(&spec.flow, &StepOwner::Bundle, context, &at.key("flow"))
}

/// Adds the steps: on the request after all checks, on the response before the headers are set.
pub(super) fn add(draft: &mut Draft<'_>, _: &mut Context<'_, '_>) {
    draft.endpoint.pre_flow.request.append(&mut draft.steps.request);
    draft.endpoint.post_flow.response.append(&mut draft.steps.response);
}
