//! Environment groups: the host names that environments share, and the attached environments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::attachment::Attachment;
use super::operation::{Lifecycle, OperationKind};
use super::{Organization, State};
use crate::api::message::{LIST, name_of_new, texts};
use crate::api::parameter::{MASK, NAME, PAGE};
use crate::api::{
    ApiError, ApiRequest, ApiResponse, Handler, Message, Method, Object, Paging, Type, Violation, page, prune,
};
use apigee_flux_model::limits::{Broken, counts, texts};

pub(crate) const METHODS: &[Method] = &[
    Method::get("envgroups", Handler::State(list)).query(PAGE),
    Method::post("envgroups", Handler::State(create)).query(NAME).json(&ENVIRONMENT_GROUP),
    Method::get("envgroups/{group}", Handler::State(get)),
    Method::patch("envgroups/{group}", Handler::State(patch)).query(MASK).json(&ENVIRONMENT_GROUP),
    Method::delete("envgroups/{group}", Handler::State(delete)),
];

/// An environment group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvironmentGroup {
    hostnames: Vec<String>,
    pub(super) life: Lifecycle,
    /// By the name that the server generated.
    pub(super) attachments: BTreeMap<String, Attachment>,
}

/// `GoogleCloudApigeeV1EnvironmentGroup`.
const ENVIRONMENT_GROUP: Message = Message {
    name: "environment_group",
    fields: &[
        ("name", Type::Text),
        ("hostnames", LIST),
        ("state", Type::Output),
        ("createdAt", Type::Output),
        ("lastModifiedAt", Type::Output),
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

/// The resource name of a group.
pub(super) fn full(organization: &str, group: &str) -> String {
    format!("organizations/{organization}/envgroups/{group}")
}

/// The host names of a message; at least one is required.
fn hostnames(given: &Object) -> Result<Vec<String>, ApiError> {
    let list = texts(given, "hostnames");
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

/// `organizations.envgroups.list`.
fn list(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (organization, now) = (request.organization(), request.now);
    let paging = Paging::parse(request)?;
    let groups = state.organizations.get(organization).map(|organization| &organization.environment_groups);
    let groups = groups.into_iter().flatten().filter(|(_, group)| group.life.state(now).is_some());
    let all = groups.map(|(name, group)| (name.as_str(), (name, group)));
    Ok(ApiResponse::Json(page("environmentGroups", all, &paging, |(name, group)| group.to_json(name, now))))
}

/// `organizations.envgroups.get`.
fn get(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (name, now) = (request.parameter("group"), request.now);
    Ok(ApiResponse::Json(state.group(request.organization(), name, now)?.to_json(name, now)))
}

/// `organizations.envgroups.create`. The name in the query "overrides any ID in the environment_group resource". A host name
/// belongs to one group; the error for a second group is not documented.
fn create(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (organization, now) = (request.organization(), request.now);
    let given = request.read(&ENVIRONMENT_GROUP)?;
    let name = name_of_new(request.query_text("name"), &given, "an environment group")?;
    let hostnames = hostnames(&given)?;
    if state.group(organization, name, now).is_ok() {
        return Err(ApiError::already_exists(format!("{} already exists", full(organization, name))));
    }
    let done = state.done_at(now);
    let org = state.organization_mut(organization);
    if let Some((other, host)) = org.group_with_host(&hostnames, name) {
        return Err(ApiError::already_exists(format!("hostname {host} belongs to {}", full(organization, other))));
    }
    let group = EnvironmentGroup { hostnames, life: Lifecycle::begin(now, done), attachments: BTreeMap::new() };
    let made = group.to_json(name, done);
    org.environment_groups.insert(name.to_owned(), group);
    let target = full(organization, name);
    Ok(state.start_operation(organization, (OperationKind::Insert, target), ("EnvironmentGroup", made), now))
}

/// `organizations.envgroups.patch`: replaces the host names.
fn patch(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (organization, now) = (request.organization(), request.now);
    let (name, update_mask) = (request.parameter("group"), request.query_text("updateMask"));
    let body = request.parse(&ENVIRONMENT_GROUP)?;
    state.group(organization, name, now)?;
    let given = ENVIRONMENT_GROUP.check(&body)?;
    if !matches!(update_mask, "" | "hostnames") {
        return Err(ApiError::invalid_argument(format!(
            "invalid update mask \"{update_mask}\": set it to \"hostnames\" or omit it"
        )));
    }
    let hostnames = hostnames(&given)?;
    if let Some((other, host)) = state.organization_mut(organization).group_with_host(&hostnames, name) {
        return Err(ApiError::already_exists(format!("hostname {host} belongs to {}", full(organization, other))));
    }
    let done = state.done_at(now);
    let group = state.group_mut(organization, name, now)?;
    group.life.change(OperationKind::Update, now, done)?;
    group.hostnames = hostnames;
    let made = group.to_json(name, done);
    let target = full(organization, name);
    Ok(state.start_operation(organization, (OperationKind::Update, target), ("EnvironmentGroup", made), now))
}

/// `organizations.envgroups.delete`, for a group without attachments.
fn delete(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (organization, now) = (request.organization(), request.now);
    let name = request.parameter("group");
    let done = state.done_at(now);
    let group = state.group_mut(organization, name, now)?;
    let subject = full(organization, name);
    let attached: Vec<&str> = group.environments().map(String::as_str).collect();
    if !attached.is_empty() {
        let description = format!("{subject} has attached environments: {}.", attached.join(", "));
        let violation = Violation { kind: "IN_USE", subject, description };
        return Err(ApiError::failed_precondition("environment group is in use", &[violation]));
    }
    group.life.change(OperationKind::Delete, now, done)?;
    Ok(state.start_operation(organization, (OperationKind::Delete, subject), ("EnvironmentGroup", json!({})), now))
}

impl State {
    /// A group that exists.
    pub(super) fn group(&self, organization: &str, name: &str, now: u64) -> Result<&EnvironmentGroup, ApiError> {
        self.organizations
            .get(organization)
            .and_then(|organization| organization.environment_groups.get(name))
            .filter(|group| group.life.state(now).is_some())
            .ok_or_else(|| ApiError::not_found(format!("generic::not_found: {} not found", full(organization, name))))
    }

    /// The same, for an update.
    pub(super) fn group_mut(
        &mut self,
        organization: &str,
        name: &str,
        now: u64,
    ) -> Result<&mut EnvironmentGroup, ApiError> {
        self.group(organization, name, now)?;
        let groups = &mut self.organization_mut(organization).environment_groups;
        groups.get_mut(name).ok_or_else(ApiError::locked)
    }
}
