//! Members of a collection in the path of a request.

use std::collections::BTreeMap;

use crate::api::{ApiError, ApiRequest};

/// Finds a member of a collection; 404 if it does not exist.
pub(crate) fn find<'a, T>(
    map: &'a BTreeMap<String, T>,
    request: &ApiRequest,
    collection: &str,
    name: &str,
) -> Result<&'a T, ApiError> {
    map.get(name).ok_or_else(|| missing(request, collection, name))
}

/// The same, for an update.
pub(crate) fn find_mut<'a, T>(
    map: &'a mut BTreeMap<String, T>,
    request: &ApiRequest,
    collection: &str,
    name: &str,
) -> Result<&'a mut T, ApiError> {
    map.get_mut(name).ok_or_else(|| missing(request, collection, name))
}

/// Removes a member from a collection; 404 if it does not exist.
pub(crate) fn take<T>(
    map: &mut BTreeMap<String, T>,
    request: &ApiRequest,
    collection: &str,
    name: &str,
) -> Result<T, ApiError> {
    map.remove(name).ok_or_else(|| missing(request, collection, name))
}

/// 409 if a collection already has the member.
pub(crate) fn vacant<T>(
    map: &BTreeMap<String, T>,
    request: &ApiRequest,
    collection: &str,
    name: &str,
) -> Result<(), ApiError> {
    if map.contains_key(name) { Err(ApiError::resource_exists(&request.member(collection, name))) } else { Ok(()) }
}

/// The error 404 for a member of a collection.
pub(crate) fn missing(request: &ApiRequest, collection: &str, name: &str) -> ApiError {
    ApiError::not_found(format!("generic::not_found: {} not found", request.member(collection, name)))
}
