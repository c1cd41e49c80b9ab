//! `diff`: shows what a deployment would change. It only reads.

mod base_paths;
mod bundle;
mod claims;
mod configuration;
mod difference;
mod json;
mod leaving;
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
use apigee_flux_deployer::{Client, Error, Register, Target};
use apigee_flux_function::expand::{DesiredConfiguration, DesiredEnvironment, ExpandOptions, desired};
use apigee_flux_model::diag::has_errors;
use apigee_flux_model::diag::plain::PlainText;
use apigee_flux_model::duration;
use apigee_flux_model::exit::Exit;
use apigee_flux_model::names::Name;
use bundle::ComparedBundles;
use claims::Recorded;
use difference::{Comparison, Difference, PlannedChange};
use leaving::Present;

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
    let comparison = block_on(compare(args, environments))??;
    let text = match args.format {
        DiffFormat::Text => text::text(&comparison),
        DiffFormat::Json => json::json(&comparison)?,
        DiffFormat::Markdown => PlainText::of_lines(&markdown::markdown(&comparison)),
    };
    out::stdout(&text)?;
    Ok(if comparison.is_in_sync() { ExitCode::SUCCESS } else { ExitCode::from(Exit::Different.code()) })
}

async fn compare(args: &DiffArgs, environments: Vec<DesiredEnvironment>) -> anyhow::Result<Comparison> {
    let mut comparison = Comparison::default();
    let deadline = Instant::now() + args.timeout;
    for environment in environments {
        let shown = format!("environment {} of {}", environment.name, environment.organization);
        let name = |text: &str| text.parse::<Name>().map_err(anyhow::Error::msg);
        let target = Target { organization: name(&environment.organization)?, environment: name(&environment.name)? };
        let client = args.apigee.client_for(environment.endpoint.as_deref()).with_context(|| shown.clone())?;
        let client = client.with_listener(Arc::new(say_retry));
        let client = client.until(client.now() + deadline.saturating_duration_since(Instant::now()));
        let at = || format!("{shown} at {}", client.endpoint());
        compare_one(&client, &target, &environment, args.deep, &mut comparison).await.with_context(at)?;
    }
    // What would fail is read first. The sort keeps the order of the others.
    comparison.differences.sort_by_key(|difference| difference.change != PlannedChange::Refused);
    Ok(comparison)
}

/// Compares one environment, and the organization if the environment is responsible for it.
async fn compare_one(
    client: &Client,
    target: &Target,
    environment: &DesiredEnvironment,
    deep: bool,
    comparison: &mut Comparison,
) -> Result<(), Error> {
    let DesiredEnvironment { bundles, configuration, of_organization, removals, .. } = environment;
    let here =
        OwnedPlace { organization: environment.organization.clone(), environment: Some(environment.name.clone()) };
    let whole = OwnedPlace { environment: None, ..here.clone() };
    let (recorded, register) = recorded(client, here, configuration).await?;
    let ComparedBundles { differences: mut of_bundles, others } =
        bundle::differences(client, target, bundles, &recorded, deep).await?;
    let mut of_configuration = configuration::differences(client, configuration, &recorded, &register).await?;
    let mut present = present(configuration);
    present.extend(bundles.iter().map(bundle::id));
    let mut places = vec![(recorded, present)];
    if let Some(desired) = of_organization {
        let (recorded, register) = self::recorded(client, whole, desired).await?;
        of_configuration.extend(configuration::differences(client, desired, &recorded, &register).await?);
        places.push((recorded, self::present(desired)));
    }
    let (mut leaving, notes) = leaving::leaving(&places, *removals);
    comparison.notes.extend(notes);
    if let Some((recorded, _)) = places.first() {
        let note = base_paths::check(client, target, bundles, &mut of_bundles, &others, &mut leaving, recorded).await?;
        comparison.notes.extend(note);
    }
    let (of_environment, of_organization): (Vec<Difference>, Vec<Difference>) =
        of_configuration.into_iter().chain(leaving).partition(|difference| difference.environment.is_some());
    comparison.differences.extend(of_bundles.into_iter().chain(of_environment).chain(of_organization));
    Ok(())
}

/// Reads the records of a place.
async fn recorded(
    client: &Client,
    place: OwnedPlace,
    desired: &DesiredConfiguration,
) -> Result<(Recorded, Register), Error> {
    let register = match Register::read(client, place.as_place()).await {
        // Git defines nothing in an organization that this account may not read, so no record there is of its owners.
        Err(error) if place.environment.is_none() && desired.document.resources.is_empty() && error.is_forbidden() => {
            Register::default()
        }
        register => register?,
    };
    let records = register.records().map(|record| (record.id.clone(), record.clone())).collect();
    Ok((Recorded { place, owner: desired.owner.clone(), records }, register))
}

/// The configuration of the input in one place.
fn present(desired: &DesiredConfiguration) -> Present {
    desired.document.resources.iter().map(|entry| entry.id.clone()).collect()
}

/// Tells a waiting user the reason.
fn say_retry(error: &Error, pause: Duration) {
    out::say(format_args!("{error}; retrying in {:.1} s", pause.as_secs_f64()));
}
