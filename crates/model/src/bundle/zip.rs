//! Bundles as zip files: the form that users have and that the management API accepts.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::{BundleKind, BundlePath, Files, PathError, is_clutter, plain_path};

/// Apigee's limit for one bundle, in bytes ("API proxy bundle zip file size", Apigee limits page).
pub const MAX_BUNDLE_BYTES: usize = crate::limits::counts::BUNDLE_BYTES.max;

/// More files than any bundle needs; a larger number is a mistake, or a decompression bomb.
pub const MAX_FILES: usize = 5000;

/// More than any bundle of [`MAX_BUNDLE_BYTES`] unpacks to; a larger total is a decompression bomb.
const MAX_UNPACKED_BYTES: u64 = 128 * 1024 * 1024;

/// Packs the files below the kind's root folder. The result is reproducible: files are sorted, dated 1980-01-01, and
/// have mode 0644.
pub fn pack(kind: BundleKind, files: &Files) -> Result<Vec<u8>, String> {
    // Incompressible files need their own size and two headers for each file. Unused capacity costs nothing; a growing
    // buffer copies its content.
    let expected: usize = files.iter().map(|(path, bytes)| bytes.len() + 2 * path.as_str().len() + 256).sum();
    let mut zip = ZipWriter::new(Cursor::new(Vec::with_capacity(expected)));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    for (path, bytes) in files.iter() {
        zip.start_file(format!("{}/{path}", kind.root()), options)
            .map_err(|error| format!("cannot pack `{path}`: {error}"))?;
        zip.write_all(bytes).map_err(|error| format!("cannot pack `{path}`: {error}"))?;
    }
    let cursor = zip.finish().map_err(|error| format!("cannot pack the bundle: {error}"))?;
    Ok(cursor.into_inner())
}

/// Why a zip file is not a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnpackError {
    /// The path of an entry is not allowed.
    #[error("entry `{entry}` of the zip file: {error}")]
    Path {
        /// The entry.
        entry: String,
        /// The violated rule.
        error: PathError,
    },
    /// It is not readable, or not laid out as a bundle.
    #[error("{0}")]
    NotABundle(String),
}

impl From<String> for UnpackError {
    fn from(why: String) -> Self {
        Self::NotABundle(why)
    }
}

/// Unpacks a bundle's zip: the kind according to its root folder, and the files below it. Folders, files outside the
/// root folder (as macOS adds) and [clutter](is_clutter) are omitted; `\` is read as `/`. Nothing is written to disk.
pub fn unpack(bytes: &[u8]) -> Result<(BundleKind, Files), UnpackError> {
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("not a readable zip file: {error}"))?;
    if archive.len() > 2 * MAX_FILES {
        return Err(format!("the zip file has {} entries; a bundle may have {MAX_FILES} files", archive.len()).into());
    }
    if archive.is_empty() {
        return Err("the zip file has no entries".to_owned().into());
    }
    // Readers of zip files choose different ones of two entries with the same name: the checked file could differ from
    // the one that Apigee runs.
    if archive.has_duplicate_names() {
        return Err("the zip file has more than one entry of the same name; pack it again from the folder"
            .to_owned()
            .into());
    }
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let mut found: Option<BundleKind> = None;
    let mut files = Files::new();
    let mut left = MAX_UNPACKED_BYTES;
    for index in 0..archive.len() {
        let entry = archive
            .by_index(index)
            .map_err(|error| format!("entry {index} of the zip file is not readable: {error}"))?;
        if entry.is_dir() {
            continue;
        }
        let name = entry
            .name()
            .map_err(|error| format!("the name of entry {index} of the zip file is not readable: {error}"))?;
        if let Some(other) = names.insert(plain(&name), name.clone().into_owned()) {
            return Err(format!(
                "the entries `{other}` and `{name}` of the zip file are the same file; pack it again from the folder"
            )
            .into());
        }
        let name = plain_path(&name);
        let below = BundleKind::ALL
            .into_iter()
            .find_map(|kind| Some((kind, name.strip_prefix(kind.root())?.strip_prefix('/')?)));
        let Some((kind, below)) = below else {
            // A path that leaves the folder indicates an attack, not a stray file.
            BundlePath::parse(&name).map_err(|error| UnpackError::Path { entry: name.clone(), error })?;
            continue;
        };
        if found.is_some_and(|other| other != kind) {
            return Err("the zip file contains both `apiproxy/` and `sharedflowbundle/`".to_owned().into());
        }
        found = Some(kind);
        if is_clutter(below) {
            files.leave_out(below);
            continue;
        }
        let path = BundlePath::parse(below).map_err(|error| UnpackError::Path { entry: name.clone(), error })?;
        let mut content = Vec::new();
        entry
            .take(left + 1)
            .read_to_end(&mut content)
            .map_err(|error| format!("entry `{name}` of the zip file: {error}"))?;
        left = left
            .checked_sub(content.len() as u64)
            .ok_or_else(|| format!("the zip file unpacks to more than {MAX_UNPACKED_BYTES} bytes"))?;
        if files.insert(path, content).is_some() {
            return Err(format!("the zip file has more than one entry `{name}`").into());
        }
    }
    let kind =
        found.ok_or("the zip file has no `apiproxy/` or `sharedflowbundle/` folder at its top level".to_owned())?;
    Ok((kind, files))
}

/// A name as a reader of zip files may interpret it: with `/` as separator, without `.` and empty parts.
fn plain(name: &str) -> String {
    name.split(['/', '\\']).filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A zip file with these entries. Names have one length, so that one can be written over another behind the writer's back.
    fn zip(names: [&str; 2]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for name in ["apiproxy/a.xml", names[0]] {
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(b"<APIProxy/>").unwrap();
        }
        let mut bytes = zip.finish().unwrap().into_inner();
        let (from, to) = (names[0].as_bytes(), names[1].as_bytes());
        assert_eq!(from.len(), to.len());
        for at in 0..bytes.len() - from.len() {
            if bytes[at..].starts_with(from) {
                bytes[at..at + to.len()].copy_from_slice(to);
            }
        }
        bytes
    }

    #[test]
    fn two_entries_are_never_one_file() {
        assert_eq!(unpack(&zip(["apiproxy/b.xml"; 2])).unwrap().1.len(), 2);
        assert!(
            unpack(&zip(["apiproxy/b.xml", "apiproxy/a.xml"]))
                .unwrap_err()
                .to_string()
                .contains("more than one entry of the same name")
        );
        for name in ["./apiproxy/a.xml", "apiproxy/./a.xml", "apiproxy//a.xml", "apiproxy\\a.xml", "apiproxy\\.\\a.xml"]
        {
            let written = "b".repeat(name.len());
            let why = unpack(&zip([&written, name])).unwrap_err().to_string();
            assert!(why.contains("are the same file"), "{name}: {why}");
        }
    }
}
