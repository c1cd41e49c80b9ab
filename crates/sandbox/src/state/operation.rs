//! Long-running operations: Apigee's response to a change of an environment or an environment group.
//!
//! The change is applied immediately; until the operation is done, the resource has the state CREATING, UPDATING or DELETING.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::State;
use crate::api::{ApiError, ApiRequest, ApiResponse, Handler, Method, Paging, Parameter, Parameters, page, prune};

pub(crate) const METHODS: &[Method] = &[
    Method::get("operations", Handler::State(list)).query(LISTING),
    Method::get("operations/{name}", Handler::State(get)),
];

/// The parameters of a list. Neither a filter nor partial success means anything here.
const LISTING: Parameters = &[
    ("filter", Parameter::Text),
    ("pageSize", Parameter::Int32),
    ("pageToken", Parameter::Text),
    ("returnPartialSuccess", Parameter::Bool),
];

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OperationKind {
    Insert,
    Update,
    Delete,
}

impl OperationKind {
    /// As `GoogleCloudApigeeV1OperationMetadata` writes it.
    const fn operation_type(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }

    /// The state of the resource until the operation is done.
    const fn state(self) -> &'static str {
        match self {
            Self::Insert => "CREATING",
            Self::Update => "UPDATING",
            Self::Delete => "DELETING",
        }
    }
}

/// The creation and the last change of a resource. Times are in milliseconds since 1970.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lifecycle {
    pub(crate) created: u64,
    pub(crate) modified: u64,
    /// The last change, and when it is done.
    last: Option<(OperationKind, u64)>,
}

impl Lifecycle {
    /// For a resource that was not created by an operation.
    pub(crate) fn at(now: u64) -> Self {
        Self { created: now, modified: now, last: None }
    }

    /// For a resource that an operation creates.
    pub(crate) fn begin(now: u64, done: u64) -> Self {
        Self { last: Some((OperationKind::Insert, done)), ..Self::at(now) }
    }

    /// `ACTIVE` or the state of the pending change; `None` if the resource is deleted.
    pub(crate) fn state(&self, now: u64) -> Option<&'static str> {
        match self.last {
            Some((change, done)) if now < done => Some(change.state()),
            Some((OperationKind::Delete, _)) => None,
            _ => Some("ACTIVE"),
        }
    }

    /// Whether the resource is neither deleted nor being deleted.
    pub(crate) fn stays(&self) -> bool {
        !matches!(self.last, Some((OperationKind::Delete, _)))
    }

    /// Starts a change; refused while another change is pending.
    pub(crate) fn change(&mut self, change: OperationKind, now: u64, done: u64) -> Result<(), ApiError> {
        if self.state(now) != Some("ACTIVE") {
            return Err(ApiError::locked());
        }
        self.modified = now;
        self.last = Some((change, done));
        Ok(())
    }
}

/// An operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operation {
    id: String,
    change: OperationKind,
    /// For example `organizations/o/environments/prod`.
    target: String,
    started: u64,
    done: u64,
    /// The response once the operation is done.
    response: Value,
}

impl Operation {
    /// `GoogleLongrunningOperation`.
    fn to_json(&self, organization: &str, now: u64) -> Value {
        let done = now >= self.done;
        let state = if done { "FINISHED" } else { "IN_PROGRESS" };
        let elapsed = now.saturating_sub(self.started) * 100;
        let percent = if done { 100 } else { elapsed / (self.done - self.started).max(1) };
        let mut object = json!({
            "name": format!("organizations/{organization}/operations/{}", self.id),
            "metadata": {
                "@type": "type.googleapis.com/google.cloud.apigee.v1.OperationMetadata",
                "operationType": self.change.operation_type(),
                "targetResourceName": self.target,
                "state": state,
                "progress": {"percentDone": percent, "state": state},
            },
        });
        if done {
            object["done"] = json!(true);
            object["response"] = self.response.clone();
        }
        prune(object)
    }
}

/// A name in the form of the names that the server generates.
pub(crate) fn server_made_id(number: u64) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// `organizations.operations.list`. A filter is ignored.
fn list(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (organization, now) = (request.organization(), request.now);
    let paging = Paging::parse(request)?;
    let list = state.organizations.get(organization).map(|organization| &organization.operations);
    let all = list.into_iter().flatten().map(|operation| (operation.id.as_str(), operation));
    let shown = |operation: &Operation| operation.to_json(organization, now);
    Ok(ApiResponse::Json(page("operations", all, &paging, shown)))
}

/// `organizations.operations.get`.
fn get(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (organization, now) = (request.organization(), request.now);
    let id = request.parameter("name");
    let list = state.organizations.get(organization).map(|organization| &organization.operations);
    let found = list.into_iter().flatten().find(|operation| operation.id == id);
    found.map(|operation| ApiResponse::Json(operation.to_json(organization, now))).ok_or_else(|| {
        ApiError::not_found(format!("generic::not_found: organizations/{organization}/operations/{id} not found"))
    })
}

impl State {
    /// When an operation that begins now will be done.
    pub(crate) fn done_at(&self, now: u64) -> u64 {
        now.saturating_add(self.settings.progressing)
    }

    /// Stores an operation and returns it as the response. `message` is the type of `response` in `google.cloud.apigee.v1`.
    pub(crate) fn start_operation(
        &mut self,
        organization: &str,
        (change, target): (OperationKind, String),
        (message, mut response): (&str, Value),
        now: u64,
    ) -> ApiResponse {
        response["@type"] = match change {
            OperationKind::Delete => json!("type.googleapis.com/google.protobuf.Empty"),
            OperationKind::Insert | OperationKind::Update => {
                json!(format!("type.googleapis.com/google.cloud.apigee.v1.{message}"))
            }
        };
        let done = self.done_at(now);
        let id = server_made_id(self.next_number());
        let operation = Operation { id, change, target, started: now, done, response };
        let response = operation.to_json(organization, now);
        self.organization_mut(organization).operations.push(operation);
        ApiResponse::Json(response)
    }
}
