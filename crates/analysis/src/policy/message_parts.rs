//! The parts of a message that `<Set>` sets, in the policies that have this element.

use super::http_modifier::group;
use apigee_flux_model::xml::Element;

/// All parts except the body. Values may contain variables in braces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessageParts {
    /// Headers: names and values.
    pub headers: Vec<(String, String)>,
    /// Query parameters: names and values.
    pub query: Vec<(String, String)>,
    /// Form parameters in the body: names and values.
    pub form: Vec<(String, String)>,
    /// The method.
    pub verb: Option<String>,
    /// The path of the request to the target.
    pub path: Option<String>,
    /// The status code.
    pub status: Option<u16>,
}

/// The body of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// The media type.
    pub content_type: String,
    /// Text with variables in braces.
    pub text: String,
}

impl MessageParts {
    /// Adds the parts to `<Set>`.
    pub(super) fn fill(&self, set: Element) -> Element {
        fn pairs(of: &[(String, String)]) -> impl Iterator<Item = (&String, &String)> {
            of.iter().map(|(name, value)| (name, value))
        }
        set.children(group("Headers", "Header", pairs(&self.headers)))
            .children(group("QueryParams", "QueryParam", pairs(&self.query)))
            .children(group("FormParams", "FormParam", pairs(&self.form)))
            .children(self.verb.as_ref().map(|verb| Element::leaf("Verb", verb)))
            .children(self.path.as_ref().map(|path| Element::leaf("Path", path)))
            .children(self.status.map(|status| Element::leaf("StatusCode", status)))
    }
}

impl Payload {
    /// The element.
    pub(super) fn element(&self) -> Element {
        Element::leaf("Payload", &self.text).attribute("contentType", &self.content_type)
    }
}
