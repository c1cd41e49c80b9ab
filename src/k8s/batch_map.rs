//! The ConfigMap of a batch.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;

use super::bundle_maps::MAX_CONFIG_MAP_BYTES;
use super::metadata::Metadata;
use super::names::batch_name;
use super::object::Object;
use crate::bundle::{Batch, Digest, batch};

/// The batch of one environment.
#[derive(Debug, Clone)]
pub struct BatchMap {
    /// Named by the digest, immutable.
    pub object: Object,
    /// Of `batch.json`: it names the digest of each bundle, so that it changes when any of them does.
    pub digest: Digest,
}

impl BatchMap {
    /// Writes the batch. None if it is larger than a ConfigMap.
    pub fn new(batch: &Batch, environment: &str, metadata: &Metadata<'_>) -> Result<Option<Self>, String> {
        let mut text = serde_json::to_string_pretty(batch).map_err(|error| error.to_string())?;
        text.push('\n');
        if text.len() + batch::FILE_NAME.len() > MAX_CONFIG_MAP_BYTES {
            return Ok(None);
        }
        let digest = Digest::of_bytes(text.as_bytes());
        let object = Object::config_map(ConfigMap {
            metadata: metadata.object(&format!("{}-{}", batch_name(environment), digest.short(10))),
            immutable: Some(true),
            data: Some(BTreeMap::from([(batch::FILE_NAME.to_owned(), text)])),
            ..ConfigMap::default()
        });
        Ok(Some(Self { object, digest }))
    }
}
