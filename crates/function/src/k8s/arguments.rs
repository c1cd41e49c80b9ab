//! The arguments of the container: one half of the interface between the function and the deployer.

use super::deployment::Deployment;
use super::payload::Payload;
use super::payload::{JOB_UID_VARIABLE, NAMESPACE_VARIABLE};
use super::volumes::{BATCH, BUNDLE, BUNDLES, CLUSTER, CONFIGURATION, SECRETS, STATE};
use super::{provenance, reconcile_access, report_access, secret_access};
use crate::spec::environment;
use apigee_flux_configuration::inventory::Deep;
use apigee_flux_model::bundle::{BundleKind, DeploySettings, Removal, SmokeTest, manifest};
use apigee_flux_model::lifecycle::{Adopt, WhenGone};

/// The arguments of the container. Paths are relative to its working directory `/`.
pub(super) fn arguments(deployment: &Deployment<'_>) -> Vec<String> {
    let mut arguments = match deployment.payload {
        Payload::Bundle { .. } => vec!["deploy".to_owned(), format!("--manifest={BUNDLE}/{}", manifest::FILE_NAME)],
        Payload::Batch { list, .. } => {
            let files = list.files().into_iter().map(|file| format!("--batch={BATCH}/{file}"));
            std::iter::once("deploy".to_owned()).chain(files).chain([format!("--bundles={BUNDLES}")]).collect()
        }
        Payload::Configuration { document, .. } => {
            let files = document.files().into_iter().map(|file| format!("--configuration={CONFIGURATION}/{file}"));
            std::iter::once("apply".to_owned()).chain(files).chain([format!("--secrets={SECRETS}")]).collect()
        }
        Payload::Reconcile { how, .. } => {
            let mut arguments =
                vec!["reconcile".to_owned(), reconcile_access::ARGUMENT.to_owned(), format!("--secrets={SECRETS}")];
            arguments.extend(how.prune.then(|| format!("--max-deletes={}", how.max_deletes)));
            arguments.extend((how.mode == environment::Mode::Report).then(|| "--report".to_owned()));
            arguments.extend(match how.deep {
                Deep::Daily => None,
                Deep::Always => Some("--deep=always".to_owned()),
                Deep::Never => Some("--deep=never".to_owned()),
            });
            arguments
        }
        Payload::Removal { kind, name, removal } => {
            let kind = match kind {
                BundleKind::Proxy => "proxy",
                BundleKind::SharedFlow => "shared-flow",
            };
            let mut arguments = vec!["remove".to_owned(), format!("--{kind}={name}")];
            arguments.extend((removal == Removal::Delete).then(|| "--delete".to_owned()));
            arguments
        }
    };
    arguments.extend([
        format!("--provenance=provenance/{}", provenance::FILE_NAME),
        format!("--org={}", deployment.organization),
    ]);
    arguments.extend(deployment.environment().map(|environment| format!("--env={environment}")));
    if let (Payload::Bundle { .. }, Some(digest)) = (deployment.payload, deployment.digest) {
        arguments.push(format!("--expect-digest={digest}"));
    }
    arguments.push(format!("--timeout={}", deployment.timeout));
    if let Some(endpoint) = deployment.endpoint {
        arguments.push(format!("--endpoint={endpoint}"));
    }
    if let Payload::Bundle { settings, .. } = deployment.payload {
        arguments.extend(settings_arguments(settings));
    }
    let waits = matches!(deployment.payload, Payload::Bundle { .. } | Payload::Batch { .. });
    if waits && deployment.settings.wait == environment::Wait::Accepted {
        arguments.push("--wait=accepted".to_owned());
    }
    if let Payload::Configuration { .. } | Payload::Reconcile { .. } = deployment.payload {
        arguments.extend(deployment.settings.secret_folders.iter().map(|folder| format!("--secret-folder={folder}")));
    }
    if let Some(rate) = deployment.settings.rate {
        arguments.push(format!("--rate={rate}"));
    }
    // Kubernetes expands `$(NAME)` in arguments; `$$(` is an escaped `$(`.
    let mut arguments: Vec<String> = arguments.into_iter().map(|argument| argument.replace("$(", "$$(")).collect();
    arguments.extend([
        format!("--owner={}", deployment.owner.argument()),
        format!("--namespace=$({NAMESPACE_VARIABLE})"),
        format!("--job-uid=$({JOB_UID_VARIABLE})"),
        format!("--state={STATE}"),
        format!("--cluster={CLUSTER}"),
    ]);
    arguments.extend(deployment.replaces_cluster.map(|cluster| format!("--replaces-cluster={cluster}")));
    if let Payload::Reconcile { owner_of_organization, .. } = deployment.payload {
        arguments.push(format!("--owner-of-organization={}", owner_of_organization.argument()));
    }
    arguments.extend(deployment.creates_secrets().then(|| secret_access::ARGUMENT.to_owned()));
    arguments.extend(deployment.reports().then(report_access::argument));
    arguments
}

fn settings_arguments(settings: &DeploySettings) -> Vec<String> {
    let DeploySettings { service_account, keep_revisions, allow_extensible, smoke_test, when_gone, adopt } = settings;
    let mut arguments = Vec::new();
    arguments.extend(service_account.iter().map(|account| format!("--service-account={account}")));
    arguments.extend(keep_revisions.iter().map(|kept| format!("--keep-revisions={kept}")));
    arguments.extend(allow_extensible.iter().map(|allowed| format!("--allow-extensible={allowed}")));
    if let Some(SmokeTest { url, expect_status }) = smoke_test {
        arguments.extend([format!("--smoke-test={url}"), format!("--smoke-status={expect_status}")]);
    }
    arguments.extend(match when_gone {
        WhenGone::Orphan => None,
        WhenGone::Undeploy => Some("--when-gone=undeploy".to_owned()),
        WhenGone::Delete => Some("--when-gone=delete".to_owned()),
    });
    arguments.extend(match adopt {
        Adopt::Never => None,
        Adopt::Match => Some("--adopt=match".to_owned()),
        Adopt::Override => Some("--adopt=override".to_owned()),
    });
    arguments
}
