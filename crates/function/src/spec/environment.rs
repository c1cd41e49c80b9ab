//! `ApigeeEnvironment`: an environment to deploy to, and the identity of the deployer.

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
    /// The Apigee environment. Default: `metadata.name`.
    pub environment: Option<String>,
    /// The base URL of the management API, for example `https://eu-apigee.googleapis.com`. Default: the global
    /// endpoint. The deployer sends its token there, so it must be a host of `googleapis.com`, or the local machine for
    /// a sandbox.
    pub endpoint: Option<String>,
    /// The region of a data residency endpoint: `eu` is short for `https://eu-apigee.googleapis.com`.
    pub region: Option<String>,
    /// The base URL of the gateway that serves the proxies of the environment, for smoke tests:
    /// `https://api.example.com`.
    pub gateway: Option<String>,
    /// The Apigee runtime. Default: `x`.
    #[serde(default)]
    pub runtime: Runtime,
    /// Values that specs refer to with `$(values.NAME)`.
    #[serde(default)]
    pub values: IndexMap<String, String>,
    /// The identity of the deployer. Default: a generated ServiceAccount `apigee-deployer` in the namespace, without
    /// annotations.
    pub identity: Option<Identity>,
    /// Settings of the deployer.
    #[serde(default)]
    pub deployer: DeployerSettings,
    /// The owner of the managed objects in Apigee. Objects of another owner are never changed. Default: the namespace
    /// of the Jobs and the name of this resource, as `NAMESPACE/NAME`, and `NAMESPACE/ORGANIZATION` for objects of the
    /// organization. Set it if two clusters use the same names, or before a namespace is renamed. The records in Apigee
    /// also contain the namespace, so several namespaces can have the same owner.
    pub owner: Option<String>,
    /// The identity of the cluster that this cluster replaces, as an error of the deployer prints it: 12 hexadecimal
    /// digits. The Jobs then take over the managed objects of the old cluster. Remove it after the move.
    pub replaces_cluster: Option<String>,
    /// Namespaces that keep a reconciler for this environment although no spec is left in them, so that the last removed
    /// resource is removed from Apigee, and that keep their folders (`render --split`). The namespace of this resource
    /// always keeps them, and so do the namespaces of earlier outputs in the input or in the output folder.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// The CronJob that compares Apigee with Git and repairs drift. `none` turns it off.
    pub reconcile: Option<WordOr<Off, Reconcile>>,
    /// The tool that applies the rendered objects. It determines the annotations of the Jobs. Default: `flux`.
    #[serde(default)]
    pub gitops: GitOps,
    /// What one Job deploys. Default: `none`, a Job for each proxy and shared flow.
    #[serde(default)]
    pub batch: Batch,
}

/// The tool that applies the rendered objects. A Job cannot be changed, so the tool must delete the old Job before it
/// applies a new one. Each tool has its own annotation for that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GitOps {
    /// Flux: `kustomize.toolkit.fluxcd.io/force: enabled` on each Job.
    #[default]
    Flux,
    /// Argo CD: `argocd.argoproj.io/sync-options: Force=true,Replace=true` on each Job.
    Argocd,
    /// Another tool, which must replace Jobs itself.
    None,
}

/// Settings of the reconciler.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Reconcile {
    /// The schedule of the CronJob, in cron syntax and UTC. `H` stands for a number that depends on the names of the
    /// organization and the environment, so that not all environments start in the same minute. Default:
    /// `H/15 * * * *`.
    pub schedule: String,
    /// How often the reconciler compares the deployed files and not only their records: a manual change may leave the
    /// record unchanged. Default: `daily`.
    pub deep: Deep,
    /// What the reconciler does about drift. Default: `repair`.
    pub mode: Mode,
    /// Whether objects whose specs were removed from Git are removed from Apigee, according to their `deletionPolicy`.
    /// Default: `true`.
    pub prune: bool,
    /// The maximum number of objects that one run removes. If more specs were removed from Git, the run removes
    /// nothing. Default: 5.
    #[schemars(range(min = 1, max = 1000))]
    pub max_deletes: u32,
}

impl Default for Reconcile {
    fn default() -> Self {
        Self {
            schedule: "H/15 * * * *".to_owned(),
            deep: Deep::default(),
            mode: Mode::default(),
            prune: true,
            max_deletes: 5,
        }
    }
}

/// What the reconciler does about drift.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// It repairs the drift.
    #[default]
    Repair,
    /// The run fails and reports the drift. Nothing is changed.
    Report,
}

impl EnvironmentSpec {
    /// The settings of the reconciler; `None` if it is turned off.
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
    /// All proxies and shared flows of a namespace for the environment: shared flows before the proxies that call them,
    /// several at a time. After a change of one of them the Job runs again and leaves the others unchanged.
    Environment,
}

/// The Apigee runtime.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Runtime {
    /// Apigee X: Google operates the gateway.
    #[default]
    X,
    /// Apigee hybrid: you operate the gateway. A revision may take minutes to reach it.
    Hybrid,
}

/// The identity of the deployer in Google Cloud. Static keys are not supported.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Identity {
    /// Workload Identity Federation for GKE.
    GkeWorkloadIdentity(GkeWorkloadIdentity),
    /// Workload Identity Federation of any other cluster.
    WorkloadIdentityFederation(WorkloadIdentityFederation),
    /// The name of an existing Kubernetes ServiceAccount.
    ServiceAccountName(String),
}

/// A Google service account that a Kubernetes ServiceAccount of GKE may impersonate.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GkeWorkloadIdentity {
    /// The email address of the Google service account. Without it, the Kubernetes ServiceAccount itself is the
    /// principal.
    pub service_account: Option<String>,
}

/// A workload identity pool that trusts the cluster's ServiceAccount tokens.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadIdentityFederation {
    /// The full name of the provider: `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.
    pub provider: String,
    /// The email address of a Google service account to impersonate. Default: the federated principal itself.
    pub service_account: Option<String>,
}

/// Settings of the Jobs in which the deployer runs.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Deployer")]
pub struct DeployerSettings {
    /// The container image, preferably with its digest. Default: the image of this version.
    pub image: Option<String>,
    /// The timeout of one deployment, for example `10m`. Default: `10m`, for hybrid `20m`.
    pub timeout: Option<String>,
    /// What to wait for. Default: `ready`.
    #[serde(default)]
    pub wait: Wait,
    /// Where a Job reports its result, in addition to its log. Default: `none`.
    #[serde(default)]
    pub report: ReportTo,
    /// The maximum number of requests per second that one Job sends to the management API. Default: 40.
    #[schemars(range(min = 1, max = 1000))]
    pub rate: Option<u32>,
    /// Resource requests and limits of the container. Default: requests of 20m CPU and 32Mi, a memory limit of 128Mi.
    pub resources: Option<Resources>,
    /// The name of a SecretProviderClass of the Secrets Store CSI driver. Its files are mounted at `/secrets-store` in
    /// the Jobs of configuration, for `valueFrom: {file: /secrets-store/NAME}`.
    pub secret_provider_class: Option<String>,
    /// Directories of the pod that `valueFrom: {file: …}` may read, in addition to `/secrets-store` and
    /// `/vault/secrets`, for other tools that put secrets into the pods: absolute paths. Directories with files of the
    /// pod itself, such as `/proc` and `/var/run/secrets`, are not allowed.
    #[serde(default)]
    pub secret_folders: Vec<String>,
    /// The name of a volume with a token of the ServiceAccount in each pod, for containers that are injected into the
    /// pods: a Vault agent logs in with it (`vault.hashicorp.com/agent-service-account-token-volume-name`). The
    /// deployer itself does not mount it. Default: no volume.
    pub token_volume: Option<String>,
    /// Annotations of the pods, for example for an agent that injects secrets.
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
    /// Until the gateway serves the revision.
    #[default]
    Ready,
    /// Until the management API has accepted the deployment.
    Accepted,
}

/// Where a Job reports its result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Report")]
pub enum ReportTo {
    /// Nowhere: the pod has no access to the cluster.
    #[default]
    None,
    /// In its own Job, as the labels `apigeeflux.dev/result` and `apigeeflux.dev/revision`, and in an Event. The pod
    /// gets a token of its ServiceAccount, which is allowed to do only this.
    Job,
}

/// Kubernetes resource requirements.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resources {
    /// The resources that are reserved for the container, for example `{cpu: 20m, memory: 32Mi}`.
    #[serde(default)]
    pub requests: IndexMap<String, String>,
    /// The maximum resources of the container.
    #[serde(default)]
    pub limits: IndexMap<String, String>,
}

/// An environment variable.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvVar {
    /// The name of the variable.
    pub name: String,
    /// The value of the variable.
    pub value: String,
}
