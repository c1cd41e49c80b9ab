//! The error of a response with a success status that is not the documented one.

use std::fmt;

/// A response of the API with a success status that is not the documented one. It is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{call}: the response is not what the management API documents: {problem}; the response is not used; try again, and \
     check --endpoint if the error persists"
)]
pub struct UnexpectedResponse {
    /// Method and path.
    pub call: String,
    /// What is wrong with the response.
    pub problem: ResponseProblem,
}

/// Why a body with a success status is not the expected message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponseProblem {
    /// It is not JSON, or it is truncated.
    NotJson(String),
    /// It is JSON but not an object.
    NotAnObject,
    /// It is an error in Google's format; the value is its message.
    Error(String),
    /// It is empty, but the message always has a field.
    Empty {
        /// Fields that the message has.
        expected: &'static [&'static str],
    },
    /// It has none of the message's fields.
    OtherMessage {
        /// The fields that it has.
        found: Vec<String>,
        /// Fields that the message has.
        expected: &'static [&'static str],
    },
    /// A field has the wrong type or is missing.
    Field(String),
    /// It is the expected message, but about another object.
    OtherSubject {
        /// The field.
        field: &'static str,
        /// The value in the request.
        asked: String,
        /// The value in the response.
        found: String,
    },
    /// It is not a file of the expected format.
    NotAFile(&'static str),
    /// The list does not end: a page refers to itself as the next page.
    EndlessPages,
}

impl fmt::Display for ResponseProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or = |fields: &[&str]| fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(" or ");
        match self {
            Self::NotJson(why) => write!(f, "it is not JSON ({why})"),
            Self::NotAnObject => f.write_str("it is not a JSON object"),
            Self::Error(message) => write!(f, "its status is success, but its body is an error: {message}"),
            Self::Empty { expected } => write!(f, "it is empty, expected the field {}", or(expected)),
            Self::OtherMessage { found, expected } => {
                write!(f, "it has the fields {}, expected {}", found.join(", "), or(expected))
            }
            Self::Field(why) => f.write_str(why),
            Self::OtherSubject { field, asked, found } => {
                write!(f, "its field `{field}` is `{found}`, expected `{asked}`")
            }
            Self::NotAFile(format) => write!(f, "it is not {format}"),
            Self::EndlessPages => f.write_str("the list does not end: the next page of a page is the same page"),
        }
    }
}
