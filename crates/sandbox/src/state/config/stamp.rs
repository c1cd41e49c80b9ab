//! The times of the creation and of the last change in a message.

use crate::api::message::set;
use crate::api::{ApiRequest, Object};

/// Sets both times of a new resource.
pub(crate) fn set_created(object: &mut Object, request: &ApiRequest) {
    set(object, "createdAt", request.now.to_string());
    set_modified(object, request);
}

/// Sets the time of the last change.
pub(crate) fn set_modified(object: &mut Object, request: &ApiRequest) {
    set(object, "lastModifiedAt", request.now.to_string());
}
