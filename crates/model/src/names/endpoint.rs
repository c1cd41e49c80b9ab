//! The endpoint of the management API.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::Url;

use crate::limits::path;

/// The global endpoint (discovery document `apigee.v1`, `rootUrl`).
pub const DEFAULT_ENDPOINT: &str = "https://apigee.googleapis.com";

/// A base URL of the management API.
///
/// Invariant: `https`, or `http` to a loopback host. A token is therefore never transmitted unencrypted over a network.
/// Both regional (`https://apigee.eu.rep.googleapis.com`) and data-residency hosts (`https://eu-apigee.googleapis.com`)
/// exist, so the whole URL is given; a region is an abbreviation for the latter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
}

impl Endpoint {
    /// The endpoint of a data residency region: `eu` means `https://eu-apigee.googleapis.com`.
    pub fn of_region(region: &str) -> Result<Self, String> {
        let word = region.starts_with(|c: char| c.is_ascii_lowercase())
            && region.len() <= 63
            && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !word {
            return Err(format!(
                "`{region}` is not a region; expected lowercase letters, digits and `-`, for example eu"
            ));
        }
        format!("https://{region}-apigee.googleapis.com").parse()
    }

    /// True for plain `http`, which [`Endpoint`] allows only for loopback hosts: a sandbox, not Apigee.
    pub fn is_plain_http(&self) -> bool {
        self.url.scheme() == "http"
    }

    /// True for Google's hosts and this machine. A spec or a mounted file may name only these without a confirmation on
    /// the command line, since a token is sent there.
    pub fn is_trusted(&self) -> bool {
        is_trusted(self.url.as_str())
    }

    /// The port: explicit, or the default of the scheme.
    pub fn port(&self) -> u16 {
        // Both schemes that `from_str` lets through have a known port.
        self.url.port_or_known_default().unwrap_or(443)
    }

    /// The URL of a resource: `v1` and the given parts, percent-encoded, below the base URL; then, if given, a colon
    /// and the custom method (AIP-136). The error names an invalid part.
    pub fn resource(&self, parts: &[&str], custom: Option<&str>) -> Result<Url, String> {
        let mut path = self.url.path().trim_end_matches('/').to_owned() + "/v1";
        for part in parts {
            path.push('/');
            path.push_str(&path::encode(part)?);
        }
        if let Some(custom) = custom {
            path.push(':');
            path.push_str(custom);
        }
        let mut url = self.url.clone();
        url.set_path(&path);
        Ok(url)
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{text}` is not an endpoint: {why}; expected a URL like {DEFAULT_ENDPOINT}");
        let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        let Some(host) = url.host_str() else {
            return Err(wrong("it has no host"));
        };
        if !url.username().is_empty() || url.password().is_some() {
            // The text may contain a password, so it is not repeated.
            return Err(
                "the endpoint contains a user name or password; remove it: credentials are read from the environment"
                    .to_owned(),
            );
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it has a query or fragment"));
        }
        match url.scheme() {
            "https" => Ok(Self { url }),
            "http" if is_loopback(host) => Ok(Self { url }),
            "http" => Err(format!(
                "`{text}` uses http to another machine, which would expose the access token on the network; use https \
                 (http is allowed only to 127.0.0.0/8, ::1 and localhost, for the sandbox)"
            )),
            other => Err(wrong(&format!("the scheme `{other}` is not https"))),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str().trim_end_matches('/'))
    }
}

/// The only supported universe: `*.googleapis.com`.
pub const UNIVERSE: &str = "googleapis.com";

/// True for `https` to a host of Google's APIs, and for this machine.
pub fn is_trusted(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let Some(host) = url.host_str() else { return false };
    let google = host == UNIVERSE || host.strip_suffix(UNIVERSE).is_some_and(|rest| rest.ends_with('.'));
    match url.scheme() {
        "https" => google || is_loopback(host),
        "http" => is_loopback(host),
        _ => false,
    }
}

/// True for `127.0.0.0/8`, `::1` and `localhost`.
pub fn is_loopback(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, &str>) {
        match (text.parse::<Endpoint>(), expected) {
            (Ok(endpoint), Ok(shown)) => assert_eq!(endpoint.to_string(), shown),
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (found, expected) => panic!("{text}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn https_goes_anywhere_and_http_only_to_this_machine() {
        check("https://apigee.googleapis.com", Ok("https://apigee.googleapis.com"));
        check("https://eu-apigee.googleapis.com/", Ok("https://eu-apigee.googleapis.com"));
        check("http://127.0.0.1:8080", Ok("http://127.0.0.1:8080"));
        check("http://127.9.9.9:8080", Ok("http://127.9.9.9:8080"));
        check("http://[::1]:8080", Ok("http://[::1]:8080"));
        check("http://localhost:8080", Ok("http://localhost:8080"));
        check("http://apigee.googleapis.com", Err("use https"));
        check("http://10.0.0.1:8080", Err("use https"));
        check("http://localhost.evil.example", Err("use https"));
        check("http://127.0.0.1.evil.example", Err("use https"));
        check("ftp://apigee.googleapis.com", Err("the scheme `ftp`"));
        check("apigee.googleapis.com", Err("is not an endpoint"));
        check("https://apigee.googleapis.com/?x=1", Err("query"));
    }

    #[test]
    fn a_token_goes_unasked_to_google_and_this_machine_only() {
        for (url, trusted) in [
            (DEFAULT_ENDPOINT, true),
            ("https://apigee.eu.rep.googleapis.com", true),
            ("http://127.0.0.1:8080", true),
            ("https://apigee.example", false),
            ("https://googleapis.com.evil.example", false),
        ] {
            assert_eq!(url.parse::<Endpoint>().unwrap().is_trusted(), trusted, "{url}");
        }
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        let error = "https://me:hunter2@apigee.googleapis.com".parse::<Endpoint>().unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn resources_stand_below_the_base_and_are_encoded() {
        let endpoint: Endpoint = "https://proxy.example/apigee/".parse().unwrap();
        let check = |parts: &[&str], custom, expected: &str| {
            assert_eq!(endpoint.resource(parts, custom).unwrap().path(), format!("/apigee/v1/{expected}"));
        };
        check(&["o", "a/b", "deployments"], Some("report"), "o/a%2Fb/deployments:report");
        check(&["entries", "a:b"], None, "entries/a%3Ab");
        check(&["a\tb\r\nc", "%2F"], None, "a%09b%0D%0Ac/%252F");
        check(&["ä b", "?q#f", "a+b&c=d;e", "[|]"], None, "%C3%A4%20b/%3Fq%23f/a%2Bb%26c%3Dd%3Be/%5B%7C%5D");
        check(&["developers", "bob@example.com"], None, "developers/bob@example.com");
        for part in [".", "..", ""] {
            assert!(endpoint.resource(&["keyvaluemaps", part], None).unwrap_err().contains("another name"));
        }
        assert!(DEFAULT_ENDPOINT.parse::<Endpoint>().is_ok());
    }
}
