//! A key of an app with its secret and its products: `GoogleCloudApigeeV1Credential`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ConfigState;
use super::api_product::is_manual;
use crate::api::{ApiError, ApiRequest, Object};

/// The length of the keys that Apigee generates; a secret is longer.
const KEY_LENGTH: usize = 48;

/// A key.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Credential {
    pub(crate) consumer_key: String,
    pub(crate) consumer_secret: String,
    /// Milliseconds since 1970.
    pub(crate) issued_at: u64,
    /// In milliseconds since 1970; `None`: never.
    pub(crate) expires_at: Option<u64>,
    pub(crate) is_revoked: bool,
    pub(crate) products: Vec<ProductRef>,
    pub(crate) scopes: Vec<String>,
    pub(crate) attributes: Vec<Value>,
}

/// A product of a key.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ProductRef {
    pub(crate) apiproduct: String,
    /// `approved`, `pending` or `revoked`.
    pub(crate) status: String,
}

impl Credential {
    /// A key that the server generates. The lifetime is in milliseconds; with -1 or `None` the key never expires.
    pub(crate) fn mint(
        config: &mut ConfigState,
        request: &ApiRequest,
        products: &[String],
        lifetime: Option<i64>,
    ) -> Self {
        let key = config.fresh(request);
        let mut credential = Self {
            consumer_key: key.get(..KEY_LENGTH).unwrap_or_default().to_owned(),
            consumer_secret: config.fresh(request),
            issued_at: request.now,
            expires_at: lifetime.and_then(|time| u64::try_from(time).ok()).map(|time| request.now.saturating_add(time)),
            ..Self::default()
        };
        credential.add_products(config, products);
        credential
    }

    /// Adds products; existing ones are not changed.
    pub(crate) fn add_products(&mut self, config: &ConfigState, products: &[String]) {
        for name in products {
            if !self.products.iter().any(|of| of.apiproduct == *name) {
                let status = if is_manual(config, name) { "pending" } else { "approved" };
                self.products.push(ProductRef { apiproduct: name.clone(), status: status.to_owned() });
            }
        }
    }

    /// The key as a message, with the secret.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "consumerKey": self.consumer_key,
            "consumerSecret": self.consumer_secret,
            "issuedAt": self.issued_at.to_string(),
            "expiresAt": self.expires_at.map_or_else(|| "-1".to_owned(), |time| time.to_string()),
            "status": status(self.is_revoked),
            "apiProducts": self.products,
            "scopes": self.scopes,
            "attributes": self.attributes,
        })
    }
}

/// The status of a key or an app.
pub(crate) fn status(is_revoked: bool) -> &'static str {
    if is_revoked { "revoked" } else { "approved" }
}

/// True for `action=revoke`, false for `action=approve`.
pub(crate) fn revokes(action: &str) -> Result<bool, ApiError> {
    match action {
        "approve" => Ok(false),
        "revoke" => Ok(true),
        other => Err(ApiError::invalid_argument(format!("invalid action \"{other}\": set it to approve or revoke"))),
    }
}

/// The attributes in a body.
pub(crate) fn attributes(body: &Object) -> Vec<Value> {
    body.get("attributes").and_then(Value::as_array).cloned().unwrap_or_default()
}
