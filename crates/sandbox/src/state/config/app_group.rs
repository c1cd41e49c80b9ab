//! App groups: `organizations.appgroups`. The status can only be changed with `action`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::app_owner::{AppOwner, owner, owner_status};
use super::collection::{take, vacant};
use super::stamp::{set_created, set_modified};
use super::{ConfigState, attributes};
use crate::api::Handler::Configuration;
use crate::api::message::{ATTRIBUTES, set, text};
use crate::api::{ApiError, ApiRequest, ApiResponse, Message, Method, Parameter, Parameters, Type, parameter};
use apigee_flux_model::limits::texts;

pub(crate) const METHODS: &[Method] = &[
    Method::get("appgroups", Configuration(list)).query(LISTING),
    Method::post("appgroups", Configuration(create)).json(&APP_GROUP),
    Method::get("appgroups/{group}", Configuration(get)),
    Method::put("appgroups/{group}", Configuration(update)).query(parameter::ACTION).json(&APP_GROUP),
    Method::delete("appgroups/{group}", Configuration(delete)),
];

/// The parameters of a list.
const LISTING: Parameters =
    &[("filter", Parameter::Text), ("pageSize", Parameter::Int32), ("pageToken", Parameter::Text)];

const APP_GROUP: Message = Message {
    name: "app_group",
    fields: &[
        ("name", Type::Text),
        ("displayName", Type::Text),
        ("attributes", ATTRIBUTES),
        ("channelId", Type::Text),
        ("channelUri", Type::Text),
        ("email", Type::Text),
        ("organization", Type::Output),
        ("status", Type::Output),
        ("appGroupId", Type::Output),
        ("createdAt", Type::Output),
        ("lastModifiedAt", Type::Output),
    ],
};

/// `filter` is one `FIELD=VALUE` with the field status, channelId or channelUri, as in the discovery document.
fn list(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let filter = match request.query("filter").map(|filter| filter.split_once('=')) {
        None => None,
        Some(Some((field @ ("status" | "channelId" | "channelUri"), value))) => Some((field, value)),
        Some(_) => {
            return Err(ApiError::invalid_argument(
                "invalid filter: use status=, channelId= or channelUri= and a value",
            ));
        }
    };
    let total = config.app_groups.len();
    let (page, next) = request.page(&config.app_groups, 1000, 1000)?;
    let groups =
        page.into_iter().filter(|(_, group)| filter.is_none_or(|(field, value)| text(&group.profile, field) == value));
    let list: Vec<Value> = groups.map(|(_, group)| Value::Object(group.profile.clone())).collect();
    Ok(ApiResponse::value(json!({"appGroups": list, "nextPageToken": next, "totalSize": total})))
}

fn create(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (name, mut profile) = request.read_named(&APP_GROUP, "", &texts::APP_GROUP)?;
    attributes::check(&profile)?;
    vacant(&config.app_groups, request, "appgroups", &name)?;
    set(&mut profile, "appGroupId", config.fresh_uuid(request));
    set(&mut profile, "organization", request.organization());
    set(&mut profile, "status", "active");
    set_created(&mut profile, request);
    let response = ApiResponse::message(&profile);
    config.app_groups.insert(name, AppOwner { profile, apps: BTreeMap::new() });
    Ok(response)
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::message(&owner(config, request)?.profile))
}

/// With `action`, changes only the status. Without it, replaces the group: fields that the request omits are removed.
fn update(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let group = &mut owner(config, request)?.profile;
    if let Some(action) = request.query("action") {
        set(group, "status", owner_status(action)?);
        return Ok(ApiResponse::message(group));
    }
    let mut new = request.read_same_name(&APP_GROUP, request.parameter("group"))?;
    attributes::check(&new)?;
    for field in ["appGroupId", "organization", "status", "createdAt"] {
        set(&mut new, field, text(group, field));
    }
    set_modified(&mut new, request);
    *group = new;
    Ok(ApiResponse::message(group))
}

fn delete(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::message(&take(&mut config.app_groups, request, "appgroups", request.parameter("group"))?.profile))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_changes_by_an_action() {
        let mut config = ConfigState::default();
        let at = || ApiRequest::to("organizations/o/appgroups", &[("group", "g")]);
        create(&mut config, &at().json(&json!({"name": "g", "status": "inactive", "channelId": "c"}))).unwrap();
        update(&mut config, &at().with("action", "inactive")).unwrap();
        let ApiResponse::Json(updated) = update(&mut config, &at().json(&json!({"displayName": "G"}))).unwrap() else {
            panic!()
        };
        assert_eq!((&updated["status"], updated.get("channelId")), (&json!("inactive"), None));
        let ApiResponse::Json(none) = list(&mut config, &at().with("filter", "status=active")).unwrap() else {
            panic!()
        };
        assert_eq!(none, json!({"totalSize": 1}));
        assert_eq!(list(&mut config, &at().with("filter", "name=g")).unwrap_err().code, 400);
    }
}
