//! Splits a bundle into ConfigMaps, and describes the volume that reassembles it.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, ConfigMapProjection, KeyToPath, VolumeProjection};

use super::client_side::{FILL_BYTES, binary_bytes, text_bytes};
use super::metadata::Metadata;
use super::names::bundle_name;
use super::object::Object;
use apigee_flux_model::bundle::{BundlePath, Digest, Files, Manifest, manifest, map_key, zip};
use apigee_flux_model::diag::plain::{is_active, json};
use apigee_flux_model::names::kubernetes::CONTENT;

/// The size of a ConfigMap without its entries, as JSON in bytes: more than names, labels and annotations need.
const FRAME_BYTES: usize = 4 * 1024;

/// The size of all entries of a ConfigMap as JSON, in bytes.
const ROOM_BYTES: usize = FILL_BYTES - FRAME_BYTES;

/// The maximum size of a part of a file, in bytes: two parts fit into one ConfigMap in base64, including their keys (at most 253
/// characters), so that none stays half empty.
const MAX_PIECE_BYTES: usize = (ROOM_BYTES / 2 - 512) / 4 * 3;

/// The largest file that has an entry by itself, as JSON in bytes, with room for its key.
const MAX_ENTRY_BYTES: usize = ROOM_BYTES - 512;

/// The largest list of files in a Job, and in a manifest, as JSON in bytes. A bundle with a longer one is stored as a zip file: neither the Job nor
/// the manifest may grow with the number of files. Jobs of batches have the lists of several bundles.
const MAX_LIST_BYTES: usize = 96 * 1024;

/// The number of digits in the label [`CONTENT`], as many as a label's value may have.
const CONTENT_DIGITS: usize = 63;

/// The folder in the mount for parts of files.
const PARTS: &str = ".parts";

/// The ConfigMaps of one bundle.
#[derive(Debug, Clone)]
pub struct BundleMaps {
    /// The ConfigMaps, which are immutable and have the digest of their content in their names.
    pub objects: Vec<Object>,
    /// The sources of a projected volume that contains the bundle's files and `manifest.json`.
    pub sources: Vec<VolumeProjection>,
    /// The bundle's digest.
    pub digest: Digest,
    /// The digest of everything that the ConfigMaps contain, as the value of their label [`CONTENT`]. The manifest is included: a later
    /// version that records more in it must not meet an immutable ConfigMap of the same name.
    pub content: String,
}

/// One entry of a ConfigMap.
struct MapEntry {
    key: String,
    path: String,
    content: Content,
}

enum Content {
    Text(String),
    Binary(Vec<u8>),
}

impl Content {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }
}

impl MapEntry {
    /// The size as JSON, in bytes.
    fn size(&self) -> usize {
        let content = match &self.content {
            Content::Text(text) => text_bytes(text),
            Content::Binary(bytes) => binary_bytes(bytes.len()),
        };
        text_bytes(&self.key) + content + ": ,".len()
    }
}

impl BundleMaps {
    /// Packs the files and their manifest into as few ConfigMaps as possible.
    pub fn new(mut manifest: Manifest, files: &Files, metadata: &Metadata<'_>) -> Result<Self, String> {
        let digest = manifest.digest;
        let mut entries = listed(&mut manifest, files)?;
        let items: usize = entries.iter().map(|entry| text_bytes(&entry.key) + text_bytes(&entry.path)).sum();
        let mut text = manifest_text(&manifest)?;
        if items.max(text_bytes(&text)) > MAX_LIST_BYTES {
            entries = archived(&mut manifest, files)?;
            text = manifest_text(&manifest)?;
        }
        let manifest_entry = MapEntry {
            key: manifest::FILE_NAME.to_owned(),
            path: manifest::FILE_NAME.to_owned(),
            content: Content::Text(text),
        };
        entries.insert(0, manifest_entry);

        let whole = digest_of(&entries);
        let content = whole.short(CONTENT_DIGITS);
        let groups = pack(entries);
        let name = bundle_name(manifest.kind, &manifest.name, whole);
        let several = groups.len() > 1;
        let mut objects = Vec::new();
        let mut sources = Vec::new();
        for (number, group) in groups.into_iter().enumerate() {
            let name = if several { format!("{name}-{}", number + 1) } else { name.clone() };
            sources.push(projection(&name, &group));
            objects.push(config_map(&name, group, &content, metadata));
        }
        Ok(Self { objects, sources, digest, content })
    }

    /// The sources of a volume that contains the bundle's files in a folder, next to other bundles.
    pub fn sources_below(&self, folder: &str) -> Vec<VolumeProjection> {
        let mut sources = self.sources.clone();
        let maps = sources.iter_mut().filter_map(|source| source.config_map.as_mut());
        for item in maps.filter_map(|map| map.items.as_mut()).flatten() {
            item.path = format!("{folder}/{}", item.path);
        }
        sources
    }
}

/// The entries of all files, each by itself or in parts.
fn listed(manifest: &mut Manifest, files: &Files) -> Result<Vec<MapEntry>, String> {
    let mut keys = Keys::default();
    let mut entries = Vec::new();
    for (number, (path, bytes)) in files.iter().enumerate() {
        let whole = MapEntry { key: String::new(), path: path.to_string(), content: content(bytes) };
        if whole.size() <= MAX_ENTRY_BYTES {
            entries.push(MapEntry { key: keys.key(path), ..whole });
            continue;
        }
        let parts = parts_of(bytes, &format!("{number:04}"), &mut keys, &mut entries)?;
        if let Some(file) = manifest.files.iter_mut().find(|file| file.path == *path) {
            file.parts = parts;
        }
    }
    Ok(entries)
}

/// The entries of a zip file with all files: for a bundle whose list of files would make its Job too large.
fn archived(manifest: &mut Manifest, files: &Files) -> Result<Vec<MapEntry>, String> {
    let zip = zip::pack(manifest.kind, files)?;
    let mut entries = Vec::new();
    let parts = parts_of(&zip, "all", &mut Keys::default(), &mut entries)?;
    *manifest = manifest.clone().archived(parts);
    Ok(entries)
}

/// Adds an entry for each part of some bytes, and returns their paths.
fn parts_of(bytes: &[u8], what: &str, keys: &mut Keys, entries: &mut Vec<MapEntry>) -> Result<Vec<BundlePath>, String> {
    let mut parts = Vec::new();
    for (part, piece) in bytes.chunks(MAX_PIECE_BYTES).enumerate() {
        let path = BundlePath::parse(&format!("{PARTS}/{what}-{part:03}")).map_err(|error| error.to_string())?;
        let content = Content::Binary(piece.to_vec());
        entries.push(MapEntry { key: keys.key(&path), path: path.to_string(), content });
        parts.push(path);
    }
    Ok(parts)
}

/// The manifest as it is in a ConfigMap: readable, so that a pull request shows what changes.
fn manifest_text(manifest: &Manifest) -> Result<String, String> {
    let mut text = json(&serde_json::to_string_pretty(manifest).map_err(|error| error.to_string())?);
    text.push('\n');
    Ok(text)
}

/// The digest of all entries: of each key and content, each preceded by its length.
fn digest_of(entries: &[MapEntry]) -> Digest {
    let mut bytes = Vec::new();
    for part in entries.iter().flat_map(|entry| [entry.key.as_bytes(), entry.content.bytes()]) {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part);
    }
    Digest::of_bytes(&bytes)
}

/// Fills the ConfigMaps in order: an entry that does not fit starts a new one.
fn pack(entries: Vec<MapEntry>) -> Vec<Vec<MapEntry>> {
    let mut groups: Vec<Vec<MapEntry>> = Vec::new();
    let mut room = 0;
    for entry in entries {
        let size = entry.size();
        match groups.last_mut() {
            Some(group) if size <= room => {
                room -= size;
                group.push(entry);
            }
            _ => {
                room = ROOM_BYTES.saturating_sub(size);
                groups.push(vec![entry]);
            }
        }
    }
    groups
}

fn projection(name: &str, group: &[MapEntry]) -> VolumeProjection {
    let items =
        group.iter().map(|entry| KeyToPath { key: entry.key.clone(), path: entry.path.clone(), mode: None }).collect();
    VolumeProjection {
        config_map: Some(ConfigMapProjection { name: name.to_owned(), items: Some(items), optional: None }),
        ..VolumeProjection::default()
    }
}

fn config_map(name: &str, group: Vec<MapEntry>, content: &str, metadata: &Metadata<'_>) -> Object {
    let mut object_meta = metadata.object(name);
    object_meta.labels.get_or_insert_default().insert(CONTENT.to_owned(), content.to_owned());
    let mut data = BTreeMap::new();
    let mut binary_data = BTreeMap::new();
    for entry in group {
        match entry.content {
            Content::Text(text) => drop(data.insert(entry.key, text)),
            Content::Binary(bytes) => drop(binary_data.insert(entry.key, ByteString(bytes))),
        }
    }
    Object::config_map(ConfigMap {
        metadata: object_meta,
        immutable: Some(true),
        data: Some(data).filter(|data| !data.is_empty()),
        binary_data: Some(binary_data).filter(|data| !data.is_empty()),
    })
}

/// Text that every YAML and JSON parser preserves goes into `data`, where it is readable in a pull request; everything else is binary.
fn content(bytes: &[u8]) -> Content {
    let printable = |c: char| matches!(c, ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    // A file must not look different in a review from what is read.
    let safe = |c: char| matches!(c, '\n' | '\t') || printable(c) && !is_active(c);
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && text.chars().all(safe) => Content::Text(text.to_owned()),
        _ => Content::Binary(bytes.to_vec()),
    }
}

/// The keys of one bundle, unique without regard to case.
#[derive(Default)]
struct Keys(std::collections::BTreeSet<String>);

impl Keys {
    fn key(&mut self, path: &BundlePath) -> String {
        if let Some(readable) = map_key::readable(path)
            && self.0.insert(readable.to_lowercase())
        {
            return readable;
        }
        // The volume's items restore the path, so any unique key is suitable; a digest keeps it stable.
        let key = map_key::unique(path);
        self.0.insert(key.to_lowercase());
        key
    }
}
