//! `ApigeeEnvironment`: where to deploy, and as whom.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use apigee_flux_configuration::inventory::Deep;
use apigee_flux_model::yaml::word_or::{Off, WordOr};

/// An environment of an Apigee organization. Only `organization` is required.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvironmentSpec {
    /// The Apigee organization.
    pub organization: String,
    /// The Apigee environment. Default: the resource's name.
    pub environment: Option<String>,
    /// The base URL of the management API, for example `https://eu-apigee.googleapis.com`. Default: the global endpoint. The deployer's token
    /// goes there, so that it must be a host of `googleapis.com`, or this machine for a sandbox.
    pub endpoint: Option<String>,
    /// Short for the endpoint of a data residency region: `eu` means `https://eu-apigee.googleapis.com`.
    pub region: Option<String>,
    /// Where the environment's proxies are called, for smoke tests: `https://api.example.com`.
    pub gateway: Option<String>,
    /// The Apigee runtime. Default: `x`.
    #[serde(default)]
    pub runtime: Runtime,
    /// Values that specs refer to as `$(values.NAME)`.
    #[serde(default)]
    pub values: IndexMap<String, String>,
    /// The identity of the deployer. Default: the ServiceAccount `apigee-deployer` of the namespace, as it is.
    pub identity: Option<Identity>,
    /// The deployer's settings.
    #[serde(default)]
    pub deployer: Deployer,
    /// Whose desired state this is. What another owner made in Apigee is left alone. Default: the namespace of the Jobs and the name of this
    /// resource, as `NAMESPACE/NAME`, and `NAMESPACE/ORGANIZATION` for what lives in the organization; set it when two clusters have the
    /// same names, or when a namespace is to be renamed. One owner is of one namespace.
    pub owner: Option<String>,
    /// The CronJob that looks whether Apigee still is as Git says, and repairs it. `none` switches it off.
    pub reconcile: Option<WordOr<Off, Reconcile>>,
    /// What applies the objects, and what they tell it. Default: `flux`.
    #[serde(default)]
    pub gitops: GitOps,
    /// How many Jobs deploy. Default: `none`, a Job for each proxy and shared flow.
    #[serde(default)]
    pub batch: Batch,
}

/// What applies the objects. A Job cannot be changed, so that whoever applies a new one has to delete the old one, which each asks for in
/// its own way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GitOps {
    /// Flux: `kustomize.toolkit.fluxcd.io/force: enabled` on each Job.
    #[default]
    Flux,
    /// Argo CD: `argocd.argoproj.io/sync-options: Force=true,Replace=true` on each Job.
    Argocd,
    /// Something else, which takes care of it itself.
    None,
}

/// How an environment is reconciled.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Reconcile {
    /// When, as a Kubernetes CronJob writes it, in UTC. Default: `*/15 * * * *`.
    pub schedule: String,
    /// How often the deployed files themselves are compared, and not only what is recorded of them: a change by hand may leave the record
    /// as it is. Default: `daily`.
    pub deep: Deep,
    /// What happens when something differs. Default: `repair`.
    pub mode: Mode,
    /// Whether what left Git is removed from Apigee, as its `deletionPolicy` says. Default: `true`.
    pub prune: bool,
    /// When more than this left Git at once, nothing is removed. Default: 5.
    #[schemars(range(min = 1, max = 1000))]
    pub max_deletes: u32,
}

impl Default for Reconcile {
    fn default() -> Self {
        Self {
            schedule: "*/15 * * * *".to_owned(),
            deep: Deep::default(),
            mode: Mode::default(),
            prune: true,
            max_deletes: 5,
        }
    }
}

/// What happens when something differs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Apigee is made as Git says.
    #[default]
    Repair,
    /// The run fails and says what differs. Nothing is changed.
    Report,
}

impl EnvironmentSpec {
    /// How the environment is reconciled, if it is.
    pub fn reconcile(&self) -> Option<Cow<'_, Reconcile>> {
        match &self.reconcile {
            None => Some(Cow::Owned(Reconcile::default())),
            Some(WordOr::Word(Off::None)) => None,
            Some(WordOr::Value(reconcile)) => Some(Cow::Borrowed(reconcile)),
        }
    }
}

/// What one Job deploys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Batch {
    /// One proxy or shared flow.
    #[default]
    None,
    /// All proxies and shared flows that go from one namespace to the environment: shared flows before what calls them, several at a
    /// time. A change of one runs the Job again, which leaves the others alone.
    Environment,
}

/// The Apigee runtime.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Runtime {
    /// Apigee X: Google runs the gateway.
    #[default]
    X,
    /// Apigee hybrid: you run the gateway, and a revision may take minutes to reach it.
    Hybrid,
}

/// Who the deployer is to Google Cloud. There is no form with a static key.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Identity {
    /// Workload Identity Federation for GKE.
    GkeWorkloadIdentity(GkeWorkloadIdentity),
    /// Workload identity federation of any other cluster.
    WorkloadIdentityFederation(WorkloadIdentityFederation),
    /// The name of a Kubernetes ServiceAccount that exists already.
    ServiceAccountName(String),
}

/// A Google service account that a Kubernetes ServiceAccount of GKE may act as.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GkeWorkloadIdentity {
    /// The Google service account's email address. Without it the Kubernetes ServiceAccount itself is the principal.
    pub service_account: Option<String>,
}

/// A workload identity pool that trusts the cluster's ServiceAccount tokens.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadIdentityFederation {
    /// The provider's full name: `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.
    pub provider: String,
    /// The email address of a Google service account to impersonate. Default: the federated principal itself.
    pub service_account: Option<String>,
}

/// How the deployer's Jobs run.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deployer {
    /// The container image, best with its digest. Default: the image of this version.
    pub image: Option<String>,
    /// How long one deployment may take, for example `10m`. Default: `10m`, for hybrid `20m`.
    pub timeout: Option<String>,
    /// What to wait for. Default: `ready`.
    #[serde(default)]
    pub wait: Wait,
    /// Whom a Job tells how it ended, beside its log. Default: `none`.
    #[serde(default)]
    pub report: Report,
    /// The most requests per second that one Job sends to the management API. Default: 40.
    #[schemars(range(min = 1, max = 1000))]
    pub rate: Option<u32>,
    /// Requests and limits of the container. Default: requests of 20m CPU and 32Mi, a limit of 128Mi memory.
    pub resources: Option<Resources>,
    /// A SecretProviderClass of the Secrets Store CSI driver: the Jobs of configuration find its files in `/secrets-store`, for
    /// `valueFrom: {file: /secrets-store/NAME}`.
    pub secret_provider_class: Option<String>,
    /// Folders of the pod that `valueFrom: {file: …}` may read, beside `/secrets-store` and `/vault/secrets`, for what else puts secrets into
    /// the pods: absolute paths, none of them one with files of the pod's own, such as `/proc` and `/var/run/secrets`.
    #[serde(default)]
    pub secret_folders: Vec<String>,
    /// The name of a volume with a token of the ServiceAccount in each pod, for what others put into the pods: a Vault agent logs in with
    /// it (`vault.hashicorp.com/agent-service-account-token-volume-name`). The deployer itself does not mount it. Default: none.
    pub token_volume: Option<String>,
    /// Annotations of the pods, for example of an agent that injects secrets.
    #[serde(default)]
    pub pod_annotations: IndexMap<String, String>,
    /// Environment variables of the container, for example `HTTPS_PROXY`.
    #[serde(default)]
    pub env: Vec<EnvVar>,
}

/// What a deployment waits for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Wait {
    /// The gateway serves the revision.
    #[default]
    Ready,
    /// The management API accepted the deployment.
    Accepted,
}

/// Whom a Job tells how it ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Report {
    /// Nobody: the pod has no access to the cluster.
    #[default]
    None,
    /// Its own Job gets the labels `apigeeflux.dev/result` and `apigeeflux.dev/revision`, and an Event. The pod gets a token of its
    /// ServiceAccount, which may do this and nothing else.
    Job,
}

/// Kubernetes resource requirements.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// What the container is sure to get, for example `{cpu: 20m, memory: 32Mi}`.
    #[serde(default)]
    pub requests: IndexMap<String, String>,
    /// What the container may use at most.
    #[serde(default)]
    pub limits: IndexMap<String, String>,
}

/// An environment variable.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvVar {
    /// The variable's name.
    pub name: String,
    /// Its value.
    pub value: String,
}
