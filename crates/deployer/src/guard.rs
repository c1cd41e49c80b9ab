//! A last question before a write.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::error::Error;
use apigee_flux_configuration::Id;

type Ask = dyn Fn(&Id) -> BoxFuture<'static, Result<(), Error>> + Send + Sync;

/// Asked immediately before the writes of one resource: an error stops them. [`Error::Left`] leaves the resource to its own Job.
#[derive(Clone)]
pub struct Guard(Arc<Ask>);

impl Guard {
    /// A guard that asks a function.
    pub fn new(ask: impl Fn(&Id) -> BoxFuture<'static, Result<(), Error>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(ask))
    }

    /// Asks whether a resource may be written now.
    pub async fn ask(&self, id: &Id) -> Result<(), Error> {
        (self.0)(id).await
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}
