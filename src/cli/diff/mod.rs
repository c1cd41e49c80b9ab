//! `diff`: shows what a deployment would change. It only reads.

mod bundle;
mod configuration;
mod difference;
mod json;
mod markdown;
mod mask;
mod text;
mod unified;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant;

use super::args::ApigeeArgs;
use super::block_on::block_on;
use super::function::report_in;
use super::out;
use super::package::Package;
use apigee_flux_configuration::OwnedPlace;
use apigee_flux_deployer::{Error, Target};
use apigee_flux_function::expand::{DesiredEnvironment, ExpandOptions, desired};
use apigee_flux_model::diag::has_errors;
use apigee_flux_model::diag::plain::PlainText;
use apigee_flux_model::duration;
use apigee_flux_model::exit::Exit;
use apigee_flux_model::names::Name;
use difference::{Difference, PlannedChange};

/// Show what a deployment would change in Apigee, and change nothing.
#[derive(Debug, clap::Args)]
pub(super) struct DiffArgs {
    /// Directories and files, as for `render`.
    #[arg(required = true, value_name = "DIR|FILE")]
    paths: Vec<PathBuf>,
    /// Compare only this environment.
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// Output format.
    #[arg(long, value_enum, default_value = "text")]
    format: DiffFormat,
    /// Download every deployed revision and compare its files. Without it, the description of a revision is trusted, which a
    /// manual edit does not change.
    #[arg(long)]
    deep: bool,
    /// Give up after this time.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    apigee: ApigeeArgs,
}

/// The output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum DiffFormat {
    /// Plain text.
    Text,
    /// One JSON object with a list of all resources.
    Json,
    /// Markdown for a comment on a pull request: at most 60 KB.
    Markdown,
}

/// Runs the command. Exit codes: 0 in sync, 2 there are differences, 1 an error.
pub(super) fn run(args: &DiffArgs) -> anyhow::Result<ExitCode> {
    let package = Package::read_all(&args.paths)?;
    let input = match package.input() {
        Ok(input) => input,
        Err(diagnostic) => return Ok(report_in(&[diagnostic], &|_| None)?),
    };
    let options =
        ExpandOptions { environment: args.environment.as_deref(), beside: Some(&package), ..ExpandOptions::default() };
    let (environments, diagnostics) = desired(&input, &options);
    let code = report_in(&diagnostics, &|diagnostic| package.locate(&input, diagnostic))?;
    if has_errors(&diagnostics) {
        return Ok(code);
    }
    let differences = block_on(compare(args, environments))??;
    let text = match args.format {
        DiffFormat::Text => text::text(&differences),
        DiffFormat::Json => json::json(&differences)?,
        DiffFormat::Markdown => PlainText::of_lines(&markdown::markdown(&differences)),
    };
    out::stdout(&text)?;
    let same = differences.iter().all(|difference| difference.change == PlannedChange::Unchanged);
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::from(Exit::Different.code()) })
}

async fn compare(args: &DiffArgs, environments: Vec<DesiredEnvironment>) -> anyhow::Result<Vec<Difference>> {
    let mut differences = Vec::new();
    let deadline = Instant::now() + args.timeout;
    for environment in environments {
        let shown = format!("environment {} of {}", environment.name, environment.organization);
        let name = |text: &str| text.parse::<Name>().map_err(anyhow::Error::msg);
        let target = Target { organization: name(&environment.organization)?, environment: name(&environment.name)? };
        let client = args.apigee.client_for(environment.endpoint.as_deref()).with_context(|| shown.clone())?;
        let client = client.with_listener(Arc::new(say_retry)).until(deadline);
        let at = || format!("{shown} at {}", client.endpoint());
        let found = bundle::differences(&client, &target, environment.bundles, args.deep).await;
        differences.extend(found.with_context(at)?);
        let here =
            OwnedPlace { organization: environment.organization.clone(), environment: Some(environment.name.clone()) };
        let whole = OwnedPlace { environment: None, ..here.clone() };
        for (place, document) in [(here, environment.configuration), (whole, environment.of_organization)] {
            differences.extend(configuration::differences(&client, &place, &document).await.with_context(at)?);
        }
    }
    Ok(differences)
}

/// Tells a waiting user the reason.
fn say_retry(error: &Error, pause: Duration) {
    out::say(format_args!("{error}; retrying in {:.1} s", pause.as_secs_f64()));
}
