//! `render`: expands a directory, with neither kpt nor kustomize.

use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::function::report_in;
use super::package::Package;
use crate::diag::has_errors;
use crate::expand::{Expansion, Options, expand};
use crate::krm::Input;

/// Expand a directory of YAML and bundle folders.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The directory, or one file.
    dir: PathBuf,
    /// Write one file for each object below this directory instead of a stream to standard output. Outputs of an earlier run that are not
    /// made again are removed there.
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Only this environment.
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Option<String>,
}

/// Runs the command. Exit codes: 0 done, 1 an error was found and nothing was written.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let package = Package::read(&args.dir)?;
    let input = match package.input() {
        Ok(input) => input,
        Err(diagnostic) => return Ok(report_in(&[diagnostic], &|_| None)?),
    };
    let options = Options { environment: args.environment.as_deref(), beside: Some(&package), ..Options::default() };
    let mut expansion = expand(&input, &options);
    if !has_errors(&expansion.diagnostics) {
        match &args.output {
            Some(out) => write_files(&input, &mut expansion, out)?,
            None => write_stream(&input, &mut expansion)?,
        }
    }
    Ok(report_in(&expansion.diagnostics, &|diagnostic| package.locate(&input, diagnostic))?)
}

fn write_stream(input: &Input<'_>, expansion: &mut Expansion) -> anyhow::Result<()> {
    let mut texts = Vec::new();
    for object in &mut expansion.objects {
        object.take_path();
        texts.push(object.to_yaml().map_err(anyhow::Error::msg)?);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    input.write(&mut out, &expansion.changes, &texts, &[])?;
    out.flush()?;
    Ok(())
}

fn write_files(input: &Input<'_>, expansion: &mut Expansion, out: &Path) -> anyhow::Result<()> {
    let mut files: std::collections::BTreeMap<PathBuf, String> = std::collections::BTreeMap::new();
    let mut add = |path: &str, text: &str| {
        let file = files.entry(out.join(path)).or_default();
        if !file.is_empty() {
            file.push_str("---\n");
        }
        file.push_str(text);
        if !file.ends_with('\n') {
            file.push('\n');
        }
    };
    for (index, item) in input.items().iter().enumerate() {
        if !expansion.changes.contains_key(&index) {
            add(item.header.file().unwrap_or("resources.yaml"), &input.source()[item.span.clone()]);
        }
    }
    for object in &mut expansion.objects {
        let path = object.take_path().unwrap_or_else(|| format!("{}.yaml", object.id.name));
        add(&path, &object.to_yaml().map_err(anyhow::Error::msg)?);
    }
    if out.is_dir() {
        remove_outputs(out).with_context(|| format!("cannot remove earlier outputs in {}", out.display()))?;
    }
    for (path, text) in files {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// Removes the files of which every resource is an output of ours; no other file is touched.
fn remove_outputs(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_outputs(&path)?;
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let Ok(input) = Input::read(&text) else { continue };
        if !input.items().is_empty() && input.items().iter().all(|item| item.header.is_output()) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
