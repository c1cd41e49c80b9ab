//! A step: one policy in a flow.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::target_auth::GoogleAuth;
use apigee_flux_model::yaml::word_or::WordOr;

/// One step: exactly one action, and optionally a condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// The condition of the step, in Apigee's condition language, for example `request.verb = "POST"`. Default: the
    /// step always runs.
    pub when: Option<String>,
    /// Runs a policy of `policies`, by its name.
    pub policy: Option<String>,
    /// Sets headers, parameters, the body, the status and variables.
    pub set: Option<Set>,
    /// Removes headers and query parameters.
    pub remove: Option<Remove>,
    /// Ends the call with an error.
    pub raise: Option<Raise>,
    /// Reads parts of a message into variables.
    pub extract: Option<Extract>,
    /// Runs a script.
    pub javascript: Option<Javascript>,
    /// Calls a shared flow, which must be deployed in the environment.
    pub shared_flow: Option<SharedFlow>,
    /// Reads, writes and deletes entries of a key value map.
    pub kvm: Option<Kvm>,
    /// Calls another service.
    pub callout: Option<Callout>,
    /// Converts the XML body to JSON and sets the content type.
    pub xml_to_json: Option<XmlToJson>,
    /// Converts the JSON body to XML and sets the content type.
    pub json_to_xml: Option<JsonToXml>,
    /// Transforms the XML body with a stylesheet.
    pub xslt: Option<Xslt>,
    /// Writes an entry to a log. A call does not fail if logging fails.
    pub log: Option<Log>,
}

/// Values to set. They may contain variables, for example `{request.header.host}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Set {
    /// Header → value.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// Query parameter → value. Only on the request.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// Form parameter → value. Only on the request.
    #[serde(default)]
    pub form: IndexMap<String, String>,
    /// Flow variable → value. Variables are set first, so that the other values can use them.
    #[serde(default)]
    pub variables: IndexMap<String, String>,
    /// The method, in upper case. Only on the request.
    pub verb: Option<String>,
    /// The status code, 100 to 599. Only on the response and in fault rules.
    pub status: Option<u16>,
    /// The body.
    pub body: Option<Body>,
}

/// A body: exactly one of `json` and `text`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Body {
    /// Any value, written as YAML. Variables in its texts, for example `{request.header.host}`, are escaped for JSON.
    pub json: Option<serde_json::Value>,
    /// Text with variables. Variables are not escaped: write `{escapeJSON(request.header.host)}` for values from the
    /// caller inside JSON.
    pub text: Option<String>,
    /// The media type. Default: `application/json` for `json`, `text/plain` for `text`.
    pub content_type: Option<String>,
}

/// Headers and query parameters to remove.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Remove {
    /// Headers.
    #[serde(default)]
    pub headers: Vec<String>,
    /// Query parameters. Only on the request.
    #[serde(default)]
    pub query: Vec<String>,
}

/// An error response.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Raise {
    /// The status code, 400 to 599.
    pub status: u16,
    /// The reason phrase. Default: the standard phrase of the status code, if there is one.
    pub reason: Option<String>,
    /// The message in the body of `faults: json`: text with variables, for example `no order {flow.id}`. Variables are
    /// escaped. Default: the message of Apigee.
    pub message: Option<String>,
}

/// What to read into which variables. A variable is not set if its value is not found. `json`, `xml` and `form` need a
/// body: the step ignores a message without one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Extract {
    /// `request`, `response`, or a variable that holds a message or text. Default: the current message of the flow.
    pub from: Option<String>,
    /// Patterns of the path below the base path: `/orders/{flow.id}` reads the second segment into the variable
    /// `flow.id`.
    #[serde(default)]
    pub uri_path: Vec<String>,
    /// Query parameter → pattern or patterns, for example `{q: "{flow.query}"}`.
    #[serde(default)]
    pub query: IndexMap<String, WordOr<String, Vec<String>>>,
    /// Header → pattern or patterns, for example `{authorization: "Bearer {flow.token}"}`.
    #[serde(default)]
    pub header: IndexMap<String, WordOr<String, Vec<String>>>,
    /// Form parameter → pattern or patterns.
    #[serde(default)]
    pub form: IndexMap<String, WordOr<String, Vec<String>>>,
    /// Flow variable → pattern or patterns.
    #[serde(default)]
    pub variable: IndexMap<String, WordOr<String, Vec<String>>>,
    /// Variable → JSONPath in the body, for example `{flow.id: "$.order.id"}`.
    #[serde(default)]
    pub json: IndexMap<String, String>,
    /// Variable → XPath in the body, for example `{flow.id: /order/@id}`, or `{path, type}`.
    #[serde(default)]
    pub xml: IndexMap<String, WordOr<String, XmlVariable>>,
    /// Prefix → namespace, for the XPath expressions of `xml`.
    #[serde(default)]
    pub namespaces: IndexMap<String, String>,
}

/// A variable with an XPath and a type.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct XmlVariable {
    /// The XPath in the body.
    pub path: String,
    /// The type of the variable. Default: `string`.
    #[serde(default, rename = "type")]
    pub kind: XmlType,
}

/// The type of a variable that is read from XML.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum XmlType {
    /// Text.
    #[default]
    String,
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// A whole number of 64 bits.
    Long,
    /// A floating-point number of 32 bits.
    Float,
    /// A floating-point number of 64 bits.
    Double,
    /// The XML nodes, for another step that reads XML.
    Nodeset,
}

impl XmlType {
    /// The keyword in Apigee.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Nodeset => "nodeset",
        }
    }
}

/// A script: exactly one of `file` and `source`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Javascript {
    /// The file of the script, for example `js/normalize-order.js`. The script has the same file name in the bundle.
    pub file: Option<String>,
    /// The source of the script.
    pub source: Option<String>,
    /// The time limit of the script, for example `200ms`; a script that exceeds it fails with a fault. Default:
    /// `200ms`.
    pub time_limit: Option<String>,
    /// Library files that run before the script, in this order.
    #[serde(default)]
    pub includes: Vec<String>,
    /// Name → value. The script reads them as `properties.NAME`.
    #[serde(default)]
    pub properties: IndexMap<String, String>,
}

/// A call of a shared flow.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SharedFlow {
    /// The name of the shared flow.
    pub name: String,
    /// Variable → value during the call: a text, or one variable, for example `{request.header.host}`.
    #[serde(default)]
    pub params: IndexMap<String, String>,
}

/// Operations on the entries of a key value map: first `put`, then `get`, then `delete`. A key, a value and the name of
/// the map are each a text, or one variable, for example `{flow.tenant}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kvm {
    /// The name of the map, which an ApigeeKeyValueMap defines.
    pub map: String,
    /// Key → the variable to read its value into. Variables that start with `private.` are hidden in debug sessions:
    /// use them for credentials.
    #[serde(default)]
    pub get: IndexMap<String, String>,
    /// Key → the value to write. It replaces an existing value.
    #[serde(default)]
    pub put: IndexMap<String, String>,
    /// Keys to delete.
    #[serde(default)]
    pub delete: Vec<String>,
    /// The scope of the map. Default: `environment`.
    #[serde(default)]
    pub scope: KvmScope,
    /// How long a value is cached before it is read from the map again, in whole seconds, for example `5m`. Default:
    /// `5m`.
    pub expiry: Option<String>,
}

/// The scope of a key value map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KvmScope {
    /// The environment.
    #[default]
    Environment,
    /// The organization.
    Organization,
    /// The API proxy.
    Apiproxy,
}

impl KvmScope {
    /// The keyword in Apigee.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Organization => "organization",
            Self::Apiproxy => "apiproxy",
        }
    }
}

/// A request to another service: to a `url`, or to a `server` that is defined as an ApigeeTargetServer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Callout {
    /// An `https` or `http` URL, which may contain variables after the scheme.
    pub url: Option<String>,
    /// The name of a target server.
    pub server: Option<String>,
    /// The path on the `server`. Default: `/`.
    pub path: Option<String>,
    /// The method. Default: `GET`, or `POST` with a `body`.
    pub method: Option<String>,
    /// Header → value.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// Query parameter → value.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// The body.
    pub body: Option<Body>,
    /// The variable to store the response in, for example `geo`: `geo.content`, `geo.status.code`. Without it, the
    /// proxy does not wait for the response.
    pub response: Option<String>,
    /// The timeout, for example `3s`. Default: 55s, as in Apigee.
    pub timeout: Option<String>,
    /// The Google credential to send. It needs `deploy.serviceAccount`.
    pub auth: Option<GoogleAuth>,
}

/// How XML is converted to JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct XmlToJson {
    /// How attributes and text are represented in JSON. Default: `yahoo`.
    #[serde(default)]
    pub format: JsonFormat,
}

/// A representation of XML in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum JsonFormat {
    /// Attributes as `@name`, text as `#text`.
    #[serde(rename = "xml.com")]
    XmlCom,
    /// Attributes as ordinary members, text as `content`.
    #[default]
    #[serde(rename = "yahoo")]
    Yahoo,
    /// Text as `$t`.
    #[serde(rename = "google")]
    Google,
    /// Attributes as `@name`, text as `$`.
    #[serde(rename = "badgerFish")]
    BadgerFish,
}

impl JsonFormat {
    /// The keyword in Apigee.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::XmlCom => "xml.com",
            Self::Yahoo => "yahoo",
            Self::Google => "google",
            Self::BadgerFish => "badgerFish",
        }
    }
}

/// How JSON is converted to XML.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JsonToXml {
    /// The name of the root element. Default: `Root`, as in Apigee.
    pub root: Option<String>,
    /// The name of the root element of a list. Default: `Array`, as in Apigee.
    pub list_root: Option<String>,
    /// The name of the elements of a list. Default: `Item`, as in Apigee.
    pub list_item: Option<String>,
}

/// An XSL transformation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Xslt {
    /// The file of the stylesheet, for example `xsl/order.xsl`. The stylesheet has the same file name in the bundle.
    pub file: String,
    /// Parameters of the stylesheet: a text, or one variable, for example `{flow.tenant}`.
    #[serde(default)]
    pub params: IndexMap<String, String>,
}

/// The destination of a log entry.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Log {
    /// Cloud Logging. It needs `deploy.serviceAccount` with the role Logs Writer.
    pub cloud_logging: LogEntry,
}

/// An entry of a log in Cloud Logging.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogEntry {
    /// The log, for example `apigee-orders` or `projects/acme-logs/logs/apigee`. A name without a project is a log in
    /// the project of the organization.
    pub log: String,
    /// The fields of the entry: name → text with variables, which are escaped for JSON.
    pub message: IndexMap<String, String>,
}
