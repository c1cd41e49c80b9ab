//! Reads directories of YAML files and bundle folders as one stream of documents.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, anyhow, bail};

use super::source::read_text;
use apigee_flux_disk::{Filter, Root, Unreadable, open_regular, read_regular, walk};
use apigee_flux_function::expand::ReadBeside;
use apigee_flux_model::bundle::zip::unpack;
use apigee_flux_model::bundle::{BundleKind, BundlePath, Files, is_clutter};
use apigee_flux_model::diag::snippet::SourcePlace;
use apigee_flux_model::diag::{Code, Diagnostic, Subject};
use apigee_flux_model::krm::{GROUP, Input};
use apigee_flux_model::yaml::line_and_column;

/// The path that means standard input.
const STDIN: &str = "-";

/// The file name of standard input in messages and in the names of outputs.
const STDIN_FILE: &str = "stdin.yaml";

/// The maximum size of one input file, in bytes.
pub(super) const MAX_INPUT_BYTES: usize = 128 << 20;

/// The files of a directory.
#[derive(Debug)]
pub(super) struct Package {
    root: PathBuf,
    source: String,
    /// Where each file starts in `source`, in order.
    files: Vec<(usize, String)>,
    /// The first error of a file that could not be read as text.
    fault: Option<Diagnostic>,
    /// Where each line of `source` starts.
    lines: OnceLock<Vec<usize>>,
    /// Warnings about what was not read.
    findings: Vec<Diagnostic>,
}

impl Package {
    /// Reads a directory, or one file. Hidden files, files inside bundles, OpenAPI documents, and the configuration files of kustomize and
    /// kpt, which are never applied to a cluster, are skipped.
    ///
    /// Nothing outside a directory is read. A symbolic link to a file or folder inside is followed, unless its target is read under its own
    /// name; a link to a file outside is an error, a link to a folder outside is a warning.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        Self::read_all(std::slice::from_ref(&path))
    }

    /// Reads directories and files as one package, whose root is their common folder. `-` is standard input, for the output of kustomize.
    pub(super) fn read_all<P: AsRef<Path>>(given: &[P]) -> anyhow::Result<Self> {
        let (mut paths, mut outside) = (Vec::new(), Vec::new());
        let mut root: Option<PathBuf> = None;
        for path in given.iter().map(AsRef::as_ref) {
            if path == Path::new(STDIN) {
                paths.push((path.to_owned(), InputOrigin::Named));
                continue;
            }
            let folder = if path.is_dir() {
                let filter = Filter { file: &is_resource_file, folder: &is_searched };
                let found =
                    walk(path, &filter).with_context(|| format!("cannot read the directory {}", path.display()))?;
                outside.extend(found.outside);
                paths.extend(found.files.into_iter().map(|file| (file, InputOrigin::Found)));
                path
            } else {
                paths.push((path.to_owned(), InputOrigin::Named));
                path.parent().unwrap_or(Path::new(""))
            };
            root = Some(root.map_or_else(|| folder.to_owned(), |root| common_folder(&root, folder)));
        }
        // A file may be given in addition to its folder.
        let mut seen = BTreeSet::new();
        paths.retain(|(path, _)| seen.insert(path.clone()));
        let root = root.unwrap_or_default();
        let findings = outside.iter().map(|link| left_out(link.strip_prefix(&root).unwrap_or(link))).collect();
        let (source, fault, lines) = (String::new(), None, OnceLock::new());
        let mut package = Self { root, source, files: Vec::new(), fault, lines, findings };
        for (path, given) in paths {
            let before = package.source.len();
            let (name, text) = if path == Path::new(STDIN) {
                let text = read_text(io::stdin().lock(), before).context("cannot read standard input")?;
                (STDIN_FILE.to_owned(), text)
            } else {
                let file = match given {
                    InputOrigin::Named => fs::File::open(&path).map_err(Unreadable::from),
                    // Its type was checked when it was found; it may have changed since.
                    InputOrigin::Found => open_regular(&path),
                };
                let file = file.map_err(|why| anyhow!("{} {why}", path.display()))?;
                let text = read_text(file, before).with_context(|| format!("cannot read {}", path.display()))?;
                (path.strip_prefix(&package.root).unwrap_or(&path).to_string_lossy().into_owned(), text)
            };
            let text = match text {
                Ok(text) => text,
                Err(diagnostic) => {
                    let is_full = diagnostic.code == Code::InputTooLarge;
                    package.fault.get_or_insert(diagnostic.of(&Subject { file: Some(name), ..Subject::default() }));
                    if is_full {
                        break;
                    }
                    continue;
                }
            };
            if is_openapi(&text) || (is_json(&path) && !holds_specs(&text)) {
                continue;
            }
            if !package.source.is_empty() {
                // Directives precede the start marker of their document, and only an end marker may precede directives.
                package.source.push_str(if text.starts_with('%') { "...\n" } else { "---\n" });
            }
            package.files.push((package.source.len(), name));
            package.source.push_str(&text);
            if !package.source.ends_with('\n') {
                package.source.push('\n');
            }
        }
        if package.files.is_empty() && package.fault.is_none() {
            let shown: Vec<String> = given.iter().map(|path| path.as_ref().display().to_string()).collect();
            bail!("no YAML file found in {}", shown.join(", "));
        }
        Ok(package)
    }

    /// The resources, each with its file.
    pub(super) fn input(&self) -> Result<Input<'_>, Diagnostic> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        match Input::read(&self.source) {
            Ok(mut input) => {
                input.name_files(|offset| self.file(offset).map(|(_, name)| name));
                Ok(input)
            }
            Err(diagnostic) => Err(self.in_file(diagnostic)),
        }
    }

    /// The file that a byte of the source belongs to, and where that file starts.
    fn file(&self, offset: usize) -> Option<(usize, &str)> {
        let at = self.files.partition_point(|(start, _)| *start <= offset).checked_sub(1)?;
        self.files.get(at).map(|(start, name)| (*start, name.as_str()))
    }

    /// Converts a position in the whole source into a position in a file.
    fn in_file(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        let Some((line, column)) = diagnostic.position else { return diagnostic };
        let offset: usize = self.source.split_inclusive('\n').take(line - 1).map(str::len).sum();
        if let Some((start, name)) = self.file(offset) {
            let before = self.source[..start].matches('\n').count();
            diagnostic.position = Some((line - before, column));
            diagnostic.subject.get_or_insert_default().file = Some(name.to_owned());
        }
        diagnostic
    }

    /// True if a folder directly contains YAML files that would be read.
    pub(super) fn has_resources(folder: &Path) -> bool {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            is_resource_file(&name) && entry.path().is_file()
        })
    }

    /// Where each line starts. Cached, since every finding needs it.
    fn lines(&self) -> &[usize] {
        self.lines.get_or_init(|| {
            std::iter::once(0).chain(self.source.match_indices('\n').map(|(newline, _)| newline + 1)).collect()
        })
    }

    /// The line that a byte is in, from 0.
    fn line(&self, offset: usize) -> usize {
        self.lines().partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// The line and column of a diagnostic's field in its file.
    pub(super) fn locate(&self, input: &Input<'_>, diagnostic: &Diagnostic) -> Option<(usize, usize)> {
        let subject = diagnostic.subject.as_ref()?;
        let item = input.item_of(subject)?;
        let offset = match input.node(item) {
            Ok(node) => match diagnostic.offset {
                Some(inside) => node.locate_inside(&self.source, &diagnostic.field, inside),
                None => node.locate(&diagnostic.field),
            },
            Err(error) => error.offset,
        };
        let (start, _) = self.file(offset)?;
        let line = self.line(offset);
        let line_start = *self.lines().get(line)?;
        let (_, column) = line_and_column(self.source.get(line_start..)?, offset - line_start);
        Some((line + 1 - self.line(start), column))
    }

    /// The place of a diagnostic: in a file of a bundle on the disk, or at the spec's field.
    pub(super) fn place(&self, input: Option<&Input<'_>>, diagnostic: &Diagnostic) -> Option<SourcePlace> {
        if let Some(place) = input.and_then(|input| self.place_in_bundle(input, diagnostic)) {
            return Some(place);
        }
        let name = diagnostic.subject.as_ref()?.file.as_deref()?;
        let position = diagnostic.position.or_else(|| self.locate(input?, diagnostic));
        let start = self.files.iter().find(|(_, known)| known == name).map(|(start, _)| *start);
        let line = position.zip(start).and_then(|((line, _), start)| {
            let start = *self.lines().get(self.line(start) + line.checked_sub(1)?)?;
            self.source.get(start..)?.lines().next()
        });
        let file = shown(&self.root.join(name));
        Some(SourcePlace { file, position, line: line.map(str::to_owned), in_bundle: false })
    }

    fn place_in_bundle(&self, input: &Input<'_>, diagnostic: &Diagnostic) -> Option<SourcePlace> {
        let inside = diagnostic.in_bundle.as_ref()?;
        let subject = diagnostic.subject.as_ref()?;
        let node = input.node(input.item_of(subject)?).ok()?;
        let bundle = node.get("spec")?.get("bundle")?.get("path")?.as_str()?;
        let beside = Path::new(subject.file.as_deref()?).parent().unwrap_or(Path::new(""));
        let file = bundle_root(&self.root.join(beside).join(bundle), wanted(subject)).join(&inside.path);
        let text = String::from_utf8(read_regular(&file, MAX_INPUT_BYTES).ok()?).ok()?;
        Some(SourcePlace {
            file: shown(&file),
            position: Some((inside.line, inside.column)),
            line: text.lines().nth(inside.line - 1).map(str::to_owned),
            in_bundle: true,
        })
    }

    /// Resolves a path in a spec relative to the spec's own file. The path must not leave the package, for example through `..` or a
    /// symbolic link: a spec must not be able to publish other files of this machine.
    fn beside(&self, subject: &Subject, path: &str) -> Result<PathBuf, String> {
        let beside = subject.file.as_deref().and_then(|file| Path::new(file).parent()).unwrap_or(Path::new(""));
        let root = if self.root.as_os_str().is_empty() { Path::new(".") } else { &self.root };
        let path = root.join(beside).join(path);
        match self.folder()?.resolve(&path) {
            Ok(_) => Ok(path),
            Err(Unreadable::Outside { .. }) => {
                Err(format!("{} is outside {}, the folder that is read", path.display(), root.display()))
            }
            Err(why) => Err(format!("{} {why}", path.display())),
        }
    }

    /// The root folder of the package.
    fn folder(&self) -> Result<Root, String> {
        Root::open(&self.root).map_err(|error| format!("{} cannot be read: {error}", self.root.display()))
    }
}

/// How a file was added to a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InputOrigin {
    /// The command line names it: it may be of any type that can be read, such as a pipe.
    Named,
    /// It is in a folder that the command line names.
    Found,
}

/// The warning about a symbolic link to a folder outside the input.
fn left_out(link: &Path) -> Diagnostic {
    let subject = Subject { file: Some(link.to_string_lossy().into_owned()), ..Subject::default() };
    Diagnostic::warning(
        Code::LinkOutside,
        "the symbolic link points to a folder outside the input: that folder is not read",
    )
    .of(&subject)
    .help("pass that folder on the command line too, or remove the link")
}

impl ReadBeside for Package {
    fn bundle(&self, subject: &Subject, path: &str) -> Result<Files, String> {
        read_bundle(&self.beside(subject, path)?, wanted(subject))
    }

    fn file(&self, subject: &Subject, path: &str) -> Result<Vec<u8>, String> {
        let path = self.beside(subject, path)?;
        self.folder()?.read(&path, MAX_INPUT_BYTES).map_err(|why| format!("{} {why}", path.display()))
    }

    fn findings(&self) -> Vec<Diagnostic> {
        self.findings.clone()
    }
}

/// Whether a path is a bundle and not specs: a zip file, a bundle's root folder, or a folder that contains one.
pub(super) fn is_bundle(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if path.is_file() {
        return path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    }
    BundleKind::ALL.iter().any(|kind| kind.root() == name || path.join(kind.root()).is_dir())
}

/// The files of a bundle: a folder that contains `apiproxy` or `sharedflowbundle`, that folder itself, or a zip file.
pub(super) fn read_bundle(path: &Path, wanted: Option<BundleKind>) -> Result<Files, String> {
    let shown = path.display();
    if path.is_file() {
        let bytes = read_regular(path, MAX_INPUT_BYTES).map_err(|why| format!("{shown} {why}"))?;
        return unpack(&bytes).map(|(_, files)| files).map_err(|why| format!("{shown}: {why}"));
    }
    let root = bundle_root(path, wanted);
    let mut files = Files::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
        for entry in entries {
            let entry = entry.map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            if kind.is_symlink() {
                return Err(format!("{} is a symbolic link; put the file itself into the bundle", path.display()));
            }
            let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
            if is_clutter(&name) {
                files.leave_out(name);
                continue;
            }
            if kind.is_dir() {
                folders.push(path);
                continue;
            }
            let bundle_path = BundlePath::parse(&name).map_err(|why| format!("{}: {why}", path.display()))?;
            let bytes = read_regular(&path, MAX_INPUT_BYTES).map_err(|why| format!("{} {why}", path.display()))?;
            files.insert(bundle_path, bytes);
        }
    }
    Ok(files)
}

/// A path for display, without a leading `./`.
pub(super) fn shown(path: &Path) -> String {
    path.strip_prefix(".").unwrap_or(path).to_string_lossy().into_owned()
}

/// The folder of a bundle's files: that of the wanted kind, if both exist.
fn bundle_root(path: &Path, wanted: Option<BundleKind>) -> PathBuf {
    let kinds = wanted.into_iter().chain(BundleKind::ALL);
    kinds.map(|kind| path.join(kind.root())).find(|inner| inner.is_dir()).unwrap_or_else(|| path.to_owned())
}

/// The kind of bundle that a resource is for.
fn wanted(subject: &Subject) -> Option<BundleKind> {
    BundleKind::ALL.into_iter().find(|kind| kind.resource_kind() == subject.kind)
}

/// The deepest folder that contains both.
fn common_folder(a: &Path, b: &Path) -> PathBuf {
    a.components().zip(b.components()).take_while(|(a, b)| a == b).map(|(part, _)| part).collect()
}

/// True for a folder that may contain resources.
fn is_searched(name: &str) -> bool {
    !name.starts_with('.') && !matches!(name, "apiproxy" | "sharedflowbundle")
}

/// True for a file that may contain resources.
fn is_resource_file(name: &str) -> bool {
    let known =
        |known: &str| Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case(known));
    (known("yaml") || known("yml") || known("json"))
        && !name.starts_with('.')
        && !matches!(name, "kustomization.yaml" | "kustomization.yml" | "kustomizeconfig.yaml")
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

/// True if a text contains specs or outputs of this program. Most JSON files in a folder are not resources.
fn holds_specs(text: &str) -> bool {
    text.contains(GROUP)
        && Input::read(text)
            .is_ok_and(|input| input.items().iter().any(|item| item.header.is_managed() || item.header.is_output()))
}

/// True for an OpenAPI document: a spec refers to it, and it is not a resource.
fn is_openapi(text: &str) -> bool {
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    (has("openapi:") || has("swagger:")) && !has("kind:")
}
