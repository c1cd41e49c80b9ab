//! ExtractVariables.

use super::schema::{
    Attribute, CAPTURE, ElementSchema, IGNORE_UNRESOLVED, Meaning, NAMED, NAMESPACES, SOURCE, attribute, parent, text,
};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "ExtractVariables",
    prefix: "EV",
    class: Class::Extensible,
    doc: "Reads parts of a message into variables.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "ExtractVariables",
    &[
        parent("FormParam", &[CAPTURE]).with(NAMED),
        parent("Header", &[CAPTURE]).with(NAMED),
        IGNORE_UNRESOLVED,
        parent("JSONPayload", &[parent("Variable", &[text("JSONPath", Meaning::Any)]).with(TYPED)]),
        parent("QueryParam", &[CAPTURE]).with(NAMED),
        SOURCE.with(&[attribute("clearPayload", Meaning::Flag)]),
        parent("URIPath", &[CAPTURE]).with(NAMED),
        parent("Variable", &[CAPTURE]).with(&[attribute("name", Meaning::Reads)]),
        text("VariablePrefix", Meaning::Any),
        parent("XMLPayload", &[NAMESPACES, parent("Variable", &[text("XPath", Meaning::Any)]).with(TYPED)])
            .with(&[attribute("stopPayloadProcessing", Meaning::Flag)]),
    ],
);

/// A variable with its type. Its name is appended to the prefix.
const TYPED: &[Attribute] = &[
    attribute("name", Meaning::Any),
    attribute("type", Meaning::Word(&["boolean", "double", "float", "integer", "long", "nodeset", "string"])),
];

/// Where in a message values are read from. A pattern is text in which `{name}` stands for a part that is read into a
/// variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExtractVariables {
    /// The message, or a variable that holds text.
    pub source: String,
    /// Patterns of the path below the base path.
    pub uri_path: Vec<String>,
    /// Query parameters and their patterns.
    pub query: Vec<(String, Vec<String>)>,
    /// Headers and their patterns.
    pub headers: Vec<(String, Vec<String>)>,
    /// Form parameters and their patterns.
    pub form: Vec<(String, Vec<String>)>,
    /// Flow variables and their patterns.
    pub variables: Vec<(String, Vec<String>)>,
    /// Variables and the JSONPath of each in the body.
    pub json: Vec<(String, String)>,
    /// Namespace prefixes for the XPath expressions.
    pub namespaces: Vec<(String, String)>,
    /// Variables, each with its type as Apigee names it and its XPath in the body.
    pub xml: Vec<(String, &'static str, String)>,
}

fn patterns(element: Element, patterns: &[String]) -> Element {
    element.children(patterns.iter().map(|pattern| Element::leaf("Pattern", pattern)))
}

impl GeneratedPolicy for ExtractVariables {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let named = |element: &'static str, of: &[(String, Vec<String>)]| -> Vec<Element> {
            of.iter().map(|(name, texts)| patterns(Element::new(element).attribute("name", name), texts)).collect()
        };
        let json = (!self.json.is_empty()).then(|| {
            Element::new("JSONPayload").children(self.json.iter().map(|(name, path)| {
                Element::new("Variable").attribute("name", name).child(Element::leaf("JSONPath", path))
            }))
        });
        let xml = (!self.xml.is_empty()).then(|| {
            let namespaces = (!self.namespaces.is_empty()).then(|| {
                Element::new("Namespaces").children(
                    self.namespaces
                        .iter()
                        .map(|(prefix, uri)| Element::leaf("Namespace", uri).attribute("prefix", prefix)),
                )
            });
            Element::new("XMLPayload").attribute("stopPayloadProcessing", false).children(namespaces).children(
                self.xml.iter().map(|(name, kind, path)| {
                    Element::new("Variable")
                        .attribute("name", name)
                        .attribute("type", kind)
                        .child(Element::leaf("XPath", path))
                }),
            )
        });
        root.child(Element::leaf("Source", &self.source))
            .children((!self.uri_path.is_empty()).then(|| patterns(Element::new("URIPath"), &self.uri_path)))
            .children(named("QueryParam", &self.query))
            .children(named("Header", &self.headers))
            .children(named("FormParam", &self.form))
            .children(named("Variable", &self.variables))
            .children(json)
            .children(xml)
            // A variable whose value is not found is not set; otherwise the caller would get a fault.
            .child(Element::leaf("IgnoreUnresolvedVariables", true))
    }
}
