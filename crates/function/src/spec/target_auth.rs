//! `targets[].auth`, and `auth` of a callout: the credential that requests carry.

use schemars::JsonSchema;
use serde::Deserialize;

use super::secret_ref::SecretRef;
use apigee_flux_model::yaml::word_or::WordOr;

/// A credential for the target: exactly one field must be set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetAuth {
    /// An OpenID Connect token, for example for Cloud Run and Cloud Functions.
    pub google_id_token: Option<GoogleIdToken>,
    /// An OAuth access token, for example for Google APIs.
    pub google_access_token: Option<GoogleAccessToken>,
    /// A user name and a password.
    pub basic: Option<BasicCredential>,
    /// A header, for example with an API key of the target.
    pub header: Option<HeaderCredential>,
}

/// A user name and a password in the header `Authorization`. It replaces the header of the caller.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BasicCredential {
    /// The user name, or a reference to it.
    pub username: WordOr<String, SecretRef>,
    /// A reference to the password.
    pub password: SecretRef,
}

/// A header with a credential. It replaces the header of the caller.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderCredential {
    /// The name of the header.
    pub name: String,
    /// A reference to the value.
    pub value: SecretRef,
    /// The prefix of the value, for example `Bearer`, followed by a space. Default: no prefix.
    pub scheme: Option<String>,
}

/// The Google credential of a callout: exactly one field must be set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GoogleAuth {
    /// An OpenID Connect token, for example for Cloud Run and Cloud Functions.
    pub google_id_token: Option<GoogleIdToken>,
    /// An OAuth access token, for example for Google APIs.
    pub google_access_token: Option<GoogleAccessToken>,
}

/// An OpenID Connect token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GoogleIdToken {
    /// The audience. Default: the URL of the target.
    pub audience: Option<String>,
}

/// An OAuth access token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GoogleAccessToken {
    /// The scopes. Default: `https://www.googleapis.com/auth/cloud-platform`.
    #[serde(default)]
    pub scopes: Vec<String>,
}
