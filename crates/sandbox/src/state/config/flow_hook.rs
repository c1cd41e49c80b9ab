//! Flow hooks: `environments.flowhooks`. The four points always exist, with or without an attached shared flow.
//!
//! Not documented, chosen here: a detach is not an error if no shared flow is attached.

use serde_json::json;

use super::ConfigState;
use crate::api::Handler::Configuration;
use crate::api::message::{require, set, text};
use crate::api::{ApiError, ApiRequest, ApiResponse, Message, Method, Object, Type, Violation, limits};
use crate::state::State;
use apigee_flux_model::limits::texts;

pub(crate) const METHODS: &[Method] = &[
    Method::get("environments/{env}/flowhooks", Configuration(list)),
    Method::get("environments/{env}/flowhooks/{point}", Configuration(get)),
    Method::put("environments/{env}/flowhooks/{point}", Configuration(attach)).json(&FLOW_HOOK),
    Method::delete("environments/{env}/flowhooks/{point}", Configuration(detach)),
];

const POINTS: [&str; 4] = ["PreProxyFlowHook", "PostProxyFlowHook", "PreTargetFlowHook", "PostTargetFlowHook"];

const FLOW_HOOK: Message = Message {
    name: "flow_hook",
    fields: &[
        ("description", Type::Text),
        ("sharedFlow", Type::Text),
        ("continueOnError", Type::Bool),
        ("flowHookPoint", Type::Output),
    ],
};

impl ConfigState {
    /// The points of an environment with their attached shared flows: Apigee refuses to undeploy an attached shared flow
    /// (<https://github.com/hashicorp/terraform-provider-google/issues/14530>).
    fn attached_flow_hooks<'a>(&'a self, environment: &str) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let hooks = self.environments.get(environment).map(|environment| &environment.flow_hooks);
        let hooks = hooks.into_iter().flatten().map(|(point, hook)| (point.as_str(), text(hook, "sharedFlow")));
        hooks.filter(|(_, flow)| !flow.is_empty())
    }
}

impl State {
    /// The points of an environment with their attached shared flows.
    pub(crate) fn attached_flow_hooks<'a>(
        &'a self,
        organization: &str,
        environment: &str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let organization = self.organizations.get(organization);
        organization.map(|organization| organization.config.attached_flow_hooks(environment)).into_iter().flatten()
    }
}

fn list(_: &mut ConfigState, _: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::Json(json!(POINTS)))
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let point = point(request)?;
    Ok(view(point, config.environment(request).flow_hooks.get(point)))
}

fn attach(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let point = point(request)?;
    let mut hook = request.read(&FLOW_HOOK)?;
    require(&hook, "flow_hook", &["sharedFlow"])?;
    limits::check_field(&texts::BUNDLE, "flow_hook", &hook, "sharedFlow")?;
    let (environment, flow) = (request.parameter("env"), text(&hook, "sharedFlow"));
    if !request.bundles.deployed_flows.contains(&(environment.to_owned(), flow.to_owned())) {
        let description =
            format!("The shared flow {flow} is not deployed in {environment}: deploy it, then attach it.");
        let violation = Violation { kind: "MISSING_DEPENDENCY", subject: flow.to_owned(), description };
        let error = ApiError::failed_precondition(format!("shared flow {flow} is not deployed"), &[violation]);
        return Err(error.or_status(404));
    }
    if !hook.contains_key("continueOnError") {
        set(&mut hook, "continueOnError", true);
    }
    let response = view(point, Some(&hook));
    config.environment(request).flow_hooks.insert(point.to_owned(), hook);
    Ok(response)
}

fn detach(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let point = point(request)?;
    let hook = config.environment(request).flow_hooks.remove(point);
    Ok(view(point, hook.as_ref()))
}

fn point(request: &ApiRequest) -> Result<&str, ApiError> {
    let point = request.parameter("point");
    if POINTS.contains(&point) {
        return Ok(point);
    }
    Err(ApiError::invalid_argument(format!("invalid flow hook \"{point}\": use one of {}", POINTS.join(", "))))
}

fn view(point: &str, hook: Option<&Object>) -> ApiResponse {
    let mut object = hook.cloned().unwrap_or_default();
    set(&mut object, "flowHookPoint", point);
    ApiResponse::message(&object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_deployed_flow_is_attached() {
        let mut config = ConfigState::default();
        let at = || {
            ApiRequest::to(
                "organizations/o/environments/e/flowhooks/PreProxyFlowHook",
                &[("point", "PreProxyFlowHook")],
            )
        };
        let mut request = at().json(&json!({"sharedFlow": "f"}));
        assert_eq!(attach(&mut config, &request).unwrap_err().code, 400);
        request.bundles.deployed_flows.insert(("e".to_owned(), "f".to_owned()));
        attach(&mut config, &request).unwrap();
        let expected = json!({"sharedFlow": "f", "continueOnError": true, "flowHookPoint": "PreProxyFlowHook"});
        assert_eq!(get(&mut config, &at()).unwrap(), ApiResponse::Json(expected));
        assert!(config.attached_flow_hooks("e").eq([("PreProxyFlowHook", "f")]));
        assert_eq!(config.attached_flow_hooks("other").count(), 0);
        detach(&mut config, &at()).unwrap();
        assert_eq!(config.attached_flow_hooks("e").count(), 0);
        assert_eq!(get(&mut config, &ApiRequest::to("x", &[("point", "Other")])).unwrap_err().code, 400);
    }
}
