//! One resource of the input: its header, and where it stands.

use std::borrow::Cow;

use super::annotation;
use crate::yaml::{Node, Span};

/// The group of the resources that this program expands.
pub const GROUP: &str = "apigeeflux.dev";

/// What the hash of kustomize is made of (`hasher.go`: hexadecimal, with the characters exchanged that could make a word).
const HASH_ALPHABET: &str = "bcdfghjklmnpqrstvwxz2456789";

/// What identifies a resource, read without parsing the rest of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header<'a> {
    /// `apiVersion`, empty if missing.
    pub api_version: Cow<'a, str>,
    /// `kind`, empty if missing.
    pub kind: Cow<'a, str>,
    /// `metadata.name`, empty if missing.
    pub name: Cow<'a, str>,
    /// `metadata.namespace`.
    pub namespace: Option<Cow<'a, str>>,
    /// The annotations that matter here, see [`annotation`].
    pub annotations: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// What makes a resource the same resource: group, kind, namespace and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// The group, without the version; empty for the core group.
    pub group: String,
    /// The kind.
    pub kind: String,
    /// The namespace, empty if none is set.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Header<'_> {
    /// The part of `apiVersion` before the `/`, empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.rsplit_once('/').map_or("", |(group, _)| group)
    }

    /// The part of `apiVersion` behind the `/`.
    pub fn version(&self) -> &str {
        self.api_version.rsplit_once('/').map_or(&self.api_version, |(_, version)| version)
    }

    /// The value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_ref())
    }

    /// The identity.
    pub fn id(&self) -> Id {
        Id {
            group: self.group().to_owned(),
            kind: self.kind.clone().into_owned(),
            namespace: self.namespace.as_deref().unwrap_or_default().to_owned(),
            name: self.name.clone().into_owned(),
        }
    }

    /// The file that the orchestrator names.
    pub fn file(&self) -> Option<&str> {
        self.annotation(annotation::PATH).or_else(|| self.annotation(annotation::LEGACY_PATH)).or_else(|| {
            // kustomize's origin is YAML of which only the line `path: FILE` matters here.
            self.annotation(annotation::ORIGIN)?.lines().find_map(|line| line.strip_prefix("path: ")).map(str::trim)
        })
    }

    /// The place in the file, from 0.
    pub fn index(&self) -> Option<usize> {
        self.annotation(annotation::INDEX).or_else(|| self.annotation(annotation::LEGACY_INDEX))?.parse().ok()
    }

    /// All names that the resource has or had: references in specs are written with the first of them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let previous = self.annotation(annotation::PREVIOUS_NAMES).unwrap_or_default();
        std::iter::once(self.name.as_ref()).chain(previous.split(',').filter(|name| !name.is_empty()))
    }

    /// The name without the hash that kustomize puts behind the name of a generated ConfigMap or Secret.
    pub fn name_without_hash(&self) -> Option<&str> {
        let (name, hash) = self.name.rsplit_once('-')?;
        (hash.len() == 10 && hash.chars().all(|c| HASH_ALPHABET.contains(c))).then_some(name)
    }

    /// True for a resource that this program has to expand or report. The group counts however it is written: with another version, none, or
    /// in upper case the resource is a mistake, and not another's.
    pub fn is_managed(&self) -> bool {
        let group = self.group();
        group == GROUP || self.api_version.to_ascii_lowercase().contains(GROUP)
    }

    /// True for a resource: it has `apiVersion` and `kind`.
    pub fn has_identity(&self) -> bool {
        !self.api_version.is_empty() && !self.kind.is_empty()
    }

    /// The header that a whole tree gives, aliases and merge keys resolved.
    pub(super) fn of_node(node: &Node) -> Header<'static> {
        let text = |node: Option<&Node>| Cow::Owned(node.and_then(Node::as_str).unwrap_or_default().to_owned());
        let metadata = node.get("metadata");
        let annotations =
            metadata.and_then(|metadata| metadata.get("annotations")).map(Node::entries).unwrap_or_default();
        let read = annotations.iter().filter(|entry| annotation::is_read(&entry.key));
        Header {
            api_version: text(node.get("apiVersion")),
            kind: text(node.get("kind")),
            name: text(metadata.and_then(|metadata| metadata.get("name"))),
            namespace: Some(text(metadata.and_then(|metadata| metadata.get("namespace"))))
                .filter(|text| !text.is_empty()),
            annotations: read.map(|entry| (Cow::Owned(entry.key.clone()), text(Some(&entry.value)))).collect(),
        }
    }

    /// True for an output of an earlier run.
    pub fn is_output(&self) -> bool {
        self.annotation(annotation::OWNER).is_some()
    }
}

/// One resource and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<'a> {
    /// The resource itself.
    pub span: Span,
    /// The resource with what introduces it: a dash or a `---`, and comments.
    pub chunk: Span,
    /// What it is.
    pub header: Header<'a>,
    /// The document that holds it.
    pub(super) document: usize,
    /// Where it is in that document.
    pub(super) place: Place,
}

/// Where a resource is in its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// The way to it through the `items` of lists; empty for the document itself.
    Items(Vec<usize>),
    /// The value of `functionConfig`.
    FunctionConfig,
}
