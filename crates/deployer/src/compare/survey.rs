//! The drift of all bundles of an environment, several at a time. Nothing is written.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use crate::api::client::Client;
use crate::api::deployment::Deployment;
use crate::api::resource_name::ResourceName;
use crate::api::target::Target;
use crate::compare::drift::{Depth, DesiredDeployment, Download, Drift, drift};
use crate::compare::listed::Listed;
use crate::error::Error;
use apigee_flux_configuration::{Id, Record};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::names::{Name, RevisionId};

/// The number of downloaded revisions in memory: one of them may unpack to more than a pod can spare. At the default
/// request rate more would not be faster.
pub(crate) const MAX_DOWNLOADS: NonZeroUsize = match NonZeroUsize::new(4) {
    Some(count) => count,
    None => NonZeroUsize::MIN,
};

/// What an environment runs, compared with the desired bundles.
#[derive(Debug)]
pub struct Survey {
    /// The drift of each desired bundle, in order.
    pub drifts: Vec<Drift>,
    /// The deployed proxies that are not among the desired bundles. Empty if no proxy is among them: then the list is not
    /// read.
    pub others: Vec<OtherProxy>,
}

/// A proxy that is deployed in the environment and is not among the desired bundles.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OtherProxy {
    /// The name.
    pub name: Name,
    /// The deployed revision.
    pub revision: RevisionId,
}

/// Compares each bundle with what the environment runs, at most `workers` at a time. The deployments are read once for
/// all bundles. `records` are those of the environment, if the caller knows them. The first error ends the survey.
pub async fn survey(
    client: &Client,
    target: &Target,
    desired: Vec<DesiredDeployment>,
    records: &BTreeMap<Id, Record>,
    depth: Depth,
    workers: NonZeroUsize,
) -> Result<Survey, Error> {
    let workers = if depth.download == Download::Never { workers } else { workers.min(MAX_DOWNLOADS) };
    let mut listed = Listed::read(client, target, desired.iter().map(|desired| desired.kind)).await?;
    let looked = desired.into_iter().enumerate().map(|(index, desired)| {
        let listed = listed.take(desired.kind, &desired.name);
        let id = Id { kind: desired.kind.resource_kind().to_owned(), parent: None, name: desired.name.to_string() };
        let record = records.get(&id);
        async move { Ok::<_, Error>((index, drift(client, target, &desired, listed, record, depth).await?)) }
    });
    // All desired bundles are taken out of the list first: the rest of it is returned.
    let looked: Vec<_> = looked.collect();
    let drifts: BTreeMap<usize, Drift> = stream::iter(looked).buffer_unordered(workers.get()).try_collect().await?;
    let other = |deployment: Deployment| {
        let name = deployment.api_proxy.parse().map_err(Error::Usage)?;
        Ok(OtherProxy { name, revision: deployment.revision })
    };
    let others = listed.into_proxies().map(other).collect::<Result<_, Error>>()?;
    Ok(Survey { drifts: drifts.into_values().collect(), others })
}

/// The base paths of deployed proxies, in order: one request for each, at most `workers` at a time.
pub async fn base_paths(
    client: &Client,
    target: &Target,
    proxies: &[OtherProxy],
    workers: NonZeroUsize,
) -> Result<Vec<Vec<String>>, Error> {
    let read = proxies.iter().map(|OtherProxy { name, revision }| async move {
        let resource = ResourceName { organization: &target.organization, kind: BundleKind::Proxy, name };
        match client.revision(resource, *revision).await {
            // It was deleted in the meantime.
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            revision => Ok(revision?.basepaths),
        }
    });
    let read: Vec<_> = read.collect();
    stream::iter(read).buffered(workers.get()).try_collect().await
}
