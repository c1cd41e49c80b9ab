//! `<Authentication>`: the Google credential that a request to a target or a callout sends.

use apigee_flux_model::xml::Element;

/// A credential of the service account of the deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authentication {
    /// An OpenID Connect token for an audience; the default is the URL of the target.
    GoogleIdToken(Option<String>),
    /// An OAuth access token with these scopes.
    GoogleAccessToken(Vec<String>),
}

impl Authentication {
    /// The element.
    pub fn element(&self) -> Element {
        Element::new("Authentication").child(match self {
            Self::GoogleIdToken(audience) => Element::new("GoogleIDToken").child(match audience {
                Some(audience) => Element::leaf("Audience", audience),
                None => Element::new("Audience").attribute("useTargetUrl", true),
            }),
            Self::GoogleAccessToken(scopes) => Element::new("GoogleAccessToken")
                .child(Element::new("Scopes").children(scopes.iter().map(|scope| Element::leaf("Scope", scope)))),
        })
    }
}
