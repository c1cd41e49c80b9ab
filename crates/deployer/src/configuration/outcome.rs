//! The results of applied resources: JSON lines for the log and for the termination message.

use serde::Serialize;

use crate::error::Error;
use crate::termination_message::{MAX_LINE, cut};
use apigee_flux_configuration::{Field, Id, Place};
use apigee_flux_model::diag::plain::plain;
use apigee_flux_model::exit::Exit;

/// The result for one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ResourceResult {
    /// It failed; see the reason.
    Failed,
    /// It did not exist and was created.
    Created,
    /// It differed from the desired state and was updated.
    Updated,
    /// It existed unmanaged in the desired state and is managed now.
    Adopted,
    /// It was removed from Git and is deleted.
    Deleted,
    /// It is left to its own Job, or to a later run.
    Left,
    /// It was in the desired state.
    Unchanged,
}

/// What happened to one resource; with [`Mode::Look`] what would happen.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The resource.
    pub id: Id,
    /// The result.
    pub result: ResourceResult,
    /// What was done, or why it failed, in one line without secrets.
    pub reason: String,
    /// The fields that differed, with secrets hidden.
    pub fields: Vec<Field>,
    /// How the program ends if this is the only resource.
    pub exit: Exit,
}

/// What happened to all resources.
#[derive(Debug, Clone, Default)]
pub struct ApplyReport {
    /// In the order of the document.
    pub resources: Vec<Applied>,
    /// Number of requests that change something.
    pub writes: u32,
}

/// The result of a resource that failed, or that is left to its own Job.
pub(crate) fn failed(id: &Id, error: &Error) -> Applied {
    Applied {
        id: id.clone(),
        result: if matches!(error, Error::Left(_)) { ResourceResult::Left } else { ResourceResult::Failed },
        reason: error.to_string(),
        fields: Vec::new(),
        exit: error.exit(),
    }
}

impl Applied {
    /// One JSON object in one line: the result of one resource.
    pub fn to_line(&self, place: Place<'_>) -> String {
        let line = Line {
            result: self.result,
            id: &self.id,
            organization: place.organization,
            environment: place.environment,
            reason: &plain(&self.reason),
        };
        // A struct of strings always has a JSON form.
        serde_json::to_string(&line).unwrap_or_default()
    }
}

/// The result of one resource.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    result: ResourceResult,
    #[serde(flatten)]
    id: &'a Id,
    organization: &'a str,
    environment: Option<&'a str>,
    reason: &'a str,
}

/// The termination message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApplySummary<'a> {
    result: ResourceResult,
    organization: &'a str,
    environment: Option<&'a str>,
    commit: Option<&'a str>,
    unchanged: usize,
    created: usize,
    updated: usize,
    adopted: usize,
    deleted: usize,
    left: usize,
    failed: usize,
    writes: u32,
    duration_ms: u64,
    /// How many resources are not listed.
    omitted: usize,
    resources: Vec<ResourceEntry<'a>>,
}

/// A resource in the summary.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceEntry<'a> {
    result: ResourceResult,
    #[serde(flatten)]
    id: &'a Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl ApplyReport {
    /// Totals, and as many resources as fit into [`MAX_LINE`] bytes: failures first, then changes. One JSON object.
    pub fn to_line(&self, place: Place<'_>, commit: Option<&str>, duration_ms: u64) -> String {
        let mut order: Vec<&Applied> = self.resources.iter().collect();
        order.sort_by_key(|applied| applied.result);
        let mut summary = ApplySummary {
            result: self.result(),
            organization: place.organization,
            environment: place.environment,
            commit,
            unchanged: self.count(ResourceResult::Unchanged),
            created: self.count(ResourceResult::Created),
            updated: self.count(ResourceResult::Updated),
            adopted: self.count(ResourceResult::Adopted),
            deleted: self.count(ResourceResult::Deleted),
            left: self.count(ResourceResult::Left),
            failed: self.count(ResourceResult::Failed),
            writes: self.writes,
            duration_ms,
            omitted: self.resources.len(),
            resources: Vec::new(),
        };
        // A struct of strings and numbers always has a JSON form.
        let mut used = serde_json::to_string(&summary).unwrap_or_default().len();
        for applied in order {
            let is_told = matches!(applied.result, ResourceResult::Failed | ResourceResult::Left);
            let reason = is_told.then(|| plain(cut(&applied.reason)));
            let entry = ResourceEntry { result: applied.result, id: &applied.id, reason };
            used += serde_json::to_string(&entry).unwrap_or_default().len() + 1;
            if used > MAX_LINE {
                break;
            }
            summary.resources.push(entry);
            summary.omitted -= 1;
        }
        serde_json::to_string(&summary).unwrap_or_default()
    }

    /// The worst result: failures come before changes.
    pub fn result(&self) -> ResourceResult {
        self.resources.iter().map(|applied| applied.result).min().unwrap_or(ResourceResult::Unchanged)
    }

    /// Adds the results of another report.
    pub fn extend(&mut self, other: Self) {
        self.resources.extend(other.resources);
        self.writes += other.writes;
    }

    /// The number of resources with this result.
    pub fn count(&self, ending: ResourceResult) -> usize {
        self.resources.iter().filter(|applied| applied.result == ending).count()
    }

    /// How the program ends: see [`Exit::of_all`].
    pub fn exit(&self) -> Exit {
        Exit::of_all(self.resources.iter().map(|applied| applied.exit))
    }
}
