//! The routes of organizations, environments, environment groups and operations.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path as PathOf, Query, State as StateOf};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::{Answer, Parameters, Queries, Shared, lock, text};
use crate::sandbox::body;
use crate::sandbox::paging::Paging;

/// The routes.
pub(super) fn routes(shared: &Arc<Shared>) -> Router {
    let environments = "/v1/organizations/{org}/environments";
    let groups = "/v1/organizations/{org}/envgroups";
    let environment = get(get_environment).put(update_environment).post(update_environment).delete(delete_environment);
    Router::new()
        .route("/v1/organizations", get(list_organizations))
        .route("/v1/organizations/{org}", get(get_organization))
        .route("/v1/organizations/{org}/operations", get(list_operations))
        .route("/v1/organizations/{org}/operations/{name}", get(get_operation))
        .route(environments, get(list_environments).post(create_environment))
        .route(&format!("{environments}/{{env}}"), environment)
        .route(groups, get(list_groups).post(create_group))
        .route(&format!("{groups}/{{group}}"), get(get_group).patch(patch_group).delete(delete_group))
        .route(&format!("{groups}/{{group}}/attachments"), get(list_attachments).post(create_attachment))
        .route(&format!("{groups}/{{group}}/attachments/{{name}}"), get(get_attachment).delete(delete_attachment))
        .with_state(Arc::clone(shared))
}

type Here = StateOf<Arc<Shared>>;

async fn list_organizations(StateOf(at): Here) -> Answer {
    Ok(Json(lock(&at.state).list_organizations()))
}

async fn get_organization(StateOf(at): Here, PathOf(parameters): Parameters) -> Answer {
    Ok(Json(lock(&at.state).get_organization(text(&parameters, "org"), at.now())))
}

async fn list_operations(StateOf(at): Here, PathOf(parameters): Parameters, Query(queries): Queries) -> Answer {
    let paging = Paging::parse(&queries)?;
    Ok(Json(lock(&at.state).operations(text(&parameters, "org"), &paging, at.now())))
}

async fn get_operation(StateOf(at): Here, PathOf(parameters): Parameters) -> Answer {
    Ok(Json(lock(&at.state).operation(text(&parameters, "org"), text(&parameters, "name"), at.now())?))
}

async fn list_environments(StateOf(at): Here, PathOf(parameters): Parameters) -> Answer {
    Ok(Json(json!(lock(&at.state).environment_names(text(&parameters, "org"), at.now()))))
}

async fn get_environment(StateOf(at): Here, PathOf(parameters): Parameters) -> Answer {
    Ok(Json(lock(&at.state).get_environment(text(&parameters, "org"), text(&parameters, "env"), at.now())?))
}

async fn create_environment(
    StateOf(at): Here,
    PathOf(parameters): Parameters,
    Query(queries): Queries,
    bytes: Bytes,
) -> Answer {
    let (org, body) = (text(&parameters, "org"), body::parse(&bytes)?);
    Ok(Json(lock(&at.state).create_environment(org, text(&queries, "name"), &body, at.now())?))
}

async fn update_environment(StateOf(at): Here, PathOf(parameters): Parameters, bytes: Bytes) -> Answer {
    let (org, body) = (text(&parameters, "org"), body::parse(&bytes)?);
    Ok(Json(lock(&at.state).update_environment(org, text(&parameters, "env"), &body, at.now())?))
}

async fn delete_environment(StateOf(at): Here, PathOf(parameters): Parameters) -> Answer {
    Ok(Json(lock(&at.state).delete_environment(text(&parameters, "org"), text(&parameters, "env"), at.now())?))
}

async fn list_groups(StateOf(at): Here, PathOf(parameters): Parameters, Query(queries): Queries) -> Answer {
    let paging = Paging::parse(&queries)?;
    Ok(Json(lock(&at.state).list_groups(text(&parameters, "org"), &paging, at.now())))
}

async fn get_group(StateOf(at): Here, PathOf(parameters): Parameters) -> Answer {
    Ok(Json(lock(&at.state).get_group(text(&parameters, "org"), text(&parameters, "group"), at.now())?))
}

async fn create_group(
    StateOf(at): Here,
    PathOf(parameters): Parameters,
    Query(queries): Queries,
    bytes: Bytes,
) -> Answer {
    let (org, body) = (text(&parameters, "org"), body::parse(&bytes)?);
    Ok(Json(lock(&at.state).create_group(org, text(&queries, "name"), &body, at.now())?))
}

async fn patch_group(
    StateOf(at): Here,
    PathOf(parameters): Parameters,
    Query(queries): Queries,
    bytes: Bytes,
) -> Answer {
    let (org, group, body) = (text(&parameters, "org"), text(&parameters, "group"), body::parse(&bytes)?);
    Ok(Json(lock(&at.state).patch_group(org, group, text(&queries, "updateMask"), &body, at.now())?))
}

async fn delete_group(StateOf(at): Here, PathOf(parameters): Parameters) -> Answer {
    Ok(Json(lock(&at.state).delete_group(text(&parameters, "org"), text(&parameters, "group"), at.now())?))
}

async fn list_attachments(StateOf(at): Here, PathOf(parameters): Parameters, Query(queries): Queries) -> Answer {
    let (org, group, paging) = (text(&parameters, "org"), text(&parameters, "group"), Paging::parse(&queries)?);
    Ok(Json(lock(&at.state).list_attachments(org, group, &paging, at.now())?))
}

async fn get_attachment(StateOf(at): Here, PathOf(parameters): Parameters) -> Answer {
    let (org, group, name) = (text(&parameters, "org"), text(&parameters, "group"), text(&parameters, "name"));
    Ok(Json(lock(&at.state).get_attachment(org, group, name, at.now())?))
}

async fn create_attachment(StateOf(at): Here, PathOf(parameters): Parameters, bytes: Bytes) -> Answer {
    let (org, group, body) = (text(&parameters, "org"), text(&parameters, "group"), body::parse(&bytes)?);
    Ok(Json(lock(&at.state).create_attachment(org, group, &body, at.now())?))
}

async fn delete_attachment(StateOf(at): Here, PathOf(parameters): Parameters) -> Answer {
    let (org, group, name) = (text(&parameters, "org"), text(&parameters, "group"), text(&parameters, "name"));
    Ok(Json(lock(&at.state).delete_attachment(org, group, name, at.now())?))
}
