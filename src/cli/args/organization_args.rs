//! The options of the commands that list an organization's resources.

use std::time::Duration;

use super::ApigeeArgs;
use crate::cli::block_on::block_on;
use apigee_flux_deployer::audit::{HistoryRow, Row, audit, history};
use apigee_flux_deployer::{Client, Error};
use apigee_flux_model::duration;
use apigee_flux_model::names::Name;

/// The environments of an organization, and how to reach them.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct OrganizationArgs {
    /// The Apigee organization
    #[arg(long = "org", value_name = "ORG")]
    organization: Name,
    /// Only these environments; default: all
    #[arg(long = "env", value_name = "ENV", value_delimiter = ',')]
    environments: Vec<Name>,
    /// Give up after this time
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    apigee: ApigeeArgs,
}

impl OrganizationArgs {
    /// The resources of the organization and of the environments, with the state of the runtime if `state` is set.
    pub(in crate::cli) fn rows(&self, state: bool) -> Result<Vec<Row>, Error> {
        block_on(async {
            let (client, environments) = self.prepare().await?;
            audit(&client, &self.organization, &environments, state).await
        })
        .flatten()
    }

    /// What the reconcilers did lately.
    pub(in crate::cli) fn history(&self) -> Result<Vec<HistoryRow>, Error> {
        block_on(async {
            let (client, environments) = self.prepare().await?;
            history(&client, &self.organization, &environments).await
        })
        .flatten()
    }

    /// The client, and the names of the environments.
    async fn prepare(&self) -> Result<(Client, Vec<Name>), Error> {
        let client = self.apigee.client()?;
        let client = client.until(client.now() + self.timeout);
        let environments = if self.environments.is_empty() {
            client.environments(&self.organization).await?
        } else {
            self.environments.clone()
        };
        Ok((client, environments))
    }
}
