//! The layers of a deployment: what should stand before what.

/// Objects that Flux applies together. The Jobs wait for what they need anyway; layers keep pods from starting only to wait, and say in one
/// word what failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layer {
    /// Accounts, access, network and provenance, which every pod needs.
    Base,
    /// The configuration of environments: target servers, key value maps.
    Configuration,
    /// Shared flows.
    SharedFlows,
    /// Proxies, and whole environments in one Job.
    Proxies,
    /// The configuration of organizations, which names proxies.
    Organization,
    /// The inventory and what compares Apigee with it.
    Reconcile,
}

impl Layer {
    /// All layers, in their order.
    pub const ALL: [Self; 6] =
        [Self::Base, Self::Configuration, Self::SharedFlows, Self::Proxies, Self::Organization, Self::Reconcile];

    /// The name of its folder: the number sorts it.
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
