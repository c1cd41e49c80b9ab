//! How the pretended Apigee behaves; none of it is part of its state.

use std::collections::{BTreeMap, BTreeSet};

use apigee_flux_model::bundle::MAX_REVISIONS;

/// Every time is in milliseconds.
#[derive(Debug, Clone)]
pub struct Settings {
    /// For so long a deployment is PROGRESSING and an operation is not done.
    pub progressing: u64,
    /// The environments of environment groups, besides those that calls attach. One that stands nowhere has a group of its own name.
    pub groups: BTreeMap<String, Vec<String>>,
    /// The environments that every organization has from the start. Empty: any environment exists.
    pub environments: BTreeSet<String>,
    /// Where the proxies run.
    pub runtime: RuntimeType,
    /// More revisions of one proxy or shared flow are refused; none: any number is taken.
    pub max_revisions: Option<usize>,
    /// For so long after its import a revision is not found by its number, which Apigee does now and then
    /// (<https://github.com/apigee/apigee-deploy-maven-plugin/issues/233>).
    pub visible_after: u64,
    /// For so long after a deployment began its status is not to be had.
    pub status_after: u64,
    /// What is answered in that time.
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

/// Where the proxies run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RuntimeType {
    /// Google's cloud. A proxy may be deployed before the shared flows that it calls: the discovery document says of hybrid only
    /// that it validates this.
    #[default]
    Cloud,
    /// The customer's clusters. A proxy is refused while a shared flow that it calls is not deployed in the environment.
    Hybrid,
}

impl RuntimeType {
    /// As the schema `GoogleCloudApigeeV1Organization` writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cloud => "CLOUD",
            Self::Hybrid => "HYBRID",
        }
    }
}

/// What the status of a deployment is answered with before it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EarlyStatus {
    /// 503 (<https://github.com/apigee/apigee-deploy-maven-plugin/issues/243>).
    #[default]
    Unavailable,
    /// 404.
    NotFound,
}
