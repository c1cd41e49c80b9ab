//! The histories of the reconcilers of a place: what they deleted and repaired lately.

use crate::api::client::Client;
use crate::error::Error;
use crate::records::register::{self, Register};
use apigee_flux_configuration::history::{self, HistoryEntry, HistoryPage};
use apigee_flux_configuration::{Claimant, Place};

/// The pages of all histories of a place.
pub async fn read_history(client: &Client, place: Place<'_>) -> Result<Vec<HistoryPage>, Error> {
    Ok(Register::read(client, place).await?.history().to_vec())
}

/// Adds entries, the newest first, to the history of a claimant, which only its reconciler writes.
pub async fn append_history(
    client: &Client,
    place: Place<'_>,
    claimant: &Claimant,
    new: Vec<HistoryEntry>,
) -> Result<(), Error> {
    if new.is_empty() {
        return Ok(());
    }
    let own = HistoryPage::new(claimant);
    let mut values = Vec::new();
    while let Some(value) = register::read_entry(client, place, &own.key(values.len() + 1)).await? {
        values.push(value);
    }
    if values.is_empty() {
        Register::default().prepare(client, place).await?;
    }
    let pages = values.iter().filter_map(|value| HistoryPage::parse(value)).collect();
    let wanted = history::prepend(claimant, new, pages);
    for (index, value) in wanted.iter().enumerate().filter(|(index, value)| values.get(*index) != Some(*value)) {
        register::write_entry(client, place, &own.key(index + 1), value, index < values.len()).await?;
    }
    for number in wanted.len()..values.len() {
        register::delete_entry(client, place, &own.key(number + 1)).await?;
    }
    Ok(())
}
