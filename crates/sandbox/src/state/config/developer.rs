//! Developers: `organizations.developers`. The email is the key; a path may also contain the server's ID.
//!
//! Not documented, chosen here: an update cannot change the email. The deletion of a developer immediately deletes the apps and keys.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ConfigState;
use super::app_owner::{AppOwner, owner, owner_status};
use super::attributes::{self, attribute_methods};
use super::collection::{take, vacant};
use super::stamp::{set_created, set_modified};
use crate::api::Handler::Configuration;
use crate::api::message::{ATTRIBUTE, ATTRIBUTES, require, set, text};
use crate::api::{
    ApiError, ApiRequest, ApiResponse, Message, Method, Object, Parameter, Parameters, Type, limits, parameter, prune,
};
use apigee_flux_model::limits::texts;

pub(crate) const METHODS: &[Method] = &[
    Method::get("developers", Configuration(list)).query(LISTING),
    Method::post("developers", Configuration(create)).json(&DEVELOPER),
    Method::get("developers/{developer}", Configuration(get)).query(parameter::ACTION),
    Method::put("developers/{developer}", Configuration(update)).json(&DEVELOPER),
    Method::post("developers/{developer}", Configuration(set_status)).query(parameter::ACTION),
    Method::delete("developers/{developer}", Configuration(delete)),
];

pub(crate) const ATTRIBUTE_METHODS: &[Method] = attribute_methods!("developers/{developer}", owner_profile);

/// The parameters of a list.
const LISTING: Parameters = &[
    ("app", Parameter::Text),
    ("count", Parameter::Int64),
    ("expand", Parameter::Bool),
    ("ids", Parameter::Text),
    ("includeCompany", Parameter::Bool),
    ("startKey", Parameter::Text),
];

const DEVELOPER: Message = Message {
    name: "developer",
    fields: &[
        ("email", Type::Text),
        ("firstName", Type::Text),
        ("lastName", Type::Text),
        ("userName", Type::Text),
        ("attributes", ATTRIBUTES),
        ("accessType", Type::Text),
        ("appFamily", Type::Text),
        ("apps", Type::Output),
        ("companies", Type::Output),
        ("developerId", Type::Output),
        ("organizationName", Type::Output),
        ("status", Type::Output),
        ("createdAt", Type::Output),
        ("lastModifiedAt", Type::Output),
    ],
};

/// The profile of the developer in the path of a request.
fn owner_profile<'a>(config: &'a mut ConfigState, request: &ApiRequest) -> Result<&'a mut Object, ApiError> {
    owner(config, request).map(|developer| &mut developer.profile)
}

fn list(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let expand = expands(request)?;
    let page = request.page_by_key(&config.developers, 1000)?;
    let list: Vec<Value> = page
        .into_iter()
        .filter(|(_, developer)| request.query("app").is_none_or(|app| developer.apps.contains_key(app)))
        .map(|(email, developer)| if expand { profile(developer) } else { json!({ "email": email }) })
        .collect();
    Ok(ApiResponse::value(json!({ "developer": list })))
}

/// Whether the entries of a list of developers, or of apps of a developer, are whole. `expand` "is not valid if you use the `count` or
/// `startKey` query parameters", and `startKey` "must be used in conjunction with the `count` parameter" (discovery document); chosen
/// here: such a request is refused.
pub(super) fn expands(request: &ApiRequest) -> Result<bool, ApiError> {
    let expand = request.flag("expand");
    let (count, start) = (request.query("count").is_some(), request.query("startKey").is_some());
    if expand && (count || start) {
        return Err(ApiError::invalid_argument("expand cannot be combined with count or startKey: omit them"));
    }
    if start && !count {
        return Err(ApiError::invalid_argument("startKey cannot be used alone: set count too"));
    }
    Ok(expand)
}

fn create(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let mut new = read(request)?;
    let email = text(&new, "email").to_owned();
    vacant(&config.developers, request, "developers", &email)?;
    set(&mut new, "developerId", config.fresh_uuid(request));
    set(&mut new, "organizationName", request.organization());
    set(&mut new, "status", "active");
    set_created(&mut new, request);
    let developer = AppOwner { profile: new, apps: BTreeMap::new() };
    let response = ApiResponse::Json(profile(&developer));
    config.developers.insert(email, developer);
    Ok(response)
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::Json(profile(owner(config, request)?)))
}

/// Replaces the developer: fields that the request omits are removed.
fn update(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let mut new = read(request)?;
    let developer = owner(config, request)?;
    let (old, wanted) = (text(&developer.profile, "email"), text(&new, "email"));
    if old != wanted {
        return Err(ApiError::invalid_argument(format!(
            "developer.email is \"{wanted}\" and the developer has \"{old}\"; it cannot be changed: create another developer"
        )));
    }
    for field in ["developerId", "organizationName", "status", "createdAt"] {
        set(&mut new, field, text(&developer.profile, field));
    }
    set_modified(&mut new, request);
    developer.profile = new;
    Ok(ApiResponse::Json(profile(developer)))
}

/// Changes the status: `?action=active` or `inactive`.
fn set_status(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let action = request.query("action").unwrap_or_default();
    let developer = owner(config, request)?;
    set(&mut developer.profile, "status", owner_status(action)?);
    Ok(ApiResponse::Nothing)
}

fn delete(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let email = text(&owner(config, request)?.profile, "email").to_owned();
    Ok(ApiResponse::Json(profile(&take(&mut config.developers, request, "developers", &email)?)))
}

/// The body of a create or update.
fn read(request: &ApiRequest) -> Result<Object, ApiError> {
    let body = request.read(&DEVELOPER)?;
    require(&body, "developer", &["email", "firstName", "lastName", "userName"])?;
    attributes::check(&body)?;
    limits::check_field(&texts::EMAIL, "developer", &body, "email")?;
    for field in ["firstName", "lastName", "userName"] {
        limits::check_field(&texts::PERSON, "developer", &body, field)?;
    }
    Ok(body)
}

/// The developer as a message, with the names of at most a hundred apps.
fn profile(developer: &AppOwner) -> Value {
    let mut object = developer.profile.clone();
    set(&mut object, "apps", developer.apps.keys().take(100).cloned().collect::<Vec<_>>());
    prune(Value::Object(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(developer: &str) -> ApiRequest {
        ApiRequest::to("organizations/o/developers", &[("developer", developer)])
    }

    #[test]
    fn a_developer_lives() {
        let mut config = ConfigState::default();
        let body =
            json!({"email": "a@x.example", "firstName": "A", "lastName": "B", "userName": "ab", "status": "inactive"});
        let ApiResponse::Json(created) = create(&mut config, &at("").json(&body)).unwrap() else { panic!() };
        assert_eq!(created["status"], "active");
        assert_eq!(create(&mut config, &at("").json(&body)).unwrap_err().code, 409);
        let id = created["developerId"].as_str().unwrap();
        assert_eq!(set_status(&mut config, &at(id).with("action", "inactive")).unwrap(), ApiResponse::Nothing);
        let ApiResponse::Json(updated) = update(&mut config, &at("a@x.example").json(&body)).unwrap() else { panic!() };
        assert_eq!(updated["status"], "inactive");
        assert_eq!(
            list(&mut config, &at("")).unwrap(),
            ApiResponse::Json(json!({"developer": [{"email": "a@x.example"}]}))
        );
        for wrong in [at("").with("expand", "true").with("count", "5"), at("").with("startKey", "a@x.example")] {
            assert_eq!(list(&mut config, &wrong).unwrap_err().code, 400);
        }
        delete(&mut config, &at(id)).unwrap();
        assert_eq!(get(&mut config, &at("a@x.example")).unwrap_err().code, 404);
    }

    #[test]
    fn an_email_is_in_lower_case() {
        let body = json!({"email": "A@x.example", "firstName": "A", "lastName": "B", "userName": "ab"});
        assert_eq!(create(&mut ConfigState::default(), &at("").json(&body)).unwrap_err().code, 400);
        let body = json!({"email": "a@x.example"});
        assert_eq!(create(&mut ConfigState::default(), &at("").json(&body)).unwrap_err().code, 400);
    }
}
