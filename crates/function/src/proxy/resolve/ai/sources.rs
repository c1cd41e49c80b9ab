//! `ai.provider`, and where prompt, answer, model and usage are.

use super::Needs;
use crate::spec::ai::{Ai, JsonPath, Provider};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::yaml::word_or::WordOr;

/// Where each value is. A value that is not needed may be empty.
pub(super) struct Sources<'s> {
    pub(super) prompt: &'s str,
    pub(super) response: &'s str,
    pub(super) usage: &'s str,
    pub(super) model: Model<'s>,
}

/// Where the model's name is.
#[derive(Clone, Copy)]
pub(super) enum Model<'s> {
    /// The name itself.
    Name(&'s str),
    /// In the request's body.
    At(&'s str),
    /// In the request's path.
    InPath,
}

/// Where the values are in the requests and responses of each provider.
fn of_provider(provider: Provider) -> Sources<'static> {
    match provider {
        Provider::Gemini | Provider::Vertex => Sources {
            prompt: "$.contents[-1].parts[-1].text",
            response: "$.candidates[-1].content.parts[-1].text",
            usage: "$.usageMetadata.totalTokenCount",
            model: Model::InPath,
        },
        Provider::OpenAi => Sources {
            prompt: "$.messages[-1].content",
            response: "$.choices[-1].message.content",
            usage: "$.usage.total_tokens",
            model: Model::At("$.model"),
        },
        Provider::Anthropic => Sources {
            prompt: "$.messages[-1].content",
            response: "$.content[-1].text",
            usage: "$.usage.output_tokens",
            model: Model::At("$.model"),
        },
    }
}

/// The template that reads a place of the request.
pub(super) fn of_request(path: &str) -> String {
    format!("{{jsonPath('{path}',request.content,true)}}")
}

/// The template that reads a place of the response.
pub(super) fn of_response(path: &str) -> String {
    format!("{{jsonPath('{path}',response.content,true)}}")
}

impl<'s> Sources<'s> {
    /// The places in the spec, otherwise those of the provider; `None` if a place that is needed is unknown.
    pub(super) fn resolve(ai: &'s Ai, needs: &Needs, at: &FieldPath, report: &mut Report<'_>) -> Option<Self> {
        let of_provider = ai.provider.map(of_provider);
        let mut place = |key: &'static str, written: Option<&'s JsonPath>, default: Option<&'static str>, need| {
            if let Some(JsonPath { json_path }) = written {
                check_path(json_path, &at.key(key).key("jsonPath"), report);
                return Some(json_path.as_str());
            }
            default.or_else(|| not_known(key, need, at, report))
        };
        let default = of_provider.as_ref();
        let prompt = place("prompt", ai.prompt.as_ref(), default.map(|known| known.prompt), needs.prompt);
        let response = place("response", ai.response.as_ref(), default.map(|known| known.response), needs.response);
        let usage = place("usage", ai.usage.as_ref(), default.map(|known| known.usage), needs.usage);
        let model = match &ai.model {
            Some(WordOr::Word(name)) => {
                check_name(name, &at.key("model"), report);
                Some(Model::Name(name))
            }
            Some(WordOr::Value(JsonPath { json_path })) => {
                check_path(json_path, &at.key("model").key("jsonPath"), report);
                Some(Model::At(json_path))
            }
            None => {
                default.map(|known| known.model).or_else(|| not_known("model", needs.model, at, report).map(Model::At))
            }
        };
        Some(Self { prompt: prompt?, response: response?, usage: usage?, model: model? })
    }
}

/// Reports an unknown place if it is needed; otherwise returns an empty place.
fn not_known(key: &str, need: Option<&str>, at: &FieldPath, report: &mut Report<'_>) -> Option<&'static str> {
    let Some(need) = need else {
        return Some("");
    };
    report.push(
        Diagnostic::error(Code::MissingField, format!("`{need}` needs `{key}`, which is missing"))
            .at(at.key(key))
            .help(
                "write where it is, for example `{jsonPath: \"$.…\"}`, or set the provider, for example `provider: \
                 openai`",
            ),
    );
    None
}

fn check_path(path: &str, at: &FieldPath, report: &mut Report<'_>) {
    // The path is between single quotes in a message template.
    if !path.starts_with('$') || path.contains(|c: char| c.is_control() || "'{}".contains(c)) {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{path}` is not a JSONPath that Apigee can read"))
                .at(at)
                .help("start it with `$`, for example `$.model`, and do not use single quotes or braces"),
        );
    }
}

fn check_name(name: &str, at: &FieldPath, report: &mut Report<'_>) {
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c.is_control() || "{}$".contains(c)) {
        report.push(Diagnostic::error(Code::InvalidValue, format!("`{name}` is not a valid model name")).at(at).help(
            "write only the name, for example `gemini-2.5-flash`, or where it is, for example `{jsonPath: \
             \"$.model\"}`",
        ));
    }
}
