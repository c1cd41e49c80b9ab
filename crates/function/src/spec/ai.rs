//! `ai`: a gateway in front of a language model.

use schemars::JsonSchema;
use serde::Deserialize;

use super::traffic::TimeUnit;
use apigee_flux_model::yaml::word_or::WordOr;

/// Policies for calls to a language model. They read the whole request and response, so responses cannot be streamed.
/// Apigee hybrid needs version 1.16.1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ai {
    /// The API that requests and responses belong to. It sets the defaults of `prompt`, `response`, `model` and
    /// `usage`.
    pub provider: Option<Provider>,
    /// Where the prompt is in the request.
    pub prompt: Option<JsonPath>,
    /// Where the text of the model is in the response.
    pub response: Option<JsonPath>,
    /// The model: its name, or where it is in the request.
    pub model: Option<WordOr<String, JsonPath>>,
    /// Where the number of tokens used is in the response.
    pub usage: Option<JsonPath>,
    /// Smooths bursts of large prompts: tokens per minute or second, for example `1000pm`, or `{rate, key}`. Default:
    /// no limit.
    pub prompt_tokens: Option<WordOr<String, PromptTokens>>,
    /// Limits the tokens that one consumer may use: `product` for the limit of the LLM operations in its API product
    /// (an operation without a limit allows 1000 tokens a minute), or `{limit, per}` for a limit of this proxy. It
    /// replaces the default of `traffic.quota`, which counts calls: with `tokenQuota`, calls are counted only if
    /// `traffic.quota` is set. Default: no limit.
    pub token_quota: Option<WordOr<TokenQuotaWord, TokenQuota>>,
    /// Checks prompts and responses with Model Armor. It needs `deploy.serviceAccount` with the role Model Armor User.
    /// Default: no check.
    pub model_armor: Option<ModelArmor>,
    /// Caches responses and serves them for prompts of similar meaning. All callers share the cache: a response must
    /// not depend on the caller. It needs `deploy.serviceAccount` with the role AI Platform User. Default: no cache.
    pub semantic_cache: Option<SemanticCache>,
}

/// The API of the language model, which determines the format of requests and responses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Provider {
    /// `generateContent` of the Gemini API; the model is in the path.
    Gemini,
    /// `generateContent` of Vertex AI; the model is in the path.
    Vertex,
    /// Chat completions of OpenAI and of compatible APIs.
    #[serde(rename = "openai")]
    OpenAi,
    /// Messages of Anthropic. The API reports no total number of tokens: the tokens of the response are counted.
    Anthropic,
}

/// A place in a JSON document.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JsonPath {
    /// The JSONPath, for example `$.contents[-1].parts[-1].text`.
    pub json_path: String,
}

/// A rate limit for the tokens of prompts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PromptTokens {
    /// The rate, for example `1000pm` (per minute) or `50ps` (per second). A variable is allowed, for example
    /// `{propertyset.limits.tokens}`.
    pub rate: String,
    /// A variable: requests are counted separately for each of its values, for example `request.header.x-tenant`.
    /// Default: all prompts are counted together.
    pub key: Option<String>,
}

/// The source of a token quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TokenQuotaWord {
    /// The API product of the verified credential.
    Product,
}

/// A token quota of this proxy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenQuota {
    /// The number of tokens allowed.
    pub limit: u64,
    /// The unit of time.
    pub per: TimeUnit,
    /// The number of time units that the limit applies to, at least 1. Default: 1.
    pub interval: Option<u32>,
    /// A variable: tokens are counted separately for each of its values, for example `request.header.x-tenant`.
    /// Default: the app of the verified credential; without a credential, all calls are counted together.
    pub key: Option<String>,
}

/// Settings of Model Armor.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelArmor {
    /// The template for prompts, for example `projects/acme/locations/europe-west1/templates/default`. A variable is
    /// allowed.
    pub template: String,
    /// The template for responses. Default: `template`.
    pub response_template: Option<String>,
}

/// A cache of responses in Vertex AI Vector Search.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SemanticCache {
    /// The index, for example `projects/123/locations/europe-west1/indexes/456`. It must support streaming updates.
    pub index: String,
    /// The endpoint of the index, for example `projects/123/locations/europe-west1/indexEndpoints/789`.
    pub index_endpoint: String,
    /// The host of the public endpoint, for example `1.europe-west1-123.vdb.vertexai.goog`.
    pub host: String,
    /// The ID of the deployed index at the endpoint.
    pub deployed_index: String,
    /// The model that computes text embeddings. Default: `text-embedding-005`.
    #[serde(default = "default_embedding")]
    pub embedding_model: String,
    /// The minimum similarity of an earlier prompt, from 0 to 1. Default: 0.95.
    #[serde(default = "default_threshold")]
    pub threshold: String,
    /// How long a response is cached, in whole seconds, for example `1h`. Default: `1h`.
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
