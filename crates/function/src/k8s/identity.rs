//! The deployer's identity: a ServiceAccount and, for federation, the configuration with the path of the token file. No form uses a key.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapProjection, EnvVar, KeyToPath, Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::json;

use super::metadata::Metadata;
use super::object::Object;
use super::volumes::{projected, token};
use crate::spec::environment::{Identity, WorkloadIdentityFederation};

/// The ServiceAccount of all Jobs of a namespace, unless its environments have different identities.
const SERVICE_ACCOUNT: &str = "apigee-deployer";

/// The volume with the configuration and token for federation.
pub(super) const VOLUME: &str = "federation";

/// The mount path of the configuration and token for federation.
const FEDERATION_PATH: &str = "/var/run/apigee-flux/federation";

/// The identity with which the Jobs of one environment run.
#[derive(Debug, Clone, PartialEq)]
pub struct DeployerIdentity {
    service_account: String,
    form: AccountForm,
}

#[derive(Debug, Clone, PartialEq)]
enum AccountForm {
    /// An existing ServiceAccount, which is not managed by apigee-flux.
    Existing,
    /// A managed ServiceAccount without annotations.
    Plain,
    /// A managed ServiceAccount that acts as a Google service account on GKE.
    Gke { google_service_account: Option<String> },
    /// A managed ServiceAccount whose token is exchanged for a Google token.
    Federation { config_map: String, federation: WorkloadIdentityFederation },
}

impl DeployerIdentity {
    /// The identity of an environment. `suffix` makes the names unique if the environments of a namespace have different identities.
    pub fn new(identity: Option<&Identity>, suffix: Option<&str>) -> Self {
        let name = |base: &str| suffix.map_or_else(|| base.to_owned(), |suffix| format!("{base}-{suffix}"));
        match identity {
            None => Self { service_account: SERVICE_ACCOUNT.to_owned(), form: AccountForm::Plain },
            Some(Identity::ServiceAccountName(existing)) => {
                Self { service_account: existing.clone(), form: AccountForm::Existing }
            }
            Some(Identity::GkeWorkloadIdentity(gke)) => Self {
                service_account: name(SERVICE_ACCOUNT),
                form: AccountForm::Gke { google_service_account: gke.service_account.clone() },
            },
            Some(Identity::WorkloadIdentityFederation(federation)) => Self {
                service_account: name(SERVICE_ACCOUNT),
                form: AccountForm::Federation { config_map: name("apigee-federation"), federation: federation.clone() },
            },
        }
    }

    /// The ServiceAccount's name.
    pub fn service_account(&self) -> &str {
        &self.service_account
    }

    /// The objects of this identity.
    pub fn objects(&self, metadata: &Metadata<'_>) -> Result<Vec<Object>, String> {
        let account = |annotation: Option<(&str, &str)>| {
            let mut meta: ObjectMeta = metadata.object(&self.service_account);
            if let Some((key, value)) = annotation {
                meta.annotations.get_or_insert_default().insert(key.to_owned(), value.to_owned());
            }
            Object::service_account(meta)
        };
        match &self.form {
            AccountForm::Existing => Ok(Vec::new()),
            AccountForm::Plain => Ok(vec![account(None)]),
            AccountForm::Gke { google_service_account } => {
                let annotation =
                    google_service_account.as_deref().map(|email| ("iam.gke.io/gcp-service-account", email));
                Ok(vec![account(annotation)])
            }
            AccountForm::Federation { config_map, federation } => {
                let mut text =
                    serde_json::to_string_pretty(&external_account(federation)).map_err(|error| error.to_string())?;
                text.push('\n');
                let map = ConfigMap {
                    metadata: metadata.object(config_map),
                    data: Some(BTreeMap::from([("config.json".to_owned(), text)])),
                    ..ConfigMap::default()
                };
                Ok(vec![account(None), Object::config_map(map)])
            }
        }
    }

    /// What federation adds to a pod: the token, the configuration, and the variable with the path of the configuration.
    pub(super) fn pod_parts(&self) -> Option<(Volume, VolumeMount, EnvVar)> {
        let AccountForm::Federation { config_map, federation } = &self.form else { return None };
        let config = ConfigMapProjection {
            name: config_map.clone(),
            items: Some(vec![KeyToPath { key: "config.json".to_owned(), path: "config.json".to_owned(), mode: None }]),
            optional: None,
        };
        let sources = vec![
            VolumeProjection { config_map: Some(config), ..VolumeProjection::default() },
            token(Some(format!("https://iam.googleapis.com/{}", federation.provider))),
        ];
        let volume = projected(VOLUME, sources);
        let mount = VolumeMount {
            name: VOLUME.to_owned(),
            mount_path: FEDERATION_PATH.to_owned(),
            read_only: Some(true),
            ..VolumeMount::default()
        };
        let variable = EnvVar {
            name: "GOOGLE_APPLICATION_CREDENTIALS".to_owned(),
            value: Some(format!("{FEDERATION_PATH}/config.json")),
            value_from: None,
        };
        Some((volume, mount, variable))
    }
}

/// Application default credentials of type `external_account` (Google AIP-4117).
fn external_account(federation: &WorkloadIdentityFederation) -> serde_json::Value {
    let mut config = json!({
        "universe_domain": "googleapis.com",
        "type": "external_account",
        "audience": format!("//iam.googleapis.com/{}", federation.provider),
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": {"file": format!("{FEDERATION_PATH}/token"), "format": {"type": "text"}},
    });
    if let (Some(email), Some(fields)) = (&federation.service_account, config.as_object_mut()) {
        fields.insert(
            "service_account_impersonation_url".to_owned(),
            format!("https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{email}:generateAccessToken")
                .into(),
        );
    }
    config
}
