//! `audit`: every resource and the commit it comes from. It only reads.

use std::process::ExitCode;

use serde::Serialize;

use super::args::OrganizationArgs;
use super::resource_rows::{Column, json, text};
use super::{markdown, out};
use apigee_flux_configuration::history::HistoryAction;
use apigee_flux_deployer::audit::{HistoryRow, Origin};
use apigee_flux_model::diag::plain::{Plain, PlainText};

/// List every resource in Apigee with its commit, tag, author, time and digest, and those created outside Git.
#[derive(Debug, clap::Args)]
pub(super) struct AuditArgs {
    #[command(flatten)]
    organization: OrganizationArgs,
    /// List the last deletions and repairs of the reconcilers instead, the newest first
    #[arg(long)]
    history: bool,
    /// Output format
    #[arg(long, value_enum, default_value = "markdown")]
    format: AuditFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum AuditFormat {
    /// A Markdown table.
    Markdown,
    /// CSV (RFC 4180) with a header.
    Csv,
    /// A JSON list of objects.
    Json,
}

const AUDIT: &[Column] = &[
    ("organization", |row| &row.organization),
    ("environment", |row| text(row.environment.as_ref())),
    ("kind", |row| &row.kind),
    ("name", |row| &row.name),
    ("origin", |row| match row.origin {
        Origin::Git => "git",
        Origin::Outside => "outside",
    }),
    ("revision", |row| text(row.revision.as_ref())),
    ("digest", |row| text(row.digest.as_ref())),
    ("source", |row| text(row.source.as_ref())),
    ("commit", |row| text(row.commit.as_ref())),
    ("tag", |row| text(row.tag.as_ref())),
    ("author", |row| text(row.author.as_ref())),
    ("time", |row| text(row.time.as_ref())),
    ("owner", |row| text(row.owner.as_ref())),
    ("namespace", |row| text(row.namespace.as_ref())),
    ("cluster", |row| text(row.cluster.as_ref())),
    ("changed", |row| text(row.changed.as_ref())),
    ("logFilter", |row| &row.log_filter),
];

const HISTORY: &[Column<HistoryRow>] = &[
    ("time", |row| &row.time),
    ("action", |row| match row.action {
        HistoryAction::Deleted => "deleted",
        HistoryAction::Repaired => "repaired",
    }),
    ("organization", |row| &row.organization),
    ("environment", |row| text(row.environment.as_ref())),
    ("kind", |row| &row.kind),
    ("name", |row| &row.name),
    ("owner", |row| &row.owner),
    ("namespace", |row| text(row.namespace.as_ref())),
    ("cluster", |row| text(row.cluster.as_ref())),
    ("source", |row| text(row.source.as_ref())),
    ("commit", |row| text(row.commit.as_ref())),
    ("reason", |row| &row.reason),
];

/// Runs the command.
pub(super) fn run(args: &AuditArgs) -> anyhow::Result<ExitCode> {
    let text = if args.history {
        shown(args.format, &args.organization.history()?, HISTORY)
    } else {
        shown(args.format, &args.organization.rows(false)?, AUDIT)
    };
    out::stdout(&text?)?;
    Ok(ExitCode::SUCCESS)
}

fn shown<R: Serialize>(format: AuditFormat, rows: &[R], columns: &[Column<R>]) -> anyhow::Result<PlainText> {
    Ok(match format {
        AuditFormat::Markdown => markdown(rows, columns),
        AuditFormat::Csv => csv(rows, columns),
        AuditFormat::Json => json(rows)?,
    })
}

fn markdown<R>(rows: &[R], columns: &[Column<R>]) -> PlainText {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let mut text = PlainText::new();
    text.line(format_args!("| {} |", names.join(" | ")));
    text.line(format_args!("|{}", "---|".repeat(columns.len())));
    for row in rows {
        let cells: Vec<String> = columns.iter().map(|(_, cell)| markdown::plain(cell(row))).collect();
        text.line(format_args!("| {} |", cells.join(" | ")));
    }
    text
}

/// CSV as in RFC 4180. A cell that a spreadsheet would evaluate as a formula is prefixed with an apostrophe.
fn csv<R>(rows: &[R], columns: &[Column<R>]) -> PlainText {
    let cell = |text: &str| {
        let formula = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        let text = format!("{formula}{}", Plain(text));
        if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    };
    let mut text = PlainText::new();
    text.span(columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(","));
    text.end_record();
    for row in rows {
        let cells: Vec<String> = columns.iter().map(|(_, of)| cell(of(row))).collect();
        text.span(cells.join(","));
        text.end_record();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::resource_rows::testing::row;

    #[test]
    fn no_cell_leaves_its_place() {
        let rows = [row("orders", "=HYPERLINK(\"x\"), Jo"), row("a|b", "<b>\n@all")];
        let text = csv(&rows, AUDIT).to_string();
        assert!(text.contains(",\"'=HYPERLINK(\"\"x\"\"), Jo\","), "{text}");
        assert_eq!(text.matches("\r\n").count(), 3);
        let text = markdown(&rows, AUDIT).to_string();
        assert!(!text.contains("a|b") && !text.contains("<b>") && !text.contains("@all"), "{text}");
        assert_eq!(text.lines().count(), 4);
    }
}
