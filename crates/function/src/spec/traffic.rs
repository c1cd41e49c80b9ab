//! `traffic`: limits on the number of calls.

use schemars::JsonSchema;
use serde::Deserialize;

use apigee_flux_model::yaml::word_or::WordOr;

/// Limits on the number of calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Traffic {
    /// Smooths bursts before any credential is checked: a rate, for example `100ps` (per second) or `30pm` (per
    /// minute), or `{rate, key}`; `none` turns it off. Default: `none`.
    pub spike_arrest: Option<WordOr<String, SpikeArrest>>,
    /// Limits the calls of one consumer, after its credential is checked: `product` for the quota of its API product,
    /// `{limit, per}` for a quota of this proxy, or `none`. Default: `product` with `security.apiKey` or `oauth2` and
    /// without `ai.tokenQuota`, otherwise `none`.
    pub quota: Option<WordOr<QuotaWord, Quota>>,
}

/// A spike arrest with a key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpikeArrest {
    /// The rate, for example `100ps` (per second) or `30pm` (per minute). A variable is allowed, for example
    /// `{propertyset.limits.rate}`.
    pub rate: String,
    /// A variable: calls are counted separately for each of its values, for example `request.header.x-tenant`. Default:
    /// all calls are counted together.
    pub key: Option<String>,
}

/// The source of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum QuotaWord {
    /// The quota of the API product of the verified credential; a product without a quota allows 1000 calls an hour.
    Product,
    /// No quota.
    None,
}

/// A quota of this proxy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quota {
    /// The number of calls allowed.
    pub limit: u64,
    /// The unit of time.
    pub per: TimeUnit,
    /// The number of time units that the limit applies to, at least 1. Default: 1.
    pub interval: Option<u32>,
    /// A variable: calls are counted separately for each of its values, for example `request.header.x-tenant`. Default:
    /// the consumer of the verified credential; without a credential, all calls are counted together.
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
    /// The keyword, which is the same in Apigee.
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
