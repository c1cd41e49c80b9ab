//! Environment groups: the host names that environments share, and the attached environments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::operation::{Life, OperationKind, server_made_id};
use super::{Organization, State};
use crate::api::message::{LIST, name_of_new};
use crate::api::parameter::{MASK, NAME, PAGE};
use crate::api::{ApiError, ApiRequest, ApiResponse, Handler, Message, Method, Paging, Type, Violation, page, prune};
use apigee_flux_model::limits::{Broken, counts, texts};

pub(crate) const METHODS: &[Method] = &[
    Method::get("envgroups", Handler::State(list)).query(PAGE),
    Method::post("envgroups", Handler::State(create)).query(NAME).json(&ENVIRONMENT_GROUP),
    Method::get("envgroups/{group}", Handler::State(get)),
    Method::patch("envgroups/{group}", Handler::State(patch)).query(MASK).json(&ENVIRONMENT_GROUP),
    Method::delete("envgroups/{group}", Handler::State(delete)),
    Method::get("envgroups/{group}/attachments", Handler::State(list_attachments)).query(PAGE),
    Method::post("envgroups/{group}/attachments", Handler::State(create_attachment)).json(&ATTACHMENT),
    Method::get("envgroups/{group}/attachments/{name}", Handler::State(get_attachment)),
    Method::delete("envgroups/{group}/attachments/{name}", Handler::State(delete_attachment)),
];

fn list(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let paging = Paging::parse(request)?;
    Ok(ApiResponse::Json(state.list_groups(request.organization(), &paging, request.now)))
}

fn get(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    state.get_group(request.organization(), request.parameter("group"), request.now).map(ApiResponse::Json)
}

fn create(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (name, body) = (request.query_text("name"), request.parse(&ENVIRONMENT_GROUP)?);
    state.create_group(request.organization(), name, &body, request.now).map(ApiResponse::Json)
}

fn patch(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (group, mask) = (request.parameter("group"), request.query_text("updateMask"));
    let body = request.parse(&ENVIRONMENT_GROUP)?;
    state.patch_group(request.organization(), group, mask, &body, request.now).map(ApiResponse::Json)
}

fn delete(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    state.delete_group(request.organization(), request.parameter("group"), request.now).map(ApiResponse::Json)
}

fn list_attachments(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (group, paging) = (request.parameter("group"), Paging::parse(request)?);
    state.list_attachments(request.organization(), group, &paging, request.now).map(ApiResponse::Json)
}

fn get_attachment(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (group, name) = (request.parameter("group"), request.parameter("name"));
    state.get_attachment(request.organization(), group, name, request.now).map(ApiResponse::Json)
}

fn create_attachment(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (group, body) = (request.parameter("group"), request.parse(&ATTACHMENT)?);
    state.create_attachment(request.organization(), group, &body, request.now).map(ApiResponse::Json)
}

fn delete_attachment(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (group, name) = (request.parameter("group"), request.parameter("name"));
    state.delete_attachment(request.organization(), group, name, request.now).map(ApiResponse::Json)
}

/// An environment group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvironmentGroup {
    hostnames: Vec<String>,
    life: Life,
    /// By the name that the server generated.
    attachments: BTreeMap<String, Attachment>,
}

/// An environment in a group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attachment {
    environment: String,
    life: Life,
}

/// `GoogleCloudApigeeV1EnvironmentGroup`.
pub(crate) const ENVIRONMENT_GROUP: Message = Message {
    name: "environment_group",
    fields: &[
        ("name", Type::Text),
        ("hostnames", LIST),
        ("state", Type::Output),
        ("createdAt", Type::Output),
        ("lastModifiedAt", Type::Output),
    ],
};

/// `GoogleCloudApigeeV1EnvironmentGroupAttachment`.
pub(crate) const ATTACHMENT: Message = Message {
    name: "environment_group_attachment",
    fields: &[
        ("name", Type::Text),
        ("environment", Type::Text),
        ("environmentGroupId", Type::Output),
        ("createdAt", Type::Output),
    ],
};

impl EnvironmentGroup {
    /// The attached environments, from the start of the attachment to the start of its deletion.
    pub(crate) fn environments(&self) -> impl Iterator<Item = &String> {
        let attached = self.attachments.values().filter(|attachment| attachment.life.stays());
        attached.map(|attachment| &attachment.environment)
    }

    /// The host names of the group.
    pub(crate) fn hostnames(&self) -> &[String] {
        &self.hostnames
    }

    fn to_json(&self, name: &str, now: u64) -> Value {
        prune(json!({
            "name": name,
            "hostnames": self.hostnames,
            "createdAt": self.life.created.to_string(),
            "lastModifiedAt": self.life.modified.to_string(),
            "state": self.life.state(now),
        }))
    }
}

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

impl Organization {
    /// Another group that already has one of the host names.
    fn group_with_host(&self, hostnames: &[String], but: &str) -> Option<(&str, &str)> {
        let others = self.environment_groups.iter().filter(|(name, group)| *name != but && group.life.stays());
        others.into_iter().find_map(|(name, group)| {
            let shared = group.hostnames.iter().find(|host| hostnames.contains(host))?;
            Some((name.as_str(), shared.as_str()))
        })
    }
}

fn full(organization: &str, group: &str) -> String {
    format!("organizations/{organization}/envgroups/{group}")
}

/// The given host names; at least one is required.
fn hostnames(given: &Value) -> Result<Vec<String>, ApiError> {
    let list = given.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let list: Vec<String> = list.collect();
    if list.is_empty() {
        return Err(ApiError::invalid_argument("hostnames: at least one host name is required"));
    }
    counts::HOSTNAMES.check(list.len()).map_err(|why| ApiError::invalid_argument(format!("hostnames: {why}")))?;
    for (index, host) in list.iter().enumerate() {
        let wrong = |broken: Broken| ApiError::invalid_argument(format!("hostnames[{index}]: {}", broken.message()));
        texts::HOSTNAME.check(host).map_err(wrong)?;
    }
    Ok(list)
}

impl State {
    fn group(&self, organization: &str, name: &str, now: u64) -> Result<&EnvironmentGroup, ApiError> {
        self.organizations
            .get(organization)
            .and_then(|organization| organization.environment_groups.get(name))
            .filter(|group| group.life.state(now).is_some())
            .ok_or_else(|| ApiError::not_found(format!("generic::not_found: {} not found", full(organization, name))))
    }

    fn group_mut(&mut self, organization: &str, name: &str, now: u64) -> Result<&mut EnvironmentGroup, ApiError> {
        self.group(organization, name, now)?;
        let groups = &mut self.organization_mut(organization).environment_groups;
        groups.get_mut(name).ok_or_else(ApiError::locked)
    }

    /// `organizations.envgroups.list`.
    pub(crate) fn list_groups(&self, organization: &str, paging: &Paging, now: u64) -> Value {
        let groups = self.organizations.get(organization).map(|organization| &organization.environment_groups);
        let groups = groups.into_iter().flatten().filter(|(_, group)| group.life.state(now).is_some());
        let all = groups.map(|(name, group)| (name.as_str(), (name, group)));
        page("environmentGroups", all, paging, |(name, group)| group.to_json(name, now))
    }

    /// `organizations.envgroups.get`.
    pub(crate) fn get_group(&self, organization: &str, name: &str, now: u64) -> Result<Value, ApiError> {
        Ok(self.group(organization, name, now)?.to_json(name, now))
    }

    /// `organizations.envgroups.create`. The name in the query "overrides any ID in the environment_group resource". A host name
    /// belongs to one group; the error for a second group is not documented.
    pub(crate) fn create_group(
        &mut self,
        organization: &str,
        name: &str,
        body: &Value,
        now: u64,
    ) -> Result<Value, ApiError> {
        let given = ENVIRONMENT_GROUP.check(body)?;
        let name = name_of_new(name, &given, "an environment group")?;
        let hostnames = hostnames(&body["hostnames"])?;
        if self.group(organization, name, now).is_ok() {
            return Err(ApiError::already_exists(format!("{} already exists", full(organization, name))));
        }
        let done = self.done_at(now);
        let org = self.organization_mut(organization);
        if let Some((other, host)) = org.group_with_host(&hostnames, name) {
            return Err(ApiError::already_exists(format!("hostname {host} belongs to {}", full(organization, other))));
        }
        let group = EnvironmentGroup { hostnames, life: Life::begin(now, done), attachments: BTreeMap::new() };
        let made = group.to_json(name, done);
        org.environment_groups.insert(name.to_owned(), group);
        let target = full(organization, name);
        Ok(self.start_operation(organization, (OperationKind::Insert, target), ("EnvironmentGroup", made), now))
    }

    /// `organizations.envgroups.patch`: replaces the host names.
    pub(crate) fn patch_group(
        &mut self,
        organization: &str,
        name: &str,
        update_mask: &str,
        body: &Value,
        now: u64,
    ) -> Result<Value, ApiError> {
        self.group(organization, name, now)?;
        ENVIRONMENT_GROUP.check(body)?;
        if !matches!(update_mask, "" | "hostnames") {
            return Err(ApiError::invalid_argument(format!(
                "invalid update mask \"{update_mask}\": set it to \"hostnames\" or omit it"
            )));
        }
        let hostnames = hostnames(&body["hostnames"])?;
        if let Some((other, host)) = self.organization_mut(organization).group_with_host(&hostnames, name) {
            return Err(ApiError::already_exists(format!("hostname {host} belongs to {}", full(organization, other))));
        }
        let done = self.done_at(now);
        let group = self.group_mut(organization, name, now)?;
        group.life.change(OperationKind::Update, now, done)?;
        group.hostnames = hostnames;
        let made = group.to_json(name, done);
        let target = full(organization, name);
        Ok(self.start_operation(organization, (OperationKind::Update, target), ("EnvironmentGroup", made), now))
    }

    /// `organizations.envgroups.delete`, for a group without attachments.
    pub(crate) fn delete_group(&mut self, organization: &str, name: &str, now: u64) -> Result<Value, ApiError> {
        let done = self.done_at(now);
        let group = self.group_mut(organization, name, now)?;
        let subject = full(organization, name);
        let attached: Vec<&str> = group.environments().map(String::as_str).collect();
        if !attached.is_empty() {
            let description = format!("{subject} has attached environments: {}.", attached.join(", "));
            let violation = Violation { kind: "IN_USE", subject, description };
            return Err(ApiError::failed_precondition("environment group is in use", &[violation]));
        }
        group.life.change(OperationKind::Delete, now, done)?;
        Ok(self.start_operation(organization, (OperationKind::Delete, subject), ("EnvironmentGroup", json!({})), now))
    }

    /// `organizations.envgroups.attachments.list`.
    pub(crate) fn list_attachments(
        &self,
        organization: &str,
        name: &str,
        paging: &Paging,
        now: u64,
    ) -> Result<Value, ApiError> {
        let attachments = &self.group(organization, name, now)?.attachments;
        let there = attachments.iter().filter(|(_, attachment)| attachment.life.state(now).is_some());
        let all = there.map(|(id, attachment)| (id.as_str(), (id, attachment)));
        Ok(page("environmentGroupAttachments", all, paging, |(id, attachment)| attachment.to_json(name, id)))
    }

    /// `organizations.envgroups.attachments.get`.
    pub(crate) fn get_attachment(&self, organization: &str, name: &str, id: &str, now: u64) -> Result<Value, ApiError> {
        let found = self.group(organization, name, now)?.attachments.get(id);
        let found = found.filter(|attachment| attachment.life.state(now).is_some());
        found.map(|attachment| attachment.to_json(name, id)).ok_or_else(|| no_attachment(organization, name, id))
    }

    /// `organizations.envgroups.attachments.create`: the server generates the name.
    pub(crate) fn create_attachment(
        &mut self,
        organization: &str,
        name: &str,
        body: &Value,
        now: u64,
    ) -> Result<Value, ApiError> {
        let given = ATTACHMENT.check(body)?;
        let environment = given.get("environment").and_then(Value::as_str).unwrap_or_default().to_owned();
        if environment.is_empty() {
            return Err(ApiError::invalid_argument("environment: the name of the environment is required"));
        }
        self.require_environment(organization, &environment, now)?;
        let group = self.group(organization, name, now)?;
        if group.life.state(now) != Some("ACTIVE") {
            return Err(ApiError::locked());
        }
        if group.environments().any(|other| *other == environment) {
            return Err(ApiError::already_exists(format!(
                "environment {environment} is already attached to {}",
                full(organization, name)
            )));
        }
        let (id, done) = (server_made_id(self.next_number()), self.done_at(now));
        let attachment = Attachment { environment, life: Life::begin(now, done) };
        let made = attachment.to_json(name, &id);
        let target = format!("{}/attachments/{id}", full(organization, name));
        self.group_mut(organization, name, now)?.attachments.insert(id, attachment);
        let response = ("EnvironmentGroupAttachment", made);
        Ok(self.start_operation(organization, (OperationKind::Insert, target), response, now))
    }

    /// `organizations.envgroups.attachments.delete`.
    pub(crate) fn delete_attachment(
        &mut self,
        organization: &str,
        name: &str,
        id: &str,
        now: u64,
    ) -> Result<Value, ApiError> {
        self.get_attachment(organization, name, id, now)?;
        let done = self.done_at(now);
        let attachment = self.group_mut(organization, name, now)?.attachments.get_mut(id);
        let attachment = attachment.ok_or_else(|| no_attachment(organization, name, id))?;
        attachment.life.change(OperationKind::Delete, now, done)?;
        let target = format!("{}/attachments/{id}", full(organization, name));
        let response = ("EnvironmentGroupAttachment", json!({}));
        Ok(self.start_operation(organization, (OperationKind::Delete, target), response, now))
    }
}

fn no_attachment(organization: &str, name: &str, id: &str) -> ApiError {
    ApiError::not_found(format!("generic::not_found: {}/attachments/{id} not found", full(organization, name)))
}
