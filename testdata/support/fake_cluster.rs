//! A namespace of a cluster in memory, as the reconciler sees it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use apigee_flux_configuration::inventory::{Index, InventoryBundle};
use apigee_flux_deployer::in_cluster::{Cluster, CronJobReport, Jobs, State};
use apigee_flux_deployer::{Bundle, Error};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

/// A namespace with an inventory, Jobs and bundles.
#[derive(Default)]
pub(crate) struct FakeCluster(Mutex<Content>);

/// What is in the namespace.
#[derive(Default)]
pub(crate) struct Content {
    /// `None`: it is being applied, or was pruned.
    pub(crate) state: Option<State>,
    pub(crate) jobs: Jobs,
    /// By the value of their label.
    pub(crate) bundles: BTreeMap<String, Bundle>,
    /// How long the next bundle takes to arrive.
    pub(crate) slowness: Duration,
    /// What the namespace becomes while the next bundle is read.
    pub(crate) next: Option<Box<Content>>,
    /// The labels of the bundles that were read.
    pub(crate) fetched: Vec<String>,
    /// What was shown on the CronJob.
    pub(crate) notes: Vec<CronJobReport>,
}

impl FakeCluster {
    /// What is in the namespace now.
    pub(crate) fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap()
    }

    fn read_state(&self) -> Result<State, Error> {
        self.content().state.clone().ok_or_else(|| Error::Temporary("the inventory is being applied".to_owned()))
    }
}

impl Cluster for FakeCluster {
    fn state<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<State, Error>> {
        async { self.read_state() }.boxed()
    }

    fn index<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<Index, Error>> {
        async { self.read_state().map(|state| state.index) }.boxed()
    }

    fn jobs(&self) -> BoxFuture<'_, Result<Jobs, Error>> {
        async { Ok(self.content().jobs.clone()) }.boxed()
    }

    fn bundle<'a>(&'a self, bundle: &'a InventoryBundle) -> BoxFuture<'a, Result<Bundle, Error>> {
        async {
            let slowness = self.content().slowness;
            tokio::time::sleep(slowness).await;
            let mut content = self.content();
            content.fetched.push(bundle.content.clone());
            let found = content.bundles.get(&bundle.content).cloned();
            if let Some(next) = content.next.take() {
                let Content { fetched, notes, .. } = std::mem::replace(&mut *content, *next);
                (content.fetched, content.notes) = (fetched, notes);
            }
            found.ok_or_else(|| Error::Temporary(format!("the ConfigMap {} was pruned", bundle.content)))
        }
        .boxed()
    }

    fn note<'a>(&'a self, report: &'a CronJobReport) -> BoxFuture<'a, Result<(), Error>> {
        async {
            self.content().notes.push(report.clone());
            Ok(())
        }
        .boxed()
    }
}
