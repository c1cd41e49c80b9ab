//! The annotations that orchestrators and this program set on resources.

/// Keeps a resource out of the cluster (KRM functions specification).
pub const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";

/// The file of a resource, set by kpt.
pub const PATH: &str = "internal.config.kubernetes.io/path";

/// The index of a resource in its file, from 0, set by kpt.
pub const INDEX: &str = "internal.config.kubernetes.io/index";

/// Older spelling of [`PATH`].
pub const LEGACY_PATH: &str = "config.kubernetes.io/path";

/// Older spelling of [`INDEX`].
pub const LEGACY_INDEX: &str = "config.kubernetes.io/index";

/// The package that a resource belongs to: kpt writes a new resource without it into the root package.
pub const PACKAGE_PATH: &str = "internal.config.kubernetes.io/package-path";

/// kustomize's record of the names that a resource had, separated by commas.
pub const PREVIOUS_NAMES: &str = "internal.config.kubernetes.io/previousNames";

/// kustomize's record of a resource's file (`buildMetadata: [originAnnotations]`), as YAML.
pub const ORIGIN: &str = "config.kubernetes.io/origin";

/// On every output: the resource that it was generated from, as `Kind/namespace/name`.
pub const OWNER: &str = "apigeeflux.dev/owner";

/// On every output: its purpose.
pub const ROLE: &str = "apigeeflux.dev/role";

/// True for an annotation that is read into an item's header.
pub(super) fn is_read(key: &str) -> bool {
    [LOCAL_CONFIG, PATH, INDEX, LEGACY_PATH, LEGACY_INDEX, PACKAGE_PATH, PREVIOUS_NAMES, ORIGIN, OWNER, ROLE]
        .contains(&key)
}
