//! The keys of a bundle's files in its ConfigMaps: `[-._a-zA-Z0-9]+`, at most 253 characters (Kubernetes, "ConfigMaps"). The items of a volume turn
//! them into paths again; who reads the ConfigMaps themselves looks for both keys of a path.

use super::manifest;
use super::{BundlePath, Digest};

/// The longest key, in characters.
const MAX_KEY: usize = 253;

/// The readable key of a path; `None` if it would not be unique. It is used unless another file's key differs only in case.
pub fn readable(path: &BundlePath) -> Option<String> {
    let plain = path.as_str().replace('/', "__");
    let legal = plain.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'));
    let is_reversible =
        legal && plain.len() <= MAX_KEY && !path.as_str().contains("__") && plain != manifest::FILE_NAME;
    is_reversible.then_some(plain)
}

/// The key with a digest of the path, which every path has.
pub fn unique(path: &BundlePath) -> String {
    let safe: String = path
        .file_name()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') { c } else { '-' })
        .take(200)
        .collect();
    format!("file-{}-{safe}", Digest::of_bytes(path.as_str().as_bytes()).short(12))
}
