//! How many of something Apigee takes.

use super::counts;

/// How many of something Apigee takes.
#[derive(Debug)]
pub struct Count {
    /// Whose they are, for example `ApigeeProduct attributes`. No two have the same.
    pub of: &'static str,
    /// What is counted, in the plural.
    pub what: &'static str,
    /// The most.
    pub max: usize,
    /// Apigee refuses more; otherwise Google says that it is going to.
    pub is_enforced: bool,
    /// Where Google says so.
    pub source: &'static str,
}

/// All counts.
pub const COUNTS: &[&Count] = &[
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

impl Count {
    /// The error says how many there are and how many Apigee takes.
    pub fn check(&self, count: usize) -> Result<(), String> {
        if count > self.max {
            return Err(format!("there are {count} {}; Apigee's limit is {}", self.what, self.max));
        }
        Ok(())
    }
}
