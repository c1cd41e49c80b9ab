//! Flows and their steps.

use apigee_flux_model::xml::Element;

/// A policy that is attached to a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::proxy) struct Step {
    /// The policy's name.
    pub policy: String,
    /// The condition under which it runs; `None` means always.
    pub condition: Option<String>,
}

/// The steps of both directions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::proxy) struct Flow {
    /// On the way to the target.
    pub request: Vec<Step>,
    /// On the way back to the caller.
    pub response: Vec<Step>,
}

/// A flow for some requests only. Apigee runs only the first flow in `<Flows>` that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::proxy) struct ConditionalFlow {
    /// The name of the flow.
    pub name: String,
    /// The condition under which it runs; `None` means always, and is allowed for the last flow only.
    pub condition: Option<String>,
    /// Whether the condition matches exactly one path, and named methods.
    pub exact: bool,
    /// The steps.
    pub flow: Flow,
}

impl Step {
    /// A step without a condition.
    pub(in crate::proxy) fn always(policy: impl Into<String>) -> Self {
        Self { policy: policy.into(), condition: None }
    }

    /// The step with an additional condition.
    pub(in crate::proxy) fn and(self, condition: Option<&str>) -> Self {
        let condition = match (self.condition, condition) {
            (Some(own), Some(more)) => Some(format!("({own}) and ({more})")),
            (own, more) => own.or(more.map(str::to_owned)),
        };
        Self { condition, ..self }
    }

    /// The step's element.
    pub(in crate::proxy) fn element(&self) -> Element {
        Element::new("Step")
            .child(Element::leaf("Name", &self.policy))
            .children(self.condition.as_ref().map(|text| Element::leaf("Condition", text)))
    }
}

impl Flow {
    /// The steps of both directions.
    pub(in crate::proxy) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.request.iter().chain(&self.response)
    }

    /// `<Request>` and `<Response>`.
    fn elements(&self) -> [Element; 2] {
        [("Request", &self.request), ("Response", &self.response)]
            .map(|(name, steps)| Element::new(name).children(steps.iter().map(Step::element)))
    }

    /// `<PreFlow>` or `<PostFlow>`, which carry their own name.
    pub(in crate::proxy) fn element(&self, name: &str) -> Element {
        Element::new(name).attribute("name", name).children(self.elements())
    }
}

impl ConditionalFlow {
    /// The flow's element.
    pub(in crate::proxy) fn element(&self) -> Element {
        Element::new("Flow")
            .attribute("name", &self.name)
            .children(self.flow.elements())
            .children(self.condition.as_ref().map(|text| Element::leaf("Condition", text)))
    }
}
