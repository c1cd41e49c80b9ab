//! `xslt`.

use super::super::context::Context;
use super::{Direction, ShortStep, add_file, camel_stem, values};
use crate::spec::step::Xslt;
use apigee_flux_analysis::policy::GeneratedPolicy;
use apigee_flux_analysis::policy::xsl::{self, Xsl};
use apigee_flux_model::diag::FieldPath;

impl ShortStep for Xslt {
    fn prefix(&self) -> &'static str {
        xsl::TYPE.prefix
    }

    fn subject(&self, _: Direction) -> String {
        camel_stem(&self.file)
    }

    fn policy(&self, direction: Direction, context: &mut Context<'_, '_>, at: &FieldPath) -> Box<dyn GeneratedPolicy> {
        let stylesheet = add_file("xsl", &self.file, context, &at.key("file"));
        let parameters = values(&self.params, "parameter", &at.key("params"), context.report);
        Box::new(Xsl { message: direction.message(), stylesheet, parameters })
    }
}
