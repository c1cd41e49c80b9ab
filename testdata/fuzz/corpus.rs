//! Seeds: the repository's own cases, and inputs that failed before.

use std::fs;
use std::path::{Path, PathBuf};

/// Longer files are not used as seeds: their mutations would take too long to find anything.
pub(crate) const LONGEST: usize = 1 << 14;

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The files below a folder of the repository whose names have an ending, if they are short enough for a seed.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut found);
    let named = found.iter().filter(|path| path.to_string_lossy().ends_with(ending));
    named.map(|path| fs::read(path).unwrap()).filter(|bytes| bytes.len() <= LONGEST).collect()
}

/// Inputs of a target that failed before.
pub(crate) fn found(target: &str) -> Vec<Vec<u8>> {
    files(&format!("testdata/fuzz/found/{target}"), "")
}

/// The texts between two marks in some files.
pub(crate) fn between(files: &[Vec<u8>], open: &str, close: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for file in files {
        let text = String::from_utf8_lossy(file);
        for part in text.split(open).skip(1) {
            if let Some((inside, _)) = part.split_once(close) {
                found.push(inside.as_bytes().to_vec());
            }
        }
    }
    found.sort();
    found.dedup();
    found
}
