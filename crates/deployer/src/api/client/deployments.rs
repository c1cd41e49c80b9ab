//! Calls about deployments.

use reqwest::Method;

use crate::api::client::Client;
use crate::api::client::call::{Call, Sent};
use crate::api::deployment::{ChangeReport, Deployment, DeploymentList};
use crate::api::reply::is_about;
use crate::api::resource_name::ResourceName;
use crate::api::retry::Effect;
use crate::error::Error;
use crate::error::unexpected_response::ResponseProblem;
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::names::{Name, RevisionId};

/// How to deploy a revision.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeployParameters<'a> {
    /// The email of the Google service account that the proxy runs as.
    pub service_account: Option<&'a str>,
    /// Rolls out routes and runtime in order. Proxies only.
    pub sequenced_rollout: bool,
}

impl Client {
    /// Every deployment of the resource in an environment, without states.
    pub async fn deployments(&self, resource: ResourceName<'_>, environment: &Name) -> Result<Vec<Deployment>, Error> {
        let parts = vec![
            "organizations",
            resource.organization.as_str(),
            "environments",
            environment.as_str(),
            resource.kind.collection(),
            resource.name.as_str(),
            "deployments",
        ];
        self.deployment_list(parts, |found| found.is_of(resource, Some(environment))).await
    }

    async fn deployment_list(
        &self,
        parts: Vec<&str>,
        is_right: impl Fn(&Deployment) -> Result<(), ResponseProblem>,
    ) -> Result<Vec<Deployment>, Error> {
        let call = Call::read(parts, "apigee.deployments.list");
        let all = |list: &DeploymentList| list.deployments.iter().try_for_each(&is_right);
        Ok(self.call_about(call, all).await?.deployments)
    }

    /// Every deployment of the resource in the organization, without states.
    pub async fn deployments_anywhere(&self, resource: ResourceName<'_>) -> Result<Vec<Deployment>, Error> {
        let (organization, collection) = (resource.organization.as_str(), resource.kind.collection());
        let parts = vec!["organizations", organization, collection, resource.name.as_str(), "deployments"];
        self.deployment_list(parts, |found| found.is_of(resource, None)).await
    }

    /// Every deployment of one revision in the organization, without states.
    pub async fn revision_deployments(
        &self,
        resource: ResourceName<'_>,
        id: RevisionId,
    ) -> Result<Vec<Deployment>, Error> {
        let (organization, collection, number) =
            (resource.organization.as_str(), resource.kind.collection(), id.to_string());
        let name = resource.name.as_str();
        let parts = vec!["organizations", organization, collection, name, "revisions", &number, "deployments"];
        let is_of_it = |found: &Deployment| {
            found.is_of(resource, None)?;
            is_about("revision", &number, &found.revision.to_string())
        };
        self.deployment_list(parts, is_of_it).await
    }

    /// Every deployment of one kind in an environment, without states.
    pub async fn environment_deployments(
        &self,
        organization: &Name,
        environment: &Name,
        kind: BundleKind,
    ) -> Result<Vec<Deployment>, Error> {
        let parts = vec!["organizations", organization.as_str(), "environments", environment.as_str(), "deployments"];
        let mut call = Call::read(parts, "apigee.deployments.list");
        if kind == BundleKind::SharedFlow {
            call.query.push(("sharedFlows", "true"));
        }
        let is_right = |list: &DeploymentList| {
            list.deployments.iter().try_for_each(|found| {
                if found.api_proxy.is_empty() {
                    return Err(ResponseProblem::Field("a deployment has no `apiProxy`".to_owned()));
                }
                is_about("environment", environment.as_str(), &found.environment)
            })
        };
        Ok(self.call_about(call, is_right).await?.deployments)
    }

    /// The deployment of one revision with its runtime state.
    pub async fn deployment(
        &self,
        resource: ResourceName<'_>,
        environment: &Name,
        id: RevisionId,
    ) -> Result<Deployment, Error> {
        let number = id.to_string();
        let parts = deployment_parts(resource, environment, &number);
        let is_it = |found: &Deployment| {
            found.is_of(resource, Some(environment))?;
            is_about("revision", &number, &found.revision.to_string())
        };
        self.call_about(Call::read(parts, "apigee.deployments.get"), is_it).await
    }

    /// What a deployment in place of the deployed revision would change. There is no such report for shared flows.
    pub async fn deploy_change_report(
        &self,
        resource: ResourceName<'_>,
        environment: &Name,
        id: RevisionId,
    ) -> Result<ChangeReport, Error> {
        let id = id.to_string();
        let parts = deployment_parts(resource, environment, &id);
        let needs = "apigee.deployments.create and apigee.proxyrevisions.deploy";
        let query = vec![("override", "true")];
        self.call(Call { query, ..Call::custom(parts, "generateDeployChangeReport", needs) }).await
    }

    /// Deploys a revision in place of the deployed one. The response means that the deployment is accepted, not that it
    /// is ready.
    pub async fn deploy(
        &self,
        resource: ResourceName<'_>,
        environment: &Name,
        id: RevisionId,
        options: DeployParameters<'_>,
    ) -> Result<Deployment, Error> {
        let number = id.to_string();
        let mut query = vec![("override", "true")];
        if options.sequenced_rollout && resource.kind == BundleKind::Proxy {
            query.push(("sequencedRollout", "true"));
        }
        if let Some(account) = options.service_account {
            query.push(("serviceAccount", account));
        }
        let call = Call {
            method: Method::POST,
            parts: deployment_parts(resource, environment, &number),
            custom: None,
            query,
            body: Sent::Nothing,
            effect: Effect::Write,
            needs: match resource.kind {
                BundleKind::Proxy => "apigee.deployments.create and apigee.proxyrevisions.deploy",
                BundleKind::SharedFlow => "apigee.deployments.create and apigee.sharedflowrevisions.deploy",
            },
        };
        let is_it = |accepted: &Deployment| is_about("revision", &number, &accepted.revision.to_string());
        self.call_about(call, is_it).await
    }

    /// What an undeployment would change. There is no such report for shared flows.
    pub async fn undeploy_change_report(
        &self,
        resource: ResourceName<'_>,
        environment: &Name,
        id: RevisionId,
    ) -> Result<ChangeReport, Error> {
        let id = id.to_string();
        let parts = deployment_parts(resource, environment, &id);
        let needs = "apigee.deployments.delete and apigee.proxyrevisions.undeploy";
        self.call(Call::custom(parts, "generateUndeployChangeReport", needs)).await
    }

    /// Undeploys a revision. A revision that is not deployed in the environment is not an error.
    pub async fn undeploy(&self, resource: ResourceName<'_>, environment: &Name, id: RevisionId) -> Result<(), Error> {
        let text = id.to_string();
        let needs = match resource.kind {
            BundleKind::Proxy => "apigee.deployments.delete and apigee.proxyrevisions.undeploy",
            BundleKind::SharedFlow => "apigee.deployments.delete and apigee.sharedflowrevisions.undeploy",
        };
        match self.delete(deployment_parts(resource, environment, &text), needs).await {
            // The status of this error for a revision that is not deployed is undocumented; that of reading the
            // deployment is documented.
            Err(error) if error.is_refusal() => match self.deployment(resource, environment, id).await {
                Err(gone) if gone.is_not_found() => Ok(()),
                _ => Err(error),
            },
            other => other,
        }
    }
}

/// The path of a revision's deployment in an environment.
fn deployment_parts<'a>(resource: ResourceName<'a>, environment: &'a Name, id: &'a str) -> Vec<&'a str> {
    vec![
        "organizations",
        resource.organization.as_str(),
        "environments",
        environment.as_str(),
        resource.kind.collection(),
        resource.name.as_str(),
        "revisions",
        id,
        "deployments",
    ]
}
