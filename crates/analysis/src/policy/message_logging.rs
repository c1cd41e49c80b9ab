//! MessageLogging.

use super::schema::{ElementSchema, IGNORE_UNRESOLVED, Meaning, SSL_INFO, attribute, open, parent, text};
use super::ssl_info::SslInfo;
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "MessageLogging",
    prefix: "ML",
    class: Class::Extensible,
    doc: "Writes a message to Cloud Logging or to a syslog server.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "MessageLogging",
    &[
        text("BufferMessage", Meaning::Flag),
        parent(
            "CloudLogging",
            &[
                parent(
                    "Labels",
                    &[parent("Label", &[text("Key", Meaning::Template), text("Value", Meaning::Template)])],
                ),
                text("LogName", Meaning::Template),
                text("Message", Meaning::Template)
                    .with(&[attribute("contentType", Meaning::Any), attribute("defaultVariableValue", Meaning::Any)]),
                text("ResourceType", Meaning::Any),
            ],
        ),
        open("File"),
        IGNORE_UNRESOLVED,
        text("logLevel", Meaning::Word(LEVELS)),
        text("LogLevel", Meaning::Word(LEVELS)),
        text("ResponseStatus", Meaning::Any),
        parent(
            "Syslog",
            &[
                text("DateFormat", Meaning::Any),
                text("FormatMessage", Meaning::Flag),
                text("Host", Meaning::Template),
                text("Message", Meaning::Template),
                text("PayloadOnly", Meaning::Flag),
                text("Port", Meaning::Template),
                text("Protocol", Meaning::Any),
                SSL_INFO,
            ],
        ),
    ],
);

const LEVELS: &[&str] = &["ALERT", "ERROR", "INFO", "WARN"];

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageLogging {
    /// The destination and the message.
    pub destination: LogDestination,
    /// `INFO`, `ALERT`, `WARN` or `ERROR`; `None` for the default of Apigee, `INFO`.
    pub level: Option<&'static str>,
}

/// The destination of a message. Apigee allows one for each policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogDestination {
    /// Cloud Logging.
    CloudLogging {
        /// The full name of the log, for example `projects/{organization.name}/logs/apigee`.
        log: String,
        /// JSON with variables in braces.
        message: String,
        /// Labels and their values, which may contain variables.
        labels: Vec<(String, String)>,
    },
    /// A syslog server.
    Syslog {
        /// The server.
        host: String,
        /// The port.
        port: u16,
        /// `TCP` or `UDP`.
        protocol: &'static str,
        /// Text with variables in braces.
        message: String,
        /// Whether Apigee adds its own header to the message.
        format_message: bool,
        /// TLS, which needs TCP.
        tls: Option<SslInfo>,
    },
}

impl LogDestination {
    fn element(&self) -> Element {
        match self {
            Self::CloudLogging { log, message, labels } => {
                let labels = (!labels.is_empty()).then(|| {
                    Element::new("Labels").children(labels.iter().map(|(key, value)| {
                        Element::new("Label").child(Element::leaf("Key", key)).child(Element::leaf("Value", value))
                    }))
                });
                let message = Element::leaf("Message", message)
                    .attribute("contentType", "application/json")
                    // A variable that is not set becomes empty text; Apigee would write `(not set)`.
                    .attribute("defaultVariableValue", "");
                Element::new("CloudLogging").child(Element::leaf("LogName", log)).child(message).children(labels)
            }
            Self::Syslog { host, port, protocol, message, format_message, tls } => Element::new("Syslog")
                .child(Element::leaf("Message", message))
                .child(Element::leaf("Host", host))
                .child(Element::leaf("Port", port))
                .child(Element::leaf("Protocol", protocol))
                .child(Element::leaf("FormatMessage", format_message))
                .children(tls.as_ref().map(SslInfo::element)),
        }
    }
}

impl GeneratedPolicy for MessageLogging {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    // A call does not fail if logging fails.
    fn continue_on_error(&self) -> bool {
        true
    }

    fn fill(&self, root: Element) -> Element {
        root.child(self.destination.element()).children(self.level.map(|level| Element::leaf("logLevel", level)))
    }
}
