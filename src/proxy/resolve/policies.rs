//! `policies`: what the user wrote in Apigee's own words.

use indexmap::IndexMap;

use super::super::credential;
use super::context::Context;
use super::names;
use crate::diag::FieldPath;
use crate::policy::raw;
use crate::xml;
use crate::yaml::Verbatim;

/// Adds them all.
pub(super) fn add(policies: &IndexMap<String, Verbatim>, context: &mut Context<'_, '_>, at: &FieldPath) {
    for (name, value) in policies {
        let at = at.key("policies").key(name.as_str());
        names::check_policy("policy", name, &at, context.report);
        match value {
            Verbatim::Scalar(text) => {
                if let Ok(document) = xml::parse(text) {
                    credential::check_xml(&document, &at, context.report);
                }
            }
            Verbatim::Mapping(_) | Verbatim::Sequence(_) => {
                credential::check_yaml("", "", value, &at, context.report);
            }
        }
        let file = raw::read(name, value, &at, context.report);
        context.add_written(name, file, &at);
    }
}
