//! `cors`: which web pages may call the API.

use schemars::JsonSchema;
use serde::Deserialize;

/// Cross-origin resource sharing. It runs first and answers preflights itself, so that a preflight, which carries no
/// credential, is not refused by what follows, and so that errors too can be read by the page.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cors {
    /// The origins that may call, as `https://app.example.com` without a path or a wildcard; or `*` alone for all.
    pub origins: Vec<String>,
    /// The methods that a page may use. Default: Apigee's own, GET, POST, HEAD and OPTIONS, and those of `operations`.
    pub methods: Option<Vec<String>>,
    /// The request headers that a page may send. Default: `origin`, `x-requested-with`, `accept`, `content-type`, and the
    /// header of the credential that `security` checks.
    pub headers: Option<Vec<String>>,
    /// The response headers that a page may read. Default: none beyond those that browsers always allow.
    pub expose: Option<Vec<String>>,
    /// How long a browser may keep a preflight's answer, in seconds. Default: 1800, as Apigee has it.
    pub max_age: Option<u32>,
    /// Whether a page may send cookies and other credentials of the browser. Default: false.
    #[serde(default)]
    pub credentials: bool,
}
