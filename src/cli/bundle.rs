//! `bundle`: the bundle of one proxy or shared flow, for tools that take bundles.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use super::function::report_in;
use super::package::Package;
use crate::bundle::{Files, zip};
use crate::expand::{self, MadeBundle, Options};

/// Write the bundle of one proxy or shared flow: a folder for apigeelint, or a zip file for apigeecli and Apigee's pages.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file that holds the spec, or a directory of them.
    file: PathBuf,
    /// The folder that gets `apiproxy`, or a file whose name ends in `.zip`. What an earlier run has written there is replaced.
    #[arg(short, long, value_name = "DIR|ZIP")]
    output: PathBuf,
    /// The environment whose values are filled in. Needed if the spec uses `$(values.NAME)` and several environments are given.
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// The proxy or shared flow, if there are several.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Marks a folder as an output of ours, which the next run may replace.
const MARK: &str = ".apigee-flux-bundle";

/// Runs the command. Exit codes: 0 done, 1 an error was found and nothing was written.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let package = Package::read(&args.file)?;
    let input = match package.input() {
        Ok(input) => input,
        Err(diagnostic) => return Ok(report_in(&[diagnostic], &|_| None)?),
    };
    let options = Options { environment: args.environment.as_deref(), beside: Some(&package), ..Options::default() };
    let (bundle, diagnostics) = expand::bundle(&input, &options, args.name.as_deref());
    if let Some(bundle) = bundle {
        write(&bundle, &args.output)?;
    }
    Ok(report_in(&diagnostics, &|diagnostic| package.locate(&input, diagnostic))?)
}

fn write(bundle: &MadeBundle, out: &Path) -> anyhow::Result<()> {
    let zipped = out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    if zipped { write_zip(bundle, out) } else { write_folder(bundle, out) }
}

fn write_zip(bundle: &MadeBundle, out: &Path) -> anyhow::Result<()> {
    if out.exists() && !fs::read(out).is_ok_and(|bytes| zip::unpack(&bytes).is_ok()) {
        bail!("{} exists and is not the zip file of a bundle; choose another name or remove it", out.display());
    }
    let bytes = zip::pack(bundle.kind, &bundle.files).map_err(anyhow::Error::msg)?;
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    }
    fs::write(out, bytes).with_context(|| format!("cannot write {}", out.display()))
}

fn write_folder(bundle: &MadeBundle, out: &Path) -> anyhow::Result<()> {
    let root = out.join(bundle.kind.root());
    if out.exists() {
        let empty = fs::read_dir(out).with_context(|| format!("cannot read {}", out.display()))?.next().is_none();
        if out.join(MARK).is_file() {
            if root.exists() {
                fs::remove_dir_all(&root).with_context(|| format!("cannot remove {}", root.display()))?;
            }
        } else if !empty {
            bail!("{} is not empty and was not written by `apigee-flux bundle`; choose another folder", out.display());
        }
    }
    fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    fs::write(out.join(MARK), "Written by `apigee-flux bundle`, which replaces it.\n")
        .with_context(|| format!("cannot write in {}", out.display()))?;
    write_files(&bundle.files, &root)
}

fn write_files(files: &Files, root: &Path) -> anyhow::Result<()> {
    for (path, bytes) in files.iter() {
        let path = root.join(path.as_str());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        }
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
