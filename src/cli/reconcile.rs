//! `apigee-flux reconcile`: the command of an environment's CronJob.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::args::{ConfigurationArgs, JobArgs, OwnershipArgs, TargetArgs};
use super::block_on::block_on;
use super::completed_run::{CompletedRun, end, progress};
use super::log::Log;
use super::sigterm::until_terminated;
use apigee_flux_configuration::inventory;
use apigee_flux_configuration::{Actor, Claimant, OwnedPlace, Scope};
use apigee_flux_deployer::apply::{ApplyOptions, ApplyReport, Mode};
use apigee_flux_deployer::in_cluster::{ApiServer, Cluster, KubeCluster, ObjectsCluster};
use apigee_flux_deployer::mount::read_inventory;
use apigee_flux_deployer::reconcile::{self, ReconcileOptions, Source, cron_job_report};
use apigee_flux_deployer::{Error, Target};
use apigee_flux_disk::read_named;
use apigee_flux_model::diag::Severity;
use apigee_flux_model::duration;
use apigee_flux_model::names::kubernetes::ACCOUNT_PATH;

/// The maximum size of a file with the objects of a namespace: those of some ten thousand proxies.
const MAX_OBJECTS_BYTES: usize = 1 << 30;

/// The time limit for the note on the CronJob.
const NOTE_PATIENCE: Duration = Duration::from_secs(10);

/// Compare an environment with its inventory, repair drift, and delete what was removed from Git.
#[derive(Debug, clap::Args)]
pub(super) struct ReconcileArgs {
    /// In a pod: read the inventory, the bundles and the Jobs of the pod's namespace by the Kubernetes API, and change only where they agree
    #[arg(long)]
    from_cluster: bool,
    /// Folder with the token, ca.crt and namespace that the pod uses for that
    #[arg(long, value_name = "DIR", default_value = ACCOUNT_PATH)]
    account: PathBuf,
    /// Outside of a cluster: the objects of its namespace, as `kubectl get configmaps,jobs --output json` prints them, instead of the Kubernetes API
    #[arg(long, value_name = "FILE", conflicts_with = "from_cluster")]
    objects: Option<PathBuf>,
    /// Outside of a cluster: an inventory.json, whose bundles are in a folder
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present_any = ["from_cluster", "objects"],
        conflicts_with_all = ["from_cluster", "objects"]
    )]
    inventory: Option<PathBuf>,
    /// Outside of a cluster: the folder of the bundles
    #[arg(long, value_name = "DIR", default_value = "bundles", requires = "inventory")]
    bundles: PathBuf,
    #[command(flatten)]
    desired: ConfigurationArgs,
    #[command(flatten)]
    ownership: OwnershipArgs,
    /// Owner of the organization's desired state; default: the same as --owner
    #[arg(long, value_name = "NAME")]
    owner_of_organization: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
    /// Change nothing; exit with code 2 if there is drift
    #[arg(long)]
    report: bool,
    /// Delete what was removed from Git, but nothing if that is more than N resources; without it, nothing is deleted
    #[arg(long, value_name = "N")]
    max_deletes: Option<usize>,
    /// When to compare the deployed files themselves, not only their record
    #[arg(long, value_enum, default_value_t = DeepChoice::Daily)]
    deep: DeepChoice,
    /// Skip what was deployed less than this time ago: its Job may have a newer state of Git
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration::parse)]
    young: Duration,
    /// How long a deployment may take, and how long a resource may wait for the resources that it needs
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    job: JobArgs,
}

/// When the deployed files are compared.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum DeepChoice {
    Daily,
    Always,
    Never,
}

/// Reconciles the environment. Each result is a JSON line on stdout as soon as it is known; the last line is the overall result, which is
/// also the termination log.
pub(super) fn run(args: &ReconcileArgs) -> ExitCode {
    let target = args.target.target();
    let log = args.job.output.start_log().of_environment(target.environment.as_str());
    let place =
        OwnedPlace { organization: target.organization.to_string(), environment: Some(target.environment.to_string()) };
    let result = block_on(reconcile_all(args, &target, &place, &log)).flatten();
    end(&log, &args.job.output, "Reconcile", &place, &result)
}

async fn reconcile_all(
    args: &ReconcileArgs,
    target: &Target,
    place: &OwnedPlace,
    log: &Log,
) -> Result<CompletedRun, Error> {
    let (provenance, client) = args.job.prepare(log)?;
    let mut claimant =
        args.ownership.required(Actor::Reconciler, Scope::Environment, args.ownership.state()?.as_ref())?;
    let cluster = match &args.objects {
        Some(file) => Some(objects(file)?),
        None if args.from_cluster => Some(cluster(args, &mut claimant)?),
        None => None,
    };
    let source = match (&cluster, &args.inventory) {
        (Some(cluster), _) => Source::Cluster(Arc::clone(cluster)),
        (None, Some(file)) => {
            let (inventory, bundles) = read_inventory(file, &args.bundles)?;
            Source::Files { inventory, bundles }
        }
        (None, None) => return Err(Error::Usage("--inventory or --from-cluster is required".to_owned())),
    };
    let mode = if args.report { Mode::Look } else { Mode::Write };
    let how = ReconcileOptions {
        owner_of_organization: args.owner_of_organization.clone().unwrap_or_else(|| claimant.owner.clone()),
        options: ApplyOptions {
            secret_writer: args.desired.secret_writer(&args.job.output)?,
            provenance,
            timeout: args.timeout,
            mode,
            claimant,
            ..ApplyOptions::new("")
        },
        max_deletes: args.max_deletes,
        young: args.young,
        deep: match args.deep {
            DeepChoice::Daily => inventory::Deep::Daily,
            DeepChoice::Always => inventory::Deep::Always,
            DeepChoice::Never => inventory::Deep::Never,
        },
    };
    let secrets = args.desired.secrets();
    let run = reconcile::reconcile(&client, target, source, secrets, &how, progress(log, place));
    let result = Box::pin(until_terminated(log, &client, run)).await.and_then(|run| run);
    let (run, commit) = match result {
        Ok(run) => (Ok(run.report), run.provenance.commit),
        Err(error) => (Err(error), None),
    };
    // A run that only looks changes nothing, on the CronJob neither.
    if let Some(cluster) = cluster.filter(|_| mode == Mode::Write) {
        note(log, &*cluster, &run).await;
    }
    Ok(CompletedRun { report: run?, commit, stopped: client.stop().is_requested(), look: args.report })
}

/// The cluster of the pod. The pod's namespace is that of its ServiceAccount, whatever the arguments say.
fn cluster(args: &ReconcileArgs, claimant: &mut Claimant) -> Result<Arc<dyn Cluster>, Error> {
    let server = ApiServer::from_pod(&args.account).map_err(Error::NoInput)?;
    claimant.namespace = Some(server.namespace().to_owned());
    Ok(Arc::new(KubeCluster::new(server, claimant.job.clone())))
}

/// The objects of a namespace in a file.
fn objects(file: &Path) -> Result<Arc<dyn Cluster>, Error> {
    let shown = file.display();
    let bytes = read_named(file, MAX_OBJECTS_BYTES).map_err(|why| Error::NoInput(format!("`{shown}` {why}")))?;
    let objects = ObjectsCluster::parse(&bytes).map_err(|why| Error::Usage(format!("`{shown}` {why}")))?;
    Ok(Arc::new(objects))
}

/// Shows the result on the CronJob. The run itself is complete; a missing note does not change its result.
async fn note(log: &Log, cluster: &dyn Cluster, run: &Result<ApplyReport, Error>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let report = cron_job_report(run, now);
    let told = tokio::time::timeout(NOTE_PATIENCE, cluster.note(&report)).await;
    let late = |_| Error::Temporary(format!("the Kubernetes API gave no answer within {NOTE_PATIENCE:?}"));
    if let Err(why) = told.map_err(late).flatten() {
        log.write(Severity::Warning, "report", &format!("the result is missing on the CronJob: {why}"));
    }
}
