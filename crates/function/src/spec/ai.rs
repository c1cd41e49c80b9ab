//! `ai`: a gateway in front of a language model.

use schemars::JsonSchema;
use serde::Deserialize;

use super::traffic::TimeUnit;
use apigee_flux_model::yaml::word_or::WordOr;

/// What happens to calls of a language model. The whole request and response must be read for it, so answers cannot be
/// streamed. Apigee hybrid needs version 1.16.1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ai {
    /// Whose requests and responses these are: it says where `prompt`, `response`, `model` and `usage` are found, unless they
    /// are given.
    pub provider: Option<Provider>,
    /// Where the prompt is in the request.
    pub prompt: Option<JsonPath>,
    /// Where the answer is in the response.
    pub response: Option<JsonPath>,
    /// The model: its name, or where it is in the request.
    pub model: Option<WordOr<String, JsonPath>>,
    /// Where the number of used tokens is in the response.
    pub usage: Option<JsonPath>,
    /// Smooths bursts of large prompts: tokens per minute or second, as `1000pm`, or `{rate, key}`. Default: none.
    pub prompt_tokens: Option<WordOr<String, PromptTokens>>,
    /// Limits the tokens that one consumer may use: `product` for the limit of the LLM operations in its API product (one
    /// without allows 1000 tokens a minute), or `{limit, per}` for one of this proxy. It replaces the default of
    /// `traffic.quota`, which counts calls: with it calls are only counted if `traffic.quota` is written. Default: none.
    pub token_quota: Option<WordOr<TokenQuotaWord, TokenQuota>>,
    /// Lets Model Armor judge prompts and answers. It needs `deploy.serviceAccount`, with the role Model Armor User. Default:
    /// none.
    pub model_armor: Option<ModelArmor>,
    /// Answers prompts from a cache that mean nearly the same as an earlier one. All callers share it: an answer must not
    /// depend on who asks. It needs `deploy.serviceAccount`, with the role AI Platform User. Default: none.
    pub semantic_cache: Option<SemanticCache>,
}

/// The form of requests and responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Provider {
    /// `generateContent` of the Gemini API; the model is in the path.
    Gemini,
    /// `generateContent` of Vertex AI; the model is in the path.
    Vertex,
    /// Chat completions of OpenAI, and of all that speak as it does.
    #[serde(rename = "openai")]
    OpenAi,
    /// Messages of Anthropic. They have no sum of tokens: those of the answer are counted.
    Anthropic,
}

/// A place in a JSON text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JsonPath {
    /// The path, as `$.contents[-1].parts[-1].text`.
    pub json_path: String,
}

/// A limit of prompts in full.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromptTokens {
    /// The rate, `1000pm` or `50ps`, or a variable that holds one, as `{propertyset.limits.tokens}`.
    pub rate: String,
    /// The variable whose values are counted apart, as `request.header.x-tenant`. Default: all prompts are counted together.
    pub key: Option<String>,
}

/// Which quota, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TokenQuotaWord {
    /// That of the API product that the verified credential is for.
    Product,
}

/// A token quota of this proxy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenQuota {
    /// How many tokens may be used.
    pub limit: u64,
    /// The unit of time.
    pub per: TimeUnit,
    /// How many units the limit is for, from 1. Default: 1.
    pub interval: Option<u32>,
    /// The variable whose values are counted apart, as `request.header.x-tenant`. Default: the app of the verified
    /// credential; without one, all calls are counted together.
    pub key: Option<String>,
}

/// Model Armor.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelArmor {
    /// The template for prompts, as `projects/acme/locations/europe-west1/templates/default`, or a variable that holds it.
    pub template: String,
    /// The template for answers. Default: `template`.
    pub response_template: Option<String>,
}

/// A cache of answers in Vertex AI Vector Search.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SemanticCache {
    /// The index, as `projects/123/locations/europe-west1/indexes/456`. It must take streaming updates.
    pub index: String,
    /// The endpoint that the index is deployed to, as `projects/123/locations/europe-west1/indexEndpoints/789`.
    pub index_endpoint: String,
    /// The host of the public endpoint, as `1.europe-west1-123.vdb.vertexai.goog`.
    pub host: String,
    /// The index's ID at the endpoint.
    pub deployed_index: String,
    /// The model that turns text into numbers. Default: `text-embedding-005`.
    #[serde(default = "default_embedding")]
    pub embedding_model: String,
    /// How near an earlier prompt must be, from 0 to 1. Default: 0.95.
    #[serde(default = "default_threshold")]
    pub threshold: String,
    /// How long an answer is kept, in whole seconds, as `1h`. Default: `1h`.
    #[serde(default = "default_ttl")]
    pub ttl: String,
}

fn default_embedding() -> String {
    "text-embedding-005".to_owned()
}

fn default_threshold() -> String {
    "0.95".to_owned()
}

fn default_ttl() -> String {
    "1h".to_owned()
}
