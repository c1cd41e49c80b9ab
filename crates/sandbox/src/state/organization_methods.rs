//! The routes of organizations, environments, environment groups and operations.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path as PathOf, Query, State as StateOf};
use serde_json::json;

use super::routes::Routes;
use super::{Answer, Parameters as PathParameters, Queries, Shared, lock, text};
use crate::environment::ENVIRONMENT;
use crate::environment_group::{ATTACHMENT, ENVIRONMENT_GROUP};
use crate::message;
use crate::method::{Method, Verb};
use crate::paging::Paging;
use crate::parameter::{MASK, NAME, PAGE, Parameter, Parameters};

/// Which operations are listed. Neither a filter nor partial success means anything here.
const OPERATIONS: Parameters = &[
    ("filter", Parameter::Text),
    ("pageSize", Parameter::Int32),
    ("pageToken", Parameter::Text),
    ("returnPartialSuccess", Parameter::Bool),
];

/// The routes.
pub(super) fn routes(shared: &Arc<Shared>) -> Routes<()> {
    let organization = "/v1/organizations/{org}";
    let below = |path: &str| format!("{organization}/{path}");
    let (environment, group) = (below("environments/{env}"), below("envgroups/{group}"));
    let attachment = format!("{group}/attachments/{{name}}");
    Routes::new()
        .add(Method::new(Verb::Get, "/v1/organizations"), list_organizations)
        .add(Method::new(Verb::Get, organization), get_organization)
        .add(Method::new(Verb::Get, below("operations")).query(OPERATIONS), list_operations)
        .add(Method::new(Verb::Get, below("operations/{name}")), get_operation)
        .add(Method::new(Verb::Get, below("environments")), list_environments)
        .add(Method::new(Verb::Post, below("environments")).query(NAME).json(&ENVIRONMENT), create_environment)
        .add(Method::new(Verb::Get, environment.clone()), get_environment)
        .add(Method::new(Verb::Put, environment.clone()).json(&ENVIRONMENT), update_environment)
        .add(Method::new(Verb::Post, environment.clone()).json(&ENVIRONMENT), update_environment)
        .add(Method::new(Verb::Delete, environment), delete_environment)
        .add(Method::new(Verb::Get, below("envgroups")).query(PAGE), list_groups)
        .add(Method::new(Verb::Post, below("envgroups")).query(NAME).json(&ENVIRONMENT_GROUP), create_group)
        .add(Method::new(Verb::Get, group.clone()), get_group)
        .add(Method::new(Verb::Patch, group.clone()).query(MASK).json(&ENVIRONMENT_GROUP), patch_group)
        .add(Method::new(Verb::Delete, group.clone()), delete_group)
        .add(Method::new(Verb::Get, format!("{group}/attachments")).query(PAGE), list_attachments)
        .add(Method::new(Verb::Post, format!("{group}/attachments")).json(&ATTACHMENT), create_attachment)
        .add(Method::new(Verb::Get, attachment.clone()), get_attachment)
        .add(Method::new(Verb::Delete, attachment), delete_attachment)
        .with_state(Arc::clone(shared))
}

type Here = StateOf<Arc<Shared>>;

async fn list_organizations(StateOf(at): Here) -> Answer {
    Ok(Json(lock(&at.state).list_organizations()))
}

async fn get_organization(StateOf(at): Here, PathOf(parameters): PathParameters) -> Answer {
    Ok(Json(lock(&at.state).get_organization(text(&parameters, "org"), at.now())))
}

async fn list_operations(StateOf(at): Here, PathOf(parameters): PathParameters, Query(queries): Queries) -> Answer {
    let paging = Paging::parse(&queries)?;
    Ok(Json(lock(&at.state).operations(text(&parameters, "org"), &paging, at.now())))
}

async fn get_operation(StateOf(at): Here, PathOf(parameters): PathParameters) -> Answer {
    Ok(Json(lock(&at.state).operation(text(&parameters, "org"), text(&parameters, "name"), at.now())?))
}

async fn list_environments(StateOf(at): Here, PathOf(parameters): PathParameters) -> Answer {
    Ok(Json(json!(lock(&at.state).environment_names(text(&parameters, "org"), at.now()))))
}

async fn get_environment(StateOf(at): Here, PathOf(parameters): PathParameters) -> Answer {
    Ok(Json(lock(&at.state).get_environment(text(&parameters, "org"), text(&parameters, "env"), at.now())?))
}

async fn create_environment(
    StateOf(at): Here,
    PathOf(parameters): PathParameters,
    Query(queries): Queries,
    bytes: Bytes,
) -> Answer {
    let (org, body) = (text(&parameters, "org"), message::parse(&bytes)?);
    Ok(Json(lock(&at.state).create_environment(org, text(&queries, "name"), &body, at.now())?))
}

async fn update_environment(StateOf(at): Here, PathOf(parameters): PathParameters, bytes: Bytes) -> Answer {
    let (org, body) = (text(&parameters, "org"), message::parse(&bytes)?);
    Ok(Json(lock(&at.state).update_environment(org, text(&parameters, "env"), &body, at.now())?))
}

async fn delete_environment(StateOf(at): Here, PathOf(parameters): PathParameters) -> Answer {
    Ok(Json(lock(&at.state).delete_environment(text(&parameters, "org"), text(&parameters, "env"), at.now())?))
}

async fn list_groups(StateOf(at): Here, PathOf(parameters): PathParameters, Query(queries): Queries) -> Answer {
    let paging = Paging::parse(&queries)?;
    Ok(Json(lock(&at.state).list_groups(text(&parameters, "org"), &paging, at.now())))
}

async fn get_group(StateOf(at): Here, PathOf(parameters): PathParameters) -> Answer {
    Ok(Json(lock(&at.state).get_group(text(&parameters, "org"), text(&parameters, "group"), at.now())?))
}

async fn create_group(
    StateOf(at): Here,
    PathOf(parameters): PathParameters,
    Query(queries): Queries,
    bytes: Bytes,
) -> Answer {
    let (org, body) = (text(&parameters, "org"), message::parse(&bytes)?);
    Ok(Json(lock(&at.state).create_group(org, text(&queries, "name"), &body, at.now())?))
}

async fn patch_group(
    StateOf(at): Here,
    PathOf(parameters): PathParameters,
    Query(queries): Queries,
    bytes: Bytes,
) -> Answer {
    let (org, group, body) = (text(&parameters, "org"), text(&parameters, "group"), message::parse(&bytes)?);
    Ok(Json(lock(&at.state).patch_group(org, group, text(&queries, "updateMask"), &body, at.now())?))
}

async fn delete_group(StateOf(at): Here, PathOf(parameters): PathParameters) -> Answer {
    Ok(Json(lock(&at.state).delete_group(text(&parameters, "org"), text(&parameters, "group"), at.now())?))
}

async fn list_attachments(StateOf(at): Here, PathOf(parameters): PathParameters, Query(queries): Queries) -> Answer {
    let (org, group, paging) = (text(&parameters, "org"), text(&parameters, "group"), Paging::parse(&queries)?);
    Ok(Json(lock(&at.state).list_attachments(org, group, &paging, at.now())?))
}

async fn get_attachment(StateOf(at): Here, PathOf(parameters): PathParameters) -> Answer {
    let (org, group, name) = (text(&parameters, "org"), text(&parameters, "group"), text(&parameters, "name"));
    Ok(Json(lock(&at.state).get_attachment(org, group, name, at.now())?))
}

async fn create_attachment(StateOf(at): Here, PathOf(parameters): PathParameters, bytes: Bytes) -> Answer {
    let (org, group, body) = (text(&parameters, "org"), text(&parameters, "group"), message::parse(&bytes)?);
    Ok(Json(lock(&at.state).create_attachment(org, group, &body, at.now())?))
}

async fn delete_attachment(StateOf(at): Here, PathOf(parameters): PathParameters) -> Answer {
    let (org, group, name) = (text(&parameters, "org"), text(&parameters, "group"), text(&parameters, "name"));
    Ok(Json(lock(&at.state).delete_attachment(org, group, name, at.now())?))
}
