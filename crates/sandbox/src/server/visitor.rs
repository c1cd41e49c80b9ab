//! Which clients may use the sandbox: programs on this machine, and the sandbox's own page.
//!
//! A web page of another site can make a browser send requests to this machine, with the host name of that site (DNS rebinding) or
//! cross-origin. The former have a `Host` that is not the sandbox's, the latter an `Origin`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State as StateOf};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::ApiError;

/// The hosts that requests may be sent to.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    /// The address that the sandbox listens on.
    pub(super) listen: IpAddr,
    /// Additional host names.
    pub(super) names: Vec<String>,
}

impl Hosts {
    /// True for loopback, the address that the sandbox listens on, and the given names.
    fn allow(&self, host: &str) -> bool {
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&name);
        if let Ok(address) = address.parse::<IpAddr>() {
            // DNS rebinding needs a name, so an address is only compared with that of --listen, if that is specified.
            return address.is_loopback() || address == self.listen || self.listen.is_unspecified();
        }
        name == "localhost"
            || name.ends_with(".localhost")
            || self.names.iter().any(|own| own.eq_ignore_ascii_case(&name))
    }

    /// The reason to refuse a request.
    fn refusal(&self, headers: &HeaderMap) -> Option<String> {
        let hosts: Vec<_> = headers.get_all(header::HOST).iter().collect();
        // A request without a host or with several is malformed, and no browser sends it.
        let host = match hosts.as_slice() {
            [] => None,
            [host] => Some(host.to_str().unwrap_or("(not ASCII)")),
            _ => return Some("the request has several Host headers".to_owned()),
        };
        let authority = host.and_then(|host| host.parse::<Authority>().ok());
        let known = |authority: &Authority| self.allow(authority.host()) && !authority.as_str().contains('@');
        if let Some(host) = host
            && !authority.as_ref().is_some_and(known)
        {
            return Some(format!(
                "the request is for the host `{host}`, which is not this sandbox's; use its address, or start it with --allow-host"
            ));
        }
        let origin = headers.get(header::ORIGIN)?.to_str().unwrap_or("(not ASCII)");
        let own = host.is_some_and(|host| origin.eq_ignore_ascii_case(&format!("http://{host}")));
        (!own).then(|| {
            format!("the request comes from a web page of `{origin}`; only the sandbox's own page may send requests")
        })
    }
}

/// Answers 403 to a request that a browser sends for a page of another site.
pub(super) async fn admit(StateOf(hosts): StateOf<Arc<Hosts>>, request: Request, next: Next) -> Response {
    let Some(why) = hosts.refusal(request.headers()) else { return next.run(request).await };
    let fault = ApiError::of_status(403).saying(why);
    // It has no number, because it is not in the log.
    (StatusCode::FORBIDDEN, Json(fault.body(0))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(listen: &str, host: &str, origin: Option<&str>) -> bool {
        let hosts = Hosts { listen: listen.parse().unwrap(), names: vec!["sandbox.example".to_owned()] };
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        hosts.refusal(&headers).is_none()
    }

    #[test]
    fn only_own_hosts_are_answered() {
        for host in [
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]:8080",
            "localhost:1",
            "LOCALHOST",
            "a.localhost",
            "sandbox.example:80",
            "localhost.",
        ] {
            assert!(answered("127.0.0.1", host, None), "{host}");
        }
        for host in [
            "rebound.example",
            "10.0.0.5:8080",
            "localhost.rebound.example",
            "127.0.0.1.rebound.example",
            "[::2]",
            "127.0.0.1@rebound.example",
            "",
            "a b",
        ] {
            assert!(!answered("127.0.0.1", host, None), "{host}");
        }
        assert!(answered("10.0.0.5", "10.0.0.5:8080", None));
        assert!(!answered("10.0.0.5", "10.0.0.6:8080", None));
        assert!(answered("0.0.0.0", "10.0.0.6:8080", None));
        assert!(!answered("0.0.0.0", "rebound.example:8080", None));
    }

    #[test]
    fn only_the_own_page_may_send_requests() {
        assert!(answered("127.0.0.1", "127.0.0.1:8080", Some("http://127.0.0.1:8080")));
        for origin in
            ["http://evil.example", "null", "https://127.0.0.1:8080", "http://127.0.0.1:9090", "http://localhost:8080"]
        {
            assert!(!answered("127.0.0.1", "127.0.0.1:8080", Some(origin)), "{origin}");
        }
    }
}
