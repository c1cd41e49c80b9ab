//! `status`: what is deployed, its state, and the commit it comes from. It only reads.

use std::process::ExitCode;

use super::args::OrganizationArgs;
use super::out;
use super::resource_rows::{Column, json, text};
use apigee_flux_deployer::audit::{Origin, Row};
use apigee_flux_model::diag::plain::{PlainText, plain};

/// Show what is deployed in Apigee, its state, and the commit it comes from.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    organization: OrganizationArgs,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: StatusFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum StatusFormat {
    /// A table.
    Text,
    /// A JSON list of objects.
    Json,
}

const STATUS: &[Column] = &[
    ("ENVIRONMENT", |row| row.environment.as_deref().unwrap_or("(organization)")),
    ("KIND", |row| &row.kind),
    ("NAME", |row| &row.name),
    ("REVISION", |row| text(row.revision.as_ref())),
    ("STATE", |row| text(row.state.as_ref())),
    ("DIGEST", |row| short(row.digest.as_ref())),
    ("COMMIT", |row| match row.origin {
        Origin::Outside => "(outside Git)",
        Origin::Git => short(row.commit.as_ref()),
    }),
    ("OWNER", |row| text(row.owner.as_ref())),
    ("AUTHOR", |row| text(row.author.as_ref())),
    ("TIME", |row| text(row.time.as_ref())),
];

/// The first characters of a digest or a commit.
fn short(cell: Option<&String>) -> &str {
    let text = text(cell);
    let text = text.strip_prefix("sha256:").unwrap_or(text);
    text.get(..10).unwrap_or(text)
}

/// Runs the command.
pub(super) fn run(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let rows = args.organization.rows(true)?;
    out::stdout(&match args.format {
        StatusFormat::Text => table(&rows, STATUS),
        StatusFormat::Json => json(&rows)?,
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A text table whose columns are as wide as their longest cell.
fn table(rows: &[Row], columns: &[Column]) -> PlainText {
    let mut lines: Vec<Vec<String>> = vec![columns.iter().map(|(name, _)| (*name).to_owned()).collect()];
    lines.extend(rows.iter().map(|row| columns.iter().map(|(_, cell)| plain(cell(row))).collect()));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = PlainText::new();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.line(cells.join("  ").trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::resource_rows::testing::row;

    #[test]
    fn the_table_is_for_people() {
        let text = table(&[row("orders", "Jo")], STATUS).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].find("DIGEST"), lines[1].find("0123456789"));
        assert!(!lines[1].contains("abcdef") && lines[1].ends_with("Jo"), "{text}");
    }
}
