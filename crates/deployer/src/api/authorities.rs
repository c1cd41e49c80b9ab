//! Certificate authorities that are trusted for the management API in addition to those of the system.

use std::sync::Arc;

use reqwest::{Certificate, ClientBuilder};

/// Certificates in PEM.
///
/// Invariant: there is at least one, and each can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorities(Arc<[u8]>);

impl Authorities {
    /// Reads a file of certificates. The error says what it lacks.
    pub fn parse(pem: &[u8]) -> Result<Self, String> {
        match Certificate::from_pem_bundle(pem) {
            Ok(list) if !list.is_empty() => Ok(Self(pem.into())),
            _ => Err("it has no certificate; a certificate is enclosed in `-----BEGIN CERTIFICATE-----` and \
                      `-----END CERTIFICATE-----`"
                .to_owned()),
        }
    }

    /// Adds them to what a client trusts.
    pub(crate) fn add_to(&self, client: ClientBuilder) -> ClientBuilder {
        // `parse` has parsed them, so there is no error to report.
        client.tls_certs_merge(Certificate::from_pem_bundle(&self.0).unwrap_or_default())
    }
}
