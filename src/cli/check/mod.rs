//! `check`: reports findings as a compiler does, and writes nothing.

mod format;
mod json;
mod sarif;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;

use super::colour::colour;
use super::out;
use super::package::{MAX_INPUT_BYTES, Package, read_bundle, shown};
use apigee_flux_disk::read_regular;
use apigee_flux_function::expand::{ExpandOptions, bundles, check_files, expand};
use apigee_flux_function::proxy::inspect;
use apigee_flux_model::bundle::zip::unpack;
use apigee_flux_model::bundle::{BundleKind, FileKind, Files};
use apigee_flux_model::diag::plain::PlainText;
use apigee_flux_model::diag::snippet::SourcePlace;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report, Severity, Subject, has_errors, nearest};

/// Check specs and bundles without writing anything.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Directories and files as for `render`, or bundles: a folder that contains `apiproxy` or `sharedflowbundle`, that folder itself,
    /// or a zip file.
    #[arg(required_unless_present = "explain", value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Output format.
    #[arg(long, value_enum, default_value = "text")]
    format: CheckFormat,
    /// Check only this environment.
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// Explain a code, for example AF070, and how to fix the finding.
    #[arg(long, value_name = "CODE", conflicts_with = "paths")]
    explain: Option<String>,
}

/// The output formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum CheckFormat {
    /// Plain text with the source line and the fix.
    Text,
    /// A JSON list of objects.
    Json,
    /// Workflow commands, which GitHub Actions shows in a pull request.
    Github,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

/// A finding and its place.
struct LocatedDiagnostic {
    diagnostic: Diagnostic,
    place: Option<SourcePlace>,
}

/// Runs the command. Exit codes: 0 no error was found, 1 an error was found.
pub(super) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    if let Some(code) = &args.explain {
        out::stdout(&PlainText::of_lines(&explain(code)?))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut found = Vec::new();
    for path in &args.paths {
        let from = found.len();
        match bundle(path)? {
            Some(bundle) => check_bundle(path, &bundle, &mut found),
            None => check_package(path, args.environment.as_deref(), &mut found)?,
        }
        found[from..].sort_by(|a, b| Diagnostic::report_order(&a.diagnostic, &b.diagnostic));
    }
    let text = match args.format {
        CheckFormat::Text => format::text(&found, colour(out::is_terminal())),
        CheckFormat::Json => json::json(&found)?,
        CheckFormat::Github => format::github(&found),
        CheckFormat::Sarif => sarif::sarif(&found)?,
    };
    out::stdout(&text)?;
    let failed = found.iter().any(|found| has_errors(std::slice::from_ref(&found.diagnostic)));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn explain(code: &str) -> anyhow::Result<String> {
    let known = || Code::ALL.iter().map(|code| code.as_str());
    match Code::ALL.iter().find(|known| known.as_str().eq_ignore_ascii_case(code)) {
        Some(code) => Ok(format!("{code}: {}", code.doc())),
        None => match nearest(code, known()) {
            Some(near) => bail!("unknown code {code}; did you mean {near}?"),
            None => bail!("unknown code {code}; allowed: {}", known().collect::<Vec<_>>().join(", ")),
        },
    }
}

/// A bundle that was given on the command line.
struct GivenBundle {
    kind: BundleKind,
    files: Files,
    /// The folder of its files; `None` for a zip file.
    folder: Option<PathBuf>,
}

/// The bundle at a path, if it is one.
fn bundle(path: &Path) -> anyhow::Result<Option<GivenBundle>> {
    if path.is_file() {
        if path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("zip")) {
            return Ok(None);
        }
        let bytes = read_regular(path, MAX_INPUT_BYTES).map_err(|why| anyhow::anyhow!("{} {why}", path.display()))?;
        let (kind, files) = unpack(&bytes).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?;
        return Ok(Some(GivenBundle { kind, files, folder: None }));
    }
    for kind in [BundleKind::Proxy, BundleKind::SharedFlow] {
        let inner = path.join(kind.root());
        let folder = if path.canonicalize().is_ok_and(|path| path.ends_with(kind.root())) {
            path.to_owned()
        } else if inner.is_dir() && !Package::has_resources(path) {
            inner
        } else {
            continue;
        };
        let files = read_bundle(&folder, None).map_err(anyhow::Error::msg)?;
        return Ok(Some(GivenBundle { kind, files, folder: Some(folder) }));
    }
    Ok(None)
}

fn check_bundle(path: &Path, bundle: &GivenBundle, found: &mut Vec<LocatedDiagnostic>) {
    let whole = path.to_string_lossy().into_owned();
    let subject = Subject { file: Some(whole.clone()), ..Subject::default() };
    let mut report = Report::new(&subject);
    if check_files(&bundle.files, &FieldPath::root(), &mut report) {
        let name = root_name(bundle).unwrap_or_else(|| whole.clone());
        inspect(bundle.kind, &name, &bundle.files, &mut report).class.tell(&|_| None, &mut report);
    }
    for mut diagnostic in report.into_diagnostics() {
        diagnostic.field = FieldPath::root();
        let place = diagnostic.in_bundle.as_ref().and_then(|place| {
            let file = shown(&bundle.folder.as_ref()?.join(&place.path));
            let text = bundle.files.get(&place.path).map(String::from_utf8_lossy);
            let line = text.and_then(|text| text.lines().nth(place.line - 1).map(str::to_owned));
            Some(SourcePlace { file, position: Some((place.line, place.column)), line, in_bundle: true })
        });
        let folder = || SourcePlace { file: whole.clone(), position: None, line: None, in_bundle: false };
        found.push(LocatedDiagnostic { diagnostic, place: Some(place.unwrap_or_else(folder)) });
    }
}

/// The bundle's own name: that of its root file.
fn root_name(bundle: &GivenBundle) -> Option<String> {
    let mut roots = bundle.files.iter().filter(|(path, _)| FileKind::of(path) == FileKind::Root);
    roots.find_map(|(path, _)| path.xml_stem().map(str::to_owned))
}

fn check_package(path: &Path, environment: Option<&str>, found: &mut Vec<LocatedDiagnostic>) -> anyhow::Result<()> {
    let package = Package::read(path)?;
    let input = match package.input() {
        Ok(input) => input,
        Err(diagnostic) => {
            let place = package.place(None, &diagnostic);
            found.push(LocatedDiagnostic { diagnostic, place });
            return Ok(());
        }
    };
    let options = ExpandOptions { environment, beside: Some(&package), classes: true, ..ExpandOptions::default() };
    // Environments are often defined in another folder than the proxies; a proxy can be checked without them.
    let deployable = input.items().iter().any(|item| item.header.kind == "ApigeeEnvironment");
    let ours = input.items().iter().any(|item| item.header.is_managed());
    let diagnostics =
        if deployable || !ours { expand(&input, &options).diagnostics } else { bundles(&input, &options).1 };
    // Environments often have their own folder: the warning that nothing can be deployed is left out.
    let is_told =
        |diagnostic: &Diagnostic| diagnostic.code != Code::NothingToDeploy || diagnostic.severity == Severity::Error;
    found.extend(diagnostics.into_iter().filter(is_told).map(|diagnostic| {
        let place = package.place(Some(&input), &diagnostic);
        LocatedDiagnostic { diagnostic, place }
    }));
    Ok(())
}

/// The number of findings of each severity.
fn counts(found: &[LocatedDiagnostic]) -> BTreeMap<apigee_flux_model::diag::Severity, usize> {
    let mut counts = BTreeMap::new();
    for found in found {
        *counts.entry(found.diagnostic.severity).or_default() += 1;
    }
    counts
}
