//! The options of the commands that write configuration: its secrets.

use std::path::PathBuf;
use std::sync::Arc;

use crate::cli::secrets::look_up;
use apigee_flux_deployer::apply::Secrets;

/// Where the secrets of a configuration are.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ConfigurationArgs {
    /// Folder of the mounted Secrets, with a file SECRET/KEY for each key
    #[arg(long, value_name = "DIR", default_value = "secrets")]
    secrets: PathBuf,
    /// Another folder from which files may be read as secrets, in addition to /secrets-store and /vault/secrets; may be given several times
    #[arg(long = "secret-folder", value_name = "DIR")]
    secret_folders: Vec<String>,
}

impl ConfigurationArgs {
    /// Looks up secrets in the folder of the mounted Secrets, and files in the folders for files.
    pub(in crate::cli) fn secrets(&self) -> Secrets {
        let (folder, for_files) = (self.secrets.clone(), self.secret_folders.clone());
        Arc::new(move |place: &_| look_up(&folder, &for_files, place))
    }
}
