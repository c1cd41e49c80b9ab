//! What Apigee takes: the names, lengths, characters and numbers of each kind and field, with the page of Google's documentation that says so.
//!
//! One table for all: the check of a spec reports what is outside, the deployer refuses a secret that is, and the sandbox answers 400. A
//! test walks [`TEXTS`] and [`COUNTS`] through all three.
//!
//! Where two pages differ, what both allow is taken for a name that this program gives to something new. The pages are
//! [`LIMITS`], [`NAMING`] and the discovery document `apigee.v1` ([`DISCOVERY`]).

mod count;
mod host;
pub mod path;
mod text;

pub mod counts;
pub mod texts;

pub use count::{COUNTS, Count};
pub use text::{Broken, TEXTS, Text, Unit};

/// Google's page "Limits".
pub const LIMITS: &str = "https://cloud.google.com/apigee/docs/api-platform/reference/limits";

/// Google's page "Naming guidelines".
pub const NAMING: &str = "https://cloud.google.com/apigee/docs/api-platform/reference/naming-guidelines";

/// The discovery document of the management API.
pub const DISCOVERY: &str = "https://apigee.googleapis.com/$discovery/rest?version=v1";
