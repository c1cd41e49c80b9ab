//! Checks the pod settings of an ApigeeEnvironment that are passed to Kubernetes unchanged.

use std::collections::BTreeSet;

use crate::spec::environment::{DeployerSettings, EnvVar, EnvironmentSpec, Identity, WorkloadIdentityFederation};
use apigee_flux_model::diag::{Code, FieldPath, Report};
use apigee_flux_model::names::{ServiceAccount, kubernetes_rules};

/// Variables that the pod sets itself, or that control the source and destination of the deployer's token, with what to set instead.
const RESERVED: [(&str, &str); 9] = [
    ("APIGEE_ENDPOINT", "set `spec.endpoint`"),
    ("APIGEE_TOKEN", "a spec must not contain a token; set `spec.identity`"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "set `spec.identity`"),
    ("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "set `spec.identity`"),
    ("GCE_METADATA_HOST", "set `spec.identity`"),
    ("CLOUDSDK_CONFIG", "set `spec.identity`"),
    ("KUBERNETES_SERVICE_HOST", "Kubernetes sets it"),
    ("KUBERNETES_SERVICE_PORT", "Kubernetes sets it"),
    ("HOME", "the pod has no home directory"),
];

/// The prefix of the variables that the pod sets.
const OWN_PREFIX: &str = "APIGEE_FLUX_";

/// Reports settings that Kubernetes would reject, or that could send the deployer's token to another host.
pub(super) fn check(spec: &EnvironmentSpec, report: &mut Report<'_>) {
    let mut wrong = |keys: &[&str], found: Result<(), String>| {
        if let Err(why) = found {
            report.error(Code::InvalidName, FieldPath::of(&[&["spec"], keys].concat()), why);
        }
    };
    match &spec.identity {
        None => {}
        Some(Identity::ServiceAccountName(name)) => {
            wrong(&["identity", "serviceAccountName"], kubernetes_rules::object_name(name));
        }
        Some(Identity::GkeWorkloadIdentity(gke)) => {
            let email = gke.service_account.as_deref();
            wrong(&["identity", "gkeWorkloadIdentity", "serviceAccount"], email.map_or(Ok(()), account));
        }
        Some(Identity::WorkloadIdentityFederation(WorkloadIdentityFederation { provider, service_account })) => {
            let at = |field| ["identity", "workloadIdentityFederation", field];
            wrong(&at("provider"), self::provider(provider));
            wrong(&at("serviceAccount"), service_account.as_deref().map_or(Ok(()), account));
        }
    }
    let DeployerSettings { image, secret_provider_class, pod_annotations, env, resources, .. } = &spec.deployer;
    wrong(&["deployer", "image"], image.as_deref().map_or(Ok(()), kubernetes_rules::image));
    let class = secret_provider_class.as_deref().map_or(Ok(()), kubernetes_rules::object_name);
    wrong(&["deployer", "secretProviderClass"], class);
    for key in pod_annotations.keys() {
        wrong(&["deployer", "podAnnotations", key], kubernetes_rules::qualified_name(key));
    }
    for (group, quantities) in
        resources.iter().flat_map(|resources| [("requests", &resources.requests), ("limits", &resources.limits)])
    {
        for (key, value) in quantities {
            let found = kubernetes_rules::qualified_name(key).and_then(|()| kubernetes_rules::quantity(value));
            wrong(&["deployer", "resources", group, key], found);
        }
    }
    if let Some(owner) = spec.owner.as_deref().filter(|owner| owner.is_empty() || owner.contains(char::is_control)) {
        wrong(
            &["owner"],
            Err(format!("`{owner}` is not a valid name of an owner; write one without control characters")),
        );
    }
    let cluster = spec.replaces_cluster.as_deref();
    if let Some(cluster) =
        cluster.filter(|id| id.len() != 12 || !id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
    {
        let message = format!(
            "`{cluster}` is not the identity of a cluster; write the 12 hexadecimal digits that the deployer's error prints"
        );
        wrong(&["replacesCluster"], Err(message));
    }
    for (index, namespace) in spec.namespaces.iter().enumerate() {
        if let Err(why) = kubernetes_rules::namespace(namespace) {
            report.error(Code::InvalidName, FieldPath::of(&["spec", "namespaces"]).index(index), why);
        }
    }
    variables(env, report);
}

fn variables(env: &[EnvVar], report: &mut Report<'_>) {
    let mut seen = BTreeSet::new();
    for (index, EnvVar { name, value }) in env.iter().enumerate() {
        let reserved = RESERVED.iter().find(|(reserved, _)| reserved == name).map(|(_, fix)| *fix);
        let reserved = reserved.or_else(|| name.starts_with(OWN_PREFIX).then_some("the pod sets it"));
        let found = if let Some(fix) = reserved {
            Err(format!("the variable `{name}` cannot be set here: {fix}"))
        } else if !seen.insert(name) {
            Err(format!("the variable `{name}` is defined more than once"))
        } else if value.contains(char::is_control) {
            Err(format!("the value of the variable `{name}` has a control character"))
        } else {
            kubernetes_rules::variable_name(name)
        };
        if let Err(why) = found {
            report.error(Code::InvalidName, FieldPath::of(&["spec", "deployer", "env"]).index(index), why);
        }
    }
}

/// Checks an email address, since it becomes part of a URL of Google's API.
fn account(email: &str) -> Result<(), String> {
    email.parse::<ServiceAccount>().map(|_| ()).map_err(|_| {
        format!("`{email}` is not the email address of a Google service account; write it like `deployer@project.iam.gserviceaccount.com`")
    })
}

/// Checks the full name of a provider (Google, "Workload Identity Federation").
fn provider(name: &str) -> Result<(), String> {
    let word = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let parts: Vec<&str> = name.split('/').collect();
    if let ["projects", project, "locations", "global", "workloadIdentityPools", pool, "providers", provider] =
        parts[..]
        && [project, pool, provider].into_iter().all(word)
    {
        return Ok(());
    }
    Err(format!(
        "`{name}` is not the name of a provider; write `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`"
    ))
}
