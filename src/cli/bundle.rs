//! `bundle`: writes the bundle of one proxy or shared flow, for tools that work with bundles.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use super::function::report_in;
use super::package::Package;
use apigee_flux_disk::{Replacement, read_regular, replace_file};
use apigee_flux_function::expand::{self, ExpandOptions, MadeBundle};
use apigee_flux_model::bundle::zip::{self, MAX_BUNDLE_BYTES};

/// Write the bundle of one proxy or shared flow: a folder for apigeelint, or a zip file for apigeecli and the Apigee UI.
#[derive(Debug, clap::Args)]
pub(super) struct BundleArgs {
    /// The file of the spec, or a directory of specs.
    file: PathBuf,
    /// The folder in which `apiproxy` is created, or a file whose name ends in `.zip`. The output of an earlier run there is replaced.
    #[arg(short, long, value_name = "DIR|ZIP")]
    output: PathBuf,
    /// The environment whose values are used. Required if the spec uses `$(values.NAME)` and several environments are given.
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// The name of the proxy or shared flow. Required if there are several.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// The file that marks a folder as an output of this command, which the next run may replace.
const MARK: &str = ".apigee-flux-bundle";

/// Runs the command. Exit codes: 0 done, 1 an error was found and nothing was written.
pub(super) fn run(args: &BundleArgs) -> anyhow::Result<ExitCode> {
    let package = Package::read(&args.file)?;
    let input = match package.input() {
        Ok(input) => input,
        Err(diagnostic) => return Ok(report_in(&[diagnostic], &|_| None)?),
    };
    let options =
        ExpandOptions { environment: args.environment.as_deref(), beside: Some(&package), ..ExpandOptions::default() };
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
    let is_bundle = || read_regular(out, 2 * MAX_BUNDLE_BYTES).is_ok_and(|bytes| zip::unpack(&bytes).is_ok());
    if out.symlink_metadata().is_ok() && !is_bundle() {
        bail!("{} exists and is not the zip file of a bundle; choose another name or remove it", out.display());
    }
    let bytes = zip::pack(bundle.kind, &bundle.files).map_err(anyhow::Error::msg)?;
    replace_file(out, &bytes).with_context(|| format!("cannot write {}", out.display()))
}

fn write_folder(bundle: &MadeBundle, out: &Path) -> anyhow::Result<()> {
    let root = bundle.kind.root();
    let is_ours = out.join(MARK).is_file();
    if out.exists() && !is_ours {
        let empty = fs::read_dir(out).with_context(|| format!("cannot read {}", out.display()))?.next().is_none();
        if !empty {
            bail!("{} is not empty and was not written by `apigee-flux bundle`; choose another folder", out.display());
        }
    }
    let mut files: BTreeMap<String, Vec<u8>> =
        bundle.files.iter().map(|(path, bytes)| (format!("{root}/{path}"), bytes.to_vec())).collect();
    files.insert(MARK.to_owned(), b"Written by `apigee-flux bundle`, which replaces it.\n".to_vec());
    let is_below = |path: &Path| is_ours && path.starts_with(root);
    let replacement = Replacement { files: &files, may_be_stale: &is_below, is_stale: &|_, _| true };
    replacement.write(out).with_context(|| format!("cannot write to {}", out.display()))
}
