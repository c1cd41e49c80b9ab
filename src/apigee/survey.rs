//! The drift of all bundles of an environment, several at a time. Nothing is written.

use std::num::NonZeroUsize;

use tokio::task::JoinSet;

use super::client::Client;
use super::drift::{Depth, Download, Drift, Wanted, drift};
use super::listed::Listed;
use super::{Error, Target};

/// So many downloaded revisions are in memory at a time: one of them may unpack to more than a pod has to spare. At the default rate of
/// requests more would not be faster.
pub(super) const MAX_DOWNLOADS: NonZeroUsize = match NonZeroUsize::new(4) {
    Some(count) => count,
    None => NonZeroUsize::MIN,
};

/// Compares each bundle with what the environment runs, at most `workers` at a time; one drift for each, in their order. What is deployed
/// is read once for all. The first error ends the survey.
pub async fn survey(
    client: &Client,
    target: &Target,
    wanted: Vec<Wanted>,
    depth: Depth,
    workers: NonZeroUsize,
) -> Result<Vec<Drift>, Error> {
    let workers = if depth.download == Download::Never { workers } else { workers.min(MAX_DOWNLOADS) };
    let mut listed = Listed::read(client, target, wanted.iter().map(|wanted| wanted.kind)).await?;
    let mut drifts: Vec<Option<Drift>> = vec![None; wanted.len()];
    let mut tasks: JoinSet<Result<(usize, Drift), Error>> = JoinSet::new();
    let mut left = wanted.into_iter().enumerate();
    loop {
        while tasks.len() < workers.get() {
            let Some((index, wanted)) = left.next() else { break };
            let listed = listed.take(wanted.kind, &wanted.name);
            let (client, target) = (client.clone(), target.clone());
            tasks.spawn(async move { Ok((index, drift(&client, &target, &wanted, listed, depth).await?)) });
        }
        match tasks.join_next().await {
            None => return Ok(drifts.into_iter().flatten().collect()),
            Some(Ok(found)) => {
                let (index, drift) = found?;
                drifts[index] = Some(drift);
            }
            Some(Err(error)) => return Err(Error::Temporary(format!("a comparison broke off: {error}"))),
        }
    }
}
