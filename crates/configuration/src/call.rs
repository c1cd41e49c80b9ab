//! The requests to the management API that configuration needs: reads, their answers, and changes.

use serde_json::Value;

use super::document::Id;

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// A read request. Equal reads of one run are sent once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Read {
    /// The path, starting with `organizations`.
    pub path: Vec<String>,
    /// The query parameters.
    pub query: Vec<(&'static str, String)>,
    /// The form of the answer.
    pub form: Form,
    /// The required permission.
    pub needs: String,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// One JSON document.
    Json(Shape),
    /// Pages of a list, with the name of the field that holds the items. The items of all pages are joined in this field.
    Pages(&'static str),
    /// A file.
    Bytes,
    /// Certificates in PEM format, at least one.
    Certificates,
}

/// The expected shape of a JSON answer. A body of another shape is an error and never means that the resource is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape {
    /// Fields of the message, of which at least one is present.
    pub fields: &'static [&'static str],
    /// Whether all fields may be missing: the JSON form of protocol buffers omits empty fields.
    pub may_be_empty: bool,
}

impl Shape {
    /// Any object.
    pub const ANY: Self = Self { fields: &[], may_be_empty: true };

    /// A message that always has at least one of the fields.
    pub const fn with(fields: &'static [&'static str]) -> Self {
        Self { fields, may_be_empty: false }
    }

    /// A message in which all of the fields may be missing.
    pub const fn empty_or(fields: &'static [&'static str]) -> Self {
        Self { fields, may_be_empty: true }
    }
}

/// Most resources have a name.
const NAMED: Shape = Shape::with(&["name"]);

/// Apigee's answer to a read.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The resource does not exist.
    Missing,
    /// A document, or a list with the items of all pages.
    Json(Value),
    /// A file.
    Bytes(Vec<u8>),
}

impl Answer {
    /// The document, or null if there is none.
    pub fn json(&self) -> &Value {
        match self {
            Self::Json(value) => value,
            Self::Missing | Self::Bytes(_) => &Value::Null,
        }
    }
}

/// A request that changes something.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub verb: Verb,
    /// The path, starting with `organizations`.
    pub path: Vec<String>,
    /// The query parameters.
    pub query: Vec<(&'static str, String)>,
    /// The body. It may contain secrets, so it is never printed.
    pub body: Body,
    /// The required permission.
    pub needs: String,
    /// Whether sending the request twice creates two resources, because the server chooses the name.
    pub makes_new: bool,
}

/// The body of a request.
#[derive(Clone)]
pub enum Body {
    /// No body.
    Empty,
    /// JSON.
    Json(Value),
    /// A file.
    Bytes(Vec<u8>),
    /// `multipart/form-data`: each part's name, file name and content.
    Form(Vec<(&'static str, &'static str, Vec<u8>)>),
}

/// A request with its purpose.
#[derive(Clone)]
pub struct Change {
    /// What it does, in one line without secrets: `create`, `set entry \`x\``.
    pub what: String,
    /// The request.
    pub request: Request,
    /// The fields that differ, for display.
    pub fields: Vec<Field>,
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = shown_path(self.request.path.iter().map(String::as_str));
        write!(f, "{}: {:?} {path}", self.what, self.request.verb)
    }
}

/// A field whose actual value differs from the desired one.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The field as a JSON pointer (RFC 6901).
    pub at: String,
    /// The value in Apigee; `None` if there is none or it is a secret.
    pub live: Option<Value>,
    /// The desired value; `None` if there is none or it is a secret.
    pub wanted: Option<Value>,
    /// Whether the values are secret and not shown.
    pub secret: bool,
}

/// The part of a path that is secret: the consumer key of an app, as in `apps/APP/keys/KEY`.
pub fn secret_part<'p>(parts: impl IntoIterator<Item = &'p str>) -> Option<&'p str> {
    let parts: Vec<&str> = parts.into_iter().collect();
    parts.windows(4).find(|part| part[0] == "apps" && part[2] == "keys").map(|part| part[3])
}

/// A path without its secret part, for display.
pub fn shown_path<'p>(parts: impl IntoIterator<Item = &'p str> + Clone) -> String {
    let secret = secret_part(parts.clone());
    let shown: Vec<&str> = parts.into_iter().map(|part| if Some(part) == secret { "…" } else { part }).collect();
    shown.join("/")
}

impl Request {
    /// A request without a query.
    pub fn new(verb: Verb, path: Vec<String>, body: Body, needs: &str) -> Self {
        Self { verb, path, query: Vec::new(), body, needs: needs.to_owned(), makes_new: false }
    }

    /// Adds a query parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }
}

/// The collections of the resources that others need, with their kinds.
const NEEDED: [(&str, &str); 5] = [
    ("apiproducts", "ApigeeProduct"),
    ("apis", "ApigeeProxy"),
    ("developers", "ApigeeDeveloper"),
    ("keystores", "ApigeeKeystore"),
    ("sharedflows", "ApigeeSharedFlow"),
];

impl Read {
    /// The resource that a prerequisite is about, or whose deployments it lists.
    pub fn needed(&self) -> Option<Id> {
        let mut parts = self.path.iter().map(String::as_str).skip(2).peekable();
        if parts.next_if_eq(&"environments").is_some() {
            parts.next();
        }
        let collection = parts.next()?;
        let (_, kind) = NEEDED.iter().find(|(name, _)| *name == collection)?;
        Some(Id { kind: (*kind).to_owned(), parent: None, name: parts.next()?.to_owned() })
    }

    /// A read of one JSON document that has a `name`.
    pub fn json(path: Vec<String>, needs: &str) -> Self {
        Self { path, query: Vec::new(), form: Form::Json(NAMED), needs: needs.to_owned() }
    }

    /// Sets another shape of the document.
    #[must_use]
    pub fn of(self, shape: Shape) -> Self {
        Self { form: Form::Json(shape), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prerequisite_names_its_resource() {
        let needed = |path: &str| {
            let read = Read::json(path.split('/').map(str::to_owned).collect(), "");
            read.needed().map(|id| id.to_string())
        };
        for (path, id) in [
            ("organizations/o/apis/p", "ApigeeProxy p"),
            ("organizations/o/environments/e/sharedflows/f/deployments", "ApigeeSharedFlow f"),
            ("organizations/o/environments/apis/keystores/k", "ApigeeKeystore k"),
            ("organizations/o/apiproducts/p", "ApigeeProduct p"),
        ] {
            assert_eq!(needed(path).as_deref(), Some(id), "{path}");
        }
        assert_eq!(needed("organizations/o/sites/s"), None);
    }

    #[test]
    fn the_key_of_an_app_is_not_shown() {
        let path = ["apps", "a", "keys", "s3cret", "apiproducts", "p"];
        assert_eq!(shown_path(path), "apps/a/keys/…/apiproducts/p");
        assert_eq!(shown_path(["apps", "a", "keys"]), "apps/a/keys");
        assert_eq!(shown_path(["keyvaluemaps", "keys", "entries"]), "keyvaluemaps/keys/entries");
    }
}
