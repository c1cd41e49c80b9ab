//! The layers of a deployment: the order in which objects are applied.

/// A group of objects that Flux applies together. The Jobs wait for their prerequisites anyway; layers avoid pods that only wait, and show
/// at a glance what failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// ServiceAccounts, access, network policies and provenance, which every pod needs, and the inventory: it must be the newest state of Git
    /// before the first Job of that state runs.
    Base,
    /// The configuration of environments, for example target servers and key-value maps.
    Configuration,
    /// Shared flows.
    SharedFlows,
    /// Proxies, and whole environments in one Job.
    Proxies,
    /// The configuration of organizations, which refers to proxies.
    Organization,
    /// The reconciler, which compares Apigee with the inventory.
    Reconcile,
}

impl Layer {
    /// All layers, in their order.
    pub const ALL: [Self; 6] =
        [Self::Base, Self::Configuration, Self::SharedFlows, Self::Proxies, Self::Organization, Self::Reconcile];

    /// The name of the layer's folder; the number defines the order.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Base => "00-base",
            Self::Configuration => "10-configuration",
            Self::SharedFlows => "20-shared-flows",
            Self::Proxies => "30-proxies",
            Self::Organization => "40-organization",
            Self::Reconcile => "50-reconcile",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_sort_as_layers_do() {
        let folders = Layer::ALL.map(Layer::folder);
        assert!(Layer::ALL.is_sorted() && folders.is_sorted());
    }
}
