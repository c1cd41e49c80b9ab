//! `xmlToJson` and `jsonToXml`.

use super::super::context::Context;
use super::{Direction, ShortStep};
use crate::spec::step::{JsonToXml, XmlToJson};
use apigee_flux_analysis::policy::GeneratedPolicy;
use apigee_flux_analysis::policy::json_to_xml;
use apigee_flux_analysis::policy::xml_to_json;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath};
use apigee_flux_model::xml::is_name;

impl ShortStep for XmlToJson {
    fn prefix(&self) -> &'static str {
        xml_to_json::TYPE.prefix
    }

    fn subject(&self, direction: Direction) -> String {
        direction.word().to_owned()
    }

    fn policy(&self, direction: Direction, _: &mut Context<'_, '_>, _: &FieldPath) -> Box<dyn GeneratedPolicy> {
        Box::new(xml_to_json::XmlToJson { message: direction.message(), format: self.format.as_str() })
    }
}

impl ShortStep for JsonToXml {
    fn prefix(&self) -> &'static str {
        json_to_xml::TYPE.prefix
    }

    fn subject(&self, direction: Direction) -> String {
        direction.word().to_owned()
    }

    fn policy(&self, direction: Direction, context: &mut Context<'_, '_>, at: &FieldPath) -> Box<dyn GeneratedPolicy> {
        for (key, name) in [("root", &self.root), ("listRoot", &self.list_root), ("listItem", &self.list_item)] {
            if let Some(name) = name.as_ref().filter(|name| !is_name(name)) {
                context.report.push(
                    Diagnostic::error(Code::InvalidValue, format!("`{name}` is not a valid XML name"))
                        .at(at.key(key))
                        .help("start it with a letter or `_`, and use only letters, digits, `_`, `-` and `.`"),
                );
            }
        }
        Box::new(json_to_xml::JsonToXml {
            message: direction.message(),
            root: self.root.clone(),
            list_root: self.list_root.clone(),
            list_item: self.list_item.clone(),
        })
    }
}
