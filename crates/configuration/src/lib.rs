//! The configuration of Apigee apart from bundles: target servers, key-value maps, products and so on.
//!
//! Each kind has one file with two parts: the spec that users write and its JSON in Apigee ([`Configuration`]), and the requests that
//! read, compare and change it ([`Crud`]). One line in [`KINDS`] adds a kind. Most kinds are a [`Collection`], a table of
//! their properties.
//!
//! The module does no I/O: it gets what was read as [`Answer`] and returns what to do as [`Change`]; the deployer sends the requests.
//!
//! The function passes a [`Document`] to the deployer, one for each environment and one for each organization. It contains only references
//! to secrets, `{"valueFrom": …}`, whose values are filled in inside the pod.

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

pub mod api_doc;
pub mod app;
pub mod app_group;
mod app_plan;
pub mod attributes;
pub mod call;
pub mod collection;
pub mod common;
pub mod data_collector;
pub mod debug_mask;
pub mod developer;
pub mod document;
pub mod flow_hook;
pub mod history;
pub mod instant;
pub mod inventory;
pub mod key_value_map;
pub mod keystore;
mod kinds;
pub mod listing;
pub mod new_secret;
mod number;
pub mod ownership;
pub mod product;
mod product_path;
pub mod rate_plan;
pub mod record;
pub mod record_entries;
pub mod reference;
pub mod resource_file;
pub mod secret;
pub mod secret_folder;
pub mod target_server;

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use apigee_flux_model::diag::{FieldPath, Report};

pub use call::{Answer, Body, Change, Field, Form, Read, Request, Shape, Verb};
pub use collection::Collection;
pub use common::{Common, Configured};
pub use document::{Document, Entry, Id};
pub use inventory::{Inventory, InventoryBundle};
pub use kinds::{ConfigurationKind, KINDS, kind};
pub use new_secret::NewSecret;
pub use ownership::{Actor, Claim, Claimant};
pub use record::{Part, Record, RecordedFailure, RecordedRevision};

/// Whether a resource belongs to an environment or to the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// One environment.
    Environment,
    /// The organization, with all its environments.
    Organization,
}

/// The spec of a configuration kind.
pub trait Configuration: fmt::Debug + Send + Sync {
    /// The scope of the resource.
    fn scope(&self) -> Scope;

    /// The parent of the resource, if its name is unique only within it: a proxy, a developer, a portal.
    fn parent(&self) -> Option<&str> {
        None
    }

    /// The name in Apigee of a resource whose name cannot be chosen: a flow hook, the debug mask of an environment, or a developer, whose
    /// name is the email address.
    fn fixed_name(&self) -> Option<&str> {
        None
    }

    /// The desired state, in the form of Apigee's API. A secret is written as `{"valueFrom": …}`.
    fn body(&self, name: &str) -> Value;

    /// Checks what the schema cannot express. `name` is the name of the resource in Apigee.
    fn check(&self, name: &str, report: &mut Report<'_>);

    /// Checks what depends on the organization.
    fn check_in(&self, _organization: &str, _name: &str, _report: &mut Report<'_>) {}

    /// What the resource refers to and what must therefore exist: other configuration, proxies, shared flows.
    fn references(&self) -> Vec<ResourceReference> {
        Vec::new()
    }
}

/// A spec type with the API methods of its kind.
pub trait ConfigurationSpec: Configuration + DeserializeOwned + JsonSchema + 'static {
    /// The API methods.
    const CRUD: &'static dyn Crud;
}

/// A reference from a spec to another resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceReference {
    /// The kind of the other resource, for example `ApigeeProxy`.
    pub kind: &'static str,
    /// The name in Apigee.
    pub name: String,
    /// The field that contains the reference.
    pub at: FieldPath,
}

/// An organization, or an environment of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The organization.
    pub organization: &'a str,
    /// The environment; `None` for the organization as a whole.
    pub environment: Option<&'a str>,
}

impl Place<'_> {
    /// The scope of the resources in this place.
    pub fn scope(&self) -> Scope {
        if self.environment.is_some() { Scope::Environment } else { Scope::Organization }
    }

    /// The segments of an API path, starting with `organizations`.
    pub fn path(&self, below: &[&str]) -> Vec<String> {
        let mut parts = vec!["organizations", self.organization];
        if let Some(environment) = self.environment {
            parts.extend(["environments", environment]);
        }
        parts.iter().chain(below).map(|part| (*part).to_owned()).collect()
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.environment {
            Some(environment) => write!(f, "environment `{environment}` of `{}`", self.organization),
            None => write!(f, "organization `{}`", self.organization),
        }
    }
}

/// A [`Place`] with owned names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedPlace {
    /// The organization.
    pub organization: String,
    /// The environment; `None` for the organization as a whole.
    pub environment: Option<String>,
}

impl OwnedPlace {
    /// The place.
    pub fn as_place(&self) -> Place<'_> {
        Place { organization: &self.organization, environment: self.environment.as_deref() }
    }
}

/// The desired state of one resource: its entry with the secrets filled in.
#[derive(Clone)]
pub struct Wanted<'a> {
    /// Where the resource is.
    pub place: Place<'a>,
    /// The identity of the resource.
    pub id: &'a Id,
    /// The desired state; it contains secrets, so it is never printed. A secret that is not known is empty.
    pub body: &'a Value,
    /// The fields of the body that hold secrets, as JSON pointers (RFC 6901).
    pub secrets: &'a [String],
    /// The record of the resource, if it is managed.
    pub last: Option<&'a Record>,
}

/// How many parts that a list leaves out are read one by one before the resource is deleted: an unreliable list leaves out all of them.
const ASKED_PARTS: usize = 3;

impl Wanted<'_> {
    /// When the resource is to be deleted: the first parts of the record that Apigee's list leaves out.
    pub(crate) fn recorded_and_not<'s>(&'s self, listed: &'s BTreeSet<&str>) -> impl Iterator<Item = &'s str> {
        let parts = self.last.filter(|_| self.body.is_null()).into_iter().flat_map(|record| &record.parts);
        let names = parts.map(|part| part.name.as_str()).filter(|name| !listed.contains(name));
        names.take(ASKED_PARTS)
    }

    /// Returns an error if Apigee has one of the parts that its list leaves out, so that the list is not reliable.
    pub(crate) fn all_gone(unlisted: &[Answer]) -> Result<(), String> {
        if unlisted.iter().all(|answer| *answer == Answer::Missing) {
            return Ok(());
        }
        Err("nothing is deleted: Apigee's list leaves out parts that exist, so it is not reliable; the next run checks again".to_owned())
    }

    /// True if the field at a JSON pointer, or anything below it, is a secret.
    pub fn is_secret(&self, pointer: &str) -> bool {
        self.secrets
            .iter()
            .any(|secret| secret == pointer || secret.strip_prefix(pointer).is_some_and(|rest| rest.starts_with('/')))
    }
}

/// The result of planning.
#[derive(Debug, Default)]
pub struct Plan {
    /// The changes, in their order; empty if the resource is in sync.
    pub changes: Vec<Change>,
    /// The managed parts after the changes.
    pub parts: Vec<Part>,
}

/// The API methods of a kind. All functions are pure.
pub trait Crud: fmt::Debug + Sync {
    /// What to read first.
    fn reads(&self, wanted: &Wanted<'_>) -> Vec<Read>;

    /// What to read after the answers to [`reads`](Self::reads) are known, for example by a name that only Apigee knows. These answers
    /// are appended to the others.
    fn follow_ups(&self, _wanted: &Wanted<'_>, _answers: &[Answer]) -> Vec<Read> {
        Vec::new()
    }

    /// What must exist in Apigee before a change is sent, since Apigee rejects references to missing resources. It is read when there is a
    /// change, and waited for. A list must have at least one item.
    fn prerequisites(&self, _wanted: &Wanted<'_>) -> Vec<Read> {
        Vec::new()
    }

    /// The fields of a body that may contain a secret, as JSON pointers in which `*` stands for any key. What looks like a reference to a
    /// secret in another field is data and not changed.
    fn secrets(&self) -> &'static [&'static str] {
        &[]
    }

    /// The Secrets to create when the resource is in the desired state. `answers` are those of the last reads.
    fn new_secrets(&self, _wanted: &Wanted<'_>, _answers: &[Answer]) -> Vec<NewSecret> {
        Vec::new()
    }

    /// True if the resource may refer to a proxy or a shared flow, which must be deployed before it and removed after it.
    fn after_bundles(&self) -> bool {
        false
    }

    /// True if the resource exists in Apigee, according to the answers to [`reads`](Self::reads).
    fn exists(&self, _wanted: &Wanted<'_>, answers: &[Answer]) -> bool {
        answers.first().is_some_and(|answer| !matches!(answer, Answer::Missing))
    }

    /// Plans the changes to the desired state. The error says what cannot be done and how to fix it.
    fn plan(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Plan, String>;

    /// Plans the changes that delete the resource. The body of `wanted` is null: only the record is known.
    fn remove(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Vec<Change>, String>;
}
