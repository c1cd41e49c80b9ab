//! Names of Kubernetes objects, derived from names in Apigee.

use apigee_flux_configuration::Scope;
use apigee_flux_model::bundle::{BundleKind, Digest};
use apigee_flux_model::names::kubernetes::{bounded, with_digest};

/// The maximum length of a slug.
const MAX_SLUG: usize = 40;

/// The maximum length of a Job's name, which may also be the name of a CronJob, whose limit is 52 (11 less than a DNS label, for the suffix
/// of its Jobs).
const MAX_JOB_NAME: usize = 52;

/// A name as part of an object's name: lower case, `[a-z0-9-]`. A name that had to be changed gets six hexadecimal digits of its digest, so
/// that `Orders_v1` and `orders-v1` have different slugs.
pub fn slug(name: &str) -> String {
    let mapped: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .collect();
    let trimmed = mapped.trim_matches('-');
    if trimmed == name && trimmed.len() <= MAX_SLUG {
        return mapped;
    }
    with_digest(trimmed, name, MAX_SLUG)
}

/// `apigee-<environment>-<proxy>` or `apigee-<environment>-sharedflow-<shared flow>`, at most 52 characters.
pub fn job_name(kind: BundleKind, environment: &str, bundle: &str) -> String {
    bounded(&format!("apigee-{}-{}", slug(environment), bundle_slug(kind, bundle)), MAX_JOB_NAME)
}

/// `apigee-<environment>-batch`, at most 52 characters: the Job of a whole environment, or of the first part of it; those of the other
/// parts end in `-2` and so on. Such an environment has no Job for a single proxy, which could have the same name.
pub fn batch_name(environment: &str, number: usize) -> String {
    let number = if number == 1 { String::new() } else { format!("-{number}") };
    bounded(&format!("apigee-{}-batch{number}", slug(environment)), MAX_JOB_NAME)
}

/// `apigee-<environment>-configuration` or `apigee-<environment>-organization`, at most 52 characters: the Job of the configuration of an
/// environment, or of the organization that is reached through it.
pub fn configuration_name(environment: &str, scope: Scope) -> String {
    environment_name(
        environment,
        match scope {
            Scope::Environment => "configuration",
            Scope::Organization => "organization",
        },
    )
}

/// The name of the ConfigMap with a part of the list of names, from 0, of the inventory whose index is named `index`.
pub(super) fn names_name(index: &str, part: usize) -> String {
    format!("{index}-names-{}", part + 1)
}

/// `apigee-<environment>-<what>`, at most 52 characters. The environment is the name of the ApigeeEnvironment, which is unique in its
/// namespace, with the prefix of an overlay: two organizations may have environments with the same name in Apigee.
pub fn environment_name(environment: &str, what: &str) -> String {
    bounded(&format!("apigee-{}-{what}", slug(environment)), MAX_JOB_NAME)
}

/// The index of an inventory. Its name does not change, since the Jobs mount it.
pub fn inventory_name(environment: &str) -> String {
    environment_name(environment, "inventory")
}

/// `apigee-<proxy>` or `apigee-sharedflow-<shared flow>`: the common part of the names of a bundle's ConfigMaps, independent of its content.
pub fn bundle_stem(kind: BundleKind, bundle: &str) -> String {
    format!("apigee-{}", bundle_slug(kind, bundle))
}

/// The stem with the first ten digits of the digest of everything that the ConfigMaps contain.
pub fn bundle_name(kind: BundleKind, bundle: &str, content: Digest) -> String {
    format!("{}-{}", bundle_stem(kind, bundle), content.short(10))
}

/// The slug of a bundle. A proxy and a shared flow may have the same name in Apigee, but their objects must have different names.
pub(super) fn bundle_slug(kind: BundleKind, bundle: &str) -> String {
    match kind {
        BundleKind::Proxy => slug(bundle),
        BundleKind::SharedFlow => format!("{}-{}", component(kind), slug(bundle)),
    }
}

/// A kind as a part of names and labels.
pub fn component(kind: BundleKind) -> &'static str {
    match kind {
        BundleKind::Proxy => "proxy",
        BundleKind::SharedFlow => "sharedflow",
    }
}

#[cfg(test)]
mod tests {
    use apigee_flux_model::names::kubernetes::label_value;

    use super::*;

    #[test]
    fn a_plain_name_stays() {
        assert_eq!(slug("orders-v1"), "orders-v1");
        assert_eq!(job_name(BundleKind::Proxy, "prod", "orders-v1"), "apigee-prod-orders-v1");
    }

    #[test]
    fn a_proxy_and_a_shared_flow_may_have_one_name() {
        assert_eq!(job_name(BundleKind::SharedFlow, "prod", "orders-v1"), "apigee-prod-sharedflow-orders-v1");
        assert_eq!(bundle_stem(BundleKind::SharedFlow, "orders-v1"), "apigee-sharedflow-orders-v1");
    }

    #[test]
    fn a_changed_name_stays_distinct() {
        let slugs: std::collections::BTreeSet<String> =
            ["Orders_v1", "orders-v1", "orders.v1", "Orders-V1"].map(slug).into();
        assert_eq!(slugs.len(), 4);
        assert!(slugs.iter().all(|slug| slug.starts_with("orders-v1")));
    }

    #[test]
    fn names_are_bounded_and_legal() {
        let long = "a".repeat(255);
        for kind in BundleKind::ALL {
            assert!(job_name(kind, &long, &long).len() <= 52);
        }
        for name in ["...", "a_b", "Ünïcode", "-x-", &long] {
            for made in [slug(name), label_value(name)] {
                let legal = |c: char| c.is_ascii_alphanumeric();
                assert!(made.starts_with(legal) && made.ends_with(legal) && made.len() <= 63, "{made}");
            }
        }
    }
}
