//! The counts.

use super::{CountLimit, LIMITS};

/// Attributes of a product, a developer, an app, an app group or a key.
pub const ATTRIBUTES: CountLimit =
    CountLimit { of: "attributes", what: "attributes", max: 18, is_enforced: true, source: LIMITS };

/// Attributes of an operation of a product.
pub const OPERATION_ATTRIBUTES: CountLimit = CountLimit {
    of: "ApigeeProduct operations[].attributes",
    what: "attributes of an operation",
    max: 3,
    is_enforced: true,
    source: LIMITS,
};

/// Paths of a product.
pub const PRODUCT_PATHS: CountLimit =
    CountLimit { of: "ApigeeProduct paths", what: "paths", max: 25, is_enforced: false, source: LIMITS };

/// Proxies of a product.
pub const PRODUCT_PROXIES: CountLimit =
    CountLimit { of: "ApigeeProduct proxies", what: "proxies", max: 100, is_enforced: false, source: LIMITS };

/// Environments of a product.
pub const PRODUCT_ENVIRONMENTS: CountLimit =
    CountLimit { of: "ApigeeProduct availableIn", what: "environments", max: 85, is_enforced: false, source: LIMITS };

/// Operations of a product.
pub const PRODUCT_OPERATIONS: CountLimit = CountLimit {
    of: "ApigeeProduct operations",
    what: "operations of all types together",
    max: 50,
    is_enforced: true,
    source: LIMITS,
};

/// Keys of an app.
pub const KEYS: CountLimit =
    CountLimit { of: "ApigeeApp keys", what: "keys", max: 10, is_enforced: false, source: LIMITS };

/// Products of a key.
pub const PRODUCTS_OF_KEY: CountLimit = CountLimit {
    of: "ApigeeApp keys.products",
    what: "products of one key",
    max: 50,
    is_enforced: false,
    source: LIMITS,
};

/// Aliases of a keystore.
pub const ALIASES: CountLimit =
    CountLimit { of: "ApigeeKeystore aliases", what: "aliases", max: 100, is_enforced: true, source: LIMITS };

/// Keystores of an environment.
pub const KEYSTORES: CountLimit = CountLimit {
    of: "ApigeeKeystore",
    what: "keystores in one environment",
    max: 100,
    is_enforced: true,
    source: LIMITS,
};

/// Resource files of an environment.
pub const RESOURCE_FILES: CountLimit = CountLimit {
    of: "ApigeeResourceFile",
    what: "resource files in one environment",
    max: 100,
    is_enforced: true,
    source: LIMITS,
};

/// Bytes of a resource file.
pub const RESOURCE_FILE_BYTES: CountLimit = CountLimit {
    of: "ApigeeResourceFile content",
    what: "bytes in the file",
    max: 15 << 20,
    is_enforced: true,
    source: LIMITS,
};

/// Host names of an environment group.
pub const HOSTNAMES: CountLimit = CountLimit {
    of: "environment group hostnames",
    what: "host names of one environment group",
    max: 100,
    is_enforced: true,
    source: LIMITS,
};

/// Proxy endpoints of a proxy. Checked in its bundle, before the import.
pub const PROXY_ENDPOINTS: CountLimit =
    CountLimit { of: "bundle proxies/", what: "proxy endpoints", max: 10, is_enforced: true, source: LIMITS };

/// Flows of a proxy. Checked in its bundle.
pub const FLOWS: CountLimit =
    CountLimit { of: "bundle flows", what: "flows", max: 200, is_enforced: true, source: LIMITS };

/// Bytes of a property set. Checked in a bundle.
pub const PROPERTY_SET_BYTES: CountLimit = CountLimit {
    of: "bundle resources/properties/",
    what: "bytes in the property set",
    max: 110 << 10,
    is_enforced: false,
    source: LIMITS,
};

/// Bytes of a bundle's zip.
pub const BUNDLE_BYTES: CountLimit =
    CountLimit { of: "bundle zip", what: "bytes in the zip", max: 15 << 20, is_enforced: true, source: LIMITS };
