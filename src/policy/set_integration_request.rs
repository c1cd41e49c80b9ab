//! SetIntegrationRequest.

use super::schema::{IGNORE_UNRESOLVED, Meaning, Shape, by_ref, open, parent, text};
use super::{Class, Policy, PolicyType};
use crate::xml::Element;

/// The type.
pub const TYPE: PolicyType = PolicyType {
    element: "SetIntegrationRequest",
    prefix: "SIR",
    class: Class::Extensible,
    doc: "Defines the request that an IntegrationEndpoint sends to Application Integration.",
    schema: &SCHEMA,
};

/// What its XML may hold.
const SCHEMA: Shape = parent(
    "SetIntegrationRequest",
    &[
        by_ref("ApiTrigger", Meaning::Any),
        by_ref("IntegrationName", Meaning::Any),
        by_ref("IntegrationRegion", Meaning::Any),
        IGNORE_UNRESOLVED,
        open("Parameters"),
        by_ref("ProjectId", Meaning::Any),
        text("Request", Meaning::Writes),
        by_ref("ScheduleTime", Meaning::Any),
    ],
);

/// Which integration is to run, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetIntegrationRequest {
    /// The Google Cloud project; the organization's without.
    pub project: Option<String>,
    /// The integration.
    pub name: String,
    /// The region; that of the Apigee runtime without.
    pub region: Option<String>,
    /// The trigger in full, as `api_trigger/orders_API_1`.
    pub trigger: String,
    /// The input.
    pub parameters: Vec<Parameter>,
}

/// One input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// `string`, `integer`, `double`, `boolean` or `json`.
    pub kind: &'static str,
    /// Its value.
    pub value: Value,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// It is this text.
    Text(String),
    /// It stands in this variable.
    Variable(String),
}

/// An element with a text, or with the variable that holds it.
fn text_or_ref(name: &str, text: Option<&String>, variable: &str) -> Element {
    match text {
        Some(text) => Element::leaf(name, text),
        None => Element::new(name).attribute("ref", variable),
    }
}

impl Parameter {
    fn element(&self) -> Element {
        let element = Element::new("Parameter").attribute("name", &self.name).attribute("type", self.kind);
        match &self.value {
            Value::Text(text) => element.text(text),
            Value::Variable(variable) => element.attribute("ref", variable),
        }
    }
}

impl Policy for SetIntegrationRequest {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let parameters = &self.parameters;
        root.child(text_or_ref("ProjectId", self.project.as_ref(), "organization.name"))
            .child(Element::leaf("IntegrationName", &self.name))
            .child(text_or_ref("IntegrationRegion", self.region.as_ref(), "system.region.name"))
            .child(Element::leaf("ApiTrigger", &self.trigger))
            .children(
                (!parameters.is_empty())
                    .then(|| Element::new("Parameters").children(parameters.iter().map(Parameter::element))),
            )
    }
}
