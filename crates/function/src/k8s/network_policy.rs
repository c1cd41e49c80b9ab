//! The NetworkPolicy of the Jobs' pods. Egress is allowed to DNS, Google's APIs, GKE's metadata server, and the API server if the Jobs
//! report to it. No ingress is allowed.

use k8s_openapi::api::networking::v1::{
    IPBlock, NetworkPolicyEgressRule, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::metadata::{Metadata, common_labels};
use super::object::Object;

/// The policy of a namespace. `ports` are the ports of the management API's endpoints, and of the API server if the Jobs report to it.
pub fn network_policy(ports: &[u16], metadata: &Metadata<'_>) -> Object {
    let port = |number: u16, protocol: &str| NetworkPolicyPort {
        port: Some(IntOrString::Int(number.into())),
        protocol: Some(protocol.to_owned()),
        end_port: None,
    };
    let host = |address: &str| NetworkPolicyPeer {
        ip_block: Some(IPBlock { cidr: format!("{address}/32"), except: None }),
        ..NetworkPolicyPeer::default()
    };
    let rule = |ports: Vec<NetworkPolicyPort>, to: Option<Vec<NetworkPolicyPeer>>| NetworkPolicyEgressRule {
        ports: Some(ports),
        to,
    };
    let egress = vec![
        rule(vec![port(53, "UDP"), port(53, "TCP")], None),
        rule(ports.iter().map(|number| port(*number, "TCP")).collect(), None),
        // GKE, "Workload Identity Federation for GKE", network policy: without and with Dataplane V2.
        rule(vec![port(988, "TCP")], Some(vec![host("169.254.169.252")])),
        rule(vec![port(80, "TCP")], Some(vec![host("169.254.169.254")])),
    ];
    let spec = NetworkPolicySpec {
        pod_selector: Some(LabelSelector { match_labels: Some(common_labels()), match_expressions: None }),
        policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
        ingress: Some(Vec::new()),
        egress: Some(egress),
    };
    Object::network_policy(metadata.object("apigee-deployer"), spec)
}
