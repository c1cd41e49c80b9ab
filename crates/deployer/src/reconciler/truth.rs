//! What is true now: the state of Git that the cluster has, asked again before each write.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::api::target::Target;
use crate::error::Error;
use crate::in_cluster::{Cluster, Jobs};
use crate::reconciler::agreement::Disagreement;
use apigee_flux_configuration::inventory::{Index, Names};

/// How long an answer of the cluster counts: concurrent writes share one question.
const FRESH: Duration = Duration::from_secs(1);

/// The cluster, and the state with which the run began.
#[derive(Clone)]
pub(crate) struct Truth(Arc<Inner>);

struct Inner {
    cluster: Arc<dyn Cluster>,
    target: Target,
    /// The index with which the run began.
    index: Index,
    last: Mutex<Option<(Instant, Arc<Jobs>)>>,
}

impl Truth {
    pub(crate) fn new(cluster: Arc<dyn Cluster>, target: &Target, index: Index) -> Self {
        Self(Arc::new(Inner { cluster, target: target.clone(), index, last: Mutex::new(None) }))
    }

    /// The index with which the run began.
    pub(crate) fn index(&self) -> &Index {
        &self.0.index
    }

    /// The Jobs now, if the inventory is still the one with which the run began.
    pub(crate) async fn jobs(&self) -> Result<Arc<Jobs>, Error> {
        let Inner { cluster, target, index, last } = &*self.0;
        // Whoever asks meanwhile waits for this answer.
        let mut last = last.lock().await;
        if let Some((read, jobs)) = &*last
            && read.elapsed() < FRESH
        {
            return Ok(Arc::clone(jobs));
        }
        // The answer is as old as the question.
        let asked = Instant::now();
        let now = cluster.index(target.organization.as_str(), target.environment.as_str()).await?;
        if (&now.parts, &now.documents, &now.owners) != (&index.parts, &index.documents, &index.owners) {
            return Err(Error::Left(
                "left to the next run: the inventory changed during this run, since a newer state of Git is being applied".to_owned(),
            ));
        }
        let jobs = Arc::new(cluster.jobs().await?);
        *last = Some((asked, Arc::clone(&jobs)));
        Ok(jobs)
    }

    /// What the input defines in all its namespaces now.
    pub(crate) async fn names(&self) -> Result<Names, Error> {
        let Inner { cluster, target, .. } = &*self.0;
        Ok(cluster.state(target.organization.as_str(), target.environment.as_str()).await?.names)
    }

    /// Fails if the cluster says now that a resource is to be left to its own Job.
    pub(crate) async fn check(
        &self,
        agreement: impl FnOnce(&Index, &Jobs) -> Result<(), Disagreement>,
    ) -> Result<(), Error> {
        let jobs = self.jobs().await?;
        agreement(self.index(), &jobs).map_err(|why| Error::Left(why.text().to_owned()))
    }
}
