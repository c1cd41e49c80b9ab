//! Developers and app groups as the owners of apps.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ConfigState;
use super::app::App;
use super::collection::find_mut;
use crate::api::message::text;
use crate::api::{ApiError, ApiRequest, Object};

/// A developer or an app group with its apps.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppOwner {
    /// `GoogleCloudApigeeV1Developer` or `…AppGroup`.
    pub(crate) profile: Object,
    /// The apps by name.
    pub(crate) apps: BTreeMap<String, App>,
}

/// Whether a request is about the app of an app group.
pub(crate) fn is_of_group(request: &ApiRequest) -> bool {
    request.parameters.contains_key("group")
}

/// The developer (by email or ID) or the app group in the path of a request.
pub(crate) fn owner<'a>(config: &'a mut ConfigState, request: &ApiRequest) -> Result<&'a mut AppOwner, ApiError> {
    if is_of_group(request) {
        return find_mut(&mut config.app_groups, request, "appgroups", request.parameter("group"));
    }
    let wanted = request.parameter("developer");
    let by_id = config.developers.iter().find(|(_, owner)| text(&owner.profile, "developerId") == wanted);
    let email = by_id.map_or_else(|| wanted.to_owned(), |(email, _)| email.clone());
    find_mut(&mut config.developers, request, "developers", &email)
}

/// The status in an action.
pub(crate) fn owner_status(action: &str) -> Result<&str, ApiError> {
    if ["active", "inactive"].contains(&action) {
        return Ok(action);
    }
    Err(ApiError::invalid_argument(format!("invalid action \"{action}\": set it to active or inactive")))
}
