//! A call, and the flow variables that are known from it.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// A call that somebody makes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// The method, as `GET`.
    pub method: String,
    /// The path from the host on, without the query.
    pub path: String,
    /// Header → value; the names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Parameters of the query, in their order.
    pub query: Vec<(String, String)>,
    /// Flow variables that are known from elsewhere; they win over what the call says.
    pub variables: BTreeMap<String, String>,
    /// The name of a fault that is to happen.
    pub fault: Option<String>,
    /// Where it is to happen.
    pub fault_at: FaultAt,
}

/// Where a fault happens: it decides whose fault rules are tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FaultAt {
    /// Behind the proxy endpoint's request flows, before a route is taken.
    #[default]
    Proxy,
    /// At the target, behind the target endpoint's request flows; never on a route without one.
    Target,
}

/// What is known while the call runs.
pub(super) struct Known<'c> {
    pub(super) call: &'c Call,
    pub(super) base_path: &'c str,
    pub(super) suffix: &'c str,
    /// The name of the fault that has happened.
    pub(super) fault: Option<String>,
}

impl Known<'_> {
    /// Whether the call is a preflight, as the Fetch standard has it.
    pub(super) fn is_preflight(&self) -> bool {
        let has = |name: &str| self.call.headers.contains_key(name);
        self.call.method == "OPTIONS" && has("origin") && has("access-control-request-method")
    }

    /// The value of a flow variable (Google's page "Flow variables reference"). `request` says whether the message at hand is the request.
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
            // `.values.count` and the like are lists, which is more than is known here.
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
            // A request without a body has an empty one.
            "request.content" if matches!(self.call.method.as_str(), "GET" | "HEAD" | "OPTIONS") => {
                known(String::new())
            }
            "fault.name" => self.fault.as_ref().map(|fault| Some(fault.as_str().into())),
            _ => None,
        }
    }
}
