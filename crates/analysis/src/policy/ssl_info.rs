//! SSLInfo: TLS settings of targets and of log servers.

use apigee_flux_model::xml::Element;

/// TLS to a server; always on and enforced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SslInfo {
    /// The keystore with the trusted certificate authorities; `None` for the public ones.
    pub trust_store: Option<String>,
    /// The keystore and the alias of the client certificate.
    pub client: Option<(String, String)>,
}

impl SslInfo {
    /// The element.
    pub fn element(&self) -> Element {
        let client = self.client.as_ref().map(|(key_store, key_alias)| {
            [
                Element::leaf("ClientAuthEnabled", true),
                Element::leaf("KeyStore", key_store),
                Element::leaf("KeyAlias", key_alias),
            ]
        });
        Element::new("SSLInfo")
            .child(Element::leaf("Enabled", true))
            .child(Element::leaf("Enforce", true))
            .children(client.into_iter().flatten())
            .children(self.trust_store.as_ref().map(|store| Element::leaf("TrustStore", store)))
    }
}
