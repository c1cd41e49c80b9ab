//! `cors`: the web origins that may call the API.

use schemars::JsonSchema;
use serde::Deserialize;

/// Cross-origin resource sharing. It runs first and answers preflight requests itself: a preflight carries no
/// credential and must not be rejected by later steps. Because it runs first, web pages can read error responses too.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cors {
    /// The allowed origins, for example `https://app.example.com`, or only `*` for all origins. A path or a wildcard in
    /// an origin is not allowed.
    pub origins: Vec<String>,
    /// The allowed methods. Default: Apigee's default (GET, POST, HEAD and OPTIONS) and the methods of `operations`.
    pub methods: Option<Vec<String>>,
    /// The allowed request headers. Default: `origin`, `x-requested-with`, `accept`, `content-type`, and the header of
    /// the credential that `security` checks.
    pub headers: Option<Vec<String>>,
    /// The response headers that a web page may read. Default: only those that browsers always allow.
    pub expose: Option<Vec<String>>,
    /// How long a browser may cache the response to a preflight request, in seconds. Default: 1800, as in Apigee.
    pub max_age: Option<u32>,
    /// Whether a web page may send cookies and other credentials of the browser. Default: false.
    #[serde(default)]
    pub credentials: bool,
}
