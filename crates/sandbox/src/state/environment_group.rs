//! Environment groups: the host names that environments share, and the attached environments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::fault::{Fault, Violation};
use super::message::{LIST, Message, Type, name_of_new};
use super::operation::{Change, Life, server_made_id};
use super::paging::{Paging, page};
use super::state::{Organization, State};
use super::view;
use apigee_flux_model::limits::{Broken, counts, texts};

/// An environment group.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnvironmentGroup {
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
pub(super) const ENVIRONMENT_GROUP: Message = Message {
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
pub(super) const ATTACHMENT: Message = Message {
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
    pub(super) fn environments(&self) -> impl Iterator<Item = &String> {
        let attached = self.attachments.values().filter(|attachment| attachment.life.stays());
        attached.map(|attachment| &attachment.environment)
    }

    /// The host names of the group.
    pub(super) fn hostnames(&self) -> &[String] {
        &self.hostnames
    }

    fn to_json(&self, name: &str, now: u64) -> Value {
        view::prune(json!({
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
fn hostnames(given: &Value) -> Result<Vec<String>, Fault> {
    let list = given.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let list: Vec<String> = list.collect();
    if list.is_empty() {
        return Err(Fault::invalid_argument("hostnames: at least one host name is required"));
    }
    counts::HOSTNAMES.check(list.len()).map_err(|why| Fault::invalid_argument(format!("hostnames: {why}")))?;
    for (index, host) in list.iter().enumerate() {
        let wrong = |broken: Broken| Fault::invalid_argument(format!("hostnames[{index}]: {}", broken.message()));
        texts::HOSTNAME.check(host).map_err(wrong)?;
    }
    Ok(list)
}

impl State {
    fn group(&self, organization: &str, name: &str, now: u64) -> Result<&EnvironmentGroup, Fault> {
        self.organizations
            .get(organization)
            .and_then(|organization| organization.environment_groups.get(name))
            .filter(|group| group.life.state(now).is_some())
            .ok_or_else(|| Fault::not_found(format!("generic::not_found: {} not found", full(organization, name))))
    }

    fn group_mut(&mut self, organization: &str, name: &str, now: u64) -> Result<&mut EnvironmentGroup, Fault> {
        self.group(organization, name, now)?;
        let groups = &mut self.organization_mut(organization).environment_groups;
        groups.get_mut(name).ok_or_else(Fault::locked)
    }

    /// `organizations.envgroups.list`.
    pub(super) fn list_groups(&self, organization: &str, paging: &Paging, now: u64) -> Value {
        let groups = self.organizations.get(organization).map(|organization| &organization.environment_groups);
        let groups = groups.into_iter().flatten().filter(|(_, group)| group.life.state(now).is_some());
        let all = groups.map(|(name, group)| (name.as_str(), (name, group)));
        page("environmentGroups", all, paging, |(name, group)| group.to_json(name, now))
    }

    /// `organizations.envgroups.get`.
    pub(super) fn get_group(&self, organization: &str, name: &str, now: u64) -> Result<Value, Fault> {
        Ok(self.group(organization, name, now)?.to_json(name, now))
    }

    /// `organizations.envgroups.create`. The name in the query "overrides any ID in the environment_group resource". A host name
    /// belongs to one group; the error for a second group is not documented.
    pub(super) fn create_group(
        &mut self,
        organization: &str,
        name: &str,
        body: &Value,
        now: u64,
    ) -> Result<Value, Fault> {
        let given = ENVIRONMENT_GROUP.check(body)?;
        let name = name_of_new(name, &given, "an environment group")?;
        let hostnames = hostnames(&body["hostnames"])?;
        if self.group(organization, name, now).is_ok() {
            return Err(Fault::already_exists(format!("{} already exists", full(organization, name))));
        }
        let done = self.done_at(now);
        let org = self.organization_mut(organization);
        if let Some((other, host)) = org.group_with_host(&hostnames, name) {
            return Err(Fault::already_exists(format!("hostname {host} belongs to {}", full(organization, other))));
        }
        let group = EnvironmentGroup { hostnames, life: Life::begin(now, done), attachments: BTreeMap::new() };
        let made = group.to_json(name, done);
        org.environment_groups.insert(name.to_owned(), group);
        let target = full(organization, name);
        Ok(self.start_operation(organization, (Change::Insert, target), ("EnvironmentGroup", made), now))
    }

    /// `organizations.envgroups.patch`: replaces the host names.
    pub(super) fn patch_group(
        &mut self,
        organization: &str,
        name: &str,
        update_mask: &str,
        body: &Value,
        now: u64,
    ) -> Result<Value, Fault> {
        self.group(organization, name, now)?;
        ENVIRONMENT_GROUP.check(body)?;
        if !matches!(update_mask, "" | "hostnames") {
            return Err(Fault::invalid_argument(format!(
                "invalid update mask \"{update_mask}\": set it to \"hostnames\" or omit it"
            )));
        }
        let hostnames = hostnames(&body["hostnames"])?;
        if let Some((other, host)) = self.organization_mut(organization).group_with_host(&hostnames, name) {
            return Err(Fault::already_exists(format!("hostname {host} belongs to {}", full(organization, other))));
        }
        let done = self.done_at(now);
        let group = self.group_mut(organization, name, now)?;
        group.life.change(Change::Update, now, done)?;
        group.hostnames = hostnames;
        let made = group.to_json(name, done);
        let target = full(organization, name);
        Ok(self.start_operation(organization, (Change::Update, target), ("EnvironmentGroup", made), now))
    }

    /// `organizations.envgroups.delete`, for a group without attachments.
    pub(super) fn delete_group(&mut self, organization: &str, name: &str, now: u64) -> Result<Value, Fault> {
        let done = self.done_at(now);
        let group = self.group_mut(organization, name, now)?;
        let subject = full(organization, name);
        let attached: Vec<&str> = group.environments().map(String::as_str).collect();
        if !attached.is_empty() {
            let description = format!("{subject} has attached environments: {}.", attached.join(", "));
            let violation = Violation { kind: "IN_USE", subject, description };
            return Err(Fault::failed_precondition("environment group is in use", &[violation]));
        }
        group.life.change(Change::Delete, now, done)?;
        Ok(self.start_operation(organization, (Change::Delete, subject), ("EnvironmentGroup", json!({})), now))
    }

    /// `organizations.envgroups.attachments.list`.
    pub(super) fn list_attachments(
        &self,
        organization: &str,
        name: &str,
        paging: &Paging,
        now: u64,
    ) -> Result<Value, Fault> {
        let attachments = &self.group(organization, name, now)?.attachments;
        let there = attachments.iter().filter(|(_, attachment)| attachment.life.state(now).is_some());
        let all = there.map(|(id, attachment)| (id.as_str(), (id, attachment)));
        Ok(page("environmentGroupAttachments", all, paging, |(id, attachment)| attachment.to_json(name, id)))
    }

    /// `organizations.envgroups.attachments.get`.
    pub(super) fn get_attachment(&self, organization: &str, name: &str, id: &str, now: u64) -> Result<Value, Fault> {
        let found = self.group(organization, name, now)?.attachments.get(id);
        let found = found.filter(|attachment| attachment.life.state(now).is_some());
        found.map(|attachment| attachment.to_json(name, id)).ok_or_else(|| no_attachment(organization, name, id))
    }

    /// `organizations.envgroups.attachments.create`: the server generates the name.
    pub(super) fn create_attachment(
        &mut self,
        organization: &str,
        name: &str,
        body: &Value,
        now: u64,
    ) -> Result<Value, Fault> {
        let given = ATTACHMENT.check(body)?;
        let environment = given.get("environment").and_then(Value::as_str).unwrap_or_default().to_owned();
        if environment.is_empty() {
            return Err(Fault::invalid_argument("environment: the name of the environment is required"));
        }
        self.require_environment(organization, &environment, now)?;
        let group = self.group(organization, name, now)?;
        if group.life.state(now) != Some("ACTIVE") {
            return Err(Fault::locked());
        }
        if group.environments().any(|other| *other == environment) {
            return Err(Fault::already_exists(format!(
                "environment {environment} is already attached to {}",
                full(organization, name)
            )));
        }
        let (id, done) = (server_made_id(self.next_number()), self.done_at(now));
        let attachment = Attachment { environment, life: Life::begin(now, done) };
        let made = attachment.to_json(name, &id);
        let target = format!("{}/attachments/{id}", full(organization, name));
        self.group_mut(organization, name, now)?.attachments.insert(id, attachment);
        let answer = ("EnvironmentGroupAttachment", made);
        Ok(self.start_operation(organization, (Change::Insert, target), answer, now))
    }

    /// `organizations.envgroups.attachments.delete`.
    pub(super) fn delete_attachment(
        &mut self,
        organization: &str,
        name: &str,
        id: &str,
        now: u64,
    ) -> Result<Value, Fault> {
        self.get_attachment(organization, name, id, now)?;
        let done = self.done_at(now);
        let attachment = self.group_mut(organization, name, now)?.attachments.get_mut(id);
        let attachment = attachment.ok_or_else(|| no_attachment(organization, name, id))?;
        attachment.life.change(Change::Delete, now, done)?;
        let target = format!("{}/attachments/{id}", full(organization, name));
        let answer = ("EnvironmentGroupAttachment", json!({}));
        Ok(self.start_operation(organization, (Change::Delete, target), answer, now))
    }
}

fn no_attachment(organization: &str, name: &str, id: &str) -> Fault {
    Fault::not_found(format!("generic::not_found: {}/attachments/{id} not found", full(organization, name)))
}
