//! One resource of the input: its header and its place.

use std::borrow::Cow;

use super::annotation;
use crate::yaml::{Span, YamlNode};

/// The group of the resources that this program expands.
pub const GROUP: &str = "apigeeflux.dev";

/// The alphabet of kustomize's hash (`hasher.go`: hexadecimal, with the characters replaced that could form a word).
const HASH_ALPHABET: &str = "bcdfghjklmnpqrstvwxz2456789";

/// The fields that identify a resource, read without parsing the rest of it.
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
    /// The annotations that this program reads, see [`annotation`].
    pub annotations: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// The identity of a resource: group, kind, namespace and name.
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

    /// The part of `apiVersion` after the `/`.
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

    /// The file of the resource, according to the orchestrator's annotations.
    pub fn file(&self) -> Option<&str> {
        self.annotation(annotation::PATH).or_else(|| self.annotation(annotation::LEGACY_PATH)).or_else(|| {
            // kustomize's origin is YAML; only its line `path: FILE` is used here.
            self.annotation(annotation::ORIGIN)?.lines().find_map(|line| line.strip_prefix("path: ")).map(str::trim)
        })
    }

    /// The index in the file, from 0.
    pub fn index(&self) -> Option<usize> {
        self.annotation(annotation::INDEX).or_else(|| self.annotation(annotation::LEGACY_INDEX))?.parse().ok()
    }

    /// The current name of the resource and all previous ones: references in specs use the original name.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let previous = self.annotation(annotation::PREVIOUS_NAMES).unwrap_or_default();
        std::iter::once(self.name.as_ref()).chain(previous.split(',').filter(|name| !name.is_empty()))
    }

    /// The name without the hash that kustomize appends to the name of a generated ConfigMap or Secret.
    pub fn name_without_hash(&self) -> Option<&str> {
        let (name, hash) = self.name.rsplit_once('-')?;
        (hash.len() == 10 && hash.chars().all(|c| HASH_ALPHABET.contains(c))).then_some(name)
    }

    /// True for a resource that this program expands or reports. Any spelling of the group counts: a resource with another version, no version
    /// or an upper-case group is a mistake, not a resource of another program.
    pub fn is_managed(&self) -> bool {
        let group = self.group();
        group == GROUP || self.api_version.to_ascii_lowercase().contains(GROUP)
    }

    /// True if `apiVersion` and `kind` are set, as in every resource.
    pub fn has_identity(&self) -> bool {
        !self.api_version.is_empty() && !self.kind.is_empty()
    }

    /// The header of a whole tree, with aliases and merge keys resolved.
    pub(super) fn of_node(node: &YamlNode) -> Header<'static> {
        let text = |node: Option<&YamlNode>| Cow::Owned(node.and_then(YamlNode::as_str).unwrap_or_default().to_owned());
        let metadata = node.get("metadata");
        let annotations =
            metadata.and_then(|metadata| metadata.get("annotations")).map(YamlNode::entries).unwrap_or_default();
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
    /// The resource with the text that introduces it: a dash or a `---`, and comments.
    pub chunk: Span,
    /// The fields that identify it.
    pub header: Header<'a>,
    /// The index of the document that contains it.
    pub(super) document: usize,
    /// Its place in that document.
    pub(super) place: ItemPlace,
}

/// The place of a resource in its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ItemPlace {
    /// The indexes in the nested `items` lists; empty for the document itself.
    Items(Vec<usize>),
    /// The value of `functionConfig`.
    FunctionConfig,
}
