//! A feature and its place in the order.

use super::context::Context;
use super::endpoint::Draft;

/// What one feature adds to a proxy endpoint. Its steps come after all that earlier features have added.
#[derive(Clone, Copy)]
pub(super) struct Feature {
    pub(super) adds: Ordered,
    pub(super) add: fn(&mut Draft<'_>, &mut Context<'_, '_>),
}

/// What runs, where, and why it runs in this order: a page of the documentation is generated from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ordered {
    /// What runs.
    pub what: &'static str,
    /// Where it runs.
    pub places: &'static [StepPlace],
    /// Why it runs at this point of the order.
    pub why: &'static str,
}

/// A place in a proxy endpoint where steps run in the order of the features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StepPlace {
    /// `PreFlow`, `Request`: every request.
    Request,
    /// `Flows`: one operation.
    Operation,
    /// `PostFlow`, `Response`: every response.
    Response,
    /// `FaultRules` and `DefaultFaultRule`, of the target endpoints too.
    Fault,
    /// `PostClientFlow`: after the response was sent.
    PostClient,
}
