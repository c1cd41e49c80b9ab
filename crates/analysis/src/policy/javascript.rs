//! Javascript.

use super::schema::{ElementSchema, Meaning, SSL_INFO, attribute, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "Javascript",
    prefix: "JS",
    class: Class::Extensible,
    doc: "Runs a script of the bundle.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "Javascript",
    &[text("IncludeURL", Meaning::Any), text("ResourceURL", Meaning::Any), text("Source", Meaning::Any), SSL_INFO],
)
.with(&[attribute("timeLimit", Meaning::Whole), attribute("timeout", Meaning::Whole)]);

/// A script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Javascript {
    /// The time limit in milliseconds; a script that exceeds it fails with a fault.
    pub time_limit: u64,
    /// Values that the script reads as `properties.NAME`.
    pub properties: Vec<(String, String)>,
    /// The scripts that run before it, for example `jsc://lib.js`.
    pub includes: Vec<String>,
    /// The script.
    pub script: Script,
}

/// The place of the script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// In a resource, for example `jsc://a.js`.
    Resource(String),
    /// In the resource that is named after the policy.
    Own,
}

impl GeneratedPolicy for Javascript {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let url = match &self.script {
            Script::Resource(url) => url.clone(),
            Script::Own => {
                let name = root.attributes().get("name").cloned().unwrap_or_default();
                format!("jsc://{}", own_resource(&name))
            }
        };
        let property = |(name, value): &(String, String)| Element::leaf("Property", value).attribute("name", name);
        let properties = (!self.properties.is_empty())
            .then(|| Element::new("Properties").children(self.properties.iter().map(property)));
        root.attribute("timeLimit", self.time_limit)
            .children(properties)
            .children(self.includes.iter().map(|url| Element::leaf("IncludeURL", url)))
            .child(Element::leaf("ResourceURL", url))
    }
}

/// The file below `resources/jsc` of a script without a name. A URL cannot contain spaces.
pub fn own_resource(policy: &str) -> String {
    format!("{}.js", policy.replace(' ', "-"))
}
