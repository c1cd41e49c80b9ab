//! The bundle in the Job's pod: reads the files of its `ConfigMap`s, and uses them only if their digests are correct.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;

use crate::error::Error;
use apigee_flux_configuration::KINDS;
use apigee_flux_configuration::document::{self, Document, Entry};
use apigee_flux_configuration::inventory::{self, Inventory};
use apigee_flux_disk::{Root, Unreadable, read_named};
use apigee_flux_model::bundle::manifest::{self, Archive, ManifestFile, Requirements};
use apigee_flux_model::bundle::zip::{self, MAX_BUNDLE_BYTES};
use apigee_flux_model::bundle::{
    Batch, BatchEntry, BundleKind, BundlePath, DeploySettings, Digest, Files, Manifest, batch,
};
use apigee_flux_model::names::Name;
use apigee_flux_model::names::RevisionId;

/// A bundle as it was rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Proxy or shared flow.
    pub kind: BundleKind,
    /// The name in Apigee.
    pub name: Name,
    /// [`Digest::of_files`] of `files`; ensured by [`Bundle::new`] and [`Bundle::from_mount`].
    pub digest: Digest,
    /// Every file, below the kind's root folder.
    pub files: Files,
    /// What must exist in Apigee before it can be deployed.
    pub requires: Requirements,
}

impl Bundle {
    /// A bundle of files in memory that has no requirements.
    pub fn new(kind: BundleKind, name: Name, files: Files) -> Self {
        Self { kind, name, digest: Digest::of_files(&files), files, requires: Requirements::default() }
    }

    /// Reads and verifies the bundle beside its manifest. `expected` is the digest in the Job's arguments.
    pub fn from_mount(manifest_path: &Path, expected: Option<Digest>) -> Result<Self, Error> {
        let manifest = read_manifest(manifest_path)?;
        let folder = match manifest_path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            // The path `manifest.json` refers to the working directory.
            _ => Path::new("."),
        };
        Self::assemble(manifest, &manifest_path.display().to_string(), expected, &Mount::open(folder)?)
    }

    /// Reads the files of a manifest and verifies them, wherever they are. `shown` is the name of the manifest in messages.
    pub(crate) fn assemble(
        manifest: Manifest,
        shown: &str,
        expected: Option<Digest>,
        source: &dyn FileSource,
    ) -> Result<Self, Error> {
        let name = manifest.name.parse().map_err(|why| Error::Usage(format!("`{shown}`: {why}")))?;
        if let Some(expected) = expected.filter(|expected| *expected != manifest.digest) {
            return Err(Error::Altered(format!(
                "`{shown}` describes the bundle {}, but the Job expects {expected}: the Job and its ConfigMap come from \
                 different renders; apply both together",
                manifest.digest
            )));
        }
        let files = match &manifest.archive {
            Some(archive) => read_archive(archive, manifest.kind, shown, source)?,
            None => read_files(&manifest, source)?,
        };
        let digest = Digest::of_files(&files);
        if digest != manifest.digest {
            return Err(Error::Altered(format!(
                "the digest of all files is {digest}, but `{shown}` has {}: the list of files was changed; render again",
                manifest.digest
            )));
        }
        Ok(Self { kind: manifest.kind, name, digest, files, requires: manifest.requires })
    }
}

/// Where the files of a bundle come from. What it returns is not trusted.
pub(crate) trait FileSource {
    /// Reads a file, or a part of a file.
    fn read(&self, path: &BundlePath) -> Result<Vec<u8>, Error>;
}

/// Reads and verifies every file in the manifest.
fn read_files(manifest: &Manifest, source: &dyn FileSource) -> Result<Files, Error> {
    let mut files = Files::new();
    for entry in &manifest.files {
        let bytes = read_entry(entry, source)?;
        let found = Digest::of_bytes(&bytes);
        if found != entry.digest {
            return Err(Error::Altered(format!(
                "`{}` has the digest {found} ({} bytes), but was rendered with {} ({} bytes): it was changed after \
                 rendering, for example by a variable substitution or an edit of the ConfigMap",
                entry.path,
                bytes.len(),
                entry.digest,
                entry.size
            )));
        }
        if files.insert(entry.path.clone(), bytes).is_some() {
            return Err(Error::Usage(format!("the manifest lists `{}` more than once", entry.path)));
        }
        if files.total_bytes() > MAX_UNPACKED_BYTES {
            return Err(too_large("the files"));
        }
    }
    Ok(files)
}

/// Reads the files of an archive.
fn read_archive(archive: &Archive, kind: BundleKind, shown: &str, source: &dyn FileSource) -> Result<Files, Error> {
    let bytes = read_parts(&archive.parts, archive.size, "the archive", source)?;
    let altered = |why: String| {
        Error::Altered(format!(
            "the archive that `{shown}` describes {why}: it was changed after rendering, for example by an edit of the ConfigMap"
        ))
    };
    let (found, files) = zip::unpack(&bytes).map_err(|error| altered(format!("is not readable: {error}")))?;
    if found != kind {
        return Err(altered(format!("has a {}, not a {}", found.noun(), kind.noun())));
    }
    Ok(files)
}

fn read_entry(entry: &ManifestFile, source: &dyn FileSource) -> Result<Vec<u8>, Error> {
    if entry.parts.is_empty() {
        return source.read(&entry.path);
    }
    read_parts(&entry.parts, entry.size, &format!("the parts of `{}`", entry.path), source)
}

/// Joins parts. `size` is what the manifest says of the whole, `what` names it.
fn read_parts(parts: &[BundlePath], size: u64, what: &str, source: &dyn FileSource) -> Result<Vec<u8>, Error> {
    // Limited, whatever size the manifest claims.
    let expected = usize::try_from(size).unwrap_or(usize::MAX).min(MAX_UNPACKED_BYTES);
    let mut whole = Vec::with_capacity(expected);
    for part in parts {
        whole.extend(source.read(part)?);
        // A short manifest can name the same part many times.
        if whole.len() > MAX_UNPACKED_BYTES {
            return Err(too_large(what));
        }
    }
    Ok(whole)
}

fn read_manifest(path: &Path) -> Result<Manifest, Error> {
    read_versioned(path, "a manifest", manifest::SCHEMA_VERSION)
}

/// Reads a JSON file whose `schemaVersion` must not be newer than `newest`.
fn read_versioned<T: DeserializeOwned>(path: &Path, what: &str, newest: u32) -> Result<T, Error> {
    let shown = path.display();
    let bytes = read_named(path, MAX_UNPACKED_BYTES)
        .map_err(|why| Error::NoInput(format!("`{shown}` {why}; check that its ConfigMap is mounted there")))?;
    parse_versioned(&bytes, &shown.to_string(), what, newest)
}

/// Parses JSON whose `schemaVersion` must not be newer than `newest`. `shown` is its name in messages.
pub(crate) fn parse_versioned<T: DeserializeOwned>(
    bytes: &[u8],
    shown: &str,
    what: &str,
    newest: u32,
) -> Result<T, Error> {
    let value = serde_json::from_slice(bytes).map_err(|error| not_json(shown, &error))?;
    of_version(value, shown, what, newest)
}

/// Parses one or more JSON documents, one after the other; see [`parse_versioned`].
pub(crate) fn parse_all<T: DeserializeOwned>(
    bytes: &[u8],
    shown: &str,
    what: &str,
    newest: u32,
) -> Result<Vec<T>, Error> {
    let values = serde_json::Deserializer::from_slice(bytes).into_iter::<serde_json::Value>();
    let all: Vec<T> = values
        .map(|value| of_version(value.map_err(|error| not_json(shown, &error))?, shown, what, newest))
        .collect::<Result<_, Error>>()?;
    if all.is_empty() {
        return Err(Error::Altered(format!("`{shown}` is empty; it was changed after rendering")));
    }
    Ok(all)
}

fn not_json(shown: &str, error: &serde_json::Error) -> Error {
    Error::Altered(format!("`{shown}` is not JSON: {error}; it was changed after rendering"))
}

fn of_version<T: DeserializeOwned>(value: serde_json::Value, shown: &str, what: &str, newest: u32) -> Result<T, Error> {
    match value.get("schemaVersion").and_then(serde_json::Value::as_u64) {
        Some(version) if version > u64::from(newest) => Err(Error::Usage(format!(
            "`{shown}` has the schema version {version}, but this program supports versions up to {newest}: update the \
             image of the deployer (`ApigeeEnvironment`, `spec.deployer.image`) to the version of the function that \
             rendered it"
        ))),
        Some(_) => serde_json::from_value(value)
            .map_err(|error| Error::Usage(format!("`{shown}` is not {what} of schema version {newest}: {error}"))),
        None => Err(Error::Usage(format!("`{shown}` is not {what}: it has no `schemaVersion`"))),
    }
}

/// Reads and verifies a bundle with its files, as often as it is asked.
pub type Loader = Arc<dyn Fn() -> BoxFuture<'static, Result<Bundle, Error>> + Send + Sync>;

/// A bundle whose files are read when they are needed.
#[derive(Clone)]
pub struct MountedBundle {
    /// Proxy or shared flow.
    pub kind: BundleKind,
    /// The name in Apigee.
    pub name: Name,
    /// The digest in both the batch and the manifest.
    pub digest: Digest,
    /// The shared flows that it calls.
    pub calls: Vec<String>,
    /// The total size of its files, in bytes.
    pub size: u64,
    /// How it is deployed.
    pub settings: DeploySettings,
    /// A revision that is known to contain other files than its description says.
    pub edited: Option<RevisionId>,
    source: Source,
}

/// Where the files of a bundle are.
#[derive(Clone)]
enum Source {
    /// Beside this manifest.
    Mount(PathBuf),
    /// Elsewhere.
    Loader(Loader),
}

impl MountedBundle {
    /// A bundle whose files are not mounted. The shared flows that it calls and its size are those of `bundle`.
    pub fn elsewhere(entry: &BatchEntry, bundle: &Bundle, loader: Loader) -> Self {
        Self {
            kind: entry.kind,
            name: bundle.name.clone(),
            digest: entry.digest,
            calls: bundle.requires.shared_flows.clone(),
            size: u64::try_from(bundle.files.total_bytes()).unwrap_or(u64::MAX),
            settings: entry.settings.clone(),
            edited: None,
            source: Source::Loader(loader),
        }
    }

    /// The folder of its files; empty if they are not mounted.
    pub fn folder(&self) -> &Path {
        let manifest = match &self.source {
            Source::Mount(manifest) => manifest.parent(),
            Source::Loader(_) => None,
        };
        manifest.unwrap_or(Path::new(""))
    }

    /// Loads and verifies the bundle with its files.
    pub async fn load(&self) -> Result<Bundle, Error> {
        match &self.source {
            Source::Mount(manifest) => Bundle::from_mount(manifest, Some(self.digest)),
            Source::Loader(loader) => loader().await,
        }
    }
}

impl fmt::Debug for MountedBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}` ({})", self.kind.noun(), self.name, self.digest)
    }
}

/// Reads a batch and the manifest of each of its bundles, and rejects bundles from different renders. `folder` is the
/// mount of all bundles.
pub fn read_batch(file: &Path, folder: &Path) -> Result<Vec<MountedBundle>, Error> {
    let Batch { bundles, .. } = read_versioned(file, "a batch", batch::SCHEMA_VERSION)?;
    mounted(bundles, file, folder)
}

/// Reads an inventory, and the manifest of each of its bundles as [`read_batch`] does.
pub fn read_inventory(file: &Path, folder: &Path) -> Result<(Inventory, Vec<MountedBundle>), Error> {
    let inventory: Inventory = read_versioned(file, "an inventory", inventory::SCHEMA_VERSION)?;
    let entries = inventory.bundles.iter().map(|bundle| bundle.entry.clone()).collect();
    let bundles = mounted(entries, file, folder)?;
    Ok((inventory, bundles))
}

/// Reads the configuration of an environment or an organization from the files that have its text in turn, with the digest of that text. A large
/// configuration has several documents.
pub fn read_configuration(files: &[PathBuf]) -> Result<(Document, Digest), Error> {
    let mut text = Vec::new();
    for file in files {
        let bytes = read_named(file, MAX_UNPACKED_BYTES).map_err(|why| {
            Error::NoInput(format!("`{}` {why}; check that its ConfigMap is mounted there", file.display()))
        })?;
        text.extend(bytes);
    }
    let shown: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let documents: Vec<Document> = parse_all(&text, &shown.join("`, `"), "a configuration", document::SCHEMA_VERSION)?;
    let mut resources: Vec<Entry> = documents.into_iter().flat_map(|document| document.resources).collect();
    // Each document has the order of the dependencies between kinds.
    resources.sort_by_key(|entry| KINDS.iter().position(|kind| kind.name == entry.id.kind));
    Ok((Document { schema_version: document::SCHEMA_VERSION, resources }, Digest::of_bytes(&text)))
}

/// The digest of the text of a document.
pub fn digest_of(file: &Path) -> Result<Digest, Error> {
    let bytes = read_named(file, MAX_UNPACKED_BYTES).map_err(|why| {
        Error::NoInput(format!("`{}` {why}; check that its ConfigMap is mounted there", file.display()))
    })?;
    Ok(Digest::of_bytes(&bytes))
}

fn mounted(entries: Vec<BatchEntry>, file: &Path, folder: &Path) -> Result<Vec<MountedBundle>, Error> {
    let shown = file.display();
    let mut seen = BTreeSet::new();
    let mut bundles = Vec::with_capacity(entries.len());
    for entry in entries {
        let what = format!("{} `{}`", entry.kind.noun(), entry.name);
        let wrong = |why: String| Error::Usage(format!("`{shown}`, {what}: {why}"));
        let name: Name = entry.name.parse().map_err(wrong)?;
        let below = BundlePath::parse(&entry.folder).map_err(|why| wrong(format!("`folder`: {why}")))?;
        if !seen.insert((entry.kind, name.clone())) {
            return Err(wrong("it is defined more than once in the batch; render again".to_owned()));
        }
        let path = folder.join(below.as_str()).join(manifest::FILE_NAME);
        let manifest = read_manifest(&path)?;
        if (manifest.kind, &manifest.name, manifest.digest) != (entry.kind, &entry.name, entry.digest) {
            return Err(Error::Altered(format!(
                "`{}` describes the {} `{}` with the digest {}, but `{shown}` expects the {what} with {}: the batch \
                 and the ConfigMaps come from different renders; apply them together",
                path.display(),
                manifest.kind.noun(),
                manifest.name,
                manifest.digest,
                entry.digest
            )));
        }
        bundles.push(MountedBundle {
            kind: entry.kind,
            name,
            digest: entry.digest,
            size: manifest.size(),
            calls: manifest.requires.shared_flows,
            settings: entry.settings,
            edited: None,
            source: Source::Mount(path),
        });
    }
    Ok(bundles)
}

/// The mounted folder; no path may leave it.
struct Mount {
    folder: PathBuf,
    root: Root,
}

impl Mount {
    fn open(folder: &Path) -> Result<Self, Error> {
        let root = Root::open(folder)
            .map_err(|error| Error::NoInput(format!("the folder `{}` cannot be read: {error}", folder.display())))?;
        Ok(Self { folder: folder.to_owned(), root })
    }
}

impl FileSource for Mount {
    /// Reads one file of the mount. A symbolic link out of the mount could upload a file of the pod, such as its token.
    fn read(&self, path: &BundlePath) -> Result<Vec<u8>, Error> {
        let file = self.folder.join(path.as_str());
        let shown = file.display();
        self.root.read(&file, MAX_UNPACKED_BYTES).map_err(|why| match why {
            Unreadable::Outside { .. } | Unreadable::NotAFile(_) => {
                Error::Altered(format!("`{shown}` {why}; a bundle may contain only its own files"))
            }
            Unreadable::TooLarge(_) => Error::NoInput(format!("`{shown}` {why}, which is too large for a bundle")),
            Unreadable::Io(_) | Unreadable::Restless => Error::NoInput(format!(
                "`{shown}` is listed in the manifest but {why}; check that all ConfigMaps of the bundle are mounted"
            )),
        })
    }
}

fn too_large(what: &str) -> Error {
    Error::NoInput(format!(
        "{what} are larger than {MAX_UNPACKED_BYTES} bytes in total and cannot be packed into Apigee's limit of \
         {MAX_BUNDLE_BYTES} bytes for a bundle; remove files from it"
    ))
}

/// More than any bundle of [`MAX_BUNDLE_BYTES`] contains when unpacked.
const MAX_UNPACKED_BYTES: usize = 8 * MAX_BUNDLE_BYTES;

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use apigee_flux_model::bundle::manifest::{FILE_NAME, Requirements};

    fn sample() -> Files {
        [("a.xml", "<APIProxy/>"), ("policies/P.xml", "<P/>")]
            .map(|(path, text)| (BundlePath::parse(path).unwrap(), text.as_bytes().to_vec()))
            .into_iter()
            .collect()
    }

    fn manifest() -> Manifest {
        Manifest::new(BundleKind::Proxy, "a", &sample(), Requirements::default())
    }

    /// A mount as the kubelet makes it: the files in a dated folder, `..data` pointing there, and a link per top name.
    fn mounted(manifest: &Manifest) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("..2026_11_24");
        for (path, bytes) in sample().iter() {
            let file = data.join(path.as_str());
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
        }
        std::fs::write(data.join(FILE_NAME), serde_json::to_vec(manifest).unwrap()).unwrap();
        symlink("..2026_11_24", folder.path().join("..data")).unwrap();
        for name in ["a.xml", "policies", FILE_NAME] {
            symlink(format!("..data/{name}"), folder.path().join(name)).unwrap();
        }
        folder
    }

    fn read(folder: &tempfile::TempDir, expected: Option<Digest>) -> Result<Bundle, Error> {
        Bundle::from_mount(&folder.path().join(FILE_NAME), expected)
    }

    #[track_caller]
    fn fails(result: Result<Bundle, Error>, code: u8, part: &str) {
        let error = result.unwrap_err();
        assert!(error.exit().code() == code && error.to_string().contains(part), "{} {error}", error.exit().code());
    }

    #[test]
    fn a_mount_with_the_kubelets_links_is_read() {
        let folder = mounted(&manifest());
        let bundle = read(&folder, Some(manifest().digest)).unwrap();
        assert_eq!(bundle, Bundle::new(BundleKind::Proxy, "a".parse().unwrap(), sample()));
    }

    #[test]
    fn parts_are_put_together() {
        let mut manifest = manifest();
        manifest.files[0].parts = ["p0", "p1"].map(|part| BundlePath::parse(part).unwrap()).to_vec();
        let folder = mounted(&manifest);
        std::fs::write(folder.path().join("p0"), "<API").unwrap();
        std::fs::write(folder.path().join("p1"), "Proxy/>").unwrap();
        assert_eq!(read(&folder, None).unwrap().files, sample());
        std::fs::remove_file(folder.path().join("p1")).unwrap();
        fails(read(&folder, None), 66, "p1");
    }

    #[test]
    fn an_archive_is_unpacked_and_verified() {
        let zip = zip::pack(BundleKind::Proxy, &sample()).unwrap();
        let (first, second) = zip.split_at(zip.len() / 2);
        let archived = manifest().archived(["p0", "p1"].map(|part| BundlePath::parse(part).unwrap()).to_vec());
        assert_eq!(archived.size(), manifest().size());
        let folder = mounted(&archived);
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        write("p0", first);
        write("p1", second);
        assert_eq!(read(&folder, None).unwrap().files, sample());
        write("p1", &second[1..]);
        fails(read(&folder, None), 67, "is not readable");
        let other = zip::pack(BundleKind::SharedFlow, &sample()).unwrap();
        write("p0", &other);
        write("p1", b"");
        fails(read(&folder, None), 67, "has a shared flow, not a proxy");
        let files = sample().iter().take(1).map(|(path, bytes)| (path.clone(), bytes.to_vec())).collect();
        write("p0", &zip::pack(BundleKind::Proxy, &files).unwrap());
        fails(read(&folder, None), 67, "the digest of all files");
    }

    #[test]
    fn a_changed_file_is_named() {
        let folder = mounted(&manifest());
        std::fs::write(folder.path().join("policies/P.xml"), "<P>${x}</P>").unwrap();
        fails(read(&folder, None), 67, "`policies/P.xml`");
    }

    #[test]
    fn a_changed_list_or_another_render_is_noticed() {
        let mut shorter = manifest();
        shorter.files.pop();
        fails(read(&mounted(&shorter), None), 67, "the list of files was changed");
        fails(read(&mounted(&manifest()), Some(Digest::of_bytes(b"other"))), 67, "the Job expects sha256:");
        let mut twice = manifest();
        twice.files.push(twice.files[0].clone());
        fails(read(&mounted(&twice), None), 64, "more than once");
    }

    #[test]
    fn a_link_out_of_the_mount_is_refused() {
        let folder = mounted(&manifest());
        let outside = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(outside.path(), "<P/>").unwrap();
        let inside = folder.path().join("..2026_11_24/policies/P.xml");
        std::fs::remove_file(&inside).unwrap();
        symlink(outside.path(), inside).unwrap();
        fails(read(&folder, None), 67, "is a symbolic link out of");
    }

    #[test]
    fn what_is_missing_or_newer_says_what_to_do() {
        let folder = mounted(&manifest());
        fails(Bundle::from_mount(&folder.path().join("none.json"), None), 66, "mounted");
        std::fs::remove_file(folder.path().join("..2026_11_24/a.xml")).unwrap();
        fails(read(&folder, None), 66, "a.xml");
        let mut newer = manifest();
        newer.schema_version = 3;
        fails(read(&mounted(&newer), None), 64, "update the image");
        let write = |text: &str| std::fs::write(folder.path().join("..data").join(FILE_NAME), text).unwrap();
        write("{");
        fails(read(&folder, None), 67, "not JSON");
        write("{}");
        fails(read(&folder, None), 64, "schemaVersion");
        write(r#"{"schemaVersion": 1}"#);
        fails(read(&folder, None), 64, "not a manifest of schema version 2");
    }
}
