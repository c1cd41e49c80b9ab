//! Creates Secrets in the cluster, for keys that Apigee generated.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::error::Error;
use apigee_flux_configuration::NewSecret;

/// What happened to a Secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretCreation {
    /// It is created.
    Created,
    /// One with this name exists; it was neither read nor changed.
    Exists,
}

/// Creates Secrets in the namespace of the pod.
#[derive(Clone)]
pub struct SecretWriter(Arc<dyn Fn(NewSecret) -> BoxFuture<'static, Result<SecretCreation, Error>> + Send + Sync>);

impl SecretWriter {
    /// A writer that calls a function.
    pub fn new(
        create: impl Fn(NewSecret) -> BoxFuture<'static, Result<SecretCreation, Error>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(create))
    }

    /// Creates a Secret if there is none with its name.
    pub async fn create(&self, secret: NewSecret) -> Result<SecretCreation, Error> {
        (self.0)(secret).await
    }
}

impl fmt::Debug for SecretWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretWriter")
    }
}
