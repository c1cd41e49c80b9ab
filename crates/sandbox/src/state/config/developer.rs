//! Developers: `organizations.developers`. The email is the key; a path may also contain the server's ID.
//!
//! Not documented, chosen here: an update cannot change the email. The deletion of a developer immediately deletes the apps and keys.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::app::{Owner, owner};
use super::attributes;
use super::call::{Answer, Call, take, vacant};
use super::message::{ATTRIBUTE, ATTRIBUTES, Message, Object, Type, require, set, text};
use super::{ConfigState, Route, limits, parameter};
use crate::fault::Fault;
use crate::parameter::{Parameter, Parameters};
use crate::view;
use apigee_flux_model::limits::texts;

pub(super) const ROUTES: &[Route] = &[
    Route::get("developers", list).query(LISTING),
    Route::post("developers", create).json(&DEVELOPER),
    Route::get("developers/{developer}", get).query(parameter::ACTION),
    Route::put("developers/{developer}", update).json(&DEVELOPER),
    Route::post("developers/{developer}", set_status).query(parameter::ACTION),
    Route::delete("developers/{developer}", delete),
    Route::get("developers/{developer}/attributes", |config, call| Ok(attributes::list(&owner(config, call)?.profile))),
    Route::post("developers/{developer}/attributes", |config, call| {
        attributes::replace(&mut owner(config, call)?.profile, call)
    })
    .json(&attributes::LIST),
    Route::get("developers/{developer}/attributes/{attribute}", |config, call| {
        attributes::get(&owner(config, call)?.profile, call)
    }),
    Route::post("developers/{developer}/attributes/{attribute}", |config, call| {
        attributes::update(&mut owner(config, call)?.profile, call)
    })
    .json(&ATTRIBUTE),
    Route::delete("developers/{developer}/attributes/{attribute}", |config, call| {
        attributes::delete(&mut owner(config, call)?.profile, call)
    }),
];

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

fn list(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let expand = call.flag("expand")?;
    let page = call.page_by_key(&config.developers, 1000)?;
    let list: Vec<Value> = page
        .into_iter()
        .filter(|(_, developer)| call.query("app").is_none_or(|app| developer.apps.contains_key(app)))
        .map(|(email, developer)| if expand { profile(developer) } else { json!({ "email": email }) })
        .collect();
    Ok(Answer::value(json!({ "developer": list })))
}

fn create(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let mut new = read(call)?;
    let email = text(&new, "email").to_owned();
    vacant(&config.developers, call, "developers", &email)?;
    set(&mut new, "developerId", config.fresh_uuid(call));
    set(&mut new, "organizationName", call.organization());
    set(&mut new, "status", "active");
    set(&mut new, "createdAt", call.now.to_string());
    set(&mut new, "lastModifiedAt", call.now.to_string());
    let developer = Owner { profile: new, apps: BTreeMap::new() };
    let answer = Answer::Json(profile(&developer));
    config.developers.insert(email, developer);
    Ok(answer)
}

fn get(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::Json(profile(owner(config, call)?)))
}

/// Replaces the developer: fields that the request omits are removed.
fn update(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let mut new = read(call)?;
    let developer = owner(config, call)?;
    let (old, wanted) = (text(&developer.profile, "email"), text(&new, "email"));
    if old != wanted {
        return Err(Fault::invalid_argument(format!(
            "developer.email is \"{wanted}\" and the developer has \"{old}\"; it cannot be changed: create another developer"
        )));
    }
    for field in ["developerId", "organizationName", "status", "createdAt"] {
        set(&mut new, field, text(&developer.profile, field));
    }
    set(&mut new, "lastModifiedAt", call.now.to_string());
    developer.profile = new;
    Ok(Answer::Json(profile(developer)))
}

/// Changes the status: `?action=active` or `inactive`.
fn set_status(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let action = call.query("action").unwrap_or_default();
    let developer = owner(config, call)?;
    if !["active", "inactive"].contains(&action) {
        return Err(Fault::invalid_argument(format!("invalid action \"{action}\": set it to active or inactive")));
    }
    set(&mut developer.profile, "status", action);
    Ok(Answer::Nothing)
}

fn delete(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let email = text(&owner(config, call)?.profile, "email").to_owned();
    Ok(Answer::Json(profile(&take(&mut config.developers, call, "developers", &email)?)))
}

/// The body of a create or update.
fn read(call: &Call) -> Result<Object, Fault> {
    let body = call.read(&DEVELOPER)?;
    require(&body, "developer", &["email", "firstName", "lastName", "userName"])?;
    attributes::check(&body)?;
    limits::check_field(&texts::EMAIL, "developer", &body, "email")?;
    for field in ["firstName", "lastName", "userName"] {
        limits::check_field(&texts::PERSON, "developer", &body, field)?;
    }
    Ok(body)
}

/// The developer as a message, with the names of at most a hundred apps.
fn profile(developer: &Owner) -> Value {
    let mut object = developer.profile.clone();
    set(&mut object, "apps", developer.apps.keys().take(100).cloned().collect::<Vec<_>>());
    view::prune(Value::Object(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(developer: &str) -> Call {
        Call::to("organizations/o/developers", &[("developer", developer)])
    }

    #[test]
    fn a_developer_lives() {
        let mut config = ConfigState::default();
        let body =
            json!({"email": "a@x.example", "firstName": "A", "lastName": "B", "userName": "ab", "status": "inactive"});
        let Answer::Json(created) = create(&mut config, &at("").json(&body)).unwrap() else { panic!() };
        assert_eq!(created["status"], "active");
        assert_eq!(create(&mut config, &at("").json(&body)).unwrap_err().code, 409);
        let id = created["developerId"].as_str().unwrap();
        assert_eq!(set_status(&mut config, &at(id).with("action", "inactive")).unwrap(), Answer::Nothing);
        let Answer::Json(updated) = update(&mut config, &at("a@x.example").json(&body)).unwrap() else { panic!() };
        assert_eq!(updated["status"], "inactive");
        assert_eq!(list(&mut config, &at("")).unwrap(), Answer::Json(json!({"developer": [{"email": "a@x.example"}]})));
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
