//! A ConfigMap with one JSON document: the list of a batch, or a configuration document.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use serde::Serialize;

use super::bundle_maps::MAX_CONFIG_MAP_BYTES;
use super::metadata::Metadata;
use super::object::Object;
use apigee_flux_model::bundle::Digest;
use apigee_flux_model::diag::plain::json;

/// A ConfigMap with a document.
#[derive(Debug, Clone)]
pub struct JsonMap {
    /// The ConfigMap, which is immutable and has the digest in its name.
    pub object: Object,
    /// The digest of the document's text.
    pub digest: Digest,
}

impl JsonMap {
    /// Renders a document under the key `file`; the name is `stem` and the start of the digest. `None` if it is too large for a ConfigMap.
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
