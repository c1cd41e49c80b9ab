//! App groups: `organizations.appgroups`. The status can only be changed with `action`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::app::{Owner, owner};
use super::attributes;
use super::call::{Answer, Call, take, vacant};
use super::message::{ATTRIBUTES, Message, Type, set, text};
use super::{ConfigState, Route, parameter};
use crate::fault::Fault;
use crate::parameter::{Parameter, Parameters};
use apigee_flux_model::limits::texts;

pub(super) const ROUTES: &[Route] = &[
    Route::get("appgroups", list).query(LISTING),
    Route::post("appgroups", create).json(&APP_GROUP),
    Route::get("appgroups/{group}", get),
    Route::put("appgroups/{group}", update).query(parameter::ACTION).json(&APP_GROUP),
    Route::delete("appgroups/{group}", delete),
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
fn list(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let filter = match call.query("filter").map(|filter| filter.split_once('=')) {
        None => None,
        Some(Some((field @ ("status" | "channelId" | "channelUri"), value))) => Some((field, value)),
        Some(_) => {
            return Err(Fault::invalid_argument("invalid filter: use status=, channelId= or channelUri= and a value"));
        }
    };
    let total = config.app_groups.len();
    let (page, next) = call.page(&config.app_groups, 1000, 1000)?;
    let groups =
        page.into_iter().filter(|(_, group)| filter.is_none_or(|(field, value)| text(&group.profile, field) == value));
    let list: Vec<Value> = groups.map(|(_, group)| Value::Object(group.profile.clone())).collect();
    Ok(Answer::value(json!({"appGroups": list, "nextPageToken": next, "totalSize": total})))
}

fn create(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (name, mut profile) = call.read_named(&APP_GROUP, "", &texts::APP_GROUP)?;
    attributes::check(&profile)?;
    vacant(&config.app_groups, call, "appgroups", &name)?;
    set(&mut profile, "appGroupId", config.fresh_uuid(call));
    set(&mut profile, "organization", call.organization());
    set(&mut profile, "status", "active");
    set(&mut profile, "createdAt", call.now.to_string());
    set(&mut profile, "lastModifiedAt", call.now.to_string());
    let answer = Answer::message(&profile);
    config.app_groups.insert(name, Owner { profile, apps: BTreeMap::new() });
    Ok(answer)
}

fn get(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::message(&owner(config, call)?.profile))
}

/// With `action`, changes only the status. Without it, replaces the group: fields that the request omits are removed.
fn update(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let group = &mut owner(config, call)?.profile;
    if let Some(action) = call.query("action") {
        if !["active", "inactive"].contains(&action) {
            return Err(Fault::invalid_argument(format!("invalid action \"{action}\": set it to active or inactive")));
        }
        set(group, "status", action);
        return Ok(Answer::message(group));
    }
    let mut new = call.read_same_name(&APP_GROUP, call.parameter("group"))?;
    attributes::check(&new)?;
    for field in ["appGroupId", "organization", "status", "createdAt"] {
        set(&mut new, field, text(group, field));
    }
    set(&mut new, "lastModifiedAt", call.now.to_string());
    *group = new;
    Ok(Answer::message(group))
}

fn delete(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::message(&take(&mut config.app_groups, call, "appgroups", call.parameter("group"))?.profile))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_changes_by_an_action() {
        let mut config = ConfigState::default();
        let at = || Call::to("organizations/o/appgroups", &[("group", "g")]);
        create(&mut config, &at().json(&json!({"name": "g", "status": "inactive", "channelId": "c"}))).unwrap();
        update(&mut config, &at().with("action", "inactive")).unwrap();
        let Answer::Json(updated) = update(&mut config, &at().json(&json!({"displayName": "G"}))).unwrap() else {
            panic!()
        };
        assert_eq!((&updated["status"], updated.get("channelId")), (&json!("inactive"), None));
        let Answer::Json(none) = list(&mut config, &at().with("filter", "status=active")).unwrap() else { panic!() };
        assert_eq!(none, json!({"totalSize": 1}));
        assert_eq!(list(&mut config, &at().with("filter", "name=g")).unwrap_err().code, 400);
    }
}
