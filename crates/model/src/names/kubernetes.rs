//! Names that both halves use in Kubernetes: the function writes them into objects, the deployer finds them in its cluster.

use crate::bundle::Digest;

/// Who sets the labels of a Job (server-side apply), and who reports the Event about it.
pub const FIELD_MANAGER: &str = "apigee-deployer";

/// The folder in which client libraries expect a pod's token, `ca.crt` and `namespace` (Kubernetes, "Accessing the Kubernetes API from a
/// Pod").
pub const ACCOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// The annotation of a Job with what it applies, see [`applies`]. Overlays may rename a Job, but keep its annotations.
pub const APPLIES: &str = "apigeeflux.dev/applies";

/// The annotation of a Job with the digest of all that it applies, settings included.
pub const DESIRED: &str = "apigeeflux.dev/desired";

/// The label of the ConfigMaps of a bundle with the first 63 hexadecimal digits of the digest of all that they contain.
pub const CONTENT: &str = "apigeeflux.dev/content";

/// The label of the ConfigMaps of an inventory: `index` or `part`.
pub const INVENTORY: &str = "apigeeflux.dev/inventory";

/// The label of a Job or ConfigMap with its organization, as [`label_value`].
pub const ORGANIZATION: &str = "apigeeflux.dev/organization";

/// The label of a Job or ConfigMap with its environment, as [`label_value`].
pub const ENVIRONMENT: &str = "apigeeflux.dev/environment";

/// The value of the annotation [`APPLIES`]: a place such as `organizations/acme/environments/dev`, a space, and `what` a Job applies there:
/// `KIND NAME` for one bundle, `batch-1` for the first part of a batch, or `configuration`.
pub fn applies(organization: &str, environment: Option<&str>, what: &str) -> String {
    match environment {
        Some(environment) => format!("organizations/{organization}/environments/{environment} {what}"),
        None => format!("organizations/{organization} {what}"),
    }
}

/// The audience of the token by which a pod knows its cluster: no service accepts it.
pub const CLUSTER_AUDIENCE: &str = "apigeeflux.dev";

/// A label's value: at most 63 characters of `[A-Za-z0-9._-]`, alphanumeric at both ends (Kubernetes, "Labels and Selectors").
pub fn label_value(text: &str) -> String {
    let mapped: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' }).collect();
    let trimmed = mapped.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if trimmed == text && text.len() <= 63 { mapped } else { with_digest(trimmed, text, 63) }
}

/// A name of at most `max` bytes: a longer one is cut, and gets digits of its own digest.
pub fn bounded(name: &str, max: usize) -> String {
    if name.len() <= max { name.to_owned() } else { with_digest(name, name, max) }
}

/// The text, cut so that six digits of the digest of `original` fit behind it: at most `max` characters.
pub fn with_digest(text: &str, original: &str, max: usize) -> String {
    let digest = Digest::of_bytes(original.as_bytes()).short(6);
    let head: String = text.chars().take(max - 7).collect();
    let head = head.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if head.is_empty() { digest } else { format!("{head}-{digest}") }
}
