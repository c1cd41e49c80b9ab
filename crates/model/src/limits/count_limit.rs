//! Limits on how many of something Apigee accepts.

use super::counts;

/// A limit on how many of something Apigee accepts.
#[derive(Debug)]
pub struct CountLimit {
    /// The kind and field that the limit applies to, for example `ApigeeProduct attributes`. Unique.
    pub of: &'static str,
    /// What is counted, in the plural.
    pub what: &'static str,
    /// The maximum.
    pub max: usize,
    /// True if Apigee enforces the limit; otherwise Google documents that it will.
    pub is_enforced: bool,
    /// The page of Google's documentation.
    pub source: &'static str,
}

/// All counts.
pub const COUNTS: &[&CountLimit] = &[
    &counts::ATTRIBUTES,
    &counts::OPERATION_ATTRIBUTES,
    &counts::PRODUCT_PATHS,
    &counts::PRODUCT_PROXIES,
    &counts::PRODUCT_ENVIRONMENTS,
    &counts::PRODUCT_OPERATIONS,
    &counts::KEYS,
    &counts::PRODUCTS_OF_KEY,
    &counts::ALIASES,
    &counts::KEYSTORES,
    &counts::RESOURCE_FILES,
    &counts::RESOURCE_FILE_BYTES,
    &counts::HOSTNAMES,
];

impl CountLimit {
    /// Checks a count. The error contains the count and the limit.
    pub fn check(&self, count: usize) -> Result<(), String> {
        if count > self.max {
            return Err(format!("there are {count} {}; Apigee's limit is {}", self.what, self.max));
        }
        Ok(())
    }
}
