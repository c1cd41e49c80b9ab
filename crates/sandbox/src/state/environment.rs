//! Environments.
//!
//! Every environment exists, which is convenient on a laptop, until a request creates one or the settings name one: from then on an unknown
//! environment is not found, as in Apigee. Environments that are in use at that time continue to exist.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::environment_group::EnvironmentGroup;
use super::operation::{Lifecycle, OperationKind};
use super::{Organization, State};
use crate::api::message::name_of_new;
use crate::api::parameter::NAME;
use crate::api::{ApiError, ApiRequest, ApiResponse, Handler, Message, Method, Type, Violation, prune};
use crate::settings::Settings;
use apigee_flux_model::limits::texts;
use apigee_flux_model::names::Name;

pub(crate) const METHODS: &[Method] = &[
    Method::get("environments", Handler::State(list)),
    Method::post("environments", Handler::State(create)).query(NAME).json(&ENVIRONMENT),
    Method::get("environments/{env}", Handler::State(get)),
    Method::put("environments/{env}", Handler::State(update)).json(&ENVIRONMENT),
    Method::post("environments/{env}", Handler::State(update)).json(&ENVIRONMENT),
    Method::delete("environments/{env}", Handler::State(delete)),
];

fn list(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::Json(json!(state.environment_names(request.organization(), request.now))))
}

/// An environment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Environment {
    /// The fields that were given by requests.
    given: Map<String, Value>,
    life: Lifecycle,
}

/// `GoogleCloudApigeeV1Environment`.
const ENVIRONMENT: Message = Message {
    name: "environment",
    fields: &[
        ("displayName", Type::Text),
        ("description", Type::Text),
        ("forwardProxyUri", Type::Text),
        ("type", Type::Enum(&["ENVIRONMENT_TYPE_UNSPECIFIED", "BASE", "INTERMEDIATE", "COMPREHENSIVE"])),
        ("deploymentType", Type::Enum(&["DEPLOYMENT_TYPE_UNSPECIFIED", "PROXY", "ARCHIVE"])),
        ("apiProxyType", Type::Enum(&["API_PROXY_TYPE_UNSPECIFIED", "PROGRAMMABLE", "CONFIGURABLE"])),
        ("properties", Type::Nested(&PROPERTIES)),
        ("nodeConfig", Type::Nested(&NODE_CONFIG)),
        ("clientIpResolutionConfig", Type::Nested(&CLIENT_IP)),
        ("name", Type::Text),
        ("state", Type::Output),
        ("createdAt", Type::Output),
        ("lastModifiedAt", Type::Output),
        ("hasAttachedFlowHooks", Type::Output),
    ],
};

const PROPERTY: Message = Message { name: "property", fields: &[("name", Type::Text), ("value", Type::Text)] };

const PROPERTIES: Message =
    Message { name: "properties", fields: &[("property", Type::List(&Type::Nested(&PROPERTY)))] };

const NODE_CONFIG: Message = Message {
    name: "node_config",
    fields: &[
        ("minNodeCount", Type::Int64),
        ("maxNodeCount", Type::Int64),
        ("currentAggregateNodeCount", Type::Output),
    ],
};

const HEADER_INDEX: Message =
    Message { name: "header_index_algorithm", fields: &[("ipHeaderName", Type::Text), ("ipHeaderIndex", Type::Int32)] };

const CLIENT_IP: Message =
    Message { name: "client_ip_resolution_config", fields: &[("headerIndexAlgorithm", Type::Nested(&HEADER_INDEX))] };

/// "Can be set when creating the environment and cannot be changed", with the default values.
const IMMUTABLE: [(&str, &str); 2] = [("deploymentType", "PROXY"), ("apiProxyType", "PROGRAMMABLE")];

impl Environment {
    fn get(&self, field: &str) -> Option<&str> {
        self.given.get(field).and_then(Value::as_str)
    }
}

impl Organization {
    /// Adds the environments of the settings.
    pub(crate) fn add_environments(&mut self, settings: &Settings) {
        for name in &settings.environments {
            self.environments
                .entry(name.clone())
                .or_insert_with(|| Environment { given: Map::new(), life: Lifecycle::at(0) });
        }
        self.only_these_environments |= !settings.environments.is_empty();
    }

    /// The environments that were created or are used, without the deleted ones.
    fn known_environments(&self, now: u64) -> BTreeSet<&str> {
        let made = self.environments.iter().filter(|(_, made)| made.life.state(now).is_some());
        let used = self.deployments.iter().map(|deployed| &deployed.environment);
        let attached = self.environment_groups.values().flat_map(EnvironmentGroup::environments);
        let used = used.chain(attached).filter(|_| !self.only_these_environments);
        made.map(|(name, _)| name).chain(used).map(String::as_str).collect()
    }

    /// From now on only the known environments exist.
    fn close_environments(&mut self, now: u64) {
        if !self.only_these_environments {
            let known: Vec<String> = self.known_environments(now).into_iter().map(str::to_owned).collect();
            for name in known {
                self.environments
                    .entry(name)
                    .or_insert_with(|| Environment { given: Map::new(), life: Lifecycle::at(now) });
            }
            self.only_these_environments = true;
        }
        self.environments.retain(|_, environment| environment.life.state(now).is_some());
    }
}

fn get(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    state.environment_message(request.organization(), request.parameter("env"), request.now).map(ApiResponse::Json)
}

/// `organizations.environments.create`; the name is given in the query or in the body.
fn create(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (organization, now) = (request.organization(), request.now);
    let mut given = request.read(&ENVIRONMENT)?;
    let name = name_of_new(request.query_text("name"), &given, "an environment")?.to_owned();
    let name = name.as_str();
    given.shift_remove("name");
    texts::ENVIRONMENT.check(name).map_err(|broken| ApiError::invalid_argument(broken.message()))?;
    let done = state.done_at(now);
    let org = state.organization_mut(organization);
    if org.environments.get(name).is_some_and(|environment| environment.life.state(now).is_some()) {
        return Err(ApiError::already_exists(format!("environment {name} already exists")));
    }
    org.close_environments(now);
    org.environments.insert(name.to_owned(), Environment { given, life: Lifecycle::begin(now, done) });
    let made = state.environment_message(organization, name, done)?;
    let target = format!("organizations/{organization}/environments/{name}");
    Ok(state.start_operation(organization, (OperationKind::Insert, target), ("Environment", made), now))
}

/// `PUT` and `POST` of an environment: "If you omit properties from the payload, the properties are removed."
fn update(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (organization, now) = (request.organization(), request.now);
    let (name, body) = (request.parameter("env"), request.parse(&ENVIRONMENT)?);
    state.require_environment(organization, name, now)?;
    let mut given = ENVIRONMENT.check(&body)?;
    if given.shift_remove("name").is_some_and(|other| other != name) {
        return Err(ApiError::invalid_argument("the name of an environment cannot be changed"));
    }
    let old = state.environment(organization, name);
    for (field, default) in IMMUTABLE {
        let is = old.and_then(|old| old.get(field)).unwrap_or(default).to_owned();
        match given.get(field) {
            Some(new) if *new != is.as_str() => {
                return Err(ApiError::invalid_argument(format!("{field} is {is} and cannot be changed")));
            }
            _ => given.insert(field.to_owned(), json!(is)),
        };
    }
    let environments = &mut state.organization_mut(organization).environments;
    let new = || Environment { given: Map::new(), life: Lifecycle::at(now) };
    let environment = environments.entry(name.to_owned()).or_insert_with(new);
    if environment.life.state(now) != Some("ACTIVE") {
        return Err(ApiError::locked());
    }
    environment.given = given;
    environment.life.modified = now;
    state.environment_message(organization, name, now).map(ApiResponse::Json)
}

/// `organizations.environments.delete`, for an environment without deployments that is not in an environment group.
fn delete(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (organization, now) = (request.organization(), request.now);
    let name = request.parameter("env");
    state.require_environment(organization, name, now)?;
    let done = state.done_at(now);
    let target = format!("organizations/{organization}/environments/{name}");
    let org = state.organization_mut(organization);
    let deployed = org.deployments.iter().filter(|deployed| deployed.environment == name).map(|deployed| {
        let subject = format!("organizations/{organization}/{}/{}", deployed.kind.collection(), deployed.name);
        (subject, "is deployed in it")
    });
    let groups = org.environment_groups.iter().filter(|(_, group)| group.environments().any(|other| other == name));
    let groups =
        groups.map(|(group, _)| (format!("organizations/{organization}/envgroups/{group}"), "has it attached"));
    let violations: Vec<Violation> = deployed
        .chain(groups)
        .map(|(subject, why)| Violation {
            kind: "IN_USE",
            description: format!("{target} cannot be deleted: {subject} {why}."),
            subject,
        })
        .collect();
    if !violations.is_empty() {
        return Err(ApiError::failed_precondition("environment is in use", &violations));
    }
    org.close_environments(now);
    let new = || Environment { given: Map::new(), life: Lifecycle::at(now) };
    let environment = org.environments.entry(name.to_owned()).or_insert_with(new);
    environment.life.change(OperationKind::Delete, now, done)?;
    Ok(state.start_operation(organization, (OperationKind::Delete, target), ("Environment", json!({})), now))
}

impl State {
    /// The plain list that Apigee returns for `GET organizations/{org}/environments`, which the discovery document lacks.
    pub(crate) fn environment_names(&self, organization: &str, now: u64) -> Vec<&str> {
        match self.organizations.get(organization) {
            Some(organization) => organization.known_environments(now).into_iter().collect(),
            None => self.settings.environments.iter().map(String::as_str).collect(),
        }
    }

    /// The error for every request about an unknown environment.
    pub(crate) fn require_environment(&self, organization: &str, environment: &str, now: u64) -> Result<(), ApiError> {
        let any = match self.organizations.get(organization) {
            Some(organization) => !organization.only_these_environments,
            None => self.settings.environments.is_empty(),
        };
        if (any && environment.parse::<Name>().is_ok())
            || self.environment_names(organization, now).contains(&environment)
        {
            return Ok(());
        }
        Err(ApiError::not_found(format!("generic::not_found: environment {environment} not found")))
    }

    fn environment(&self, organization: &str, name: &str) -> Option<&Environment> {
        self.organizations.get(organization)?.environments.get(name)
    }

    pub(crate) fn is_base_environment(&self, organization: &str, name: &str) -> bool {
        self.environment(organization, name).and_then(|environment| environment.get("type")) == Some("BASE")
    }

    /// `GoogleCloudApigeeV1Environment`.
    fn environment_message(&self, organization: &str, name: &str, now: u64) -> Result<Value, ApiError> {
        self.require_environment(organization, name, now)?;
        let mut object = Map::new();
        let mut state = "ACTIVE";
        if let Some(environment) = self.environment(organization, name) {
            object.clone_from(&environment.given);
            state = environment.life.state(now).unwrap_or(state);
            object.insert("createdAt".to_owned(), json!(environment.life.created.to_string()));
            object.insert("lastModifiedAt".to_owned(), json!(environment.life.modified.to_string()));
        }
        for (field, default) in IMMUTABLE {
            object.entry(field).or_insert_with(|| json!(default));
        }
        let hooked = self.attached_flow_hooks(organization, name).next().is_some();
        object.insert("name".to_owned(), json!(name));
        object.insert("state".to_owned(), json!(state));
        object.insert("hasAttachedFlowHooks".to_owned(), json!(hooked));
        Ok(prune(Value::Object(object)))
    }
}
