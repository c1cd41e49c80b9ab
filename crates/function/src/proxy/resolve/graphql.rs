//! `graphql`.

use super::context::Context;
use super::endpoint::{Draft, Given};
use crate::proxy::model::flow::Step;
use crate::spec::graphql::{GraphQlOperations, GraphQlSchema};
use apigee_flux_analysis::policy::graphql::{self as policy, GraphQl};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath};

/// Apigee's own limit of depth and of fragments.
const DEFAULT_LIMIT: u32 = 10;

/// Adds the check after those of the credential and the quota: comparing a request with a schema is expensive.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>) {
    let Some(Given { value: graphql, at, own }) = draft.intent.graphql.clone() else {
        return;
    };
    for (name, value) in [
        ("maxDepth", graphql.max_depth),
        ("maxFragments", graphql.max_fragments),
        ("maxPayloadSize", graphql.max_payload_size),
    ] {
        if value == Some(0) {
            context.report.push(
                Diagnostic::error(Code::InvalidValue, format!("`{name}` is 0"))
                    .at(at.key(name))
                    .help("write a whole number, 1 or greater"),
            );
        }
    }
    let inline_name = if own { format!("schema-{}", draft.intent.name) } else { "schema".to_owned() };
    let schema = graphql.schema.as_ref().and_then(|schema| resource(schema, &inline_name, context, &at.key("schema")));
    let policy = GraphQl {
        operation_type: match graphql.operations {
            GraphQlOperations::Query => "query",
            GraphQlOperations::Mutation => "mutation",
            GraphQlOperations::All => "query_mutation",
        },
        max_depth: graphql.max_depth.unwrap_or(DEFAULT_LIMIT),
        max_count: graphql.max_fragments.unwrap_or(DEFAULT_LIMIT),
        max_payload: graphql.max_payload_size,
        schema,
    };
    let name = draft.intent.policy_name(policy::TYPE.prefix, "Default", own);
    let step = context.add(&name, &policy, &at);
    // GraphQL uses GET and POST. The policy refuses other methods, because there is nothing to check; only a request
    // for the allowed methods (OPTIONS) has to pass.
    draft.endpoint.pre_flow.request.push(Step { condition: Some("request.verb != \"OPTIONS\"".to_owned()), ..step });
}

/// Adds the schema to the bundle and returns its URL.
fn resource(
    schema: &GraphQlSchema,
    inline_name: &str,
    context: &mut Context<'_, '_>,
    at: &FieldPath,
) -> Option<String> {
    let (stem, bytes, at) = match (&schema.file, &schema.inline) {
        (Some(path), None) => {
            let at = at.key("file");
            let bytes = context.read_file(path, &at)?;
            let name = path.rsplit('/').next().unwrap_or(path);
            let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
            (stem, bytes, at)
        }
        (None, Some(text)) => (inline_name, text.clone().into_bytes(), at.key("inline")),
        (file, _) => {
            let found = if file.is_some() { "both" } else { "none" };
            context.report.push(
                Diagnostic::error(
                    Code::ConflictingFields,
                    format!("`schema` needs either `file` or `inline`, found {found}"),
                )
                .at(at)
                .help("write `{file: schema.graphql}`, or the schema itself as `inline`"),
            );
            return None;
        }
    };
    // Apigee accepts a schema only with this file extension.
    Some(context.add_resource("graphql", &format!("{stem}.graphql"), bytes, &at))
}
