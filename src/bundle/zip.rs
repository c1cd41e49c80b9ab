//! Bundles as zip files: what users have and what the management API takes.

use std::io::{Cursor, Read as _, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::{BundleKind, BundlePath, Files, is_clutter, plain_path};

/// Apigee's limit for one bundle, in bytes ("API proxy bundle zip file size", Apigee limits page).
pub const MAX_BUNDLE_BYTES: usize = crate::limits::counts::BUNDLE_BYTES.max;

/// The Job that deploys a bundle names each of its files, and Kubernetes stores no object larger than 1.5 MiB.
pub const MAX_FILES: usize = 5000;

/// More than any bundle of [`MAX_BUNDLE_BYTES`] unpacks to; a larger sum is a decompression bomb.
const MAX_UNPACKED_BYTES: u64 = 128 * 1024 * 1024;

/// Packs the files below the kind's root folder. The same files give the same bytes: sorted, dated 1980-01-01, mode 0644.
pub fn pack(kind: BundleKind, files: &Files) -> Result<Vec<u8>, String> {
    // What does not compress needs its own size and two headers for each file. Memory that is not written to costs nothing; a buffer
    // that grows costs its content twice.
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

/// Unpacks a bundle's zip: the kind by its root folder, and the files below it. Folders, files outside the root folder
/// (as macOS adds) and [clutter](is_clutter) are left out; the separators of Windows are read as `/`. Nothing is written to disk.
pub fn unpack(bytes: &[u8]) -> Result<(BundleKind, Files), String> {
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("not a readable zip file: {error}"))?;
    if archive.len() > 2 * MAX_FILES {
        return Err(format!("the zip file has {} entries; a bundle may have {MAX_FILES} files", archive.len()));
    }
    if archive.is_empty() {
        return Err("the zip file has no entries".to_owned());
    }
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
        let name = plain_path(&name);
        let below = BundleKind::ALL
            .into_iter()
            .find_map(|kind| Some((kind, name.strip_prefix(kind.root())?.strip_prefix('/')?)));
        let Some((kind, below)) = below else {
            // A path that climbs out is a sign of an attack, not of a stray file.
            BundlePath::parse(&name).map_err(|why| format!("entry `{name}` of the zip file: {why}"))?;
            continue;
        };
        if found.is_some_and(|other| other != kind) {
            return Err("the zip file holds both `apiproxy/` and `sharedflowbundle/`".to_owned());
        }
        found = Some(kind);
        if is_clutter(below) {
            files.leave_out(below);
            continue;
        }
        let path = BundlePath::parse(below).map_err(|why| format!("entry `{name}` of the zip file: {why}"))?;
        let mut content = Vec::new();
        entry
            .take(left + 1)
            .read_to_end(&mut content)
            .map_err(|error| format!("entry `{name}` of the zip file: {error}"))?;
        left = left
            .checked_sub(content.len() as u64)
            .ok_or_else(|| format!("the zip file unpacks to more than {MAX_UNPACKED_BYTES} bytes"))?;
        if files.insert(path, content).is_some() {
            return Err(format!("entry `{name}` stands twice in the zip file"));
        }
    }
    let kind = found.ok_or("the zip file has no `apiproxy/` or `sharedflowbundle/` folder at its top")?;
    Ok((kind, files))
}
