//! Why Apigee refuses to deploy or to undeploy.

use super::{BundleRef, State};
use crate::api::{ApiError, Violation};
use crate::settings::RuntimeType;
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::names::RevisionId;

impl State {
    /// The reasons to refuse a deployment.
    pub(crate) fn deploy_violations(
        &self,
        path: BundleRef<'_>,
        environment: &str,
        id: RevisionId,
        overrides: bool,
        now: u64,
    ) -> Result<Vec<Violation>, ApiError> {
        self.require_environment(path.organization, environment, now)?;
        let summary = &self.visible_revision(path, id, now)?.summary;
        let mut violations = Vec::new();
        for other in self.deployed(path.organization).filter(|other| other.environment == environment) {
            let subject = BundleRef { kind: other.kind, name: &other.name, ..path }.revision(other.revision);
            if other.kind == path.kind && other.name == path.name {
                if !overrides {
                    // https://github.com/scastria/terraform-provider-apigee/issues/15 shows this message.
                    let description =
                        "Only one revision can be deployed at a time, use the override flag to replace.".to_owned();
                    violations.push(Violation { kind: "CONFLICTING_DEPLOYMENT", subject, description });
                }
                continue;
            }
            let taken: Vec<&str> = self
                .base_paths(path.organization, other)
                .into_iter()
                .filter(|base_path| summary.base_paths.contains(*base_path))
                .collect();
            if !taken.is_empty() {
                let description = format!(
                    "Existing deployment of \"{subject}\" contains conflicting base paths: [{}].",
                    taken.join(" ")
                );
                violations.push(Violation { kind: "CONFLICTING_DEPLOYMENT", subject, description });
            }
        }
        if summary.extensible && self.is_base_environment(path.organization, environment) {
            // Base environments accept only standard proxies (https://cloud.google.com/apigee/pricing); the message is not documented.
            let subject = path.revision(id);
            let description = format!("{subject} is extensible and environment {environment} is of the type BASE.");
            violations.push(Violation { kind: "EXTENSIBLE_PROXY", subject, description });
        }
        if self.settings.runtime == RuntimeType::Hybrid {
            violations.extend(self.missing_flows(path, environment, id));
        }
        Ok(violations)
    }

    /// "If the Flow Callout policy references a shared flow that either doesn't exist or isn't deployed, the deployment fails"
    /// (discovery document, about hybrid; the message is not documented).
    fn missing_flows(&self, path: BundleRef<'_>, environment: &str, id: RevisionId) -> Vec<Violation> {
        let called = self.find_revision(path, id).into_iter().flat_map(|stored| &stored.summary.called_flows);
        let is_deployed = |flow: &str| {
            self.deployed(path.organization).any(|deployed| {
                deployed.kind == BundleKind::SharedFlow && deployed.environment == environment && deployed.name == flow
            })
        };
        called
            .filter(|flow| !is_deployed(flow))
            .map(|flow| {
                let subject = BundleRef { kind: BundleKind::SharedFlow, name: flow, ..path }.full();
                let description = format!("{} calls {subject}, which is not deployed.", path.revision(id));
                Violation { kind: "MISSING_DEPENDENCY", subject, description }
            })
            .collect()
    }

    /// The reasons to refuse an undeployment: a deployed proxy or shared flow calls this shared flow
    /// (<https://github.com/hashicorp/terraform-provider-google/issues/25852>), or a flow hook names it
    /// (<https://github.com/hashicorp/terraform-provider-google/issues/14530>).
    pub(crate) fn undeploy_violations(&self, path: BundleRef<'_>, environment: &str) -> Vec<Violation> {
        if path.kind != BundleKind::SharedFlow {
            return Vec::new();
        }
        let breaks = |subject: String, verb: &str| Violation {
            kind: "WOULD_BREAK_DEPENDENT",
            description: format!("{subject} {verb} {}.", path.full()),
            subject,
        };
        let callers =
            self.deployed(path.organization).filter(|other| other.environment == environment).filter_map(|other| {
                let caller = BundleRef { kind: other.kind, name: &other.name, ..path };
                let summary = &self.find_revision(caller, other.revision).ok()?.summary;
                let subject = caller.revision(other.revision);
                summary.called_flows.contains(path.name).then(|| breaks(subject, "calls"))
            });
        let hooks = self
            .attached_flow_hooks(path.organization, environment)
            .filter(|(_, flow)| *flow == path.name)
            .map(|(hook, _)| {
                let parent = format!("organizations/{}/environments/{environment}", path.organization);
                breaks(format!("{parent}/flowhooks/{hook}"), "runs")
            });
        callers.chain(hooks).collect()
    }
}
