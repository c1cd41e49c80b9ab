//! The identity of the cluster, from files that the kubelet mounts into every pod without any permission of the pod.
//!
//! Two clusters may have namespaces and ApigeeEnvironments of equal names, and then also equal owners. The files are not verified: they are the
//! pod's own.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use apigee_flux_model::bundle::Digest;

/// The issuer of clusters that did not configure one (kubeadm, kind): many clusters have it.
const COMMON_ISSUER: &str = "https://kubernetes.default.svc";

/// The number of hexadecimal digits of an identity.
const DIGITS: usize = 12;

/// The identity of a cluster, the same in all its namespaces: a digest of the issuer of the ServiceAccount's token, which managed clusters have for
/// themselves (GKE, EKS, AKS), or else of the certificates of its API server (`kube-root-ca.crt`, which Kubernetes publishes in every
/// namespace). `None` if neither says it.
pub fn identity(token: Option<&str>, authority: Option<&[u8]>) -> Option<String> {
    let issuer = token.and_then(issuer);
    let authority = authority.map(<[u8]>::trim_ascii).filter(|authority| !authority.is_empty());
    let from = issuer.as_deref().map(str::as_bytes).or(authority)?;
    Some(Digest::of_bytes(from).short(DIGITS))
}

/// The issuer of a token (RFC 7519, claim `iss`), if no other cluster has it.
fn issuer(token: &str) -> Option<String> {
    let payload = URL_SAFE_NO_PAD.decode(token.trim().split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let issuer = claims["iss"].as_str()?;
    (issuer.starts_with("https://") && !issuer.starts_with(COMMON_ISSUER)).then(|| issuer.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(issuer: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(json!({"iss": issuer}).to_string()))
    }

    #[test]
    fn a_cluster_is_known_by_its_issuer_or_its_certificates() {
        let gke = token("https://container.googleapis.com/v1/projects/p/locations/l/clusters/c");
        let first = identity(Some(&gke), Some(b"a"));
        assert_eq!(first.as_ref().map(String::len), Some(DIGITS));
        assert_eq!(first, identity(Some(&gke), Some(b"b")));
        assert_eq!(first, identity(Some(&gke), None));
        for common in [COMMON_ISSUER, "https://kubernetes.default.svc.cluster.local", "kubernetes/serviceaccount"] {
            let of = |authority: &[u8]| identity(Some(&token(common)), Some(authority));
            assert!(of(b"a").is_some());
            assert_eq!(of(b"a"), identity(None, Some(b"a\n")));
            assert_ne!(of(b"a"), of(b"b"));
        }
        for nothing in ["", "a", "a.b.c", "a.e30.c"] {
            assert_eq!(identity(Some(nothing), None), None);
            assert_eq!(identity(Some(nothing), Some(b"\n")), None);
        }
    }
}
