//! The deployments of an environment, read once for many bundles.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::client::Client;
use crate::api::deployment::Deployment;
use crate::api::target::Target;
use crate::compare::current::newest;
use crate::error::Error;
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::names::Name;

/// The environment's lists of deployments.
#[derive(Debug, Default)]
pub(crate) struct Listed(BTreeMap<(BundleKind, String), Vec<Deployment>>);

impl Listed {
    /// One request for proxies and one for shared flows, if there are any among `kinds`.
    pub(crate) async fn read(
        client: &Client,
        target: &Target,
        kinds: impl Iterator<Item = BundleKind>,
    ) -> Result<Self, Error> {
        let mut listed = Self::default();
        for kind in kinds.collect::<BTreeSet<_>>() {
            for deployment in client.environment_deployments(&target.organization, &target.environment, kind).await? {
                listed.0.entry((kind, deployment.api_proxy.clone())).or_default().push(deployment);
            }
        }
        Ok(listed)
    }

    /// Removes and returns the entries of one proxy or shared flow.
    pub(crate) fn take(&mut self, kind: BundleKind, name: &Name) -> Vec<Deployment> {
        self.0.remove(&(kind, name.to_string())).unwrap_or_default()
    }

    /// The newest deployment of each proxy that is left in the list.
    pub(crate) fn into_proxies(self) -> impl Iterator<Item = Deployment> {
        self.0.into_iter().filter(|((kind, _), _)| *kind == BundleKind::Proxy).filter_map(|(_, list)| newest(list))
    }
}
