//! `servers`: the URLs of the API.

use serde_json::Value as Json;

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentServer {
    /// The URL, with the default values of its variables. It may be relative.
    pub url: String,
}

impl DocumentServer {
    pub(super) fn read(value: &Json) -> Option<Self> {
        let mut url = value.get("url").and_then(Json::as_str)?.to_owned();
        for (name, variable) in value.get("variables").and_then(Json::as_object).into_iter().flatten() {
            if let Some(default) = variable.get("default").and_then(super::text) {
                url = url.replace(&format!("{{{name}}}"), &default);
            }
        }
        Some(Self { url })
    }

    /// The path of the URL without a trailing slash; `None` if there is nothing after the host.
    pub fn path(&self) -> Option<&str> {
        let end = self.url.find(['?', '#']).unwrap_or(self.url.len());
        let url = &self.url[..end];
        let below_host = match url.split_once("://") {
            Some((_, rest)) => Some(rest),
            None => url.strip_prefix("//"),
        };
        let path = match below_host {
            Some(rest) => &rest[rest.find('/')?..],
            None => url,
        };
        Some(path.trim_end_matches('/')).filter(|path| path.starts_with('/'))
    }

    /// The URL for a target, without a trailing slash; `None` if it is not a complete HTTP URL, for example because its
    /// host has a placeholder.
    pub fn backend(&self) -> Option<String> {
        let (scheme, rest) = self.url.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        if !matches!(scheme.as_str(), "http" | "https") {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let in_path = |c: char| c.is_ascii_alphanumeric() || "-._~!&'()*+,;=:@%/".contains(c);
        if !is_host_and_port(authority) || !path.chars().all(in_path) {
            return None;
        }
        Some(format!("{scheme}://{authority}{}", path.trim_end_matches('/')))
    }
}

/// Whether a text is a host, optionally with a port, and has no placeholder.
fn is_host_and_port(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port_fits = port.is_none_or(|port| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    port_fits
        && address.map_or_else(|| host.split('.').all(label), |address| address.parse::<core::net::Ipv6Addr>().is_ok())
}
