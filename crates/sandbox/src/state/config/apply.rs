//! Runs a call on the configuration of an organization.

use super::{Answer, Bundles, Call, ConfigState, Handler};
use crate::fault::Fault;
use crate::state::State;
use apigee_flux_model::bundle::BundleKind;

impl State {
    /// Runs a call on the configuration of an organization. A call that only reads, or fails, does not create the organization.
    pub(crate) fn configure(
        &mut self,
        organization: &str,
        handler: Handler,
        mut call: Call,
        reads: bool,
    ) -> Result<Answer, Fault> {
        if let Some(environment) = call.parameters.get("env") {
            self.require_environment(organization, environment, call.now)?;
        }
        let Some(stored) = self.organizations.get_mut(organization) else {
            let mut config = ConfigState::default();
            let answer = handler(&mut config, &call)?;
            if !reads {
                self.organization_mut(organization).config = config;
            }
            return Ok(answer);
        };
        let proxies = stored.resources.keys().filter(|(kind, _)| *kind == BundleKind::Proxy);
        let flows = stored.deployments.iter().filter(|deployed| deployed.kind == BundleKind::SharedFlow);
        call.bundles = Bundles {
            proxies: proxies.map(|(_, name)| name.clone()).collect(),
            deployed_flows: flows.map(|deployed| (deployed.environment.clone(), deployed.name.clone())).collect(),
        };
        handler(&mut stored.config, &call)
    }
}
