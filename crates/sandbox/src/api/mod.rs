//! The methods of the API: what each one accepts, the one reader of requests, and the responses. Pure: `server` is the socket.

mod error;
pub(crate) mod limits;
pub(crate) mod message;
mod method;
mod methods;
mod paging;
pub(crate) mod parameter;
mod request;
mod response;
#[cfg(test)]
mod tests;

pub(crate) use error::{ApiError, BadFile, Violation};
pub(crate) use message::{Message, Object, Type};
pub(crate) use method::{BodyType, Handler, Method, Verb, custom_verb};
pub(crate) use methods::{METHODS, NOT_IMPLEMENTED};
pub(crate) use paging::{Paging, page};
pub(crate) use parameter::{Parameter, Parameters};
pub(crate) use request::{ApiRequest, RequestBody};
pub(crate) use response::{ApiResponse, prune};
