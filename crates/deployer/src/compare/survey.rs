//! The drift of all bundles of an environment, several at a time. Nothing is written.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::api::client::Client;
use crate::api::target::Target;
use crate::compare::drift::{Depth, DesiredDeployment, Download, Drift, drift};
use crate::compare::listed::Listed;
use crate::error::Error;

/// The number of downloaded revisions in memory: one of them may unpack to more than a pod can spare. At the default
/// request rate more would not be faster.
pub(crate) const MAX_DOWNLOADS: NonZeroUsize = match NonZeroUsize::new(4) {
    Some(count) => count,
    None => NonZeroUsize::MIN,
};

/// Compares each bundle with what the environment runs, at most `workers` at a time; returns one drift for each, in
/// order. The deployments are read once for all bundles. The first error ends the survey.
pub async fn survey(
    client: &Client,
    target: &Target,
    desired: Vec<DesiredDeployment>,
    depth: Depth,
    workers: NonZeroUsize,
) -> Result<Vec<Drift>, Error> {
    let workers = if depth.download == Download::Never { workers } else { workers.min(MAX_DOWNLOADS) };
    let mut listed = Listed::read(client, target, desired.iter().map(|desired| desired.kind)).await?;
    let looked = desired.into_iter().enumerate().map(|(index, desired)| {
        let listed = listed.take(desired.kind, &desired.name);
        async move { Ok::<_, Error>((index, drift(client, target, &desired, listed, None, depth).await?)) }
    });
    let drifts: BTreeMap<usize, Drift> = stream::iter(looked).buffer_unordered(workers.get()).try_collect().await?;
    Ok(drifts.into_values().collect())
}
