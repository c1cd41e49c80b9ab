//! SetIntegrationRequest.

use super::schema::{ElementSchema, IGNORE_UNRESOLVED, Meaning, by_ref, open, parent, text};
use super::{Class, GeneratedPolicy, PolicyType, PolicyValue};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "SetIntegrationRequest",
    prefix: "SIR",
    class: Class::Extensible,
    doc: "Defines the request that an IntegrationEndpoint sends to Application Integration.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
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

/// The integration to call, and its input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetIntegrationRequest {
    /// The Google Cloud project; `None` for the project of the organization.
    pub project: Option<String>,
    /// The integration.
    pub name: String,
    /// The region; `None` for the region of the Apigee runtime.
    pub region: Option<String>,
    /// The full name of the trigger, for example `api_trigger/orders_API_1`.
    pub trigger: String,
    /// The input parameters.
    pub parameters: Vec<Parameter>,
}

/// One input parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// The name of the parameter.
    pub name: String,
    /// `string`, `integer`, `double`, `boolean` or `json`.
    pub kind: &'static str,
    /// The value of the parameter.
    pub value: PolicyValue,
}

/// An element with a text, or with a reference to the variable that holds it.
fn text_or_ref(name: &str, text: Option<&String>, variable: &str) -> Element {
    match text {
        Some(text) => Element::leaf(name, text),
        None => Element::new(name).attribute("ref", variable),
    }
}

impl Parameter {
    fn element(&self) -> Element {
        let element = Element::new("Parameter").attribute("name", &self.name).attribute("type", self.kind);
        self.value.fill(element)
    }
}

impl GeneratedPolicy for SetIntegrationRequest {
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
