//! The configuration of Apigee beside its bundles: target servers, key value maps, products and so on.
//!
//! One file for each kind holds both halves of it: the spec that users write with the JSON that Apigee is to have
//! ([`Configuration`]), and the calls that read, compare and change it ([`Crud`]). One line in [`crate::spec::KINDS`] adds a kind.
//! Most kinds are a [`Collection`], a table of what is special about them.
//!
//! Pure: what is read comes as [`Answer`], what is to be done leaves as [`Change`]; `apigee::apply` does the calls.
//!
//! Between the function and the deployer stands a [`Document`], one for each environment and one for each organization. Secrets stand
//! in it as `{"valueFrom": …}` only, and are filled in inside the pod.

pub mod api_doc;
pub mod app;
pub mod app_group;
mod app_plan;
pub mod attributes;
pub mod call;
pub mod collection;
pub mod data_collector;
pub mod debug_mask;
pub mod developer;
pub mod document;
pub mod flow_hook;
pub mod instant;
pub mod key_value_map;
pub mod keystore;
mod number;
pub mod pem;
pub mod product;
mod product_path;
pub mod rate_plan;
pub mod record;
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

use crate::diag::{FieldPath, Report};

pub use call::{Answer, Body, Change, Field, Form, Read, Request, Shape, Verb};
pub use collection::Collection;
pub use document::{Document, Entry, Id};
pub use record::{Part, Record, WhenGone};

/// Where a resource lives in Apigee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// In one environment.
    Environment,
    /// In the organization, seen by all its environments.
    Organization,
}

/// The spec of a configuration kind.
pub trait Configuration: fmt::Debug + Send + Sync {
    /// Where the resource lives.
    fn scope(&self) -> Scope;

    /// What the resource belongs to, if its name is unique only there: a proxy, a developer, a portal.
    fn parent(&self) -> Option<&str> {
        None
    }

    /// The name in Apigee of what cannot be named freely: one of the points in the flow, the one mask of an environment, a developer,
    /// whose name is the email.
    fn fixed_name(&self) -> Option<&str> {
        None
    }

    /// What Apigee is to have, in the words of its API. A secret stands as `{"valueFrom": …}`.
    fn body(&self, name: &str) -> Value;

    /// Finds what is wrong with it beyond its shape. `name` is the resource's name in Apigee.
    fn check(&self, name: &str, report: &mut Report<'_>);

    /// Finds what is wrong with it in one organization.
    fn check_in(&self, _organization: &str, _name: &str, _report: &mut Report<'_>) {}

    /// What it names that must exist: other configuration, proxies, shared flows.
    fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

/// A spec type with the calls of its kind.
pub trait ConfigurationSpec: Configuration + DeserializeOwned + JsonSchema + 'static {
    /// The calls.
    const CRUD: &'static dyn Crud;
}

/// A name that a spec gives to something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The kind of resource that declares it, for example `ApigeeProxy`.
    pub kind: &'static str,
    /// The name in Apigee.
    pub name: String,
    /// The field that holds it.
    pub at: FieldPath,
}

/// An organization, or an environment of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The organization.
    pub organization: &'a str,
    /// The environment, for what lives in one.
    pub environment: Option<&'a str>,
}

impl Place<'_> {
    /// What lives there.
    pub fn scope(&self) -> Scope {
        if self.environment.is_some() { Scope::Environment } else { Scope::Organization }
    }

    /// The parts of a path of the API from `organizations` on.
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

/// A place that owns its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedPlace {
    /// The organization.
    pub organization: String,
    /// The environment, for what lives in one.
    pub environment: Option<String>,
}

impl OwnedPlace {
    /// The place.
    pub fn as_place(&self) -> Place<'_> {
        Place { organization: &self.organization, environment: self.environment.as_deref() }
    }
}

/// What is wanted of one resource: the entry with its secrets filled in.
#[derive(Clone)]
pub struct Wanted<'a> {
    /// Where.
    pub place: Place<'a>,
    /// What.
    pub id: &'a Id,
    /// What Apigee is to have; holds secrets, so it is never printed. A secret that is not known is empty.
    pub body: &'a Value,
    /// The fields of the body that hold secrets, as JSON pointers (RFC 6901).
    pub secrets: &'a [String],
    /// What this program last made of it, if it did.
    pub last: Option<&'a Record>,
}

/// So many parts that a list leaves out are asked for by themselves before what holds them is deleted: a list that lies leaves out all.
const ASKED_PARTS: usize = 3;

impl Wanted<'_> {
    /// When the resource is to go: the first parts of the record that a list of what Apigee has leaves out.
    pub(crate) fn recorded_and_not<'s>(&'s self, listed: &'s BTreeSet<&str>) -> impl Iterator<Item = &'s str> {
        let parts = self.last.filter(|_| self.body.is_null()).into_iter().flat_map(|record| &record.parts);
        let names = parts.map(|part| part.name.as_str()).filter(|name| !listed.contains(name));
        names.take(ASKED_PARTS)
    }

    /// Whether Apigee knows none of the parts that its list leaves out. The error says that it contradicts itself.
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

/// What a plan comes to.
#[derive(Debug, Default)]
pub struct Plan {
    /// The calls, in their order; none when all is as wanted.
    pub changes: Vec<Change>,
    /// The parts that are ours when the calls were done.
    pub parts: Vec<Part>,
}

/// The calls of a kind. All of it is pure.
pub trait Crud: fmt::Debug + Sync {
    /// What to read before anything is decided.
    fn reads(&self, wanted: &Wanted<'_>) -> Vec<Read>;

    /// What to read when the answers to [`reads`](Self::reads) are known, for example by a name that only Apigee knows. Those answers
    /// stand behind the others.
    fn follow_ups(&self, _wanted: &Wanted<'_>, _answers: &[Answer]) -> Vec<Read> {
        Vec::new()
    }

    /// What must be in Apigee before anything is sent, since Apigee refuses for good what names something that is not there yet. It is
    /// read when something is to be changed, and waited for. A list must have an item.
    fn prerequisites(&self, _wanted: &Wanted<'_>) -> Vec<Read> {
        Vec::new()
    }

    /// The fields of a body that may hold a secret, as JSON pointers in which `*` stands for any key. What looks like a place of a secret
    /// elsewhere is data and stays as it is.
    fn secrets(&self) -> &'static [&'static str] {
        &[]
    }

    /// True if it may name a proxy or a shared flow, which then must be deployed before it and stay until it is gone.
    fn after_bundles(&self) -> bool {
        false
    }

    /// True if Apigee has the resource at all, by the answers to [`reads`](Self::reads).
    fn exists(&self, _wanted: &Wanted<'_>, answers: &[Answer]) -> bool {
        answers.first().is_some_and(|answer| !matches!(answer, Answer::Missing))
    }

    /// What to do so that Apigee has what is wanted. The error says what cannot be done, and the way out.
    fn plan(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Plan, String>;

    /// What to do so that Apigee does not have it any more. The body of `wanted` is null: only what the record says is known.
    fn remove(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Vec<Change>, String>;
}
