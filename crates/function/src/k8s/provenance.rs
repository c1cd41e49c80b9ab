//! The ConfigMap with the provenance of the state of Git. It is separate from the Jobs, so that a change does not run them again.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;

use super::metadata::Metadata;
use super::object::Object;
use apigee_flux_model::diag::plain::json;
use apigee_flux_model::provenance::Provenance;

/// The name of the ConfigMap.
pub(super) const NAME: &str = "apigee-provenance";

/// The key in the ConfigMap, and the name of the file in the mount.
pub(super) const FILE_NAME: &str = "provenance.json";

/// The ConfigMap that the Jobs mount as optional.
pub fn provenance(provenance: &Provenance, metadata: &Metadata<'_>) -> Result<Object, String> {
    let mut text = json(&serde_json::to_string_pretty(provenance).map_err(|error| error.to_string())?);
    text.push('\n');
    Ok(Object::config_map(ConfigMap {
        metadata: metadata.object(NAME),
        data: Some(BTreeMap::from([(FILE_NAME.to_owned(), text)])),
        ..ConfigMap::default()
    }))
}
