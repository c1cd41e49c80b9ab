//! The identity of the cluster, from the token of the pod's ServiceAccount.
//!
//! Two clusters may have namespaces and ApigeeEnvironments of equal names, and then also equal owners. The kubelet mounts a token into every
//! pod without any permission of the pod, and the token says who issued it. It is not verified: it is the pod's own file.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use apigee_flux_model::bundle::Digest;

/// The issuer of clusters that did not configure one (kubeadm, kind): many clusters have it.
const COMMON_ISSUER: &str = "https://kubernetes.default.svc";

/// The number of hexadecimal digits of an identity.
const DIGITS: usize = 12;

/// The identity of a cluster: a digest of the token's issuer, which managed clusters have for themselves (GKE, EKS, AKS), or else of the key that
/// signs the cluster's tokens (`kid` in the header; Kubernetes makes it from the public key). Not of the uid of the ServiceAccount: each namespace
/// has its own, and resources move between the namespaces of a cluster. `None` if the token is not a JWT with these fields (RFC 7519, RFC 7515).
pub fn identity(token: &str) -> Option<String> {
    let mut parts = token
        .trim()
        .split('.')
        .map(|part| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok() });
    let (header, claims) = (parts.next()??, parts.next()??);
    let issuer =
        claims["iss"].as_str().filter(|issuer| issuer.starts_with("https://") && !issuer.starts_with(COMMON_ISSUER));
    let from = issuer.or_else(|| header["kid"].as_str())?;
    Some(Digest::of_bytes(from.as_bytes()).short(DIGITS))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(key: &str, issuer: &str, account: &str) -> Option<String> {
        let header = json!({"alg": "RS256", "kid": key});
        let claims =
            json!({"iss": issuer, "kubernetes.io": {"serviceaccount": {"name": "apigee-deployer", "uid": account}}});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        identity(&format!("{}.{}.c2ln", part(&header), part(&claims)))
    }

    #[test]
    fn a_cluster_is_known_by_its_issuer_or_its_key_in_all_namespaces() {
        let gke = "https://container.googleapis.com/v1/projects/p/locations/l/clusters/c";
        let first = of("k", gke, "1");
        assert_eq!(first.as_ref().map(String::len), Some(DIGITS));
        assert_eq!(first, of("rotated", gke, "2"));
        for common in [COMMON_ISSUER, "https://kubernetes.default.svc.cluster.local", "kubernetes/serviceaccount"] {
            assert!(of("k", common, "1").is_some());
            assert_eq!(of("k", common, "1"), of("k", common, "2"));
            assert_ne!(of("k", common, "1"), of("l", common, "1"));
        }
        for nothing in ["", "a", "a.b.c", "a.e30.c", "e30.e30.c"] {
            assert_eq!(identity(nothing), None);
        }
    }
}
