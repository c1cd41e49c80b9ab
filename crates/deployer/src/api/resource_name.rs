//! Names a proxy or shared flow.

use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::names::Name;

/// A proxy or shared flow of an organization.
#[derive(Debug, Clone, Copy)]
pub struct ResourceName<'a> {
    /// The organization.
    pub organization: &'a Name,
    /// Proxy or shared flow.
    pub kind: BundleKind,
    /// Its name.
    pub name: &'a Name,
}
