//! `explain`: shows what Apigee would run for one call.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};

use super::function::report_in;
use super::out;
use super::package::{self, Package};
use apigee_flux_analysis::explain::{ExplainedCall, FaultAt, explain, text};
use apigee_flux_function::expand::{ExpandOptions, bundles};
use apigee_flux_model::bundle::{BundleKind, Files};
use apigee_flux_model::diag::has_errors;
use apigee_flux_model::diag::plain::PlainText;
use apigee_flux_model::runtime::{Documents, RuntimeBundle};

/// Show what Apigee would run for one call: the selected flow, every step with its condition, the route.
///
/// It evaluates the bundle, either generated from a spec or given as a file or folder, by the rules of Apigee's runtime. All flows, routes and
/// fault rules are listed with what is certain about each: `runs`, `may run` or `cannot run`. `->` marks a step that runs, `?` a step that depends
/// on something unknown before the call. What follows a step that may end the call applies only if the call does not end there.
#[derive(Debug, clap::Args)]
pub(super) struct ExplainArgs {
    /// A file or directory of specs, or a bundle: a folder or a zip file.
    file: PathBuf,
    /// The HTTP method, for example GET.
    method: String,
    /// The path after the host, optionally with a query, for example `/v1/orders?limit=5`.
    path: String,
    /// A request header. May be given several times.
    #[arg(long, value_name = "NAME=VALUE")]
    header: Vec<String>,
    /// A query parameter, added after those in the path. May be given several times.
    #[arg(long, value_name = "NAME=VALUE")]
    query: Vec<String>,
    /// The value of a flow variable. May be given several times.
    #[arg(long, value_name = "NAME=VALUE")]
    variable: Vec<String>,
    /// Raise a fault of this name after the request flows, to see which fault rules run.
    #[arg(long, value_name = "NAME")]
    fault: Option<String>,
    /// Where the fault is raised: in the proxy endpoint, or at the target.
    #[arg(long, value_enum, default_value_t, requires = "fault")]
    fault_at: FaultPlace,
    /// The environment whose values are used in the specs.
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: ExplainFormat,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum FaultPlace {
    /// The fault rules of the proxy endpoint are evaluated.
    #[default]
    Proxy,
    /// The fault rules of the target endpoint are evaluated.
    Target,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum ExplainFormat {
    /// Plain text.
    #[default]
    Text,
    /// JSON.
    Json,
}

/// Runs the command. Exit codes: 0 explained, 1 the specs have errors or no endpoint serves the path.
pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let call = call(args)?;
    let found = if package::is_bundle(&args.file) {
        let files = package::read_bundle(&args.file, Some(BundleKind::Proxy)).map_err(|why| anyhow!(why))?;
        let stem = args.file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        vec![(stem, files)]
    } else {
        match made(args)? {
            Ok(found) => found,
            Err(code) => return Ok(code),
        }
    };
    let documents: Vec<Documents<'_>> = found
        .iter()
        .map(|(name, files)| match Documents::parse(files) {
            (documents, unreadable) if unreadable.is_empty() => Ok(documents),
            (_, unreadable) => {
                let first = unreadable.first().map(|file| format!("{}: {}", file.path, file.error)).unwrap_or_default();
                Err(anyhow!("the bundle `{name}` cannot be read: {first}"))
            }
        })
        .collect::<anyhow::Result<_>>()?;
    let read = |((name, files), documents)| {
        let (name, files): (&String, &Files) = (name, files);
        RuntimeBundle::read(BundleKind::Proxy, name, files, documents)
    };
    let bundles: Vec<RuntimeBundle<'_>> =
        found.iter().map(|(name, files)| (name, files)).zip(&documents).map(read).collect();
    let Some(explanation) = explain(&bundles, &call) else {
        let paths = bundles.iter().flat_map(|bundle| &bundle.proxy_endpoints).flat_map(|endpoint| &endpoint.base_paths);
        let paths: Vec<&str> = paths.map(|path| path.value).take(10).collect();
        bail!(
            "no ProxyEndpoint serves `{}`: Apigee answers 404, ApplicationNotFound (\"Unable to identify proxy for host\"); base \
             paths: {}",
            call.path,
            paths.join(", ")
        );
    };
    out::stdout(&match args.format {
        ExplainFormat::Text => text(&explanation),
        ExplainFormat::Json => PlainText::of_json(&serde_json::to_string_pretty(&explanation)?),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The bundles generated from the specs, or an exit code if the specs have errors.
fn made(args: &ExplainArgs) -> anyhow::Result<Result<Vec<(String, Files)>, ExitCode>> {
    let package = Package::read(&args.file)?;
    let input = match package.input() {
        Ok(input) => input,
        Err(diagnostic) => return Ok(Err(report_in(&[diagnostic], &|_| None)?)),
    };
    let options =
        ExpandOptions { environment: args.environment.as_deref(), beside: Some(&package), ..ExpandOptions::default() };
    let (made, diagnostics) = bundles(&input, &options);
    if has_errors(&diagnostics) {
        return Ok(Err(report_in(&diagnostics, &|diagnostic| package.locate(&input, diagnostic))?));
    }
    let proxies: Vec<(String, Files)> = made
        .into_iter()
        .filter(|bundle| bundle.kind == BundleKind::Proxy)
        .map(|bundle| (bundle.name, bundle.files))
        .collect();
    if proxies.is_empty() {
        bail!("{} contains no ApigeeProxy", args.file.display());
    }
    Ok(Ok(proxies))
}

fn call(args: &ExplainArgs) -> anyhow::Result<ExplainedCall> {
    let pairs = |what: &str, given: &[String]| {
        let pair = |text: &String| {
            let (name, value) =
                text.split_once('=').with_context(|| format!("--{what} takes NAME=VALUE, found `{text}`"))?;
            Ok((name.to_owned(), value.to_owned()))
        };
        given.iter().map(pair).collect::<anyhow::Result<Vec<_>>>()
    };
    let (path, query) = args.path.split_once('?').unwrap_or((&args.path, ""));
    if !path.starts_with('/') {
        bail!("`{path}` is not a path: it must begin with `/`, for example `/v1/orders`");
    }
    let parameter = |text: &str| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (name.to_owned(), value.to_owned())
    };
    let headers = pairs("header", &args.header)?.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let mut parameters: Vec<(String, String)> =
        query.split('&').filter(|text| !text.is_empty()).map(parameter).collect();
    parameters.extend(pairs("query", &args.query)?);
    Ok(ExplainedCall {
        method: args.method.to_ascii_uppercase(),
        path: path.to_owned(),
        headers: headers.collect(),
        query: parameters,
        variables: BTreeMap::from_iter(pairs("variable", &args.variable)?),
        fault: args.fault.clone(),
        fault_at: match args.fault_at {
            FaultPlace::Proxy => FaultAt::Proxy,
            FaultPlace::Target => FaultAt::Target,
        },
    })
}
