//! `ApigeeResourceFile`: a script, stylesheet, schema or library that the proxies of an environment share (`environments.resourcefiles`).
//!
//! Apigee returns the bytes, which are compared. Names are unique within a type, so the type is the parent of the resource.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::call::{Answer, Body, Change, Field, Form, Read, Request, Verb};
use super::{Configuration, ConfigurationSpec, Crud, Plan, Scope, Wanted, attributes};
use apigee_flux_model::diag::{Code, FieldPath, Report};
use apigee_flux_model::limits::{counts, texts};

/// A file that the proxies of an environment share.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceFile {
    /// The type of the file.
    pub r#type: FileType,
    /// The content as text. `$(values.NAME)` is replaced by the environment's value.
    pub content: Option<String>,
    /// The content as base64, for binary files.
    pub content_base64: Option<String>,
}

/// The type of a resource file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileType {
    /// A `GraphQL` schema.
    Graphql,
    /// A Java library: a JAR file.
    Java,
    /// A `JavaScript` file.
    Jsc,
    /// An `OpenAPI` document.
    Oas,
    /// A property set.
    Properties,
    /// A Python script.
    Py,
    /// A WSDL document.
    Wsdl,
    /// An XML schema.
    Xsd,
    /// An XSLT stylesheet.
    Xsl,
}

impl ConfigurationSpec for ResourceFile {
    const CRUD: &'static dyn Crud = &Files;
}

/// Decodes base64 that may contain line breaks.
fn decode(base64: &str) -> Result<Vec<u8>, base64::DecodeError> {
    STANDARD.decode(base64.split_whitespace().collect::<String>())
}

impl Configuration for ResourceFile {
    fn scope(&self) -> Scope {
        Scope::Environment
    }

    fn parent(&self) -> Option<&str> {
        Some(match self.r#type {
            FileType::Graphql => "graphql",
            FileType::Java => "java",
            FileType::Jsc => "jsc",
            FileType::Oas => "oas",
            FileType::Properties => "properties",
            FileType::Py => "py",
            FileType::Wsdl => "wsdl",
            FileType::Xsd => "xsd",
            FileType::Xsl => "xsl",
        })
    }

    fn body(&self, _: &str) -> Value {
        match &self.content_base64 {
            Some(base64) => json!({"contentBase64": base64.split_whitespace().collect::<String>()}),
            None => json!({"content": self.content.as_deref().unwrap_or_default()}),
        }
    }

    fn check(&self, name: &str, report: &mut Report<'_>) {
        let at = |field: &str| FieldPath::of(&["spec", field]);
        texts::RESOURCE_FILE.report(name, at("name"), report);
        match (&self.content, &self.content_base64) {
            (Some(_), Some(_)) => {
                let message = "`content` cannot be combined with `contentBase64`: set one of them";
                report.error(Code::ConflictingFields, at("contentBase64"), message);
            }
            (None, None) => {
                let message = "the file has no content: set `content`, or `contentBase64` for a binary file";
                report.error(Code::MissingField, FieldPath::of(&["spec"]), message);
            }
            (Some(text), None) if text.is_empty() => {
                report.error(Code::InvalidValue, at("content"), "the file is empty, which Apigee does not accept");
            }
            (Some(_), None) if self.r#type == FileType::Java => {
                let message = "a JAR file is binary: set `contentBase64` instead of `content`";
                report.error(Code::ConflictingFields, at("content"), message);
            }
            (Some(text), None) => {
                attributes::check_count(&counts::RESOURCE_FILE_BYTES, text.len(), &at("content"), report);
            }
            (None, Some(base64)) => match decode(base64) {
                Ok(bytes) if bytes.is_empty() => {
                    report.error(
                        Code::InvalidValue,
                        at("contentBase64"),
                        "the file is empty, which Apigee does not accept",
                    );
                }
                Ok(bytes) => {
                    attributes::check_count(&counts::RESOURCE_FILE_BYTES, bytes.len(), &at("contentBase64"), report);
                }
                Err(_) => {
                    let message = "the value is not valid base64: create it with `base64 -w0 FILE`";
                    report.error(Code::InvalidValue, at("contentBase64"), message);
                }
            },
        }
    }
}

#[derive(Debug)]
struct Files;

/// The desired content of the file.
fn content(body: &Value) -> Vec<u8> {
    let text = |field: &str| body.get(field).and_then(Value::as_str);
    match text("contentBase64") {
        // Checked by the function.
        Some(base64) => decode(base64).unwrap_or_default(),
        None => text("content").unwrap_or_default().as_bytes().to_vec(),
    }
}

/// The content for display.
fn shown(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| json!(format!("{} bytes", bytes.len())), |text| json!(text))
}

impl Files {
    fn kind<'w>(wanted: &'w Wanted<'_>) -> &'w str {
        wanted.id.parent.as_deref().unwrap_or_default()
    }

    fn path(wanted: &Wanted<'_>) -> Vec<String> {
        wanted.place.path(&["resourcefiles", Self::kind(wanted), &wanted.id.name])
    }
}

impl Crud for Files {
    fn reads(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        let needs = "apigee.resourcefiles.get".to_owned();
        vec![Read { path: Self::path(wanted), query: Vec::new(), form: Form::Bytes, needs }]
    }

    fn plan(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Plan, String> {
        let content = content(wanted.body);
        let live = match answers.first() {
            Some(Answer::Bytes(live)) => Some(live),
            _ => None,
        };
        if live == Some(&content) {
            return Ok(Plan::default());
        }
        let field = Field {
            at: "/content".to_owned(),
            live: live.map(|live| shown(live)),
            wanted: Some(shown(&content)),
            secret: false,
        };
        let body = Body::Form(vec![("file", "file", content)]);
        let (what, request) = if live.is_none() {
            let all = wanted.place.path(&["resourcefiles"]);
            let request = Request::new(Verb::Post, all, body, "apigee.resourcefiles.create")
                .with("name", &wanted.id.name)
                .with("type", Self::kind(wanted));
            ("create", request)
        } else {
            ("update content", Request::new(Verb::Put, Self::path(wanted), body, "apigee.resourcefiles.update"))
        };
        let change = Change { what: what.to_owned(), request, fields: vec![field] };
        Ok(Plan { changes: vec![change], parts: Vec::new() })
    }

    fn remove(&self, wanted: &Wanted<'_>, _: &[Answer]) -> Result<Vec<Change>, String> {
        let request = Request::new(Verb::Delete, Self::path(wanted), Body::Empty, "apigee.resourcefiles.delete");
        Ok(vec![Change { what: "delete".to_owned(), request, fields: Vec::new() }])
    }
}
