//! `servers`: where the API is served.

use serde_json::Value as Json;

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its URL, the defaults of its variables filled in. It may be relative.
    pub url: String,
}

impl Server {
    pub(super) fn read(value: &Json) -> Option<Self> {
        let mut url = value.get("url").and_then(Json::as_str)?.to_owned();
        for (name, variable) in value.get("variables").and_then(Json::as_object).into_iter().flatten() {
            if let Some(default) = variable.get("default").and_then(super::text) {
                url = url.replace(&format!("{{{name}}}"), &default);
            }
        }
        Some(Self { url })
    }

    /// The URL's path without a slash at its end; none if there is nothing behind the host.
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
}
