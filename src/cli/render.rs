//! `render`: expands directories without kpt or kustomize.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::function::report_in;
use super::package::Package;
use super::{flux_kustomizations, git, known_places, layer_parts, out, split};
use apigee_flux_disk::Replacement;
use apigee_flux_function::expand::{ExpandOptions, Expansion, expand};
use apigee_flux_model::diag::has_errors;
use apigee_flux_model::krm::Input;

/// Expand directories of YAML and bundle folders.
#[derive(Debug, clap::Args)]
pub(super) struct RenderArgs {
    /// Directories and files, read as one input; `-` is standard input, for example the output of `kustomize build`.
    #[arg(required = true, value_name = "DIR|FILE")]
    paths: Vec<PathBuf>,
    /// Write one file per object below this directory instead of a stream to standard output. Outputs of an earlier run that are no longer
    /// rendered are deleted there; a namespace whose last spec was removed keeps its reconciler. All files are replaced, or none if one cannot be written; symbolic links there are not followed.
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Write one folder per namespace and layer, with a kustomization.yaml, so that Flux can apply one layer after the other.
    #[arg(long, requires = "output")]
    split: bool,
    /// Also write the folder `flux` per namespace, with a Kustomization of Flux for each folder; a layer of more than 512 objects is split into several
    /// folders, which `kustomize build` needs much less time for.
    #[arg(long, requires = "split")]
    flux_kustomizations: bool,
    /// Render only this environment.
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// Take commit, tag, author, time and repository from the Git checkout of the current directory; they are recorded in the
    /// revision's description in Apigee.
    #[arg(long)]
    release_from_git: bool,
}

/// Runs the command. Exit codes: 0 success, 1 an error was found and nothing was written.
pub(super) fn run(args: &RenderArgs) -> anyhow::Result<ExitCode> {
    let package = Package::read_all(&args.paths)?;
    let input = match package.input() {
        Ok(input) => input,
        Err(diagnostic) => return Ok(report_in(&[diagnostic], &|_| None)?),
    };
    let release = args.release_from_git.then(|| git::provenance(Path::new("."))).transpose()?;
    let known = args.output.as_deref().map(known_places::in_folder).transpose()?.unwrap_or_default();
    let options = ExpandOptions {
        environment: args.environment.as_deref(),
        beside: Some(&package),
        provenance: release.as_ref(),
        known: &known,
        ..ExpandOptions::default()
    };
    let mut expansion = expand(&input, &options);
    if !has_errors(&expansion.diagnostics) {
        match &args.output {
            Some(out) => {
                if args.split && !args.flux_kustomizations {
                    say_what_is_large(&expansion);
                }
                let files = if args.split {
                    split::files(&input, &mut expansion, args.flux_kustomizations)
                } else {
                    files(&input, &mut expansion)
                };
                write_files(out, files.map_err(anyhow::Error::msg)?)?;
            }
            None => write_stream(&input, &mut expansion)?,
        }
    }
    Ok(report_in(&expansion.diagnostics, &|diagnostic| package.locate(&input, diagnostic))?)
}

/// A layer is never split without the Kustomizations for its parts: an object in a folder that nobody applies would be pruned.
fn say_what_is_large(expansion: &Expansion) {
    for ((namespace, layer), count) in layer_parts::large(&expansion.objects) {
        let folder = layer.folder();
        let place = if namespace.is_empty() { folder.to_owned() } else { format!("{namespace}/{folder}") };
        out::say(format_args!(
            "note: the layer {place} has {count} objects, and the time of `kustomize build` grows with the square of their number: split it by --flux-kustomizations, and let Flux apply \
             the folder `{}`",
            flux_kustomizations::FOLDER
        ));
    }
}

fn write_stream(input: &Input<'_>, expansion: &mut Expansion) -> anyhow::Result<()> {
    let mut texts = Vec::new();
    for object in &mut expansion.objects {
        object.take_path();
        texts.push(object.to_yaml().map_err(anyhow::Error::msg)?);
    }
    let mut out = BufWriter::new(out::document());
    input.write(&mut out, &expansion.changes, &texts, &[])?;
    out.flush()?;
    Ok(())
}

/// The text of each file, placed as kpt would: next to the spec that it was rendered from.
fn files(input: &Input<'_>, expansion: &mut Expansion) -> Result<BTreeMap<String, String>, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for (index, item) in input.items().iter().enumerate() {
        if !expansion.changes.contains_key(&index) {
            let path = item.header.file().unwrap_or("resources.yaml").to_owned();
            append(files.entry(path).or_default(), &input.standalone(item).map_err(|error| error.to_string())?);
        }
    }
    for object in &mut expansion.objects {
        let path = object.take_path().unwrap_or_else(|| format!("{}.yaml", object.id.name));
        append(files.entry(path).or_default(), &object.to_yaml()?);
    }
    Ok(files)
}

/// Adds a resource to the text of a file.
pub(super) fn append(file: &mut String, text: &str) {
    if !file.is_empty() {
        file.push_str("---\n");
    }
    file.push_str(text);
    if !file.ends_with('\n') {
        file.push('\n');
    }
}

/// Replaces the outputs of an earlier run: files that contain only rendered resources. Other files are not changed.
fn write_files(out: &Path, files: BTreeMap<String, String>) -> anyhow::Result<()> {
    let files = files.into_iter().map(|(path, text)| (path, text.into_bytes())).collect();
    let is_output = |_: &Path, bytes: &[u8]| {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        let Ok(input) = Input::read(text) else { return false };
        !input.items().is_empty() && input.items().iter().all(|item| item.header.is_output())
    };
    let is_yaml = |path: &Path| path.extension().is_some_and(|extension| extension == "yaml");
    let replacement = Replacement { files: &files, may_be_stale: &is_yaml, is_stale: &is_output };
    replacement.write(out).with_context(|| format!("cannot write to {}", out.display()))
}
