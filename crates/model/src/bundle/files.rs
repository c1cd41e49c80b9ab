//! The files of a bundle, by path below the bundle's root folder.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The kind of a bundle: it determines the root folder, the root element and the management API's collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BundleKind {
    /// An API proxy.
    Proxy,
    /// A shared flow.
    SharedFlow,
}

impl BundleKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Proxy, Self::SharedFlow];

    /// The noun for messages.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Proxy => "proxy",
            Self::SharedFlow => "shared flow",
        }
    }

    /// The `apigeeflux.dev` kind that defines one.
    pub const fn resource_kind(self) -> &'static str {
        match self {
            Self::Proxy => "ApigeeProxy",
            Self::SharedFlow => "ApigeeSharedFlow",
        }
    }

    /// The folder of all files inside the zip.
    pub const fn root(self) -> &'static str {
        match self {
            Self::Proxy => "apiproxy",
            Self::SharedFlow => "sharedflowbundle",
        }
    }

    /// The element at the top of the bundle's root XML file.
    pub const fn root_element(self) -> &'static str {
        match self {
            Self::Proxy => "APIProxy",
            Self::SharedFlow => "SharedFlowBundle",
        }
    }

    /// The management API's collection (discovery document `apigee.v1`: `organizations.apis`, `organizations.sharedflows`).
    pub const fn collection(self) -> &'static str {
        match self {
            Self::Proxy => "apis",
            Self::SharedFlow => "sharedflows",
        }
    }
}

/// The length of the longest path, in bytes.
const MAX_PATH: usize = 1024;

/// Why a text is not a path in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It is empty.
    #[error("the path is empty")]
    Empty,
    /// It is too long; its length in bytes.
    #[error("the path is {0} bytes long, at most {MAX_PATH} are allowed")]
    TooLong(usize),
    /// It has a character that is not allowed.
    #[error("the character {0:?} is not allowed in a path")]
    Character(char),
    /// It is absolute.
    #[error("the path is absolute; write it relative to the bundle's root folder")]
    Absolute,
    /// It has an empty part.
    #[error("the path has an empty part")]
    EmptyPart,
    /// This part of it, `.` or `..`, would leave the folder.
    #[error("`{0}` would leave the bundle's folder")]
    Leaves(String),
}

/// A path below the bundle's root folder: relative, with `/` between its parts, none of them empty, `.` or `..`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BundlePath(String);

impl BundlePath {
    /// Parses a path; the error is the violated rule.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.len() > MAX_PATH {
            return Err(PathError::TooLong(text.len()));
        }
        if let Some(bad) = text.chars().find(|c| c.is_control() || matches!(c, '\\' | ':')) {
            return Err(PathError::Character(bad));
        }
        if text.starts_with('/') {
            return Err(PathError::Absolute);
        }
        for part in text.split('/') {
            if part.is_empty() {
                return Err(PathError::EmptyPart);
            }
            if part == "." || part == ".." {
                return Err(PathError::Leaves(part.to_owned()));
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// The path as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last part.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The folder: everything before the last `/`, empty at the top.
    pub fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

impl fmt::Display for BundlePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for BundlePath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).map_err(|why| format!("`{text}`: {why}"))
    }
}

impl From<BundlePath> for String {
    fn from(path: BundlePath) -> Self {
        path.0
    }
}

/// Every file of one bundle, sorted by path. A clone shares the bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    files: BTreeMap<BundlePath, Bytes>,
    left_out: BTreeSet<String>,
}

impl Files {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file; returns the previous bytes of this path.
    pub fn insert(&mut self, path: BundlePath, bytes: impl Into<Bytes>) -> Option<Bytes> {
        self.files.insert(path, bytes.into())
    }

    /// Records a file of the source that is not part of a bundle.
    pub fn leave_out(&mut self, path: impl Into<String>) {
        self.left_out.insert(path.into());
    }

    /// The files of the source that are not part of a bundle ([`super::is_clutter`]), sorted.
    pub fn left_out(&self) -> impl ExactSizeIterator<Item = &str> {
        self.left_out.iter().map(String::as_str)
    }

    /// The bytes of one file.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        // A lookup by `&str` would need `Borrow<str>`, whose order equals that of the inner string.
        self.files.get(&BundlePath(path.to_owned())).map(AsRef::as_ref)
    }

    /// The files in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&BundlePath, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path, bytes.as_ref()))
    }

    /// The number of files.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// True if there are no files.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The sum of the files' sizes, in bytes.
    pub fn total_bytes(&self) -> usize {
        self.files.values().map(Bytes::len).sum()
    }
}

impl FromIterator<(BundlePath, Vec<u8>)> for Files {
    fn from_iter<I: IntoIterator<Item = (BundlePath, Vec<u8>)>>(iter: I) -> Self {
        let files = iter.into_iter().map(|(path, bytes)| (path, bytes.into())).collect();
        Self { files, left_out: BTreeSet::new() }
    }
}
