//! Algorithms and keys of the JWT and JWS policies.

use super::node::{at, child, is_template, text};
use super::{Finding, Findings, Verdict};
use crate::policy::verify_jwt::KeyKind;
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{Policy, RuntimeBundle};

/// The policies, each with the element that contains the key of an asymmetric algorithm.
const POLICIES: [(&str, &str); 4] = [
    ("GenerateJWS", "PrivateKey"),
    ("GenerateJWT", "PrivateKey"),
    ("VerifyJWS", "PublicKey"),
    ("VerifyJWT", "PublicKey"),
];

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    for policy in bundle.policies.values().filter(|policy| policy.enabled) {
        if let Some((_, asymmetric)) = POLICIES.iter().find(|(element, _)| *element == policy.element) {
            check(policy, asymmetric, findings);
        }
    }
}

fn check<'d>(policy: &Policy<'d>, asymmetric: &str, findings: &mut Findings<'d>) {
    let Some(algorithm) = child(policy.node, "Algorithm").filter(|node| !is_template(text(*node))) else { return };
    let names = || text(algorithm).split(',').map(str::trim).filter(|name| !name.is_empty());
    let mut kinds: Vec<(KeyKind, &str)> = names().filter_map(|name| Some((KeyKind::of(name)?, name))).collect();
    kinds.dedup_by_key(|(kind, _)| *kind);
    let mut fault = |node, message: String, help: String| {
        findings.add(Finding::new(Code::WrongKeyKind, Verdict::Broken, at(policy, node), message).help(help));
    };
    if let [(kind, first), (other, second), ..] = kinds.as_slice() {
        fault(
            algorithm,
            format!("`{first}` needs {}, `{second}` needs {}", kind.as_str(), other.as_str()),
            "list algorithms that use the same kind of key, or use one policy for each kind".to_owned(),
        );
        return;
    }
    let Some((kind, name)) = kinds.first() else { return };
    let (wanted, other) = match kind {
        KeyKind::Shared => ("SecretKey", asymmetric),
        KeyKind::Rsa | KeyKind::EllipticCurve => (asymmetric, "SecretKey"),
    };
    if let Some(node) = child(policy.node, other).filter(|_| child(policy.node, wanted).is_none()) {
        fault(
            node,
            format!("`{name}` needs {}, found <{other}>", kind.as_str()),
            format!("use <{wanted}>, or another <Algorithm>"),
        );
    }
}
