//! Differences as JSON.

use serde::Serialize;

use super::difference::{Difference, PlannedChange};
use apigee_flux_model::diag::plain::PlainText;

/// The whole report.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonReport<'d> {
    create: usize,
    update: usize,
    remove: usize,
    unchanged: usize,
    /// All resources, including unchanged ones.
    resources: &'d [Difference],
}

/// One object: how many of each change, and all resources.
pub(super) fn json(differences: &[Difference]) -> anyhow::Result<PlainText> {
    let report = JsonReport {
        create: PlannedChange::Create.count(differences),
        update: PlannedChange::Update.count(differences),
        remove: PlannedChange::Remove.count(differences),
        unchanged: PlannedChange::Unchanged.count(differences),
        resources: differences,
    };
    Ok(PlainText::of_json(&serde_json::to_string_pretty(&report)?))
}
