//! The options of every command that calls Apigee's management API: its endpoint, and the caller's identity.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use apigee_flux_deployer::auth::Surroundings;
use apigee_flux_deployer::authorities::Authorities;
use apigee_flux_deployer::client::Settings;
use apigee_flux_deployer::retry::Backoff;
use apigee_flux_deployer::{Client, Error, Identity, TokenSource};
use apigee_flux_disk::read_named;
use apigee_flux_model::duration;
use apigee_flux_model::names::Endpoint;
use apigee_flux_model::names::ServiceAccount;
use apigee_flux_model::names::endpoint::DEFAULT_ENDPOINT;

/// The CA certificates of a system take about a quarter of a MiB.
const MAX_PEM_BYTES: usize = 16 << 20;

/// The endpoint of the management API, and the caller's identity.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Apigee")]
pub(in crate::cli) struct ApigeeArgs {
    /// URL of the management API: https, or http to this machine, to which no Google credentials are sent [default: https://apigee.googleapis.com]
    #[arg(long, value_name = "URL", env = "APIGEE_ENDPOINT")]
    endpoint: Option<Endpoint>,
    /// Use the endpoint of a data residency region, for example eu; cannot be combined with --endpoint or APIGEE_ENDPOINT
    #[arg(long, conflicts_with = "endpoint", value_parser = Endpoint::of_region)]
    region: Option<Endpoint>,
    /// CA certificates (PEM) to trust for the endpoint, in addition to the system's; SSL_CERT_FILE replaces the system's, for token servers too
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Impersonate the last of these Google service accounts; the others are its delegates, in this order
    #[arg(long, value_name = "EMAIL", value_delimiter = ',')]
    impersonate: Vec<ServiceAccount>,
    /// Allow the key file of a service account, a credential that never expires
    #[arg(long)]
    allow_static_key: bool,
    /// Maximum number of requests per second
    #[arg(long, value_name = "N", default_value_t = Settings::DEFAULT_RATE)]
    rate: NonZeroU32,
    /// How long to wait in total while the organization's quota of requests is used up; these pauses do not count towards --timeout
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    quota_wait: Duration,
}

impl ApigeeArgs {
    /// The client for these options and environment variables. The caller must be inside a tokio runtime.
    pub(in crate::cli) fn client(&self) -> Result<Client, Error> {
        self.client_for(None)
    }

    /// The same for an environment whose spec may name an endpoint; the options take precedence. Specs may come from a pull request, so a
    /// token is only sent to an endpoint of a spec if that endpoint is Google's.
    pub(in crate::cli) fn client_for(&self, of_spec: Option<&str>) -> Result<Client, Error> {
        let endpoint = match (self.region.as_ref().or(self.endpoint.as_ref()), of_spec) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, of_spec) => {
                let endpoint: Endpoint = of_spec.unwrap_or(DEFAULT_ENDPOINT).parse().map_err(Error::Usage)?;
                if !endpoint.is_trusted() {
                    return Err(Error::Usage(format!(
                        "the ApigeeEnvironment names the endpoint {endpoint}, which does not belong to Google and would \
                         receive a token; to allow it, set it with --endpoint"
                    )));
                }
                endpoint
            }
        };
        let backoff = Backoff { quota_wait: self.quota_wait, ..Backoff::default() };
        let mut settings = Settings { rate: self.rate, backoff, ..Settings::default() };
        if let Some(file) = &self.ca_file {
            let wrong = |why: String| format!("`{}` (--ca-file) cannot be used: {why}", file.display());
            let pem = read_named(file, MAX_PEM_BYTES).map_err(|why| Error::NoInput(wrong(format!("it {why}"))))?;
            settings.authorities = Some(Authorities::parse(&pem).map_err(|why| Error::Usage(wrong(why)))?);
        }
        let identity = Identity { allow_static_key: self.allow_static_key, impersonate: self.impersonate.clone() };
        let tokens = TokenSource::choose(&endpoint, &Surroundings::read(), &identity)?;
        Client::new(endpoint, tokens, &settings)
    }
}
