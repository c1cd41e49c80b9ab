//! The texts.

use super::text_limit::{TextLimit, Unit};
use super::{DISCOVERY, LIMITS, NAMING, host, path};

/// True for letters, digits and the characters in `more` that can be a segment of a path, without white space at the start or the end, which
/// some of Google's services remove.
fn is_name(text: &str, more: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c)) && path::is_part(text) && text.trim() == text
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

fn letters(length: usize) -> String {
    "a".repeat(length)
}

/// Characters of two bytes, which distinguish a rule that counts bytes from one that counts characters.
fn wide(length: usize) -> String {
    "é".repeat(length)
}

/// The common rule of most names.
const NAME: TextLimit = TextLimit {
    of: "",
    what: "",
    min: 1,
    max: 255,
    unit: Unit::Characters,
    has_form: |text| is_name(text, "._-"),
    form: "letters, digits, `.`, `_` and `-`, and not `.` or `..`",
    sample: letters,
    refused: &[".", "..", "a/b", "a b", "a\tb", "a\n", "é"],
    secret: false,
    source: DISCOVERY,
};

/// Names of organizations: those of Google Cloud projects.
pub const ORGANIZATION: TextLimit = TextLimit {
    of: "organization",
    what: "a name of an organization",
    max: 32,
    has_form: is_place,
    form: "lower-case letters, digits and `-`, starting with a letter",
    refused: &["Acme", "acme corp", "a.b", "1a", "..", "a/b"],
    source: NAMING,
    ..NAME
};

/// Names of environments: 32 characters by the naming guidelines, and only the characters that a new environment may have.
pub const ENVIRONMENT: TextLimit = TextLimit { of: "environment", what: "a name of an environment", ..ORGANIZATION };

fn is_place(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Names of proxies and shared flows (`organizations.apis.create`, parameter `name`).
pub const BUNDLE: TextLimit =
    TextLimit { of: "ApigeeProxy and ApigeeSharedFlow name", what: "a name of a proxy or a shared flow", ..NAME };

/// Names of environment groups. No page documents them; they are a segment of a path.
pub const ENVIRONMENT_GROUP: TextLimit =
    TextLimit { of: "environment group name", what: "a name of an environment group", ..NAME };

/// Host names of environment groups (RFC 1123, section 2.1).
pub const HOSTNAME: TextLimit = TextLimit {
    of: "environment group hostnames[]",
    what: "a host name",
    max: 253,
    has_form: host::is_host_pattern,
    form: "letters, digits and `-` in labels separated by dots, without a scheme, a port or a path",
    sample: host::sample,
    refused: &["a b", "https://a", "a/b", "a_b", ".."],
    ..NAME
};

/// Names of target servers. No page documents them: the rule of references applies.
pub const TARGET_SERVER: TextLimit =
    TextLimit { of: "ApigeeTargetServer name", what: "a name of a target server", ..REFERENCE };

/// Hosts of target servers: "a valid hostname as described by RFC-1123" (`TargetServer.host`).
pub const TARGET_HOST: TextLimit = TextLimit {
    of: "ApigeeTargetServer host",
    what: "a host name",
    has_form: host::is_host,
    form: "letters, digits and `-` in labels separated by dots, without a scheme, a port, a path or a dot at the end",
    refused: &["a b", " a", "https://a", "a/b", "a_b", "a.", "a:80", "2001:db8::1", "*.a"],
    ..HOSTNAME
};

const PROTOCOLS: [&str; 4] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

/// Versions of TLS (<https://cloud.google.com/apigee/docs/api-platform/fundamentals/endpoint-properties-reference>, `Protocols`).
pub const TLS_PROTOCOL: TextLimit = TextLimit {
    of: "ApigeeTargetServer tls.protocols[]",
    what: "a version of TLS",
    max: 7,
    has_form: |text| PROTOCOLS.contains(&text),
    form: "characters: `TLSv1`, `TLSv1.1`, `TLSv1.2` or `TLSv1.3`",
    sample: |length| {
        PROTOCOLS.into_iter().find(|word| word.len() == length).map_or_else(|| letters(length), str::to_owned)
    },
    min: 5,
    refused: &["tlsv1.1", "TLS1.2", "SSLv3"],
    source: "https://cloud.google.com/apigee/docs/api-platform/fundamentals/endpoint-properties-reference",
    ..NAME
};

/// Names of key value maps.
pub const KEY_VALUE_MAP: TextLimit = TextLimit {
    of: "ApigeeKeyValueMap name",
    what: "a name of a key value map",
    has_form: |text| is_name(text, "._-#$% "),
    form: "letters, digits, spaces and `.`, `_`, `-`, `#`, `$`, `%`, no space at the start or the end, and not `.` or `..`",
    refused: &[".", "..", "a/b", " a", "a ", "a\tb", "é"],
    source: NAMING,
    ..NAME
};

/// Keys of key value maps. The naming guidelines allow letters, digits, spaces and `_ - . $`; the API accepts more, and users have other
/// keys (<https://github.com/apigee/apigeecli/issues/23>), but a key must be a segment of a path.
pub const MAP_KEY: TextLimit = TextLimit {
    of: "ApigeeKeyValueMap entries key",
    what: "a key of a key value map",
    max: 2 << 10,
    unit: Unit::Bytes,
    has_form: |text| path::is_part(text) && !has_control(text),
    form: "bytes without control characters such as tabs and line breaks, and not `.` or `..`",
    refused: &[".", "..", "a\tb", "a\nb", "\u{7f}"],
    source: LIMITS,
    ..NAME
};

/// Values of key value maps.
pub const MAP_VALUE: TextLimit = TextLimit {
    of: "ApigeeKeyValueMap entries value",
    what: "a value of a key value map",
    max: 10 << 10,
    unit: Unit::Bytes,
    has_form: |_| true,
    form: "bytes: Apigee does not accept an empty value",
    refused: &[],
    secret: true,
    source: LIMITS,
    ..NAME
};

/// Names of keystores: `[\w[:space:].-]{1,255}`.
pub const KEYSTORE: TextLimit = TextLimit { of: "ApigeeKeystore name", what: "a name of a keystore", ..REFERENCE };

/// Aliases of keystores: `[\w\s-.]{1,255}` (`aliases.create`, parameter `alias`) and `[^/]{1,255}` (`Alias.alias`).
pub const ALIAS: TextLimit = TextLimit { of: "ApigeeKeystore aliases key", what: "a name of an alias", ..REFERENCE };

/// Names of references: `[\w\s\-.]+`.
pub const REFERENCE: TextLimit = TextLimit {
    of: "ApigeeReference name",
    what: "a name of a reference",
    has_form: |text| is_name(text, "._- "),
    form: "letters, digits, spaces, `.`, `_` and `-`, no space at the start or the end, and not `.` or `..`",
    refused: &[".", "..", "a/b", " a", "a ", "a\tb", "a@b", "é"],
    ..NAME
};

/// Names of resource files: the discovery document's expression, and `_` of the naming guidelines.
pub const RESOURCE_FILE: TextLimit = TextLimit {
    of: "ApigeeResourceFile name",
    what: "a name of a resource file",
    has_form: |text| is_name(text, ":/\\!@#$%^&{}[]()+-=,.~'` _"),
    form: "letters, digits, spaces and the characters :/\\!@#$%^&{}[]()+-=,.~'`_, no space at the start or the end, and not `.` or `..`",
    refused: &[".", "..", "a?b", "a\tb", "a*b", " a", "é"],
    ..NAME
};

/// Names of data collectors: "Must begin with `dc_`".
pub const DATA_COLLECTOR: TextLimit = TextLimit {
    of: "ApigeeDataCollector name",
    what: "a name of a data collector",
    min: 4,
    has_form: |text| text.strip_prefix("dc_").is_some_and(|rest| is_name(rest, "_")),
    form: "characters: `dc_`, then letters, digits and `_`",
    sample: |length| format!("dc_{}", letters(length.saturating_sub(3))),
    refused: &["latency", "dc_a-b", "dc_a.b", "DC_a", "dc_a b"],
    source: "https://cloud.google.com/apigee/docs/api-platform/analytics/custom-data-collection",
    ..NAME
};

/// Names of API products: `A-Z0-9._\-$ %` (`ApiProduct.name`). The naming guidelines also allow `#`.
pub const PRODUCT: TextLimit = TextLimit {
    of: "ApigeeProduct name",
    what: "a name of an API product",
    has_form: |text| is_name(text, "._-$ %"),
    form: "letters, digits, spaces and `.`, `_`, `-`, `$`, `%`, no space at the start or the end, and not `.` or `..`",
    refused: &[".", "..", "a/b", "a (b)", "a#b", " a", "a ", "é"],
    ..NAME
};

/// Display names of API products, with the organization as `ORGANIZATION@@@NAME`: the naming guidelines count this text.
pub const PRODUCT_DISPLAY: TextLimit = TextLimit {
    of: "ApigeeProduct displayName with the organization",
    what: "the display name of an API product, counted as `ORGANIZATION@@@NAME`,",
    min: 5,
    max: 100,
    has_form: |text| !has_control(text) && !text.ends_with("@@@"),
    form: "characters without line breaks",
    sample: |length| format!("o@@@{}", wide(length.saturating_sub(4))),
    refused: &["acme@@@", "acme@@@a\nb"],
    source: NAMING,
    ..NAME
};

/// Methods of operations of API products: "They need to be in uppercase" (`LlmOperation.methods`).
pub const METHOD: TextLimit = TextLimit {
    of: "ApigeeProduct operations[].methods[]",
    what: "a method",
    max: 64,
    has_form: |text| text.bytes().all(|byte| byte.is_ascii_uppercase()),
    form: "upper-case letters, for example `GET`",
    sample: |length| "A".repeat(length),
    refused: &["get", "GET ", "GET,PUT", "G\n"],
    ..NAME
};

/// OAuth scopes (RFC 6749, section 3.3). Apigee stores them in lists separated by commas or spaces.
pub const SCOPE: TextLimit = TextLimit {
    of: "scopes[]",
    what: "an OAuth scope",
    has_form: |text| text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\,".contains(&byte)),
    form: "visible ASCII characters without spaces, commas, `\"` and `\\`",
    refused: &["a b", "a,b", "a\"b", "a\n", "é"],
    source: "https://www.rfc-editor.org/rfc/rfc6749#section-3.3",
    ..NAME
};

/// Names of attributes.
pub const ATTRIBUTE_NAME: TextLimit = TextLimit {
    of: "attributes key",
    what: "a name of an attribute",
    max: 1 << 10,
    unit: Unit::Bytes,
    has_form: |text| path::is_part(text) && !has_control(text),
    form: "bytes without control characters, and not `.` or `..`",
    refused: &[".", "..", "a\tb", "a\n"],
    source: LIMITS,
    ..NAME
};

/// Values of attributes.
pub const ATTRIBUTE_VALUE: TextLimit = TextLimit {
    of: "attributes value",
    what: "a value of an attribute",
    min: 0,
    max: 2 << 10,
    unit: Unit::Bytes,
    has_form: |_| true,
    form: "bytes",
    refused: &[],
    source: LIMITS,
    ..NAME
};

/// Emails of developers: "in lowercase only" (`Developer.email`), the dot-atoms of RFC 5322, 254 characters by RFC 5321.
pub const EMAIL: TextLimit = TextLimit {
    of: "ApigeeDeveloper email",
    what: "an email address that Apigee accepts",
    min: 3,
    max: 254,
    has_form: is_email,
    form: "characters in lower case, for example `ann@example.com`",
    sample: |length| {
        let user = length.saturating_sub(2).clamp(1, 64);
        format!("{}@{}", letters(user), host::sample(length.saturating_sub(user + 1)))
    },
    refused: &["ann", "Ann@example.com", "ann@", "@example.com", "a b@example.com", "a@b@c", "a@b_c", "a/..@b\n"],
    ..NAME
};

fn is_email(text: &str) -> bool {
    let Some((user, domain)) = text.rsplit_once('@') else { return false };
    let is_atom =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".!#$%&'*+/=?^_`{|}~-".contains(&byte);
    (1..=64).contains(&user.len())
        && user.bytes().all(is_atom)
        && host::is_host(domain)
        && !domain.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// User names, first names and last names of developers.
pub const PERSON: TextLimit = TextLimit {
    of: "ApigeeDeveloper firstName, lastName and userName",
    what: "a name of a developer",
    max: 64,
    has_form: |text| !has_control(text),
    form: "characters without line breaks",
    sample: wide,
    refused: &["a\nb"],
    source: NAMING,
    ..NAME
};

/// Names of apps.
pub const APP: TextLimit = TextLimit {
    of: "ApigeeApp name and ApigeeAppGroup apps key",
    what: "a name of an app",
    has_form: |text| is_name(text, "._-#$% ") && text.starts_with(|c: char| c.is_ascii_alphanumeric()),
    form: "letters, digits, spaces and `.`, `_`, `-`, `#`, `$`, `%`, starting with a letter or a digit, and no space at the end",
    refused: &[".", "..", "a/b", "-a", "a ", "a (b)", "é"],
    source: NAMING,
    ..NAME
};

/// Names of app groups: `A-Z0-9._\-$ %` (`AppGroup.name`).
pub const APP_GROUP: TextLimit = TextLimit { of: "ApigeeAppGroup name", what: "a name of an app group", ..PRODUCT };

/// Consumer keys: "letters, numbers, underscores, and hyphens", 2 KB (`keys.create`).
pub const CONSUMER_KEY: TextLimit = TextLimit {
    of: "ApigeeApp keys.consumerKey",
    what: "a consumer key",
    max: 2 << 10,
    has_form: |text| is_name(text, "_-"),
    form: "letters, digits, `_` and `-`",
    refused: &["a.b", "a b", "a\nb", "a/b", "é"],
    secret: true,
    ..NAME
};

/// Consumer secrets, with the same form as consumer keys.
pub const CONSUMER_SECRET: TextLimit =
    TextLimit { of: "ApigeeApp keys.consumerSecret", what: "a consumer secret", ..CONSUMER_KEY };

/// Ids of portals. No page documents them; they are a segment of a path.
pub const SITE: TextLimit = TextLimit { of: "ApigeeApiDoc site", what: "an id of a portal", ..NAME };

/// Titles of API docs: "a non-empty string with a max length of 255 characters" (`ApiDoc.title`).
pub const DOC_TITLE: TextLimit = TextLimit {
    of: "ApigeeApiDoc title",
    what: "a title",
    has_form: |_| true,
    form: "characters",
    sample: wide,
    refused: &[],
    ..NAME
};

/// Descriptions of API docs: "Max length is 10,000 characters" (`ApiDoc.description`).
pub const DOC_DESCRIPTION: TextLimit =
    TextLimit { of: "ApigeeApiDoc description", what: "a description", min: 0, max: 10_000, ..DOC_TITLE };

/// Pictures of API docs: "Max length of file path is 2,083 characters" (`ApiDoc.imageUrl`).
pub const DOC_IMAGE: TextLimit =
    TextLimit { of: "ApigeeApiDoc imageUrl", what: "an image URL", min: 0, max: 2083, ..DOC_TITLE };

/// Documents of API docs: "The max size is 4 MB" (`DocumentationFile.contents`).
pub const DOC_FILE: TextLimit = TextLimit {
    of: "ApigeeApiDoc openapi",
    what: "an OpenAPI document",
    max: 4 << 20,
    unit: Unit::Bytes,
    form: "bytes",
    sample: letters,
    ..DOC_TITLE
};

/// Currencies of rate plans: codes of ISO 4217 (`RatePlan.currencyCode`).
pub const CURRENCY: TextLimit = TextLimit {
    of: "ApigeeProduct ratePlans.currency",
    what: "a currency",
    min: 3,
    max: 3,
    has_form: |text| text.bytes().all(|byte| byte.is_ascii_uppercase()),
    form: "upper-case letters, the code of ISO 4217, for example `EUR`",
    sample: |length| "E".repeat(length),
    refused: &["eur", "E1R"],
    ..NAME
};
