//! The routes of proxies, shared flows and their deployments.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Multipart, Path as PathOf, Query, Request, State as StateOf};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::contract::content_type;
use super::routes::Routes;
use super::{Answer, Parameters, Queries, Shared, lock, text};
use crate::deployments::Deploy;
use crate::fault::Fault;
use crate::message;
use crate::method::{Method, Verb};
use crate::parameter::{self, Parameter};
use crate::revisions::{API_PROXY, Listing, MOVE};
use crate::state::{Filter, Path, State};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::names::RevisionId;

/// The shared state and which collection a route belongs to.
#[derive(Clone)]
struct Collection {
    shared: Arc<Shared>,
    kind: BundleKind,
}

/// The parameters of a list.
const LISTING: parameter::Parameters =
    &[("includeMetaData", Parameter::Bool), ("includeRevisions", Parameter::Bool), ("space", Parameter::Text)];

/// The parameters of a proxy's upload. `validate` is ignored: every upload is validated.
const PROXY_UPLOAD: parameter::Parameters = &[
    ("action", Parameter::Text),
    ("name", Parameter::Text),
    ("space", Parameter::Text),
    ("validate", Parameter::Bool),
];

/// The parameters of a shared flow's upload.
const FLOW_UPLOAD: parameter::Parameters =
    &[("action", Parameter::Text), ("name", Parameter::Text), ("space", Parameter::Text)];

/// The parameters for the update of a revision.
const UPDATE: parameter::Parameters = &[("validate", Parameter::Bool)];

/// The parameters for reading a revision.
const FORMAT: parameter::Parameters = &[("format", Parameter::Text)];

/// The parameters of a list of deployments.
const DEPLOYMENTS: parameter::Parameters = &[("sharedFlows", Parameter::Bool)];

/// The parameters of a proxy's deployment.
const PROXY_DEPLOYMENT: parameter::Parameters =
    &[("override", Parameter::Bool), ("sequencedRollout", Parameter::Bool), ("serviceAccount", Parameter::Text)];

/// The parameters of a shared flow's deployment.
const FLOW_DEPLOYMENT: parameter::Parameters = &[("override", Parameter::Bool), ("serviceAccount", Parameter::Text)];

/// The parameters of a proxy's undeployment.
const PROXY_UNDEPLOYMENT: parameter::Parameters = &[("sequencedRollout", Parameter::Bool)];

/// The parameters of a report.
const REPORT: parameter::Parameters = &[("override", Parameter::Bool)];

/// The routes of proxies, shared flows and all deployments.
pub(super) fn routes(shared: &Arc<Shared>) -> Routes<()> {
    Routes::new()
        .add(
            Method::new(Verb::Get, "/v1/organizations/{org}/deployments").query(DEPLOYMENTS),
            deployments_of_organization,
        )
        .add(
            Method::new(Verb::Get, "/v1/organizations/{org}/environments/{env}/deployments").query(DEPLOYMENTS),
            deployments_of_environment,
        )
        .with_state(Arc::clone(shared))
        .merge(of_kind(shared, BundleKind::Proxy))
        .merge(of_kind(shared, BundleKind::SharedFlow))
}

/// The routes of proxies or of shared flows.
fn of_kind(shared: &Arc<Shared>, kind: BundleKind) -> Routes<()> {
    let collection = kind.collection();
    let base = format!("/v1/organizations/{{org}}/{collection}");
    let (member, revision) = (format!("{base}/{{name}}"), format!("{base}/{{name}}/revisions/{{rev}}"));
    let deployed = format!("/v1/organizations/{{org}}/environments/{{env}}/{collection}/{{name}}");
    let deployment = format!("{deployed}/revisions/{{rev}}/deployments");
    let (uploading, deploying, undeploying) = match kind {
        BundleKind::Proxy => (PROXY_UPLOAD, PROXY_DEPLOYMENT, PROXY_UNDEPLOYMENT),
        BundleKind::SharedFlow => (FLOW_UPLOAD, FLOW_DEPLOYMENT, &[] as parameter::Parameters),
    };
    let mut routes = Routes::new()
        .add(Method::new(Verb::Get, base.clone()).query(LISTING), list)
        .add(Method::new(Verb::Post, base).query(uploading).file(), upload)
        .add(Method::new(Verb::Get, member.clone()), get_resource)
        .add(Method::new(Verb::Delete, member.clone()), delete_resource)
        .add(Method::new(Verb::Post, format!("{member}:move")).json(&MOVE), move_resource)
        .add(Method::new(Verb::Get, format!("{member}/deployments")), deployments_of_resource)
        .add(Method::new(Verb::Get, format!("{member}/revisions")), list_revisions)
        .add(Method::new(Verb::Get, revision.clone()).query(FORMAT), get_revision)
        .add(Method::new(Verb::Post, revision.clone()).query(UPDATE).file(), update_revision)
        .add(Method::new(Verb::Delete, revision.clone()), delete_revision)
        .add(Method::new(Verb::Get, format!("{revision}/deployments")), deployments_of_resource)
        .add(Method::new(Verb::Get, format!("{deployed}/deployments")), deployments_of_resource)
        .add(Method::new(Verb::Get, deployment.clone()), get_deployment)
        .add(Method::new(Verb::Post, deployment.clone()).query(deploying), deploy)
        .add(Method::new(Verb::Delete, deployment.clone()).query(undeploying), undeploy);
    // Shared flows have no labels and no reports.
    if kind == BundleKind::Proxy {
        routes = routes
            .add(Method::new(Verb::Patch, member).query(parameter::MASK).json(&API_PROXY), patch_proxy)
            .add(
                Method::new(Verb::Post, format!("{deployment}:generateDeployChangeReport")).query(REPORT),
                deploy_report,
            )
            .add(Method::new(Verb::Post, format!("{deployment}:generateUndeployChangeReport")), undeploy_report);
    }
    routes.with_state(Collection { shared: Arc::clone(shared), kind })
}

/// A boolean query parameter; false if absent, as in protocol buffers. Its value was validated before.
fn flag(queries: &HashMap<String, String>, name: &str) -> bool {
    text(queries, name) == "true"
}

fn revision_id(parameters: &HashMap<String, String>) -> Result<RevisionId, Fault> {
    text(parameters, "rev").parse().map_err(|why: String| Fault::invalid_argument(why))
}

impl Collection {
    fn path<'a>(&self, parameters: &'a HashMap<String, String>) -> Path<'a> {
        Path { organization: text(parameters, "org"), kind: self.kind, name: text(parameters, "name") }
    }

    fn now(&self) -> u64 {
        self.shared.now()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }
}

async fn list(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters, Query(queries): Queries) -> Answer {
    let listing = Listing {
        revisions: flag(&queries, "includeRevisions"),
        meta_data: flag(&queries, "includeMetaData"),
        space: text(&queries, "space"),
    };
    Ok(Json(at.state().list(text(&parameters, "org"), at.kind, listing)))
}

async fn upload(
    StateOf(at): StateOf<Collection>,
    PathOf(parameters): Parameters,
    Query(queries): Queries,
    request: Request,
) -> Answer {
    let zip = uploaded_file(request).await?;
    let path = Path { name: text(&queries, "name"), ..at.path(&parameters) };
    match text(&queries, "action") {
        "import" => {
            let space = Some(text(&queries, "space")).filter(|space| !space.is_empty());
            Ok(Json(at.state().import(path, &zip, space, at.now())?))
        }
        "validate" => Ok(Json(State::validate(path, &zip, at.now())?)),
        other => {
            Err(Fault::invalid_argument(format!("invalid action \"{other}\": set it to \"import\" or \"validate\"")))
        }
    }
}

/// The zip file: the form's first part, or the whole body. Apigee's own tools use different names for the part: apigeecli `proxy`, the
/// Maven plugin `content`, Google's documentation `file`.
async fn uploaded_file(request: Request) -> Result<Bytes, Fault> {
    let wrong = |text: String| Fault::invalid_argument(text);
    if content_type(request.headers()) != "multipart/form-data" {
        return Bytes::from_request(request, &()).await.map_err(|error| wrong(error.body_text()));
    }
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| wrong(error.body_text()))?;
    match form.next_field().await.map_err(|error| wrong(error.body_text()))? {
        Some(field) => field.bytes().await.map_err(|error| wrong(error.body_text())),
        None => Err(wrong("the form has no part: send the zip file as the first part".to_owned())),
    }
}

async fn update_revision(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters, request: Request) -> Answer {
    let zip = uploaded_file(request).await?;
    Ok(Json(at.state().update_revision(at.path(&parameters), revision_id(&parameters)?, &zip, at.now())?))
}

async fn patch_proxy(
    StateOf(at): StateOf<Collection>,
    PathOf(parameters): Parameters,
    Query(queries): Queries,
    bytes: Bytes,
) -> Answer {
    let body = message::parse(&bytes)?;
    Ok(Json(at.state().patch_proxy(at.path(&parameters), text(&queries, "updateMask"), &body, at.now())?))
}

async fn move_resource(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters, bytes: Bytes) -> Answer {
    let path = at.path(&parameters);
    // axum returns the custom verb as a part of the parameter.
    let name = path.name.strip_suffix(":move").unwrap_or(path.name);
    let body = MOVE.read(&bytes)?;
    Ok(Json(at.state().move_to_space(Path { name, ..path }, message::text(&body, "space"), at.now())?))
}

async fn get_resource(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    Ok(Json(at.state().get(at.path(&parameters))?))
}

/// Only the revision numbers. The discovery document lacks this method; apigee-edge-js uses it.
async fn list_revisions(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    Ok(Json(at.state().get(at.path(&parameters))?["revision"].take()))
}

async fn delete_resource(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    Ok(Json(at.state().delete(at.path(&parameters), at.now())?))
}

async fn get_revision(
    StateOf(at): StateOf<Collection>,
    PathOf(parameters): Parameters,
    Query(queries): Queries,
) -> Result<Response, Fault> {
    let (path, id) = (at.path(&parameters), revision_id(&parameters)?);
    match text(&queries, "format") {
        "bundle" => {
            let zip = at.state().bundle(path, id, at.now())?;
            Ok(([(header::CONTENT_TYPE, "application/octet-stream")], zip).into_response())
        }
        _ => Ok(Json(at.state().revision(path, id, at.now())?).into_response()),
    }
}

async fn delete_revision(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    Ok(Json(at.state().delete_revision(at.path(&parameters), revision_id(&parameters)?, at.now())?))
}

async fn deployments_of_organization(
    StateOf(shared): StateOf<Arc<Shared>>,
    PathOf(parameters): Parameters,
    Query(queries): Queries,
) -> Answer {
    all_deployments(&shared, &parameters, &queries, None)
}

async fn deployments_of_environment(
    StateOf(shared): StateOf<Arc<Shared>>,
    PathOf(parameters): Parameters,
    Query(queries): Queries,
) -> Answer {
    all_deployments(&shared, &parameters, &queries, Some(text(&parameters, "env")))
}

fn all_deployments(
    shared: &Shared,
    parameters: &HashMap<String, String>,
    queries: &HashMap<String, String>,
    environment: Option<&str>,
) -> Answer {
    let kind = if flag(queries, "sharedFlows") { BundleKind::SharedFlow } else { BundleKind::Proxy };
    let filter = Filter { kind, environment, name: None, revision: None };
    Ok(Json(lock(&shared.state).deployments(text(parameters, "org"), filter, shared.now())?))
}

/// The deployments of a resource: all, those of one revision, or those in one environment, depending on the path.
async fn deployments_of_resource(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    let revision = if parameters.contains_key("rev") { Some(revision_id(&parameters)?) } else { None };
    let environment = parameters.get("env").map(String::as_str);
    let filter = Filter { kind: at.kind, environment, name: Some(text(&parameters, "name")), revision };
    Ok(Json(at.state().deployments(text(&parameters, "org"), filter, at.now())?))
}

async fn get_deployment(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    let (path, id) = (at.path(&parameters), revision_id(&parameters)?);
    Ok(Json(at.state().deployment(path, text(&parameters, "env"), id, at.now())?))
}

async fn deploy(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters, Query(queries): Queries) -> Answer {
    let (path, id) = (at.path(&parameters), revision_id(&parameters)?);
    let request = Deploy {
        environment: text(&parameters, "env"),
        overrides: flag(&queries, "override"),
        service_account: queries.get("serviceAccount").map(String::as_str).filter(|account| !account.is_empty()),
    };
    Ok(Json(at.state().deploy(path, id, request, at.now())?))
}

async fn undeploy(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    let (path, id) = (at.path(&parameters), revision_id(&parameters)?);
    Ok(Json(at.state().undeploy(path, text(&parameters, "env"), id, at.now())?))
}

async fn deploy_report(
    StateOf(at): StateOf<Collection>,
    PathOf(parameters): Parameters,
    Query(queries): Queries,
) -> Answer {
    let (path, id) = (at.path(&parameters), revision_id(&parameters)?);
    let overrides = flag(&queries, "override");
    Ok(Json(at.state().deploy_report(path, text(&parameters, "env"), id, overrides, at.now())?))
}

async fn undeploy_report(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    let (path, id) = (at.path(&parameters), revision_id(&parameters)?);
    Ok(Json(at.state().undeploy_report(path, text(&parameters, "env"), id, at.now())?))
}
