//! How many requests or tokens a product allows.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// A limit per interval of time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Quota {
    /// The number of requests or tokens that is allowed.
    pub limit: u64,
    /// The unit of time.
    pub per: QuotaUnit,
    /// The number of units of time to which the limit applies. Default: 1.
    #[schemars(range(min = 1))]
    pub interval: Option<u32>,
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum QuotaUnit {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// A day from midnight to midnight, UTC.
    Day,
    /// A calendar month.
    Month,
}

/// Which requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum QuotaCounterScope {
    /// All requests to a proxy.
    #[serde(rename = "PROXY")]
    Proxy,
    /// All requests to an operation.
    #[serde(rename = "OPERATION")]
    Operation,
    /// All requests for the product.
    #[serde(rename = "PRODUCT")]
    Product,
}

impl QuotaUnit {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

impl QuotaCounterScope {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Proxy => "PROXY",
            Self::Operation => "OPERATION",
            Self::Product => "PRODUCT",
        }
    }
}

impl Quota {
    pub(super) fn body(&self) -> Value {
        json!({
            "limit": self.limit.to_string(),
            "interval": self.interval.unwrap_or(1).to_string(),
            "timeUnit": self.per.as_str(),
        })
    }
}
