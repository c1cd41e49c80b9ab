//! The options for the deployment of one bundle.

use std::num::NonZeroU32;

use apigee_flux_model::bundle::{DeploySettings, SmokeTest};
use apigee_flux_model::lifecycle::{Adopt, WhenGone};

/// The settings for the deployment of one bundle.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "settings", multiple = true, conflicts_with = "batch")]
pub(super) struct SettingsArgs {
    /// Email address of the Google service account that the proxy runs as
    #[arg(long, value_name = "EMAIL")]
    service_account: Option<String>,
    /// Keep the newest N revisions, and those deployed in any environment; older ones created by apigee-flux are deleted. Default: 10
    #[arg(long, value_name = "N")]
    keep_revisions: Option<NonZeroU32>,
    /// Whether the proxy may be extensible; without it, a deployed standard proxy may not become extensible
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    allow_extensible: Option<bool>,
    /// A URL that must return the expected status before the deployment counts as successful
    #[arg(long, value_name = "URL", value_parser = http_url)]
    smoke_test: Option<String>,
    /// The HTTP status that the smoke test expects. Default: 200
    #[arg(long, value_name = "STATUS", requires = "smoke_test", value_parser = clap::value_parser!(u16).range(100..600))]
    smoke_status: Option<u16>,
    /// What happens when the bundle is removed from Git
    #[arg(long, value_enum, default_value_t = WhenGoneChoice::Orphan)]
    when_gone: WhenGoneChoice,
    /// Whether to take over a bundle that exists in Apigee and is not managed by apigee-flux, or has another owner
    #[arg(long, value_enum, default_value_t = AdoptChoice::Never)]
    adopt: AdoptChoice,
}

/// What happens to a bundle that is removed from Git.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum WhenGoneChoice {
    Orphan,
    Undeploy,
    Delete,
}

/// Whether a bundle is taken over.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum AdoptChoice {
    Never,
    Match,
    Override,
}

impl SettingsArgs {
    /// The settings in the deployer's form.
    pub(super) fn settings(&self) -> DeploySettings {
        DeploySettings {
            service_account: self.service_account.clone(),
            keep_revisions: self.keep_revisions,
            allow_extensible: self.allow_extensible,
            smoke_test: self
                .smoke_test
                .clone()
                .map(|url| SmokeTest { url, expect_status: self.smoke_status.unwrap_or(200) }),
            when_gone: match self.when_gone {
                WhenGoneChoice::Orphan => WhenGone::Orphan,
                WhenGoneChoice::Undeploy => WhenGone::Undeploy,
                WhenGoneChoice::Delete => WhenGone::Delete,
            },
            adopt: match self.adopt {
                AdoptChoice::Never => Adopt::Never,
                AdoptChoice::Match => Adopt::Match,
                AdoptChoice::Override => Adopt::Override,
            },
        }
    }
}

fn http_url(text: &str) -> Result<String, String> {
    let url: reqwest::Url = text.parse().map_err(|error| format!("`{text}` is not a URL: {error}"))?;
    match url.scheme() {
        "http" | "https" => Ok(text.to_owned()),
        other => Err(format!("`{text}` has the scheme `{other}`; expected http or https")),
    }
}
