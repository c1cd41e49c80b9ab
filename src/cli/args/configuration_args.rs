//! The options of the commands that write configuration: its secrets.

use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::args::OutputArgs;
use crate::cli::secrets::look_up;
use apigee_flux_deployer::apply::Secrets;
use apigee_flux_deployer::secret_writer::SecretWriter;
use apigee_flux_deployer::{Error, in_cluster};

/// Where the secrets of a configuration are.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ConfigurationArgs {
    /// Folder of the mounted Secrets, with a file SECRET/KEY for each key
    #[arg(long, value_name = "DIR", default_value = "secrets")]
    secrets: PathBuf,
    /// Another folder from which files may be read as secrets, in addition to /secrets-store and /vault/secrets; may be given several times
    #[arg(long = "secret-folder", value_name = "DIR")]
    secret_folders: Vec<String>,
    /// In a pod: create the Secrets that the specs name for generated keys of apps, in the same namespace
    #[arg(long)]
    create_secrets: bool,
}

impl ConfigurationArgs {
    /// Looks up secrets in the folder of the mounted Secrets, and files in the folders for files.
    pub(in crate::cli) fn secrets(&self) -> Secrets {
        let (folder, for_files) = (self.secrets.clone(), self.secret_folders.clone());
        Arc::new(move |place: &_| look_up(&folder, &for_files, place))
    }

    /// Creates Secrets by the Kubernetes API, with the credential of the pod; `None` if no Secret is to be created.
    pub(in crate::cli) fn secret_writer(&self, output: &OutputArgs) -> Result<Option<SecretWriter>, Error> {
        if !self.create_secrets {
            return Ok(None);
        }
        let server = output
            .api_server()
            .map_err(|why| Error::Temporary(format!("Secrets cannot be created (--create-secrets): {why}")))?;
        let server = Arc::new(server);
        Ok(Some(SecretWriter::new(move |secret| {
            let server = Arc::clone(&server);
            Box::pin(async move { in_cluster::create_secret(&server, &secret).await })
        })))
    }
}
