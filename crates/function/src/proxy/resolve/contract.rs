//! The OpenAPI document that a proxy follows.

use crate::openapi::OpenApiDocument;
use crate::proxy::model::flow::Step;
use apigee_flux_model::diag::FieldPath;

/// An OpenAPI document that was read.
pub(super) struct Contract {
    pub(super) document: OpenApiDocument,
    /// The field `openapi`.
    pub(super) at: FieldPath,
    /// Whether a request that matches no operation is answered with an error.
    pub(super) reject_unknown: bool,
    /// The step that checks a request against it.
    pub(super) validation: Option<Step>,
}
