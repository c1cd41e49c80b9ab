//! The objects of the pod's namespace by the Kubernetes API.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::ConfigMap;

use crate::error::Error;
use crate::in_cluster::event::{Regarding, Statement, event};
use crate::in_cluster::kubernetes_error::Call;
use crate::in_cluster::objects::{self, owner_of};
use crate::in_cluster::report::CREATE_EVENT;
use crate::in_cluster::{ApiServer, Cluster, CronJobReport, CronJobResult, Jobs, State};
use crate::mount::Bundle;
use apigee_flux_configuration::inventory::{Index, InventoryBundle};
use apigee_flux_model::names::kubernetes::{CONTENT, ENVIRONMENT, FIELD_MANAGER, INVENTORY, ORGANIZATION, label_value};

/// The label of all rendered objects.
const MANAGED: &str = "app.kubernetes.io/managed-by=apigee-flux";

/// The pauses before an inventory whose parts do not fit together is read again: it is being applied, which takes a moment.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(5)];

const LIST_JOBS: Call = Call { verb: "list", resource: "jobs" };
const LIST_MAPS: Call = Call { verb: "list", resource: "configmaps" };

/// The pod's namespace.
pub struct KubeCluster {
    server: ApiServer,
    /// The uid of the pod's Job, which a CronJob owns.
    job: Option<String>,
}

impl KubeCluster {
    /// The namespace of the pod. `job` is the uid of the pod's Job, by which its CronJob is found.
    pub fn new(server: ApiServer, job: Option<String>) -> Self {
        Self { server, job }
    }

    async fn inventory_maps(
        &self,
        which: &str,
        organization: &str,
        environment: &str,
    ) -> Result<Vec<ConfigMap>, Error> {
        let selector =
            format!("{which},{ORGANIZATION}={},{ENVIRONMENT}={}", label_value(organization), label_value(environment));
        Ok(self.server.list(LIST_MAPS, &selector).await?)
    }

    async fn read_state(&self, organization: &str, environment: &str) -> Result<State, Error> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let maps = self.inventory_maps(INVENTORY, organization, environment).await?;
            match objects::state(&maps, organization, environment) {
                Err(error) if error.is_temporary() => match pauses.next() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => return Err(error),
                },
                other => return other,
            }
        }
    }

    async fn read_index(&self, organization: &str, environment: &str) -> Result<Index, Error> {
        let maps = self.inventory_maps(&format!("{INVENTORY}=index"), organization, environment).await?;
        objects::index(&maps, organization, environment)
    }

    async fn read_jobs(&self) -> Result<Jobs, Error> {
        let listed = self.server.list_metadata::<Job>(LIST_JOBS, MANAGED).await?;
        Ok(objects::jobs(&listed))
    }

    async fn read_bundle(&self, bundle: &InventoryBundle) -> Result<Bundle, Error> {
        let maps = self.server.list(LIST_MAPS, &format!("{CONTENT}={}", bundle.content)).await?;
        objects::bundle(&maps, bundle)
    }

    /// The CronJob that owns the pod's Job. The Jobs are listed, since their uid is known and their name is not.
    async fn cron_job(&self) -> Result<String, Error> {
        let unknown = |why: &str| Error::NoInput(format!("the CronJob of this run is not known: {why}"));
        let uid = self.job.as_deref().ok_or_else(|| unknown("the uid of the pod's Job is not given"))?;
        let jobs = self.server.list_metadata::<Job>(LIST_JOBS, "").await?;
        let job = jobs.iter().find(|job| job.uid.as_deref() == Some(uid));
        let job = job.ok_or_else(|| unknown("the namespace has no Job with the uid of the pod's Job"))?;
        let owner = owner_of(job).ok_or_else(|| unknown("no CronJob owns the pod's Job"))?;
        Ok(owner.name.clone())
    }

    async fn write_note(&self, report: &CronJobReport) -> Result<(), Error> {
        let (name, namespace) = (self.cron_job().await?, self.server.namespace());
        let cron_job: Option<CronJob> = self.server.get(Call { verb: "get", resource: "cronjobs" }, &name).await?;
        let metadata = cron_job.map(|found| found.metadata).unwrap_or_default();
        let last = CronJobReport::last_repair(metadata.annotations.as_ref());
        let call = Call { verb: "patch", resource: "cronjobs" };
        let labels = report.labels(&name, namespace, last);
        let labelled = self.server.apply::<CronJob>(call, &name, FIELD_MANAGER, &labels).await;
        // Runs without news would bury the Events of those with some.
        if !matches!(report.result, CronJobResult::Unchanged | CronJobResult::Left) {
            let regarding = Regarding { kind: "CronJob", name: &name, namespace, uid: metadata.uid.as_deref() };
            let statement = Statement {
                action: "Reconcile",
                result: report.result.word(),
                is_warning: report.result == CronJobResult::Failed,
                note: &report.note,
            };
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let event = event(regarding, statement, now).map_err(Error::Usage)?;
            self.server.create(CREATE_EVENT, &event).await?;
        }
        labelled.map(drop).map_err(Error::from)
    }
}

impl Cluster for KubeCluster {
    fn state<'a>(&'a self, organization: &'a str, environment: &'a str) -> BoxFuture<'a, Result<State, Error>> {
        self.read_state(organization, environment).boxed()
    }

    fn index<'a>(&'a self, organization: &'a str, environment: &'a str) -> BoxFuture<'a, Result<Index, Error>> {
        self.read_index(organization, environment).boxed()
    }

    fn jobs(&self) -> BoxFuture<'_, Result<Jobs, Error>> {
        self.read_jobs().boxed()
    }

    fn bundle<'a>(&'a self, bundle: &'a InventoryBundle) -> BoxFuture<'a, Result<Bundle, Error>> {
        self.read_bundle(bundle).boxed()
    }

    fn note<'a>(&'a self, report: &'a CronJobReport) -> BoxFuture<'a, Result<(), Error>> {
        self.write_note(report).boxed()
    }
}
