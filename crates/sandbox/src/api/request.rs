//! A request for a method of the API, and the one reader of its parameters and its message.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::ApiError;
use super::limits;
use super::message::{self, Message, Object, require, set, text};
use super::method::{BodyType, Method};
use crate::state::Bundles;
use apigee_flux_model::limits::TextLimit;

/// A request with its parameters decoded. The server has refused parameters and bodies that its method does not declare.
#[derive(Debug, Default)]
pub(crate) struct ApiRequest {
    /// The method; `None` in tests of a handler alone.
    pub(crate) method: Option<&'static Method>,
    /// The path as in Apigee's resource names, for example `organizations/o/environments/e/targetservers`.
    pub(crate) path: String,
    /// The path parameters by their names in the path of the method.
    pub(crate) parameters: BTreeMap<String, String>,
    /// The query parameters.
    pub(crate) queries: BTreeMap<String, String>,
    /// The body.
    pub(crate) body: RequestBody,
    /// The time in milliseconds since 1970.
    pub(crate) now: u64,
    /// The bundles of the organization.
    pub(crate) bundles: Bundles,
}

/// A request's body.
#[derive(Debug)]
pub(crate) enum RequestBody {
    /// One message or file.
    Whole(Vec<u8>),
    /// The parts of `multipart/form-data`.
    Form(BTreeMap<String, Vec<u8>>),
}

impl Default for RequestBody {
    fn default() -> Self {
        Self::Whole(Vec::new())
    }
}

impl RequestBody {
    /// The message or file; empty for a form.
    pub(crate) fn whole(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) => bytes,
            Self::Form(_) => &[],
        }
    }

    /// A part of a form.
    pub(crate) fn part(&self, name: &str) -> Option<&[u8]> {
        match self {
            Self::Whole(_) => None,
            Self::Form(parts) => parts.get(name).map(Vec::as_slice),
        }
    }
}

impl ApiRequest {
    /// A path parameter; empty if the method does not have it.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map(String::as_str).unwrap_or_default()
    }

    /// A query parameter; empty if it is not set.
    pub(crate) fn query_text(&self, name: &str) -> &str {
        self.query(name).unwrap_or_default()
    }

    /// A query parameter, if it is set.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.queries.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// A boolean query parameter; false if absent. Its value was validated before.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.query(name) == Some("true")
    }

    /// The name of the organization.
    pub(crate) fn organization(&self) -> &str {
        self.parameter("org")
    }

    /// The path of a member of a collection in the request's path.
    pub(crate) fn member(&self, collection: &str, name: &str) -> String {
        let parts: Vec<&str> = self.path.split('/').collect();
        let end = parts.iter().rposition(|part| *part == collection).unwrap_or(parts.len().saturating_sub(1));
        format!("{}/{name}", parts[..=end].join("/"))
    }

    /// The body as JSON, before the check of its fields; an empty body is an empty object. `message` is the declared one.
    pub(crate) fn parse(&self, message: &Message) -> Result<Value, ApiError> {
        if let Some(BodyType::Json(declared)) = self.method.map(|method| method.body) {
            debug_assert_eq!(declared.name, message.name, "the method of {} declares another message", self.path);
        }
        message::parse(self.body.whole())
    }

    /// The body as a message. The error, 400, names every field that is unknown or has another type.
    pub(crate) fn read(&self, message: &Message) -> Result<Object, ApiError> {
        message.check(&self.parse(message)?)
    }

    /// The body as a message. Its `name` may also be given in the query, which takes precedence. 400 if the name is missing or does not match
    /// the rule.
    pub(crate) fn read_named(
        &self,
        message: &Message,
        query: &str,
        rule: &TextLimit,
    ) -> Result<(String, Object), ApiError> {
        let mut object = self.read(message)?;
        if let Some(name) = self.query(query) {
            set(&mut object, "name", name);
        }
        require(&object, message.name, &["name"])?;
        let name = text(&object, "name").to_owned();
        limits::check(rule, &format!("{}.name", message.name), &name)?;
        Ok((name, object))
    }

    /// The body of an update: its `name`, if set, must be that of the path.
    pub(crate) fn read_same_name(&self, message: &Message, name: &str) -> Result<Object, ApiError> {
        let mut object = self.read(message)?;
        let given = text(&object, "name");
        if !given.is_empty() && given != name {
            return Err(ApiError::invalid_argument(format!(
                "{}.name is \"{given}\" and the path says \"{name}\"; a name cannot be changed: omit it or use the same name",
                message.name
            )));
        }
        set(&mut object, "name", name);
        Ok(object)
    }
}

#[cfg(test)]
impl ApiRequest {
    /// A request for tests, with a path and its parameters.
    pub(crate) fn to(path: &str, parameters: &[(&str, &str)]) -> Self {
        let parameters = [("org", "o"), ("env", "e")].iter().chain(parameters);
        Self {
            path: path.to_owned(),
            parameters: parameters.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            now: 1_000,
            ..Self::default()
        }
    }

    /// Sets a JSON body.
    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = RequestBody::Whole(body.to_string().into_bytes());
        self
    }

    /// Adds a query parameter.
    pub(crate) fn with(mut self, query: &str, value: &str) -> Self {
        self.queries.insert(query.to_owned(), value.to_owned());
        self
    }

    /// Adds a part of a form.
    pub(crate) fn part(mut self, name: &str, bytes: &[u8]) -> Self {
        let mut parts = match self.body {
            RequestBody::Form(parts) => parts,
            RequestBody::Whole(_) => BTreeMap::new(),
        };
        parts.insert(name.to_owned(), bytes.to_vec());
        self.body = RequestBody::Form(parts);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_named_from_its_collection() {
        let request = ApiRequest::to("organizations/o/environments/e/keystores/k/aliases", &[]);
        assert_eq!(request.member("keystores", "k"), "organizations/o/environments/e/keystores/k");
        assert_eq!(request.member("aliases", "a"), "organizations/o/environments/e/keystores/k/aliases/a");
    }
}
