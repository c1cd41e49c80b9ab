//! What `status` and `audit` print: a row for each resource.

use serde::Serialize;

use apigee_flux_deployer::audit::Row;
use apigee_flux_model::diag::plain::PlainText;

/// A column: its heading, and a row's cell.
pub(super) type Column<R = Row> = (&'static str, fn(&R) -> &str);

/// The text of an optional cell.
pub(super) fn text(cell: Option<&String>) -> &str {
    cell.map(String::as_str).unwrap_or_default()
}

/// All rows as a JSON list of objects.
pub(super) fn json<R: Serialize>(rows: &[R]) -> anyhow::Result<PlainText> {
    Ok(PlainText::of_json(&serde_json::to_string_pretty(rows)?))
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use apigee_flux_deployer::audit::Origin;

    /// A row of a proxy.
    pub(in crate::cli) fn row(name: &str, author: &str) -> Row {
        Row {
            organization: "acme".into(),
            environment: Some("prod".into()),
            kind: "ApigeeProxy".into(),
            name: name.into(),
            origin: Origin::Git,
            revision: Some("7".into()),
            state: None,
            digest: Some("sha256:0123456789abcdef".into()),
            source: None,
            commit: None,
            tag: None,
            author: Some(author.into()),
            time: None,
            owner: Some("team-a/prod".into()),
            namespace: Some("team-a".into()),
            cluster: None,
            changed: None,
            log_filter: "a:\"b\"".into(),
        }
    }
}
