//! Flow hooks: `environments.flowhooks`. The four points always exist, with or without an attached shared flow.
//!
//! Not documented, chosen here: a detach is not an error if no shared flow is attached.

use serde_json::json;

use super::call::{Answer, Call};
use super::limits;
use super::message::{Message, Object, Type, require, set, text};
use super::{ConfigState, Route};
use crate::fault::{Fault, Violation};
use apigee_flux_model::limits::texts;

pub(super) const ROUTES: &[Route] = &[
    Route::get("environments/{env}/flowhooks", list),
    Route::get("environments/{env}/flowhooks/{point}", get),
    Route::put("environments/{env}/flowhooks/{point}", attach).json(&FLOW_HOOK),
    Route::delete("environments/{env}/flowhooks/{point}", detach),
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

fn list(_: &mut ConfigState, _: &Call) -> Result<Answer, Fault> {
    Ok(Answer::Json(json!(POINTS)))
}

fn get(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let point = point(call)?;
    Ok(view(point, config.environment(call).flow_hooks.get(point)))
}

fn attach(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let point = point(call)?;
    let mut hook = call.read(&FLOW_HOOK)?;
    require(&hook, "flow_hook", &["sharedFlow"])?;
    limits::check_field(&texts::BUNDLE, "flow_hook", &hook, "sharedFlow")?;
    let (environment, flow) = (call.parameter("env"), text(&hook, "sharedFlow"));
    if !call.bundles.deployed_flows.contains(&(environment.to_owned(), flow.to_owned())) {
        let description =
            format!("The shared flow {flow} is not deployed in {environment}: deploy it, then attach it.");
        let violation = Violation { kind: "MISSING_DEPENDENCY", subject: flow.to_owned(), description };
        let fault = Fault::failed_precondition(format!("shared flow {flow} is not deployed"), &[violation]);
        return Err(fault.or_status(404));
    }
    if !hook.contains_key("continueOnError") {
        set(&mut hook, "continueOnError", true);
    }
    let answer = view(point, Some(&hook));
    config.environment(call).flow_hooks.insert(point.to_owned(), hook);
    Ok(answer)
}

fn detach(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let point = point(call)?;
    let hook = config.environment(call).flow_hooks.remove(point);
    Ok(view(point, hook.as_ref()))
}

fn point(call: &Call) -> Result<&str, Fault> {
    let point = call.parameter("point");
    if POINTS.contains(&point) {
        return Ok(point);
    }
    Err(Fault::invalid_argument(format!("invalid flow hook \"{point}\": use one of {}", POINTS.join(", "))))
}

fn view(point: &str, hook: Option<&Object>) -> Answer {
    let mut object = hook.cloned().unwrap_or_default();
    set(&mut object, "flowHookPoint", point);
    Answer::message(&object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_deployed_flow_is_attached() {
        let mut config = ConfigState::default();
        let at =
            || Call::to("organizations/o/environments/e/flowhooks/PreProxyFlowHook", &[("point", "PreProxyFlowHook")]);
        let mut call = at().json(&json!({"sharedFlow": "f"}));
        assert_eq!(attach(&mut config, &call).unwrap_err().code, 400);
        call.bundles.deployed_flows.insert(("e".to_owned(), "f".to_owned()));
        attach(&mut config, &call).unwrap();
        let expected = json!({"sharedFlow": "f", "continueOnError": true, "flowHookPoint": "PreProxyFlowHook"});
        assert_eq!(get(&mut config, &at()).unwrap(), Answer::Json(expected));
        assert!(config.flow_hooks("e").eq([("PreProxyFlowHook", "f")]));
        assert_eq!(config.flow_hooks("other").count(), 0);
        detach(&mut config, &at()).unwrap();
        assert_eq!(config.flow_hooks("e").count(), 0);
        assert_eq!(get(&mut config, &Call::to("x", &[("point", "Other")])).unwrap_err().code, 400);
    }
}
