//! A ConfigMap with one JSON document: the list of a batch, the configuration of a place, an inventory.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use serde::Serialize;

use super::bundle_maps::MAX_CONFIG_MAP_BYTES;
use super::metadata::Metadata;
use super::object::Object;
use apigee_flux_model::bundle::Digest;
use apigee_flux_model::diag::plain::json;

/// A document.
#[derive(Debug, Clone)]
pub struct JsonMap {
    /// Named by the digest, immutable.
    pub object: Object,
    /// Of the document's text.
    pub digest: Digest,
}

impl JsonMap {
    /// Writes a document under the key `file`; the name is `stem` and the start of the digest. None if it is larger than a ConfigMap.
    pub fn new(
        document: &impl Serialize,
        file: &str,
        stem: &str,
        metadata: &Metadata<'_>,
    ) -> Result<Option<Self>, String> {
        let mut text = json(&serde_json::to_string_pretty(document).map_err(|error| error.to_string())?);
        text.push('\n');
        if text.len() + file.len() > MAX_CONFIG_MAP_BYTES {
            return Ok(None);
        }
        let digest = Digest::of_bytes(text.as_bytes());
        let object = Object::config_map(ConfigMap {
            metadata: metadata.object(&format!("{stem}-{}", digest.short(10))),
            immutable: Some(true),
            data: Some(BTreeMap::from([(file.to_owned(), text)])),
            ..ConfigMap::default()
        });
        Ok(Some(Self { object, digest }))
    }
}
