//! A step: one policy at one place.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::target::GoogleAuth;
use apigee_flux_model::yaml::word_or::WordOr;

/// One step: exactly one action, and perhaps a condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Runs the step only if this condition in Apigee's language holds, as in `request.verb = "POST"`.
    pub when: Option<String>,
    /// Runs a policy of `policies` by its name.
    pub policy: Option<String>,
    /// Sets headers, parameters, the body, the status and variables.
    pub set: Option<Set>,
    /// Removes headers and query parameters.
    pub remove: Option<Remove>,
    /// Ends the request with an error.
    pub raise: Option<Raise>,
    /// Reads parts of a message into variables.
    pub extract: Option<Extract>,
    /// Runs a script.
    pub javascript: Option<Javascript>,
    /// Runs a shared flow, which must be deployed in the environment.
    pub shared_flow: Option<SharedFlow>,
    /// Reads, writes and deletes entries of a key value map.
    pub kvm: Option<Kvm>,
    /// Calls another service.
    pub callout: Option<Callout>,
    /// Turns the XML body into JSON, also its content type.
    pub xml_to_json: Option<XmlToJson>,
    /// Turns the JSON body into XML, also its content type.
    pub json_to_xml: Option<JsonToXml>,
    /// Transforms the XML body by a stylesheet.
    pub xslt: Option<Xslt>,
    /// Writes a message to a log. A call does not fail because its log does.
    pub log: Option<Log>,
}

/// Values to set. They may hold variables, as in `{request.header.host}`.
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
    /// Flow variable → value. They are set first, so that the headers can use them.
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
    /// Any value, written as YAML. A variable in its texts, as in `{request.header.host}`, is escaped for JSON.
    pub json: Option<serde_json::Value>,
    /// Text with variables. What a caller sends is not escaped: write `{escapeJSON(request.header.host)}` inside JSON.
    pub text: Option<String>,
    /// The media type. Default: `application/json` for `json`, `text/plain` for `text`.
    pub content_type: Option<String>,
}

/// Names to remove.
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
    /// The reason phrase. Default: the standard one of the status code, if it has one.
    pub reason: Option<String>,
    /// The message in the body that `faults: json` gives: text with variables, as in `no order {flow.id}`, which are escaped
    /// there. Default: Apigee's.
    pub message: Option<String>,
}

/// What to read, and into which variables. What is not there leaves its variable unset. `json`, `xml` and `form` need a body:
/// the step passes over a message without one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Extract {
    /// `request`, `response`, or a variable that holds a message or text. Default: the message of the flow.
    pub from: Option<String>,
    /// Patterns of the path behind the base path: in `/orders/{flow.id}` the part takes that place in the variable `flow.id`.
    #[serde(default)]
    pub uri_path: Vec<String>,
    /// Query parameter → pattern or patterns, as in `{q: "{flow.query}"}`.
    #[serde(default)]
    pub query: IndexMap<String, WordOr<String, Vec<String>>>,
    /// Header → pattern or patterns, as in `{authorization: "Bearer {flow.token}"}`.
    #[serde(default)]
    pub header: IndexMap<String, WordOr<String, Vec<String>>>,
    /// Form parameter → pattern or patterns.
    #[serde(default)]
    pub form: IndexMap<String, WordOr<String, Vec<String>>>,
    /// Flow variable → pattern or patterns.
    #[serde(default)]
    pub variable: IndexMap<String, WordOr<String, Vec<String>>>,
    /// Variable → JSONPath in the body, as in `{flow.id: "$.order.id"}`.
    #[serde(default)]
    pub json: IndexMap<String, String>,
    /// Variable → XPath in the body, as in `{flow.id: /order/@id}`, or `{path, type}`.
    #[serde(default)]
    pub xml: IndexMap<String, WordOr<String, XmlVariable>>,
    /// Prefix → namespace, for the XPaths of `xml`.
    #[serde(default)]
    pub namespaces: IndexMap<String, String>,
}

/// A variable from XML, with its type.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct XmlVariable {
    /// The XPath in the body.
    pub path: String,
    /// The variable's type. Default: `string`.
    #[serde(default, rename = "type")]
    pub kind: XmlType,
}

/// The type of a variable from XML.
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
    /// A number.
    Float,
    /// A number of 64 bits.
    Double,
    /// The elements themselves, for another step that reads XML.
    Nodeset,
}

impl XmlType {
    /// Apigee's word.
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
    /// The script's file, as `js/normalize-order.js`. Its last part is its name in the bundle.
    pub file: Option<String>,
    /// The script itself.
    pub source: Option<String>,
    /// How long the script may run, as `200ms`; more is a fault. Default: `200ms`.
    pub time_limit: Option<String>,
    /// Files that run before the script, in this order: libraries.
    #[serde(default)]
    pub includes: Vec<String>,
    /// Name → value: what the script reads as `properties.NAME`.
    #[serde(default)]
    pub properties: IndexMap<String, String>,
}

/// A call of a shared flow.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SharedFlow {
    /// The shared flow's name.
    pub name: String,
    /// Variable → value during the call: a text, or one variable, as in `{request.header.host}`.
    #[serde(default)]
    pub params: IndexMap<String, String>,
}

/// Operations on the entries of a map: those of `put` run first, then `get`, then `delete`. A key, a value and the map's name
/// are each a text, or one variable, as in `{flow.tenant}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kvm {
    /// The map: an ApigeeKeyValueMap.
    pub map: String,
    /// Key → the variable that takes its value. A variable that starts with `private.` is hidden in debug sessions: use one for
    /// credentials.
    #[serde(default)]
    pub get: IndexMap<String, String>,
    /// Key → the value to write over the one that is there.
    #[serde(default)]
    pub put: IndexMap<String, String>,
    /// Keys to delete.
    #[serde(default)]
    pub delete: Vec<String>,
    /// Where the map belongs to. Default: `environment`.
    #[serde(default)]
    pub scope: KvmScope,
    /// After which time a value is read from the map again, in whole seconds, as `5m`. Default: `5m`.
    pub expiry: Option<String>,
}

/// Where a key value map belongs to.
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
    /// Apigee's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Organization => "organization",
            Self::Apiproxy => "apiproxy",
        }
    }
}

/// A request to another service: to a `url`, or to a `server` that the environment defines as an ApigeeTargetServer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Callout {
    /// An `https` or `http` URL, perhaps with variables behind the scheme.
    pub url: Option<String>,
    /// The name of a target server.
    pub server: Option<String>,
    /// The path on the `server`. Default: `/`.
    pub path: Option<String>,
    /// The method. Default: `GET`, with a `body` `POST`.
    pub method: Option<String>,
    /// Header → value.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// Query parameter → value.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// The body.
    pub body: Option<Body>,
    /// The variable that takes the response, as `geo`: `geo.content`, `geo.status.code`. Without it nobody waits for the
    /// response.
    pub response: Option<String>,
    /// How long to wait, as `3s`. Default: 55s, as Apigee has it.
    pub timeout: Option<String>,
    /// The Google credential that the request carries. It needs `deploy.serviceAccount`.
    pub auth: Option<GoogleAuth>,
}

/// How XML becomes JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct XmlToJson {
    /// How attributes and text are told apart. Default: `yahoo`.
    #[serde(default)]
    pub format: JsonFormat,
}

/// A form of JSON for XML.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum JsonFormat {
    /// Attributes as `@name`, text as `#text`.
    #[serde(rename = "xml.com")]
    XmlCom,
    /// Attributes as other members, text as `content`.
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
    /// Apigee's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::XmlCom => "xml.com",
            Self::Yahoo => "yahoo",
            Self::Google => "google",
            Self::BadgerFish => "badgerFish",
        }
    }
}

/// How JSON becomes XML.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JsonToXml {
    /// The name of the root element. Default: Apigee's, `Root`.
    pub root: Option<String>,
    /// The name of the root element of a list. Default: Apigee's, `Array`.
    pub list_root: Option<String>,
    /// The name of the elements of a list. Default: Apigee's, `Item`.
    pub list_item: Option<String>,
}

/// A stylesheet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Xslt {
    /// The stylesheet's file, as `xsl/order.xsl`. Its last part is its name in the bundle.
    pub file: String,
    /// The stylesheet's parameters: a text, or one variable, as in `{flow.tenant}`.
    #[serde(default)]
    pub params: IndexMap<String, String>,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Log {
    /// Cloud Logging. It needs `deploy.serviceAccount`, with the role Logs Writer.
    pub cloud_logging: LogEntry,
}

/// An entry of a log in Cloud Logging.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogEntry {
    /// The log's name in the organization's project, as `apigee-orders`, or in full, as `projects/acme-logs/logs/apigee`.
    pub log: String,
    /// What the entry holds: name → text with variables, which are escaped for JSON.
    pub message: IndexMap<String, String>,
}
