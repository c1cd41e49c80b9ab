//! The calls of the management API that configuration takes: what is read, what came back, what is sent.

use serde_json::Value;

/// A method of HTTP.
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

/// Something to read. Equal reads of one run are sent once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Read {
    /// The path from `organizations` on.
    pub path: Vec<String>,
    /// The query.
    pub query: Vec<(&'static str, String)>,
    /// What comes back.
    pub form: Form,
    /// The permission that it takes.
    pub needs: String,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// One JSON document.
    Json(Shape),
    /// Pages of a list: the field with the items. They are put together under this field.
    Pages(&'static str),
    /// A file.
    Bytes,
    /// Certificates in PEM, one at least.
    Certificates,
}

/// What a JSON answer looks like. A body that does not is a failure and never "nothing is there".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape {
    /// Fields of the message of which one at least is there.
    pub fields: &'static [&'static str],
    /// All of its fields may be left out: the JSON form of protocol buffers leaves out what is empty.
    pub may_be_empty: bool,
}

impl Shape {
    /// Any object.
    pub const ANY: Self = Self { fields: &[], may_be_empty: true };

    /// A message that always has one of some fields.
    pub const fn with(fields: &'static [&'static str]) -> Self {
        Self { fields, may_be_empty: false }
    }

    /// A message whose fields may all be empty.
    pub const fn empty_or(fields: &'static [&'static str]) -> Self {
        Self { fields, may_be_empty: true }
    }
}

/// Most resources have a name.
const NAMED: Shape = Shape::with(&["name"]);

/// What Apigee answered to a read.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// There is no such thing.
    Missing,
    /// A document, or a list with all its pages.
    Json(Value),
    /// A file.
    Bytes(Vec<u8>),
}

impl Answer {
    /// The document; null when there is none.
    pub fn json(&self) -> &Value {
        match self {
            Self::Json(value) => value,
            Self::Missing | Self::Bytes(_) => &Value::Null,
        }
    }
}

/// A call that changes something.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub verb: Verb,
    /// The path from `organizations` on.
    pub path: Vec<String>,
    /// The query.
    pub query: Vec<(&'static str, String)>,
    /// What is sent; may hold secrets, so it is never printed.
    pub body: Body,
    /// The permission that it takes.
    pub needs: String,
    /// Sent twice it makes two things, since the server chooses the name.
    pub makes_new: bool,
}

/// The body of a request.
#[derive(Clone)]
pub enum Body {
    /// None.
    Empty,
    /// JSON.
    Json(Value),
    /// A file.
    Bytes(Vec<u8>),
    /// `multipart/form-data`: each part's name, file name and content.
    Form(Vec<(&'static str, &'static str, Vec<u8>)>),
}

/// A request with what it is for.
#[derive(Clone)]
pub struct Change {
    /// What it does, in one line without secrets: `create`, `set entry \`x\``.
    pub what: String,
    /// What is sent.
    pub request: Request,
    /// The fields that differ, for people.
    pub fields: Vec<Field>,
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = shown_path(self.request.path.iter().map(String::as_str));
        write!(f, "{}: {:?} {path}", self.what, self.request.verb)
    }
}

/// One field that is not as wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The field as a JSON pointer (RFC 6901).
    pub at: String,
    /// What Apigee has; none when it has nothing or when it is a secret.
    pub live: Option<Value>,
    /// What is wanted; none when nothing is or when it is a secret.
    pub wanted: Option<Value>,
    /// Values are not shown.
    pub secret: bool,
}

/// The part of a path that is a secret: the key of an app, as in `apps/APP/keys/KEY`.
pub fn secret_part<'p>(parts: impl IntoIterator<Item = &'p str>) -> Option<&'p str> {
    let parts: Vec<&str> = parts.into_iter().collect();
    parts.windows(4).find(|part| part[0] == "apps" && part[2] == "keys").map(|part| part[3])
}

/// A path as it may be shown.
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

    /// The same with a parameter of the query.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }
}

impl Read {
    /// A read of one JSON document with a name.
    pub fn json(path: Vec<String>, needs: &str) -> Self {
        Self { path, query: Vec::new(), form: Form::Json(NAMED), needs: needs.to_owned() }
    }

    /// The same for a document of another shape.
    #[must_use]
    pub fn of(self, shape: Shape) -> Self {
        Self { form: Form::Json(shape), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_an_app_is_not_shown() {
        let path = ["apps", "a", "keys", "s3cret", "apiproducts", "p"];
        assert_eq!(shown_path(path), "apps/a/keys/…/apiproducts/p");
        assert_eq!(shown_path(["apps", "a", "keys"]), "apps/a/keys");
        assert_eq!(shown_path(["keyvaluemaps", "keys", "entries"]), "keyvaluemaps/keys/entries");
    }
}
