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

/// The identity of a cluster: a digest of the token's issuer, which managed clusters have for themselves (GKE, EKS, AKS), or else of the uid of the
/// ServiceAccount. `None` if the token is not a JWT with these claims (RFC 7519; Kubernetes, "Schema for service account private claims").
pub fn identity(token: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(token.trim().split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let issuer =
        claims["iss"].as_str().filter(|issuer| issuer.starts_with("https://") && !issuer.starts_with(COMMON_ISSUER));
    let account = || claims["kubernetes.io"]["serviceaccount"]["uid"].as_str();
    issuer.or_else(account).map(|from| Digest::of_bytes(from.as_bytes()).short(DIGITS))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(claims: &Value) -> Option<String> {
        identity(&format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string())))
    }

    #[test]
    fn a_cluster_is_known_by_its_issuer_or_its_account() {
        let account = |uid: &str| json!({"serviceaccount": {"name": "apigee-deployer", "uid": uid}});
        let gke = "https://container.googleapis.com/v1/projects/p/locations/l/clusters/c";
        let first = of(&json!({"iss": gke, "kubernetes.io": account("1")}));
        assert_eq!(first.as_ref().map(String::len), Some(DIGITS));
        assert_eq!(first, of(&json!({"iss": gke, "kubernetes.io": account("2")})));
        for common in [COMMON_ISSUER, "https://kubernetes.default.svc.cluster.local", "kubernetes/serviceaccount"] {
            let of = |uid: &str| of(&json!({"iss": common, "kubernetes.io": account(uid)}));
            assert!(of("1").is_some());
            assert_ne!(of("1"), of("2"));
        }
        for nothing in ["", "a", "a.b.c", "a.e30.c"] {
            assert_eq!(identity(nothing), None);
        }
    }
}
