//! `schema`: prints the schema or the reference page of a kind.

use std::process::ExitCode;

use super::out;
use apigee_flux_function::reference;
use apigee_flux_function::spec::{KINDS, kind};
use apigee_flux_model::diag::plain::PlainText;

/// Print the JSON schema of a kind for editors, or its reference page.
#[derive(Debug, clap::Args)]
pub(super) struct SchemaArgs {
    /// The kind, for example `ApigeeProxy`. Without it, all kinds are listed.
    kind: Option<String>,
    /// Output format.
    #[arg(long, value_enum, default_value_t)]
    format: SchemaFormat,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum SchemaFormat {
    /// A JSON schema, draft 2020-12.
    #[default]
    Json,
    /// A Markdown page.
    Markdown,
}

/// Runs the command. Exit codes: 0 printed, 1 unknown kind.
pub(super) fn run(args: &SchemaArgs) -> anyhow::Result<ExitCode> {
    let mut text = PlainText::new();
    let Some(name) = &args.kind else {
        for kind in KINDS.iter() {
            text.line(format_args!("{:20} {}", kind.name, kind.doc.trim()));
        }
        out::stdout(&text)?;
        return Ok(ExitCode::SUCCESS);
    };
    let Some(kind) = kind(name) else {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        anyhow::bail!("unknown kind `{name}`; allowed: {}", names.join(", "));
    };
    match args.format {
        SchemaFormat::Json => text = PlainText::of_json(&serde_json::to_string_pretty(&reference::schema(kind))?),
        SchemaFormat::Markdown => text = PlainText::of_lines(&reference::kind(kind)),
    }
    out::stdout(&text)?;
    Ok(ExitCode::SUCCESS)
}
