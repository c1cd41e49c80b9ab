//! A bundle: the files that Apigee imports as one revision of a proxy or a shared flow.
//!
//! Nothing here depends on YAML or Kubernetes. Invariant: a file that a user wrote is never serialized again; its bytes
//! are copied from the source to the ConfigMap and from the mount to the upload.

pub mod batch;
pub mod digest;
mod file_kind;
pub mod files;
pub mod manifest;
pub mod map_key;
mod revision_record;
pub mod root_xml;
pub mod schedule;
pub mod settings;
pub mod zip;

pub use batch::{Batch, BatchEntry};
pub use digest::Digest;
pub use file_kind::{FileKind, is_clutter, plain_path};
pub use files::{BundleKind, BundlePath, Files, PathError};
pub use manifest::Manifest;
pub use revision_record::{Replaced, RevisionRecord};
pub use settings::{DeploySettings, Removal, SmokeTest};

/// Apigee's limit ("API proxy revisions", Apigee limits page).
pub const MAX_REVISIONS: usize = 250;
