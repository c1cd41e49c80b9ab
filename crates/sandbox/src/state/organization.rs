//! Organizations. Any organization exists, and it is stored when it is first written to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::config::ConfigState;
use super::environment::Environment;
use super::environment_group::EnvironmentGroup;
use super::operation::Operation;
use super::{Deployed, State, StoredBundle, stored_form};
use crate::api::{ApiResponse, Handler, Method, prune};
use apigee_flux_model::bundle::BundleKind;

pub(crate) const METHODS: &[Method] = &[
    Method::get("/v1/organizations", Handler::State(|state, _| Ok(ApiResponse::Json(state.list_organizations()))))
        .at_root(),
    Method::get(
        "/v1/organizations/{org}",
        Handler::State(|state, request| {
            Ok(ApiResponse::Json(state.get_organization(request.organization(), request.now)))
        }),
    )
    .at_root(),
];

/// An organization.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Organization {
    #[serde(with = "stored_form::pairs")]
    pub(crate) resources: BTreeMap<(BundleKind, String), StoredBundle>,
    pub(crate) deployments: Vec<Deployed>,
    pub(crate) environments: BTreeMap<String, Environment>,
    /// Whether only the environments above exist.
    pub(crate) only_these_environments: bool,
    pub(crate) environment_groups: BTreeMap<String, EnvironmentGroup>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) config: ConfigState,
}

impl State {
    /// `GoogleCloudApigeeV1ListOrganizationsResponse`: the organizations that were written to.
    pub(crate) fn list_organizations(&self) -> Value {
        // `projectIds` is deprecated, but gcloud reads only this field.
        let mapping = |name: &String| json!({"organization": name, "projectId": name, "projectIds": [name]});
        let list: Vec<Value> = self.organizations.keys().map(mapping).collect();
        prune(json!({ "organizations": list }))
    }

    /// `GoogleCloudApigeeV1Organization`. Any organization exists.
    pub(crate) fn get_organization(&self, name: &str, now: u64) -> Value {
        prune(json!({
            "name": name,
            "projectId": name,
            "displayName": name,
            "description": "A sandbox, not Apigee.",
            "state": "ACTIVE",
            "runtimeType": self.settings.runtime.as_str(),
            "subscriptionType": "PAID",
            "billingType": "SUBSCRIPTION",
            "environments": self.environment_names(name, now),
        }))
    }
}
