//! Attachments: the environments of an environment group.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::State;
use super::environment_group::full;
use super::operation::{Lifecycle, OperationKind, server_made_id};
use crate::api::message::text;
use crate::api::parameter::PAGE;
use crate::api::{ApiError, ApiRequest, ApiResponse, Handler, Message, Method, Paging, Type, page};

pub(crate) const METHODS: &[Method] = &[
    Method::get("envgroups/{group}/attachments", Handler::State(list)).query(PAGE),
    Method::post("envgroups/{group}/attachments", Handler::State(create)).json(&ATTACHMENT),
    Method::get("envgroups/{group}/attachments/{name}", Handler::State(get)),
    Method::delete("envgroups/{group}/attachments/{name}", Handler::State(delete)),
];

/// An environment in a group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Attachment {
    pub(super) environment: String,
    pub(super) life: Lifecycle,
}

/// `GoogleCloudApigeeV1EnvironmentGroupAttachment`.
const ATTACHMENT: Message = Message {
    name: "environment_group_attachment",
    fields: &[
        ("name", Type::Text),
        ("environment", Type::Text),
        ("environmentGroupId", Type::Output),
        ("createdAt", Type::Output),
    ],
};

impl Attachment {
    fn to_json(&self, group: &str, id: &str) -> Value {
        json!({
            "name": id,
            "environment": self.environment,
            "environmentGroupId": group,
            "createdAt": self.life.created.to_string(),
        })
    }
}

/// `organizations.envgroups.attachments.list`.
fn list(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (organization, now) = (request.organization(), request.now);
    let (name, paging) = (request.parameter("group"), Paging::parse(request)?);
    let attachments = &state.group(organization, name, now)?.attachments;
    let there = attachments.iter().filter(|(_, attachment)| attachment.life.state(now).is_some());
    let all = there.map(|(id, attachment)| (id.as_str(), (id, attachment)));
    let shown = |(id, attachment): (&String, &Attachment)| attachment.to_json(name, id);
    Ok(ApiResponse::Json(page("environmentGroupAttachments", all, &paging, shown)))
}

/// `organizations.envgroups.attachments.get`.
fn get(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (name, id) = (request.parameter("group"), request.parameter("name"));
    let attachment = state.attachment(request.organization(), name, id, request.now)?;
    Ok(ApiResponse::Json(attachment.to_json(name, id)))
}

/// `organizations.envgroups.attachments.create`: the server generates the name.
fn create(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (organization, now) = (request.organization(), request.now);
    let name = request.parameter("group");
    let given = request.read(&ATTACHMENT)?;
    let environment = text(&given, "environment").to_owned();
    if environment.is_empty() {
        return Err(ApiError::invalid_argument("environment: the name of the environment is required"));
    }
    state.require_environment(organization, &environment, now)?;
    let group = state.group(organization, name, now)?;
    if group.life.state(now) != Some("ACTIVE") {
        return Err(ApiError::locked());
    }
    if group.environments().any(|other| *other == environment) {
        return Err(ApiError::already_exists(format!(
            "environment {environment} is already attached to {}",
            full(organization, name)
        )));
    }
    let (id, done) = (server_made_id(state.next_number()), state.done_at(now));
    let attachment = Attachment { environment, life: Lifecycle::begin(now, done) };
    let made = attachment.to_json(name, &id);
    let target = format!("{}/attachments/{id}", full(organization, name));
    state.group_mut(organization, name, now)?.attachments.insert(id, attachment);
    let response = ("EnvironmentGroupAttachment", made);
    Ok(state.start_operation(organization, (OperationKind::Insert, target), response, now))
}

/// `organizations.envgroups.attachments.delete`.
fn delete(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (organization, now) = (request.organization(), request.now);
    let (name, id) = (request.parameter("group"), request.parameter("name"));
    state.attachment(organization, name, id, now)?;
    let done = state.done_at(now);
    let attachment = state.group_mut(organization, name, now)?.attachments.get_mut(id);
    let attachment = attachment.ok_or_else(|| no_attachment(organization, name, id))?;
    attachment.life.change(OperationKind::Delete, now, done)?;
    let target = format!("{}/attachments/{id}", full(organization, name));
    let response = ("EnvironmentGroupAttachment", json!({}));
    Ok(state.start_operation(organization, (OperationKind::Delete, target), response, now))
}

impl State {
    fn attachment(&self, organization: &str, group: &str, id: &str, now: u64) -> Result<&Attachment, ApiError> {
        let found = self.group(organization, group, now)?.attachments.get(id);
        let found = found.filter(|attachment| attachment.life.state(now).is_some());
        found.ok_or_else(|| no_attachment(organization, group, id))
    }
}

fn no_attachment(organization: &str, name: &str, id: &str) -> ApiError {
    ApiError::not_found(format!("generic::not_found: {}/attachments/{id} not found", full(organization, name)))
}
