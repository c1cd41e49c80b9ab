//! SSLInfo: TLS towards a server, of targets and of logs.

use apigee_flux_model::xml::Element;

/// TLS towards a server; always on and enforced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SslInfo {
    /// The keystore with the authorities to trust; the public ones without.
    pub trust_store: Option<String>,
    /// Keystore and alias of the client certificate.
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
