//! ServiceCallout.

use super::authentication::Authentication;
use super::message_parts::{MessageParts, Payload};
use super::schema::{
    ADD, AUTHENTICATION, COPY, ElementSchema, IGNORE_UNRESOLVED, LOCAL_TARGET, Meaning, PROPERTIES, REMOVE, SET,
    SSL_INFO, attribute, open, parent, text,
};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "ServiceCallout",
    prefix: "SC",
    class: Class::Extensible,
    doc: "Calls another service.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "ServiceCallout",
    &[
        parent(
            "HTTPTargetConnection",
            &[
                AUTHENTICATION,
                open("LoadBalancer"),
                text("Path", Meaning::Template),
                PROPERTIES,
                SSL_INFO,
                text("URL", Meaning::Template),
            ],
        ),
        LOCAL_TARGET,
        parent("Request", &[ADD, COPY, IGNORE_UNRESOLVED, REMOVE, SET])
            .with(&[attribute("clearPayload", Meaning::Flag), attribute("variable", Meaning::Writes)]),
        text("Response", Meaning::Writes),
        text("Timeout", Meaning::Any),
    ],
);

/// A request to another service, and the variable to store its response in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceCallout {
    /// The variable that holds the request. Not `request`, which is the request of the caller.
    pub request: String,
    /// Verb, headers, parameters and path of the request.
    pub parts: MessageParts,
    /// The body of the request.
    pub payload: Option<Payload>,
    /// The variable to store the response in. Without it, the proxy does not wait for the response.
    pub response: Option<String>,
    /// The timeout in milliseconds.
    pub timeout: Option<u64>,
    /// The destination.
    pub destination: CalloutDestination,
    /// The Google credential to send.
    pub authentication: Option<Authentication>,
}

/// The destination of a callout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CalloutDestination {
    /// A URL, which may contain variables after the scheme.
    Url(String),
    /// A target server of the environment, with its own TLS settings, and the path on it.
    Server {
        /// The server.
        name: String,
        /// The path.
        path: Option<String>,
    },
}

impl GeneratedPolicy for ServiceCallout {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let set = self.parts.fill(Element::new("Set"));
        let set = match &self.payload {
            Some(payload) => set.child(payload.element()),
            None => set,
        };
        let request = Element::new("Request")
            .attribute("clearPayload", true)
            .attribute("variable", &self.request)
            .children((!set.contents().is_empty()).then_some(set))
            // A variable that is not set becomes empty text; otherwise the caller would get a fault.
            .child(Element::leaf("IgnoreUnresolvedVariables", true));
        let connection =
            Element::new("HTTPTargetConnection").children(self.authentication.as_ref().map(Authentication::element));
        let connection = match &self.destination {
            CalloutDestination::Url(url) => {
                // Without it Apigee would accept any certificate.
                let ssl_info = url.starts_with("https://").then(|| {
                    Element::new("SSLInfo").child(Element::leaf("Enabled", true)).child(Element::leaf("Enforce", true))
                });
                connection.children(ssl_info).child(Element::leaf("URL", url))
            }
            CalloutDestination::Server { name, path } => connection
                .child(Element::new("LoadBalancer").child(Element::new("Server").attribute("name", name)))
                .children(path.as_ref().map(|path| Element::leaf("Path", path))),
        };
        root.child(request)
            .children(self.response.as_ref().map(|variable| Element::leaf("Response", variable)))
            .children(self.timeout.map(|millis| Element::leaf("Timeout", millis)))
            .child(connection)
    }
}
