//! The deployments in the matrices: a first deployment, an update, and a rollback to an older bundle.

use std::fmt;

use apigee_flux_deployer::Bundle;
use apigee_flux_model::bundle::BundleKind;

use super::world::{World, bundle};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Story {
    pub(crate) kind: BundleKind,
    pub(crate) plot: Plot,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plot {
    First,
    /// A is deployed, then B.
    Update,
    /// A and B are deployed, then A again.
    Rollback,
    /// A is deployed, then A again.
    Rerun,
}

impl Story {
    pub(crate) fn all() -> Vec<Self> {
        Self::of([Plot::First, Plot::Update, Plot::Rollback])
    }

    /// All stories, including one whose run has nothing to do.
    pub(crate) fn with_rerun() -> Vec<Self> {
        Self::of([Plot::First, Plot::Update, Plot::Rollback, Plot::Rerun])
    }

    fn of<const N: usize>(plots: [Plot; N]) -> Vec<Self> {
        [BundleKind::Proxy, BundleKind::SharedFlow]
            .into_iter()
            .flat_map(|kind| plots.map(|plot| Self { kind, plot }))
            .collect()
    }

    /// The desired bundle.
    pub(crate) fn wanted(self) -> Bundle {
        bundle(self.kind, if self.plot == Plot::Update { "B" } else { "A" })
    }

    /// Deploys the previous bundles.
    pub(crate) async fn prepare(self, world: &World) {
        let before: &[&str] = match self.plot {
            Plot::First => &[],
            Plot::Update | Plot::Rerun => &["A"],
            Plot::Rollback => &["A", "B"],
        };
        for body in before {
            let report = world.deploy(&bundle(self.kind, body)).await;
            assert_eq!(report.exit.code(), 0, "{}", report.outcome.reason);
        }
    }
}

impl fmt::Display for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.kind == BundleKind::Proxy { "proxy" } else { "shared flow" };
        write!(f, "{kind}, {}", format!("{:?}", self.plot).to_lowercase())
    }
}
