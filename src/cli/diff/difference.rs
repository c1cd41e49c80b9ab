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

/// What would happen. The order is that of reports: what would fail comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum PlannedChange {
    /// A Job or the reconciler would fail, for example because another owner has the resource.
    Refused,
    Create,
    Update,
    /// Its spec says `state: absent`.
    Remove,
    /// It is not in the specs any more, and the reconciler removes it from Apigee.
    Delete,
    /// Only its owner changes, for example because its spec moved to another namespace.
    Move,
    /// It is not in the specs any more, and nothing changes it.
    Kept,
    Unchanged,
}

impl PlannedChange {
    /// All changes, in the order of reports.
    pub(super) const ALL: [Self; 8] = [
        Self::Refused,
        Self::Create,
        Self::Update,
        Self::Remove,
        Self::Delete,
        Self::Move,
        Self::Kept,
        Self::Unchanged,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Create => "create",
            Self::Update => "update",
            Self::Remove => "remove",
            Self::Delete => "delete",
            Self::Move => "move",
            Self::Kept => "kept",
            Self::Unchanged => "unchanged",
        }
    }

    /// True if Apigee, or a record in it, would change, or if a change would fail.
    pub(super) const fn is_change(self) -> bool {
        !matches!(self, Self::Kept | Self::Unchanged)
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

/// A whole report.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// All resources; what would fail comes first.
    pub differences: Vec<Difference>,
    /// What a reader must know to judge the rest, each in one line.
    pub notes: Vec<String>,
}

impl Comparison {
    /// True if nothing would change or fail.
    pub(super) fn is_in_sync(&self) -> bool {
        !self.differences.iter().any(|difference| difference.change.is_change())
    }
}

impl Difference {
    /// Adds a clause to the reason.
    pub(super) fn add_reason(&mut self, clause: &str) {
        self.reason.push_str("; ");
        self.reason.push_str(clause);
    }

    /// `organization/environment`.
    pub(super) fn place(&self) -> String {
        match &self.environment {
            Some(environment) => format!("{}/{environment}", self.organization),
            None => self.organization.clone(),
        }
    }
}

/// All changes in one line, as `1 to create, 2 to update, 0 to remove, 5 unchanged`. The others are only named if there are any.
pub(super) fn summary(differences: &[Difference]) -> String {
    let counts = PlannedChange::ALL.into_iter().filter_map(|change| {
        let count = change.count(differences);
        let (to, is_always_named) = match change {
            PlannedChange::Create | PlannedChange::Update | PlannedChange::Remove => ("to ", true),
            PlannedChange::Delete | PlannedChange::Move => ("to ", false),
            PlannedChange::Refused | PlannedChange::Kept => ("", false),
            PlannedChange::Unchanged => ("", true),
        };
        (is_always_named || count > 0).then(|| format!("{count} {to}{change}"))
    });
    counts.collect::<Vec<_>>().join(", ")
}
