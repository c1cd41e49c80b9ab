//! The API server of the cluster, as seen from a pod.
//!
//! The client of the crate `kube` follows no redirect (hyper's client does not), uses no proxy (its features for that are off, and the
//! variables of the environment are not read), and trusts only the authority of the mount. It reads the token and the authority again every
//! minute, since the kubelet renews the token while a run takes longer than its hour.

use std::path::Path;
use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ListMeta, ObjectMeta};
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use kube::{Client, Config, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::in_cluster::kubernetes_error::{Call, KubernetesError};
use apigee_flux_disk::read_regular;

/// Limit for the size of each file.
const MAX_FILE_BYTES: usize = 1 << 20;

/// The time for one request, its retries included.
const PATIENCE: Duration = Duration::from_secs(20);

/// The number of objects in one response.
const PAGE: u32 = 500;

/// The API server, with the pod's credential.
#[derive(Clone)]
pub struct ApiServer {
    client: Client,
    /// The pod's namespace.
    namespace: String,
}

impl ApiServer {
    /// The name of the API server inside its cluster, which is also in its certificate.
    const NAME: &'static str = "kubernetes.default.svc";

    /// Uses the mounted files of the pod's ServiceAccount: `token`, `ca.crt` and `namespace`. `address` are the
    /// variables `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`, which the kubelet sets in every container. The caller must be inside
    /// a tokio runtime.
    pub fn from_mount(folder: &Path, address: Option<(&str, &str)>) -> Result<Self, String> {
        let read = |name: &str| {
            let file = folder.join(name);
            let bytes = read_regular(&file, MAX_FILE_BYTES).map_err(|why| format!("`{}` {why}", file.display()))?;
            String::from_utf8(bytes).map_err(|_| format!("`{}` is not text in UTF-8", file.display()))
        };
        let authorities: Vec<Vec<u8>> = pem::parse_many(read("ca.crt")?)
            .into_iter()
            .flatten()
            .filter(|section| section.tag() == "CERTIFICATE")
            .map(pem::Pem::into_contents)
            .collect();
        if authorities.is_empty() {
            return Err(format!("`{}` has no certificate", folder.join("ca.crt").display()));
        }
        // The client reads the file itself, and its errors do not name it.
        read("token")?;
        let (host, port) = address.unwrap_or((Self::NAME, "443"));
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let url = format!("https://{host}:{port}").parse().map_err(|error| {
            format!("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not a valid address: {error}")
        })?;
        let mut config = Config::new(url);
        config.root_cert = Some(authorities);
        config.root_cert_file = Some(folder.join("ca.crt"));
        config.auth_info.token_file = Some(folder.join("token").to_string_lossy().into_owned());
        config.proxy_url = None;
        let agent = concat!("apigee-flux/", env!("CARGO_PKG_VERSION")).parse();
        config.headers.extend("user-agent".parse().ok().zip(agent.ok()));
        let client = Client::try_from(config).map_err(|error| format!("the HTTPS client cannot start: {error}"))?;
        Ok(Self { client, namespace: read("namespace")?.trim().to_owned() })
    }

    /// The same with the address from the kubelet.
    pub fn from_pod(folder: &Path) -> Result<Self, String> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let address = variable("KUBERNETES_SERVICE_HOST").zip(variable("KUBERNETES_SERVICE_PORT"));
        Self::from_mount(folder, address.as_ref().map(|(host, port)| (host.as_str(), port.as_str())))
    }

    /// The pod's namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Sets fields of an object in the pod's namespace by server-side apply. Returns the object.
    pub(super) async fn apply<K>(
        &self,
        call: Call,
        name: &str,
        manager: &str,
        object: &Value,
    ) -> Result<K, KubernetesError>
    where
        K: Kind,
    {
        self.done(call, self.api::<K>().patch(name, &PatchParams::apply(manager), &Patch::Apply(object))).await
    }

    /// Creates an object in the pod's namespace.
    pub(super) async fn create<K: Kind>(&self, call: Call, object: &K) -> Result<(), KubernetesError> {
        self.done(call, self.api::<K>().create(&PostParams::default(), object)).await.map(drop)
    }

    /// An object of the pod's namespace; `None` if it does not exist.
    pub(super) async fn get<K: Kind>(&self, call: Call, name: &str) -> Result<Option<K>, KubernetesError> {
        self.done(call, self.api::<K>().get_opt(name)).await
    }

    /// The objects of the pod's namespace with these labels.
    pub(super) async fn list<K: Kind>(&self, call: Call, labels: &str) -> Result<Vec<K>, KubernetesError> {
        let (api, mut all, mut params) = (self.api::<K>(), Vec::new(), first_page(labels));
        loop {
            let page = self.done(call, api.list(&params)).await?;
            all.extend(page.items);
            match next_page(params, page.metadata) {
                Some(next) => params = next,
                None => return Ok(all),
            }
        }
    }

    /// The metadata of the objects of the pod's namespace with these labels.
    pub(super) async fn list_metadata<K: Kind>(
        &self,
        call: Call,
        labels: &str,
    ) -> Result<Vec<ObjectMeta>, KubernetesError> {
        let (api, mut all, mut params) = (self.api::<K>(), Vec::new(), first_page(labels));
        loop {
            let page = self.done(call, api.list_metadata(&params)).await?;
            all.extend(page.items.into_iter().map(|object| object.metadata));
            match next_page(params, page.metadata) {
                Some(next) => params = next,
                None => return Ok(all),
            }
        }
    }

    async fn done<T>(
        &self,
        call: Call,
        request: impl Future<Output = Result<T, kube::Error>>,
    ) -> Result<T, KubernetesError> {
        match tokio::time::timeout(PATIENCE, request).await {
            Ok(answer) => answer.map_err(|error| KubernetesError::new(call, &self.namespace, &error)),
            Err(_) => Err(KubernetesError {
                call,
                namespace: self.namespace.clone(),
                status: None,
                why: format!("no answer within {PATIENCE:?}"),
            }),
        }
    }
}

fn first_page(labels: &str) -> ListParams {
    ListParams::default().labels(labels).limit(PAGE)
}

fn next_page(params: ListParams, page: ListMeta) -> Option<ListParams> {
    page.continue_.filter(|token| !token.is_empty()).map(|token| params.continue_token(&token))
}

/// A kind of objects in namespaces.
pub(super) trait Kind:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()>
    + Clone
    + std::fmt::Debug
    + DeserializeOwned
    + Serialize
    + Send
    + 'static
{
}

impl<K> Kind for K where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned
        + Serialize
        + Send
        + 'static
{
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
