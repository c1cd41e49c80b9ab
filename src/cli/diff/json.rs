//! Differences as JSON.

use serde::Serialize;

use super::difference::{Comparison, Difference, PlannedChange};
use apigee_flux_model::diag::plain::PlainText;

/// The whole report.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonReport<'d> {
    refused: usize,
    create: usize,
    update: usize,
    remove: usize,
    delete: usize,
    #[serde(rename = "move")]
    moved: usize,
    kept: usize,
    unchanged: usize,
    /// What a reader must know to judge the rest.
    notes: &'d [String],
    /// All resources, including unchanged ones.
    resources: &'d [Difference],
}

/// One object: how many of each change, and all resources.
pub(super) fn json(comparison: &Comparison) -> anyhow::Result<PlainText> {
    let Comparison { differences, notes } = comparison;
    let report = JsonReport {
        refused: PlannedChange::Refused.count(differences),
        create: PlannedChange::Create.count(differences),
        update: PlannedChange::Update.count(differences),
        remove: PlannedChange::Remove.count(differences),
        delete: PlannedChange::Delete.count(differences),
        moved: PlannedChange::Move.count(differences),
        kept: PlannedChange::Kept.count(differences),
        unchanged: PlannedChange::Unchanged.count(differences),
        notes,
        resources: differences,
    };
    Ok(PlainText::of_json(&serde_json::to_string_pretty(&report)?))
}
