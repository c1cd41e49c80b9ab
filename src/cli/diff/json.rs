//! Differences as JSON.

use serde::Serialize;

use super::difference::{Change, Difference};
use apigee_flux_model::diag::plain::PlainText;

/// The whole report.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'d> {
    create: usize,
    update: usize,
    remove: usize,
    unchanged: usize,
    /// All resources, including unchanged ones.
    resources: &'d [Difference],
}

/// One object: how many of each change, and all resources.
pub(super) fn json(differences: &[Difference]) -> anyhow::Result<PlainText> {
    let report = Report {
        create: Change::Create.count(differences),
        update: Change::Update.count(differences),
        remove: Change::Remove.count(differences),
        unchanged: Change::Unchanged.count(differences),
        resources: differences,
    };
    Ok(PlainText::of_json(&serde_json::to_string_pretty(&report)?))
}
