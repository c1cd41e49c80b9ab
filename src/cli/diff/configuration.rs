//! The differences of configuration. Secrets are not available for a comparison: they count as equal, and are never shown.

use serde_json::Value;

use super::claims::Recorded;
use super::difference::{Detail, Difference, PlannedChange};
use super::unified;
use apigee_flux_configuration::{Field, OwnedPlace};
use apigee_flux_deployer::apply::{Applied, ResourceResult, compare};
use apigee_flux_deployer::{Client, Error, Register};
use apigee_flux_function::expand::DesiredConfiguration;
use apigee_flux_model::exit::Exit;

/// Compares the configuration of a place.
pub(super) async fn differences(
    client: &Client,
    desired: &DesiredConfiguration,
    recorded: &Recorded,
    register: &Register,
) -> Result<Vec<Difference>, Error> {
    let (place, document) = (&recorded.place, &desired.document);
    let report = compare(client, place, document, register).await;
    let compared = report.resources.into_iter().zip(&document.resources);
    compared
        .map(|(applied, entry)| {
            let namespace = desired.namespaces.get(&entry.id).map(String::as_str);
            let mut difference = difference(place, applied)?;
            recorded.settle(&mut difference, &entry.id, namespace, entry.adopt);
            Ok(difference)
        })
        .collect()
}

fn difference(place: &OwnedPlace, applied: Applied) -> Result<Difference, Error> {
    let Applied { id, result, reason, fields, exit } = applied;
    if exit.is_temporary() || exit == Exit::NoPermission {
        return Err(Error::Temporary(format!("{id}: {reason}")));
    }
    Ok(Difference {
        organization: place.organization.clone(),
        environment: place.environment.clone(),
        name: id.path(),
        kind: id.kind,
        change: match result {
            ResourceResult::Unchanged | ResourceResult::Left => PlannedChange::Unchanged,
            ResourceResult::Created => PlannedChange::Create,
            ResourceResult::Deleted => PlannedChange::Remove,
            ResourceResult::Adopted | ResourceResult::Updated => PlannedChange::Update,
            ResourceResult::Failed => PlannedChange::Refused,
        },
        reason: if result == ResourceResult::Adopted { "in sync; apigee-flux adopts it".to_owned() } else { reason },
        details: fields.iter().map(detail).collect(),
    })
}

fn detail(field: &Field) -> Detail {
    let change = match (&field.live, &field.wanted) {
        (None, Some(_)) => PlannedChange::Create,
        (Some(_), None) => PlannedChange::Remove,
        _ => PlannedChange::Update,
    };
    let diff = if field.secret {
        "(a secret, which is not shown)\n".to_owned()
    } else {
        let [live, wanted] = [&field.live, &field.wanted].map(|value| value.as_ref().map(shown).unwrap_or_default());
        unified::diff(&live, &wanted)
    };
    Detail { part: field.at.trim_start_matches('/').to_owned(), change, diff }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        // A value always has a JSON form.
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    };
    format!("{text}\n")
}
