//! A Job that reads a document: the list of a batch, or configuration.

use crate::k8s::{Intent, Object};

/// The Job, the ConfigMaps with its document, and what it applies.
pub(super) struct JobWithDocument {
    /// The ConfigMaps.
    pub maps: Vec<Object>,
    /// The name of their file, which must not change with the digest.
    pub stem: String,
    /// The Job.
    pub job: Object,
    /// What the Job applies.
    pub intent: Intent,
}
