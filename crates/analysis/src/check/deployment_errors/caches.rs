//! The errors of LookupCache, PopulateCache and ResponseCache.

use super::rule::{DeploymentRule, not_whole, rule};
use crate::check::node::{child, children};

const CACHES: &[&str] = &["LookupCache", "ResponseCache"];

const EXPIRING: &[&str] = &["PopulateCache", "ResponseCache"];

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(CACHES, "InvalidTimeout", |node| not_whole(child(node, "CacheLookupTimeoutInSeconds")?)),
    rule(EXPIRING, "InvalidTimeout", |node| {
        let expiry = child(node, "ExpirySettings")?;
        let found = children(expiry, "TimeoutInSec").chain(children(expiry, "TimeoutInSeconds"));
        found.into_iter().find_map(not_whole)
    }),
];

#[cfg(test)]
mod tests {
    use super::RULES;
    use crate::check::deployment_errors::testing::assert_examples;

    #[test]
    fn every_error_is_found_by_its_name() {
        assert_examples(
            RULES,
            &[
                (
                    "<LookupCache><CacheLookupTimeoutInSeconds>abc</CacheLookupTimeoutInSeconds></LookupCache>",
                    "InvalidTimeout",
                ),
                (
                    "<ResponseCache><ExpirySettings><TimeoutInSec>abc</TimeoutInSec></ExpirySettings></ResponseCache>",
                    "InvalidTimeout",
                ),
            ],
        );
    }
}
