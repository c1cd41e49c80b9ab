//! `sharedFlow`.

use super::super::context::Context;
use super::super::names;
use super::{Direction, ShortStep, camel, values};
use crate::spec::step::SharedFlow;
use apigee_flux_analysis::policy::GeneratedPolicy;
use apigee_flux_analysis::policy::flow_callout::{self, FlowCallout};
use apigee_flux_model::diag::FieldPath;

impl ShortStep for SharedFlow {
    fn prefix(&self) -> &'static str {
        flow_callout::TYPE.prefix
    }

    fn subject(&self, _: Direction) -> String {
        camel(&self.name)
    }

    fn policy(&self, _: Direction, context: &mut Context<'_, '_>, at: &FieldPath) -> Box<dyn GeneratedPolicy> {
        names::check_file_name("shared flow", &self.name, &at.key("name"), context.report);
        let parameters = values(&self.params, "variable", &at.key("params"), context.report);
        Box::new(FlowCallout { shared_flow: self.name.clone(), parameters })
    }
}
