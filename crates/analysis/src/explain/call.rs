//! A call, and the flow variables that are known from it.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// A call to explain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExplainedCall {
    /// The method, for example `GET`.
    pub method: String,
    /// The path after the host, without the query.
    pub path: String,
    /// Header → value; the names are in lower case.
    pub headers: BTreeMap<String, String>,
    /// Query parameters, in their order.
    pub query: Vec<(String, String)>,
    /// Flow variables with known values; they take precedence over values from the call.
    pub variables: BTreeMap<String, String>,
    /// The name of a fault to simulate.
    pub fault: Option<String>,
    /// Where the fault occurs.
    pub fault_at: FaultAt,
}

/// Where a fault occurs: this determines whose fault rules are tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FaultAt {
    /// After the request flows of the proxy endpoint, before a route is chosen.
    #[default]
    Proxy,
    /// At the target, after the request flows of the target endpoint; never on a route without a target.
    Target,
}

/// The known values while the call runs.
pub(super) struct KnownVariables<'c> {
    pub(super) call: &'c ExplainedCall,
    pub(super) base_path: &'c str,
    pub(super) suffix: &'c str,
    /// The name of the fault that occurred.
    pub(super) fault: Option<String>,
}

impl KnownVariables<'_> {
    /// Whether the call is a preflight request, as defined by the Fetch standard.
    pub(super) fn is_preflight(&self) -> bool {
        let has = |name: &str| self.call.headers.contains_key(name);
        self.call.method == "OPTIONS" && has("origin") && has("access-control-request-method")
    }

    /// The value of a flow variable (Google's page "Flow variables reference"). `request` is true if the current
    /// message is the request.
    #[allow(clippy::option_option, reason = "not known and not set are two things, as in `Variables`")]
    pub(super) fn get(&self, name: &str, request: bool) -> Option<Option<Cow<'_, str>>> {
        if let Some(value) = self.call.variables.get(name) {
            return Some(Some(value.into()));
        }
        let name = match name.strip_prefix("message.") {
            Some(rest) if request => Cow::Owned(format!("request.{rest}")),
            Some(_) => return None,
            None => Cow::Borrowed(name),
        };
        if let Some(header) = name.strip_prefix("request.header.") {
            let header = header.to_ascii_lowercase();
            // `.values.count` and similar names are lists, which are not known here.
            if header.ends_with(".values") || header.contains(".values.") {
                return None;
            }
            return Some(self.call.headers.get(&header).map(|value| value.as_str().into()));
        }
        if let Some(parameter) = name.strip_prefix("request.queryparam.") {
            if parameter.ends_with(".values") || parameter.contains(".values.") {
                return None;
            }
            let found = self.call.query.iter().find(|(name, _)| name == parameter);
            return Some(found.map(|(_, value)| value.as_str().into()));
        }
        let query =
            || self.call.query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
        let known = |text: String| Some(Some(Cow::Owned(text)));
        match name.as_ref() {
            "request.verb" => known(self.call.method.clone()),
            "proxy.pathsuffix" => known(self.suffix.to_owned()),
            "proxy.basepath" => known(self.base_path.to_owned()),
            "request.path" => known(self.call.path.clone()),
            "request.uri" if self.call.query.is_empty() => known(self.call.path.clone()),
            "request.uri" => known(format!("{}?{}", self.call.path, query())),
            "request.querystring" => known(query()),
            "request.queryparams.count" => known(self.call.query.len().to_string()),
            // A request without a body has empty content.
            "request.content" if matches!(self.call.method.as_str(), "GET" | "HEAD" | "OPTIONS") => {
                known(String::new())
            }
            "fault.name" => self.fault.as_ref().map(|fault| Some(fault.as_str().into())),
            _ => None,
        }
    }
}
