//! The API server of the cluster, as seen from a pod.
//!
//! Two requests do not need the client of the crate `kube`: 5.0 with the fewest features adds 0.7 to 0.8 MiB to a program that has reqwest and
//! the parsers of the function anyway, since it brings its own stack on hyper with a second version of tower-http.

use std::path::Path;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Method, Url};
use serde_json::Value;

use crate::error::network_error::causes;
use apigee_flux_disk::read_regular;

/// Limit for the size of each file.
const MAX_FILE_BYTES: usize = 1 << 20;

/// The longest part of a response other than a Kubernetes Status that an error repeats, in characters.
const MAX_FOREIGN_TEXT: usize = 200;

/// The API server, with the pod's credential.
pub struct ApiServer {
    http: reqwest::Client,
    base: Url,
    token: String,
    /// The pod's namespace.
    namespace: String,
}

impl ApiServer {
    /// The name of the API server inside its cluster, which is also in its certificate.
    const NAME: &'static str = "kubernetes.default.svc";

    /// Reads the mounted files of the pod's ServiceAccount: `token`, `ca.crt` and `namespace`. `address` are the
    /// variables `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`, which the kubelet sets in every container.
    pub fn from_mount(folder: &Path, address: Option<(&str, &str)>) -> Result<Self, String> {
        let read = |name: &str| {
            let file = folder.join(name);
            let bytes = read_regular(&file, MAX_FILE_BYTES).map_err(|why| format!("`{}` {why}", file.display()))?;
            String::from_utf8(bytes).map_err(|_| format!("`{}` is not text in UTF-8", file.display()))
        };
        let authority = Certificate::from_pem_bundle(read("ca.crt")?.as_bytes())
            .ok()
            .filter(|certificates| !certificates.is_empty())
            .ok_or_else(|| format!("`{}` has no certificate", folder.join("ca.crt").display()))?;
        let http = reqwest::Client::builder()
            .user_agent(concat!("apigee-flux/", env!("CARGO_PKG_VERSION")))
            .tls_certs_only(authority)
            .https_only(true)
            .no_proxy()
            .redirect(Policy::none())
            .build()
            .map_err(|error| format!("the HTTPS client cannot start: {}", causes(&error)))?;
        let (host, port) = address.unwrap_or((Self::NAME, "443"));
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let base = Url::parse(&format!("https://{host}:{port}")).map_err(|error| {
            format!("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not a valid address: {error}")
        })?;
        Ok(Self {
            http,
            base,
            token: read("token")?.trim().to_owned(),
            namespace: read("namespace")?.trim().to_owned(),
        })
    }

    /// The pod's namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Sets fields of an object in the pod's namespace by server-side apply. `resource` is its path after the
    /// namespace. Returns the object.
    pub(super) async fn apply(
        &self,
        group: &str,
        resource: &[&str],
        manager: &str,
        object: &Value,
    ) -> Result<Value, String> {
        let mut url = self.url(group, resource);
        url.query_pairs_mut().append_pair("fieldManager", manager);
        // JSON is YAML.
        self.send(Method::PATCH, url, "application/apply-patch+yaml", object).await
    }

    /// Creates an object in the pod's namespace.
    pub(super) async fn create(&self, group: &str, resource: &[&str], object: &Value) -> Result<(), String> {
        self.send(Method::POST, self.url(group, resource), "application/json", object).await.map(drop)
    }

    fn url(&self, group: &str, resource: &[&str]) -> Url {
        let mut url = self.base.clone();
        // A URL with a host has path segments; there is no error to report.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.push("apis").push(group).push("v1").push("namespaces").push(&self.namespace).extend(resource);
        }
        url
    }

    async fn send(&self, method: Method, url: Url, content_type: &str, body: &Value) -> Result<Value, String> {
        let call = format!("{method} {}", url.path());
        let request = self.http.request(method, url).header(CONTENT_TYPE, content_type).bearer_auth(&self.token);
        let answer = request.body(body.to_string()).send().await;
        let answer = answer.map_err(|error| format!("{call}: {}", causes(&error)))?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|error| format!("{call}: {}", causes(&error)))?;
        let value: Option<Value> = serde_json::from_slice(&bytes).ok();
        if status.is_success() {
            return value.ok_or_else(|| format!("{call}: the response is not JSON"));
        }
        let why = match value.as_ref().and_then(|status| status["message"].as_str()) {
            Some(message) => message.to_owned(),
            None => String::from_utf8_lossy(&bytes).split_whitespace().collect::<Vec<_>>().join(" "),
        };
        Err(format!("{call}: {}: {}", status.as_u16(), why.chars().take(MAX_FOREIGN_TEXT).collect::<String>()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = ApiServer::from_mount(folder.path(), None).err().unwrap();
        assert!(error.contains("ca.crt` cannot be read"), "{error}");
        std::fs::write(folder.path().join("ca.crt"), "nothing").unwrap();
        let error = ApiServer::from_mount(folder.path(), None).err().unwrap();
        assert!(error.contains("has no certificate"), "{error}");
    }
}
