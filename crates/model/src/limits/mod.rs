//! Apigee's limits: the names, lengths, characters and counts that each kind and field allows, with the page of Google's documentation.
//!
//! There is one table for all uses: the check of a spec reports a value outside the limits, the deployer rejects such a secret, and the
//! sandbox responds with 400. A test verifies [`TEXTS`] and [`COUNTS`] in all three.
//!
//! If two pages differ, new names may have only what both pages allow. The pages are [`LIMITS`], [`NAMING`] and the discovery document
//! `apigee.v1` ([`DISCOVERY`]).

mod count_limit;
mod host;
pub mod path;
mod text_limit;

pub mod counts;
pub mod texts;

pub use count_limit::{COUNTS, CountLimit};
pub use text_limit::{Broken, TEXTS, TextLimit, Unit};

/// Google's page "Limits".
pub const LIMITS: &str = "https://cloud.google.com/apigee/docs/api-platform/reference/limits";

/// Google's page "Naming guidelines".
pub const NAMING: &str = "https://cloud.google.com/apigee/docs/api-platform/reference/naming-guidelines";

/// The discovery document of the management API.
pub const DISCOVERY: &str = "https://apigee.googleapis.com/$discovery/rest?version=v1";
