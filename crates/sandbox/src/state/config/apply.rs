//! Runs a handler on the configuration of an organization.

use std::collections::BTreeSet;

use super::ConfigState;
use crate::api::{ApiError, ApiRequest, ApiResponse};
use crate::state::State;
use apigee_flux_model::bundle::BundleKind;

/// The bundles that configuration may refer to.
#[derive(Debug, Default)]
pub(crate) struct Bundles {
    /// The names of the API proxies.
    pub(crate) proxies: BTreeSet<String>,
    /// The environment and name of each deployed shared flow.
    pub(crate) deployed_flows: BTreeSet<(String, String)>,
}

impl State {
    /// Runs a handler on the configuration of an organization. A request that only reads, or fails, does not create the organization.
    pub(crate) fn configure(
        &mut self,
        handler: fn(&mut ConfigState, &ApiRequest) -> Result<ApiResponse, ApiError>,
        mut request: ApiRequest,
        reads: bool,
    ) -> Result<ApiResponse, ApiError> {
        if let Some(environment) = request.parameters.get("env") {
            self.require_environment(request.organization(), environment, request.now)?;
        }
        let Some(stored) = self.organizations.get_mut(request.organization()) else {
            let mut config = ConfigState::default();
            let response = handler(&mut config, &request)?;
            if !reads {
                self.organization_mut(request.organization()).config = config;
            }
            return Ok(response);
        };
        let proxies = stored.resources.keys().filter(|(kind, _)| *kind == BundleKind::Proxy);
        let flows = stored.deployments.iter().filter(|deployed| deployed.kind == BundleKind::SharedFlow);
        request.bundles = Bundles {
            proxies: proxies.map(|(_, name)| name.clone()).collect(),
            deployed_flows: flows.map(|deployed| (deployed.environment.clone(), deployed.name.clone())).collect(),
        };
        handler(&mut stored.config, &request)
    }
}
