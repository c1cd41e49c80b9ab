//! The settings of the simulated Apigee, which are not part of its state.

use std::collections::{BTreeMap, BTreeSet};

use apigee_flux_model::bundle::MAX_REVISIONS;

/// The settings. Durations are in milliseconds.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How long a deployment is PROGRESSING, and how long an operation takes.
    pub progressing: u64,
    /// The environments of environment groups, in addition to those that requests attach. An environment without a group has its own group
    /// of the same name.
    pub groups: BTreeMap<String, Vec<String>>,
    /// The environments that every organization has from the start. Empty: any environment exists.
    pub environments: BTreeSet<String>,
    /// The runtime type.
    pub runtime: RuntimeType,
    /// The maximum number of revisions of one proxy or shared flow; `None`: no limit.
    pub max_revisions: Option<usize>,
    /// How long after its import a revision is not found by its number, which happens in Apigee now and then
    /// (<https://github.com/apigee/apigee-deploy-maven-plugin/issues/233>).
    pub visible_after: u64,
    /// How long after the start of a deployment its status is unavailable.
    pub status_after: u64,
    /// The response to a request for the status in that time.
    pub early_status: EarlyStatus,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            progressing: 0,
            groups: BTreeMap::new(),
            environments: BTreeSet::new(),
            runtime: RuntimeType::default(),
            max_revisions: Some(MAX_REVISIONS),
            visible_after: 0,
            status_after: 0,
            early_status: EarlyStatus::default(),
        }
    }
}

/// The runtime type: where the proxies run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RuntimeType {
    /// Google Cloud. A proxy may be deployed before the shared flows that it calls: according to the discovery document, only hybrid
    /// validates this.
    #[default]
    Cloud,
    /// The customer's own clusters. A proxy is refused while a shared flow that it calls is not deployed in the environment.
    Hybrid,
}

impl RuntimeType {
    /// The value in the schema `GoogleCloudApigeeV1Organization`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cloud => "CLOUD",
            Self::Hybrid => "HYBRID",
        }
    }
}

/// The response to a request for a deployment's status before it is available.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EarlyStatus {
    /// 503 (<https://github.com/apigee/apigee-deploy-maven-plugin/issues/243>).
    #[default]
    Unavailable,
    /// 404.
    NotFound,
}
