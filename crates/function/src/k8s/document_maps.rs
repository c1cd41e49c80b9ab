//! The ConfigMaps of a JSON document that a Job reads: the list of a batch, or configuration.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapProjection, ConfigMapVolumeSource, KeyToPath, Volume, VolumeProjection,
};
use serde::Serialize;

use super::client_side::{FILL_BYTES, text_bytes};
use super::metadata::Metadata;
use super::object::Object;
use super::volumes::projected;
use apigee_flux_model::bundle::Digest;
use apigee_flux_model::diag::plain::json;

/// The size of a ConfigMap without its text, as JSON in bytes: more than names, labels and annotations need.
const FRAME_BYTES: usize = 4 * 1024;

/// How much text a ConfigMap of a document may have, as JSON in bytes.
pub const ROOM_BYTES: usize = FILL_BYTES - FRAME_BYTES;

/// The ConfigMaps of a document.
#[derive(Debug, Clone)]
pub struct DocumentMaps {
    /// The ConfigMaps, which are immutable and have the digests of their texts in their names.
    pub objects: Vec<Object>,
    /// The digest of the texts of all ConfigMaps, one after the other.
    pub digest: Digest,
    /// The key of the text in each ConfigMap.
    file: &'static str,
}

impl DocumentMaps {
    /// Renders the parts of a document under the key `file`; the name of each ConfigMap is `stem` and the start of its digest. A part that is too
    /// large for a ConfigMap is cut: the reader joins the texts before it parses them.
    pub fn new(
        parts: &[impl Serialize],
        file: &'static str,
        stem: &str,
        metadata: &Metadata<'_>,
    ) -> Result<Self, String> {
        let mut whole = String::new();
        let mut objects = Vec::new();
        for part in parts {
            let text = text(part)?;
            for piece in pieces(&text) {
                let digest = Digest::of_bytes(piece.as_bytes());
                objects.push(Object::config_map(ConfigMap {
                    metadata: metadata.object(&format!("{stem}-{}", digest.short(10))),
                    immutable: Some(true),
                    data: Some(BTreeMap::from([(file.to_owned(), piece.to_owned())])),
                    ..ConfigMap::default()
                }));
            }
            whole.push_str(&text);
        }
        Ok(Self { objects, digest: Digest::of_bytes(whole.as_bytes()), file })
    }

    /// The files in the volume, in the order in which they are joined.
    pub(super) fn files(&self) -> Vec<String> {
        match self.objects.len() {
            1 => vec![self.file.to_owned()],
            many => (1..=many).map(|number| format!("{number}-{}", self.file)).collect(),
        }
    }

    /// The volume with [`files`](Self::files).
    pub(super) fn volume(&self, volume: &str) -> Volume {
        if let [only] = self.objects.as_slice() {
            let source = ConfigMapVolumeSource { name: only.id.name.clone(), ..ConfigMapVolumeSource::default() };
            return Volume { name: volume.to_owned(), config_map: Some(source), ..Volume::default() };
        }
        let source = |(object, path): (&Object, String)| {
            let items = vec![KeyToPath { key: self.file.to_owned(), path, mode: None }];
            let map = ConfigMapProjection { name: object.id.name.clone(), items: Some(items), optional: None };
            VolumeProjection { config_map: Some(map), ..VolumeProjection::default() }
        };
        projected(volume, self.objects.iter().zip(self.files()).map(source).collect())
    }
}

/// A document as it is in a ConfigMap: readable, so that a pull request shows what changes.
pub(super) fn text(document: &impl Serialize) -> Result<String, String> {
    let mut text = json(&serde_json::to_string_pretty(document).map_err(|error| error.to_string())?);
    text.push('\n');
    Ok(text)
}

/// Cuts a text into pieces that fit into a ConfigMap each.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut size) = (0, 2);
    for (at, character) in text.char_indices() {
        let more = text_bytes(text.get(at..at + character.len_utf8()).unwrap_or_default()) - 2;
        if size + more > ROOM_BYTES {
            pieces.extend(text.get(start..at));
            (start, size) = (at, 2);
        }
        size += more;
    }
    pieces.extend(text.get(start..));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_fit_and_together_they_are_the_text() {
        let text = "{\"é\": \"<b>\"}\n".repeat(40_000);
        let pieces = pieces(&text);
        assert!(pieces.len() > 2 && pieces.iter().all(|piece| text_bytes(piece) <= ROOM_BYTES));
        assert_eq!(pieces.concat(), text);
        assert_eq!(super::pieces("short"), ["short"]);
    }
}
