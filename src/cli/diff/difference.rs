//! One entry of a report: a resource, and what a deployment would change about it. The form is the same for all kinds.

use std::fmt;

use serde::Serialize;

/// A resource of an environment, compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Difference {
    pub organization: String,
    /// `None` for a resource of the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The kind as in specs, for example `ApigeeProxy`.
    pub kind: String,
    /// The name in Apigee.
    pub name: String,
    /// What a deployment would do.
    pub change: PlannedChange,
    /// The reason, in one line.
    pub reason: String,
    /// The parts that differ, if they are known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Detail>,
}

/// A part that differs: a file, or a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Detail {
    /// The file's path, or the field's.
    pub part: String,
    pub change: PlannedChange,
    /// A unified diff from the actual to the desired state, or a line in parentheses that says why there is no diff. It contains no
    /// credentials.
    pub diff: String,
}

/// What would happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum PlannedChange {
    Create,
    Update,
    Remove,
    Unchanged,
}

impl PlannedChange {
    /// All changes, in the order of reports.
    pub(super) const ALL: [Self; 4] = [Self::Create, Self::Update, Self::Remove, Self::Unchanged];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Remove => "remove",
            Self::Unchanged => "unchanged",
        }
    }

    /// The number of differences with this change.
    pub(super) fn count(self, differences: &[Difference]) -> usize {
        differences.iter().filter(|difference| difference.change == self).count()
    }
}

impl fmt::Display for PlannedChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Difference {
    /// `organization/environment`.
    pub(super) fn place(&self) -> String {
        match &self.environment {
            Some(environment) => format!("{}/{environment}", self.organization),
            None => self.organization.clone(),
        }
    }
}

/// All changes in one line, as `1 to create, 2 to update, 0 to remove, 5 unchanged`.
pub(super) fn summary(differences: &[Difference]) -> String {
    let counts = PlannedChange::ALL.map(|change| {
        let to = if change == PlannedChange::Unchanged { "" } else { "to " };
        format!("{} {to}{change}", change.count(differences))
    });
    counts.join(", ")
}
