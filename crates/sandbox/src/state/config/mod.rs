//! Apigee's configuration: the resources of an environment or an organization other than bundles.
//!
//! One file for each kind, with its messages, its methods and the handler of each method.
//!
//! Every portal and space exists, and so does every environment unless the sandbox was started with a list of environments. Secrets (entries
//! of key value maps, consumer secrets) are stored and returned only where Apigee returns them; a private key is validated and not stored,
//! since no method returns it.

pub(crate) mod alias;
pub(crate) mod api_doc;
pub(crate) mod api_product;
pub(crate) mod app;
pub(crate) mod app_group;
pub(crate) mod app_key;
mod app_owner;
mod apply;
mod attributes;
mod certificate;
mod collection;
mod credential;
pub(crate) mod data_collector;
pub(crate) mod debug_mask;
pub(crate) mod developer;
pub(crate) mod flow_hook;
pub(crate) mod key_value_entry;
pub(crate) mod key_value_map;
pub(crate) mod keystore;
pub(crate) mod organization_app;
pub(crate) mod rate_plan;
pub(crate) mod reference;
pub(crate) mod resource_file;
mod stamp;
pub(crate) mod target_server;
pub(crate) mod trace_config;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub(crate) use apply::Bundles;

use crate::api::{ApiRequest, Object};

/// The configuration of an organization.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ConfigState {
    environments: BTreeMap<String, EnvironmentConfig>,
    /// The maps of each scope; see [`key_value_map`].
    key_value_maps: BTreeMap<String, BTreeMap<String, key_value_map::KeyValueMap>>,
    data_collectors: BTreeMap<String, Object>,
    products: BTreeMap<String, api_product::Product>,
    /// The developers by email.
    developers: BTreeMap<String, app_owner::AppOwner>,
    app_groups: BTreeMap<String, app_owner::AppOwner>,
    /// The catalog items of each portal.
    sites: BTreeMap<String, BTreeMap<String, api_doc::CatalogItem>>,
    /// The last number that was used for a generated name.
    sequence: u64,
}

/// The configuration of an environment.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct EnvironmentConfig {
    target_servers: BTreeMap<String, Object>,
    /// The resource files by type and name, in base64.
    resource_files: BTreeMap<String, BTreeMap<String, String>>,
    references: BTreeMap<String, Object>,
    /// The aliases of each keystore.
    keystores: BTreeMap<String, BTreeMap<String, alias::Alias>>,
    /// The flow hooks by their point in the flow.
    flow_hooks: BTreeMap<String, Object>,
    debug_mask: Object,
    trace_config: Object,
    trace_overrides: BTreeMap<String, Object>,
}

impl ConfigState {
    /// The environment in the path of a request.
    fn environment(&mut self, request: &ApiRequest) -> &mut EnvironmentConfig {
        self.environments.entry(request.parameter("env").to_owned()).or_default()
    }

    /// A new name of 64 hexadecimal digits. It is not random, so that a run is reproducible: a sandbox has nothing to protect.
    fn fresh(&mut self, request: &ApiRequest) -> String {
        self.sequence += 1;
        let digest = Sha256::digest(format!("{}/{}/{}", request.organization(), self.sequence, request.now));
        digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    /// A new name in the form of a UUID.
    fn fresh_uuid(&mut self, request: &ApiRequest) -> String {
        let digits = self.fresh(request);
        format!("{}-{}-4{}-a{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..32])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_names_differ_and_are_uuids() {
        let (mut config, request) = (ConfigState::default(), ApiRequest::to("x", &[]));
        let (one, two) = (config.fresh_uuid(&request), config.fresh_uuid(&request));
        assert_ne!(one, two);
        assert_eq!(one.len(), 36);
    }
}
