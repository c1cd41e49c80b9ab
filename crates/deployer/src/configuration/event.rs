//! What a run that applies configuration reports while it works.

use std::sync::Arc;

use crate::configuration::outcome::Applied;
use crate::event::Event;
use apigee_flux_configuration::{Id, Place};

/// Receives the events of a run: a step of a resource, or its result.
pub type ApplyListener = Arc<dyn Fn(ApplyEvent<'_>) + Send + Sync>;

/// An event of a run.
#[derive(Debug, Clone, Copy)]
pub enum ApplyEvent<'a> {
    /// One step of one resource.
    Step(&'a Id, &'a Event),
    /// The result of one resource of a place.
    Ended(Place<'a>, &'a Applied),
}
