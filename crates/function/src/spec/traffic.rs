//! `traffic`: how much may be called.

use schemars::JsonSchema;
use serde::Deserialize;

use apigee_flux_model::yaml::word_or::WordOr;

/// Limits on the number of calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Traffic {
    /// Smooths bursts, before any credential is checked: a rate such as `100ps` (per second) or `30pm` (per minute), or
    /// `{rate, key}`; `none` switches it off. Default: `none`.
    pub spike_arrest: Option<WordOr<String, SpikeArrest>>,
    /// Limits what one consumer may call, after its credential is checked: `product` for the quota of its API product,
    /// `{limit, per}` for one of this proxy, or `none`. Default: `product` with `security.apiKey` or `oauth2` and without
    /// `ai.tokenQuota`, else `none`.
    pub quota: Option<WordOr<QuotaWord, Quota>>,
}

/// A spike arrest in full.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpikeArrest {
    /// The rate, `100ps` or `30pm`, or a variable that holds one, as `{propertyset.limits.rate}`.
    pub rate: String,
    /// The variable whose values are counted apart, as `request.header.x-tenant`. Default: all calls are counted together.
    pub key: Option<String>,
}

/// Which quota, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum QuotaWord {
    /// The quota of the API product that the verified credential is for; a product without one allows 1000 calls an hour.
    Product,
    /// No quota.
    None,
}

/// A quota of this proxy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quota {
    /// How many calls are allowed.
    pub limit: u64,
    /// The unit of time.
    pub per: TimeUnit,
    /// How many units the limit is for, from 1. Default: 1.
    pub interval: Option<u32>,
    /// The variable whose values are counted apart, as `request.header.x-tenant`. Default: whoever
    /// the verified credential is for; without one, all calls are counted together.
    pub key: Option<String>,
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TimeUnit {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// From midnight to midnight, UTC.
    Day,
    /// Seven days.
    Week,
    /// A calendar month.
    Month,
}

impl TimeUnit {
    /// The word, which is also Apigee's.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}
