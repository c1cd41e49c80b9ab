//! `securitySchemes` and `security`.

use indexmap::IndexMap;
use serde_json::Value as Json;

/// Schemes that are required together: name → scopes.
pub type Requirement = IndexMap<String, Vec<String>>;

/// How callers authenticate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecurityScheme {
    /// An API key.
    ApiKey {
        /// `header`, `query` or `cookie`.
        location: String,
        /// The name of the header or parameter.
        name: String,
    },
    /// The `Authorization` header of HTTP.
    Http {
        /// `basic`, `bearer` or another scheme, in lower case.
        scheme: String,
    },
    /// An access token.
    OAuth2,
    /// A token of an OpenID Connect provider.
    OpenIdConnect {
        /// The URL of the discovery document of the provider.
        url: String,
    },
    /// Another type.
    Other(String),
}

impl SecurityScheme {
    pub(super) fn read(value: &Json) -> Self {
        let field = |name: &str| value.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        match field("type").as_str() {
            "apiKey" => Self::ApiKey { location: field("in"), name: field("name") },
            "http" => Self::Http { scheme: field("scheme").to_lowercase() },
            "oauth2" => Self::OAuth2,
            "openIdConnect" => Self::OpenIdConnect { url: field("openIdConnectUrl") },
            other => Self::Other(other.to_owned()),
        }
    }
}

/// The alternatives of a `security` field; `None` if there is no such field.
pub(super) fn requirements(holder: &Json) -> Option<Vec<Requirement>> {
    let alternatives = holder.get("security")?.as_array()?;
    let scopes = |scopes: &Json| scopes.as_array().into_iter().flatten().filter_map(super::text).collect();
    let requirement = |alternative: &Json| {
        let schemes = alternative.as_object().into_iter().flatten();
        schemes.map(|(name, value)| (name.clone(), scopes(value))).collect()
    };
    Some(alternatives.iter().map(requirement).collect())
}
