//! `status` and `audit`: what is deployed, and which commit it comes from. Both only read.

use std::process::ExitCode;
use std::time::Duration;

use tokio::time::Instant;

use super::args::ApigeeArgs;
use super::{markdown, out};
use apigee_flux_deployer::Error;
use apigee_flux_deployer::audit::{Origin, Row, audit};
use apigee_flux_model::diag::plain::{self, Plain, Text};
use apigee_flux_model::duration;
use apigee_flux_model::names::Name;

/// The options of both commands.
#[derive(Debug, clap::Args)]
struct PlaceArgs {
    /// The Apigee organization
    #[arg(long = "org", value_name = "ORG")]
    organization: Name,
    /// Only these environments; default: all
    #[arg(long = "env", value_name = "ENV", value_delimiter = ',')]
    environments: Vec<Name>,
    /// Give up after this time
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    apigee: ApigeeArgs,
}

/// Show what is deployed in Apigee, its state, and the commit it comes from.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// Output format
    #[arg(long, value_enum, default_value = "text")]
    format: StatusFormat,
}

/// List every resource in Apigee with its commit, tag, author, time and digest, and those created outside Git.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: PlaceArgs,
    /// Output format
    #[arg(long, value_enum, default_value = "markdown")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum StatusFormat {
    /// A table.
    Text,
    /// A JSON list of objects.
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A Markdown table.
    Markdown,
    /// CSV (RFC 4180) with a header.
    Csv,
    /// A JSON list of objects.
    Json,
}

/// A column: its heading, and a row's cell.
type Column = (&'static str, fn(&Row) -> &str);

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
    ("AUTHOR", |row| text(row.author.as_ref())),
    ("TIME", |row| text(row.time.as_ref())),
];

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
    ("commit", |row| text(row.commit.as_ref())),
    ("tag", |row| text(row.tag.as_ref())),
    ("author", |row| text(row.author.as_ref())),
    ("time", |row| text(row.time.as_ref())),
    ("owner", |row| text(row.owner.as_ref())),
    ("changed", |row| text(row.changed.as_ref())),
    ("logFilter", |row| &row.log_filter),
];

fn text(cell: Option<&String>) -> &str {
    cell.map(String::as_str).unwrap_or_default()
}

/// The first characters of a digest or a commit.
fn short(cell: Option<&String>) -> &str {
    let text = text(cell);
    let text = text.strip_prefix("sha256:").unwrap_or(text);
    text.get(..10).unwrap_or(text)
}

/// Runs `status`.
pub(super) fn status(args: &StatusArgs) -> anyhow::Result<ExitCode> {
    let rows = rows(&args.place, true)?;
    print(&match args.format {
        StatusFormat::Text => table(&rows, STATUS),
        StatusFormat::Json => json(&rows)?,
    })
}

/// Runs `audit`.
pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let rows = rows(&args.place, false)?;
    print(&match args.format {
        Format::Markdown => markdown(&rows, AUDIT),
        Format::Csv => csv(&rows, AUDIT),
        Format::Json => json(&rows)?,
    })
}

fn rows(args: &PlaceArgs, state: bool) -> anyhow::Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rows: Result<Vec<Row>, Error> = runtime.block_on(async {
        let client = args.apigee.client()?.until(Instant::now() + args.timeout);
        let environments = if args.environments.is_empty() {
            client.environments(&args.organization).await?
        } else {
            args.environments.clone()
        };
        audit(&client, &args.organization, &environments, state).await
    });
    Ok(rows?)
}

fn print(text: &Text) -> anyhow::Result<ExitCode> {
    out::stdout(text)?;
    Ok(ExitCode::SUCCESS)
}

fn json(rows: &[Row]) -> anyhow::Result<Text> {
    Ok(Text::of_json(&serde_json::to_string_pretty(rows)?))
}

/// A text table whose columns are as wide as their longest cell.
fn table(rows: &[Row], columns: &[Column]) -> Text {
    let mut lines: Vec<Vec<String>> = vec![columns.iter().map(|(name, _)| (*name).to_owned()).collect()];
    lines.extend(rows.iter().map(|row| columns.iter().map(|(_, cell)| plain::plain(cell(row))).collect()));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = Text::new();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.line(cells.join("  ").trim_end());
    }
    text
}

fn markdown(rows: &[Row], columns: &[Column]) -> Text {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let mut text = Text::new();
    text.line(format_args!("| {} |", names.join(" | ")));
    text.line(format_args!("|{}", "---|".repeat(columns.len())));
    for row in rows {
        let cells: Vec<String> = columns.iter().map(|(_, cell)| markdown::plain(cell(row))).collect();
        text.line(format_args!("| {} |", cells.join(" | ")));
    }
    text
}

/// CSV as in RFC 4180. A cell that a spreadsheet would evaluate as a formula is prefixed with an apostrophe.
fn csv(rows: &[Row], columns: &[Column]) -> Text {
    let cell = |text: &str| {
        let formula = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        let text = format!("{formula}{}", Plain(text));
        if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
    };
    let mut text = Text::new();
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

    fn row(name: &str, author: &str) -> Row {
        Row {
            organization: "acme".into(),
            environment: Some("prod".into()),
            kind: "ApigeeProxy".into(),
            name: name.into(),
            origin: Origin::Git,
            revision: Some("7".into()),
            state: None,
            digest: Some("sha256:0123456789abcdef".into()),
            commit: None,
            tag: None,
            author: Some(author.into()),
            time: None,
            owner: None,
            changed: None,
            log_filter: "a:\"b\"".into(),
        }
    }

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

    #[test]
    fn the_table_is_for_people() {
        let text = table(&[row("orders", "Jo")], STATUS).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].find("DIGEST"), lines[1].find("0123456789"));
        assert!(!lines[1].contains("abcdef") && lines[1].ends_with("Jo"), "{text}");
    }
}
