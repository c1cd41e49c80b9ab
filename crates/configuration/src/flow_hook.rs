//! `ApigeeFlowHook`: a shared flow that runs for all proxies of an environment (`environments.flowhooks`).
//!
//! The four flow hooks always exist; a shared flow is attached to them or not. Apigee attaches only a flow that is deployed in the
//! environment, so the deployer waits for the deployment. An attached flow cannot be undeployed.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{Answer, Body, Change, Form, Read, Request, Shape, Verb};
use super::collection::{Compare, field_names};
use super::{Configuration, ConfigurationSpec, Crud, Part, Plan, ResourceReference, Scope, Wanted};
use apigee_flux_model::diag::{FieldPath, Report};
use apigee_flux_model::limits::texts;

/// A shared flow that runs for every proxy of an environment, at one of four points of the flow.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FlowHook {
    /// When the shared flow runs. An environment has at most one shared flow at each point.
    pub point: Point,
    /// The name in Apigee of the shared flow. It is attached when it is deployed in the environment.
    pub shared_flow: String,
    /// Whether the request continues when the shared flow fails. Set it to `false` for a flow that enforces security. Default: `true`, as in
    /// Apigee.
    pub continue_on_error: Option<bool>,
    /// A description.
    pub description: Option<String>,
}

/// When the shared flow of a flow hook runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Point {
    /// Before the proxy endpoint runs (`PreProxyFlowHook`).
    PreProxy,
    /// Before the request is sent to the target (`PreTargetFlowHook`).
    PreTarget,
    /// After the response is received from the target (`PostTargetFlowHook`).
    PostTarget,
    /// Before the response is sent to the client (`PostProxyFlowHook`).
    PostProxy,
}

impl ConfigurationSpec for FlowHook {
    const CRUD: &'static dyn Crud = &Hooks;
}

impl Configuration for FlowHook {
    fn scope(&self) -> Scope {
        Scope::Environment
    }

    fn fixed_name(&self) -> Option<&'static str> {
        Some(match self.point {
            Point::PreProxy => "PreProxyFlowHook",
            Point::PreTarget => "PreTargetFlowHook",
            Point::PostTarget => "PostTargetFlowHook",
            Point::PostProxy => "PostProxyFlowHook",
        })
    }

    fn body(&self, _: &str) -> Value {
        let mut body =
            json!({"sharedFlow": self.shared_flow, "continueOnError": self.continue_on_error.unwrap_or(true)});
        if let Some(description) = &self.description {
            body["description"] = json!(description);
        }
        body
    }

    fn check(&self, _: &str, report: &mut Report<'_>) {
        texts::BUNDLE.report(&self.shared_flow, FieldPath::of(&["spec", "sharedFlow"]), report);
    }

    fn references(&self) -> Vec<ResourceReference> {
        vec![ResourceReference {
            kind: "ApigeeSharedFlow",
            name: self.shared_flow.clone(),
            at: FieldPath::of(&["spec", "sharedFlow"]),
        }]
    }
}

#[derive(Debug)]
struct Hooks;

const COMPARE: Compare = Compare { server_set: &["flowHookPoint"], ..Compare::PLAIN };

fn path(wanted: &Wanted<'_>) -> Vec<String> {
    wanted.place.path(&["flowhooks", &wanted.id.name])
}

/// The name of the attached shared flow; empty if there is none.
fn attached(answers: &[Answer]) -> &str {
    answers.first().and_then(|answer| answer.json().get("sharedFlow")?.as_str()).unwrap_or_default()
}

impl Crud for Hooks {
    fn reads(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        // If no shared flow is attached, every field may be empty.
        let shape = Shape::empty_or(&["flowHookPoint", "sharedFlow", "continueOnError", "description"]);
        vec![Read::json(path(wanted), "apigee.flowhooks.getSharedFlow").of(shape)]
    }

    fn after_bundles(&self) -> bool {
        true
    }

    /// The shared flow must be deployed. It is not documented whether Apigee returns 400 or 404 if it is not.
    fn prerequisites(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        let flow = wanted.body.get("sharedFlow").and_then(Value::as_str).unwrap_or_default();
        let path = wanted.place.path(&["sharedflows", flow, "deployments"]);
        let form = Form::Pages("deployments");
        vec![Read { form, ..Read::json(path, "apigee.deployments.list") }]
    }

    fn exists(&self, _: &Wanted<'_>, answers: &[Answer]) -> bool {
        !attached(answers).is_empty()
    }

    fn plan(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Plan, String> {
        let fields = COMPARE.differences(wanted, answers.first().map_or(&Value::Null, Answer::json));
        let flow = wanted.body.get("sharedFlow").and_then(Value::as_str).unwrap_or_default();
        let mut plan = Plan { changes: Vec::new(), parts: vec![Part::named(flow)] };
        if !fields.is_empty() {
            let body = Body::Json(wanted.body.clone());
            let request = Request::new(Verb::Put, path(wanted), body, "apigee.flowhooks.attachSharedFlow");
            let what = match attached(answers) {
                same if same == flow => format!("update {}", field_names(&fields)),
                "" => format!("attach `{flow}`"),
                other => format!("attach `{flow}` in place of `{other}`"),
            };
            plan.changes.push(Change { what, request, fields });
        }
        Ok(plan)
    }

    /// A shared flow that another client attached since is kept.
    fn remove(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Vec<Change>, String> {
        let flow = attached(answers);
        if wanted.last.and_then(|record| record.part(flow)).is_none() {
            return Ok(Vec::new());
        }
        let request = Request::new(Verb::Delete, path(wanted), Body::Empty, "apigee.flowhooks.detachSharedFlow");
        Ok(vec![Change { what: format!("detach `{flow}`"), request, fields: Vec::new() }])
    }
}
