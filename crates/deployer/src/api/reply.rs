//! The response to a request, and whether it comes from the management API. Pure.
//!
//! Apigee responds in the JSON form of protocol buffers, which omits empty fields: an empty list is `{}`. A body
//! without the expected field is therefore an empty list only if it has no other field. An error with the status 200,
//! the message of another call or the page of a proxy is a failure, never "nothing exists".

use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::unexpected_response::ResponseProblem;
use apigee_flux_configuration::Shape;

/// A complete response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The media type, without parameters; empty if the response has none.
    pub content_type: String,
    /// The host of a redirect.
    pub location_host: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// The items.
    pub items: Vec<Value>,
    /// The token of the next page; empty on the last page.
    pub next: String,
    /// The number of items on all pages, if the response has it.
    pub total: Option<usize>,
}

/// A JSON message of the API that is deserialized into a type.
pub(crate) trait Message: DeserializeOwned {
    /// The shape of the message.
    const SHAPE: Shape;
}

/// Limits for the field names of an unexpected message in an error: the length of a name in characters, and the number
/// of names.
const MAX_SHOWN: usize = 40;
const MAX_FIELDS: usize = 5;

/// Fields that may accompany the items of a page of a list: those of portals describe the status of the call.
const PAGE_FIELDS: &[&str] = &["status", "message", "requestId", "totalSize"];

/// Why a response cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UnusableReply {
    /// It does not come from the management API.
    Foreign,
    /// It is JSON, but not the expected message.
    Unexpected(ResponseProblem),
}

impl From<ResponseProblem> for UnusableReply {
    fn from(problem: ResponseProblem) -> Self {
        Self::Unexpected(problem)
    }
}

impl Reply {
    pub(crate) fn new(status: u16, headers: &HeaderMap, body: Vec<u8>) -> Self {
        let text = |name| headers.get(name).and_then(|value: &reqwest::header::HeaderValue| value.to_str().ok());
        let content_type = text(CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default();
        Self {
            status,
            content_type: content_type.trim().to_ascii_lowercase(),
            location_host: text(LOCATION).and_then(|value| Some(Url::parse(value).ok()?.host_str()?.to_owned())),
            body,
        }
    }

    /// The API never redirects.
    pub(crate) fn is_redirect(&self) -> bool {
        (300..400).contains(&self.status)
    }

    /// True for a page from an intermediary: apart from files, the API responds only with JSON.
    pub(crate) fn is_page(&self) -> bool {
        let markup = ["text/html", "application/xhtml+xml"].contains(&self.content_type.as_str());
        markup || (self.content_type != "application/octet-stream" && self.body.trim_ascii_start().starts_with(b"<"))
    }

    /// The message of a response with a success status.
    pub(crate) fn message<T: Message>(&self) -> Result<T, UnusableReply> {
        let value = self.json(T::SHAPE)?;
        serde_json::from_value(value).map_err(|error| ResponseProblem::Field(error.to_string()).into())
    }

    /// The JSON object of a response with a success status.
    pub(crate) fn json(&self, shape: Shape) -> Result<Value, UnusableReply> {
        let value = self.any_json()?;
        check(&value, shape)?;
        Ok(value)
    }

    /// The JSON of a response with a success status, of any type except an error.
    pub(crate) fn any_json(&self) -> Result<Value, UnusableReply> {
        match serde_json::from_slice(&self.body) {
            Ok(value) => match error_in(&value) {
                Some(message) => Err(ResponseProblem::Error(message).into()),
                None => Ok(value),
            },
            Err(_) if self.is_page() => Err(UnusableReply::Foreign),
            Err(_) if !["", "application/json"].contains(&self.content_type.as_str()) => Err(UnusableReply::Foreign),
            Err(error) => Err(ResponseProblem::NotJson(error.to_string()).into()),
        }
    }

    /// A page of a list. `token` is the token of this page.
    pub(crate) fn page(&self, items: &'static str, token: &str) -> Result<Page, UnusableReply> {
        let Value::Object(mut page) = self.json(Shape::ANY)? else { return Err(ResponseProblem::NotAnObject.into()) };
        let next = match page.remove("nextPageToken") {
            None => String::new(),
            Some(Value::String(next)) if next.is_empty() || next != token => next,
            Some(Value::String(_)) => return Err(ResponseProblem::EndlessPages.into()),
            Some(_) => return Err(ResponseProblem::Field("its `nextPageToken` is not a string".to_owned()).into()),
        };
        // Apigee writes it as a number, and the JSON form of other 64-bit numbers is a string.
        let total = page.get("totalSize").and_then(|total| match total {
            Value::String(text) => text.parse().ok(),
            other => usize::try_from(other.as_u64()?).ok(),
        });
        match page.remove(items) {
            Some(Value::Array(items)) => Ok(Page { items, next, total }),
            Some(_) => Err(ResponseProblem::Field(format!("its `{items}` is not a list")).into()),
            None if !next.is_empty() || page.keys().all(|key| PAGE_FIELDS.contains(&key.as_str())) => {
                Ok(Page { items: Vec::new(), next, total })
            }
            None => {
                Err(ResponseProblem::OtherMessage { found: shown_fields(&page), expected: &["nextPageToken"] }.into())
            }
        }
    }

    /// The response to a call that changes something: empty, or an object that is not an error.
    pub(crate) fn done(&self) -> Result<Value, UnusableReply> {
        if self.body.trim_ascii().is_empty() { Ok(Value::Null) } else { self.json(Shape::ANY) }
    }

    /// The requested file. `is_file` recognizes it by its bytes; `format` is the name of the format.
    pub(crate) fn file(&self, format: &'static str, is_file: impl Fn(&[u8]) -> bool) -> Result<Vec<u8>, UnusableReply> {
        if is_file(&self.body) {
            return Ok(self.body.clone());
        }
        // An error or another message is more informative than "it is not such a file".
        match self.any_json() {
            Err(unusable) if self.content_type == "application/json" || self.is_page() => Err(unusable),
            _ => Err(ResponseProblem::NotAFile(format).into()),
        }
    }

    /// A file of any format.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, UnusableReply> {
        if self.is_page() && !self.content_type.is_empty() {
            return Err(UnusableReply::Foreign);
        }
        match (self.content_type.as_str(), serde_json::from_slice(&self.body)) {
            ("application/json", Ok(value)) => match error_in(&value) {
                Some(message) => Err(ResponseProblem::Error(message).into()),
                None => Ok(self.body.clone()),
            },
            _ => Ok(self.body.clone()),
        }
    }
}

/// The message of an error in Google's format.
fn error_in(value: &Value) -> Option<String> {
    let error = value.get("error")?;
    let message = error.get("message").or_else(|| error.get("status")).and_then(Value::as_str);
    Some(message.unwrap_or("no reason given").chars().take(200).collect())
}

/// Checks the shape of a JSON response.
pub(crate) fn check(value: &Value, shape: Shape) -> Result<(), ResponseProblem> {
    let Value::Object(fields) = value else { return Err(ResponseProblem::NotAnObject) };
    if shape.fields.is_empty() || shape.fields.iter().any(|field| fields.contains_key(*field)) {
        return Ok(());
    }
    match fields.is_empty() {
        true if shape.may_be_empty => Ok(()),
        true => Err(ResponseProblem::Empty { expected: shape.fields }),
        false => Err(ResponseProblem::OtherMessage { found: shown_fields(fields), expected: shape.fields }),
    }
}

fn shown_fields(fields: &Map<String, Value>) -> Vec<String> {
    let shown = |key: &String| format!("`{}`", key.chars().take(MAX_SHOWN).collect::<String>().escape_debug());
    fields.keys().take(MAX_FIELDS).map(shown).collect()
}

/// Checks that the response is about the requested object, by one of its fields.
pub(crate) fn is_about(field: &'static str, asked: &str, found: &str) -> Result<(), ResponseProblem> {
    if asked == found {
        return Ok(());
    }
    let found = found.chars().take(MAX_SHOWN).collect::<String>().escape_debug().to_string();
    Err(ResponseProblem::OtherSubject { field, asked: asked.to_owned(), found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::deployment::{ChangeReport, Deployment, DeploymentList};
    use crate::api::revision::{ProxyOrSharedFlow, Revision};

    fn reply(content_type: &str, body: &str) -> Reply {
        Reply {
            status: 200,
            content_type: content_type.to_owned(),
            location_host: None,
            body: body.as_bytes().to_vec(),
        }
    }

    fn odd<T: Message + std::fmt::Debug>(body: &str) -> ResponseProblem {
        match reply("application/json", body).message::<T>() {
            Err(UnusableReply::Unexpected(problem)) => problem,
            other => panic!("{body}: {other:?}"),
        }
    }

    #[test]
    fn an_empty_list_is_an_empty_object_and_nothing_else() {
        let list = |body| reply("application/json", body).message::<DeploymentList>();
        assert!(list("{}").unwrap().deployments.is_empty());
        assert_eq!(
            list(r#"{"deployments":[{"environment":"e","apiProxy":"a","revision":"1"}]}"#).unwrap().deployments.len(),
            1
        );
        assert_eq!(
            odd::<DeploymentList>(r#"{"error":{"code":503,"message":"try later"}}"#),
            ResponseProblem::Error("try later".into())
        );
        assert!(matches!(odd::<DeploymentList>(r#"{"deployments":[],"error":{}}"#), ResponseProblem::Error(_)));
        assert!(matches!(odd::<DeploymentList>(r#"{"name":"orders"}"#), ResponseProblem::OtherMessage { .. }));
        assert!(matches!(odd::<DeploymentList>(r#"{"deployments":[{"apiProxy":"a"}]}"#), ResponseProblem::Field(_)));
        assert!(matches!(odd::<DeploymentList>(r#"{"deployments":null}"#), ResponseProblem::Field(_)));
        assert_eq!(odd::<DeploymentList>("[]"), ResponseProblem::NotAnObject);
        assert!(matches!(odd::<DeploymentList>(""), ResponseProblem::NotJson(_)));
        assert!(matches!(odd::<DeploymentList>(r#"{"deployments":[{"#), ResponseProblem::NotJson(_)));
    }

    #[test]
    fn a_message_that_is_never_empty_is_not_read_from_an_empty_object() {
        assert!(matches!(odd::<Deployment>("{}"), ResponseProblem::Empty { .. }));
        assert!(matches!(odd::<ProxyOrSharedFlow>("{}"), ResponseProblem::Empty { .. }));
        assert!(matches!(odd::<Revision>("{}"), ResponseProblem::Empty { .. }));
        assert!(reply("application/json", "{}").message::<ChangeReport>().unwrap().obstacles().is_empty());
        assert!(matches!(odd::<ChangeReport>(r#"{"deployments":[]}"#), ResponseProblem::OtherMessage { .. }));
    }

    #[test]
    fn a_page_is_of_something_between() {
        for (content_type, body) in [("text/html", "<html>"), ("", " <!DOCTYPE html>"), ("text/plain", "blocked")] {
            assert_eq!(reply(content_type, body).message::<DeploymentList>(), Err(UnusableReply::Foreign), "{body}");
        }
        assert_eq!(reply("text/html", "<html>").bytes(), Err(UnusableReply::Foreign));
        assert!(reply("application/octet-stream", "<xsl/>").bytes().is_ok());
        let zip = reply("application/json", r#"{"error":{"message":"no"}}"#).file("a zip file", |_| false);
        assert_eq!(zip, Err(ResponseProblem::Error("no".into()).into()));
        assert_eq!(reply("", "{}").file("a zip file", |_| false), Err(ResponseProblem::NotAFile("a zip file").into()));
    }
}
