//! The client of the management API: one method for each call that this program needs.
//!
//! Paths, parameters and responses are those of the discovery document `apigee.v1`. Every request carries
//! `X-GOOG-API-FORMAT-VERSION: 2`, without which errors were observed to lack their details
//! (<https://github.com/apigee/apigee-deploy-maven-plugin/issues/153>).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, DATE, RETRY_AFTER};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::time::Instant;

use crate::api::auth::TokenSource;
use crate::api::authorities::Authorities;
use crate::api::deployment::{ChangeReport, Deployment, DeploymentList};
use crate::api::pace::Pace;
use crate::api::reply::{Message, Reply, Unusable, is_about};
use crate::api::resource_name::ResourceName;
use crate::api::retry::{Backoff, Effect, asked_pause};
use crate::api::revision::{Resource, Revision};
use crate::error::Error;
use crate::error::api_error::ApiError;
use crate::error::foreign_response::ForeignAnswer;
use crate::error::network_error::{NetworkError, causes};
use crate::error::unexpected_response::{Oddity, UnexpectedAnswer};
use crate::stop::{Stop, WRITE_PATIENCE};
use apigee_flux_configuration::{self as configuration, Answer, Body, Shape, Verb, call};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::bundle::zip::MAX_BUNDLE_BYTES;
use apigee_flux_model::names::Endpoint;
use apigee_flux_model::names::Name;
use apigee_flux_model::names::RevisionId;
use apigee_flux_model::pem;

/// Settings of a client.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Requests per second.
    pub rate: std::num::NonZeroU32,
    /// The retry policy.
    pub backoff: Backoff,
    /// Timeout for one request, including its response.
    pub request_timeout: Duration,
    /// Certificate authorities that are trusted in addition to those of the system.
    pub authorities: Option<Authorities>,
}

impl Settings {
    /// 40 requests a second, so that two dozen concurrent Jobs stay below the organization's 6,000 a minute, including
    /// their retries.
    pub const DEFAULT_RATE: std::num::NonZeroU32 = match std::num::NonZeroU32::new(40) {
        Some(rate) => rate,
        None => std::num::NonZeroU32::MIN,
    };
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rate: Self::DEFAULT_RATE,
            backoff: Backoff::default(),
            request_timeout: Duration::from_mins(2),
            authorities: None,
        }
    }
}

/// Limit for a response: a bundle's zip is the largest, and the limit leaves room for a server that compresses it less
/// than the upload.
const MAX_ANSWER_BYTES: usize = 2 * MAX_BUNDLE_BYTES;

/// A waiting run reads the state once more after its deadline; this is the timeout for that request.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// Timeout for one request of a smoke test.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// How to deploy a revision.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeployParameters<'a> {
    /// The email of the Google service account that the proxy runs as.
    pub service_account: Option<&'a str>,
    /// Rolls out routes and runtime in order. Proxies only.
    pub sequenced_rollout: bool,
}

/// Is called with the reason and the pause before each retry.
pub type RetryListener = Arc<dyn Fn(&Error, Duration) + Send + Sync>;

/// The client. A clone shares the connections, the rate limit and the counter.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    listener: Option<RetryListener>,
    writes: Arc<AtomicU32>,
    stop: Stop,
    /// Until then a 404 is retried.
    missing_until: Option<Instant>,
    /// Limits every request, pause and response.
    deadline: Option<Instant>,
}

struct Shared {
    http: reqwest::Client,
    endpoint: Endpoint,
    tokens: TokenSource,
    backoff: Backoff,
    pace: Pace,
}

/// One call: the request and its effect.
struct Call<'a> {
    method: Method,
    parts: Vec<&'a str>,
    /// A custom method of the resource that the parts name.
    custom: Option<&'static str>,
    query: Vec<(&'static str, &'a str)>,
    body: Sent<'a>,
    effect: Effect,
    /// The required permissions, for a 403 that names none.
    needs: &'a str,
}

/// The body of a request.
enum Sent<'a> {
    Nothing,
    /// The zip of a bundle.
    Zip(Bytes),
    /// The body of a call that changes configuration.
    Configuration(&'a Body),
}

/// An error response, and when the server asks for the retry.
struct Failure {
    error: Error,
    retry_after: Option<Duration>,
    unauthenticated: bool,
}

impl Client {
    /// A client for one endpoint.
    pub fn new(endpoint: Endpoint, tokens: TokenSource, settings: &Settings) -> Result<Self, Error> {
        let builder = reqwest::Client::builder();
        let builder = match &settings.authorities {
            // A proxy would forward a loopback request, and its token, to another machine.
            _ if endpoint.is_plain_http() => builder.no_proxy(),
            Some(authorities) => authorities.add_to(builder),
            None => builder,
        };
        let http = builder
            .user_agent(concat!("apigee-flux/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .timeout(settings.request_timeout)
            // The API never redirects; a token must not follow a redirect.
            .redirect(reqwest::redirect::Policy::none());
        let http = http.build().map_err(|error| {
            Error::Usage(format!(
                "the HTTPS client cannot start: {}; check that the image has CA certificates",
                causes(&error)
            ))
        })?;
        Ok(Self {
            shared: Arc::new(Shared {
                http,
                endpoint,
                tokens,
                backoff: settings.backoff,
                pace: Pace::new(settings.rate),
            }),
            listener: None,
            writes: Arc::default(),
            stop: Stop::default(),
            missing_until: None,
            deadline: None,
        })
    }

    /// The same client, which reports each retry.
    #[must_use]
    pub fn with_listener(self, listener: RetryListener) -> Self {
        Self { listener: Some(listener), ..self }
    }

    /// The same client with its own counter of requests that change something. Several resources may be processed
    /// concurrently, each with its own counter.
    #[must_use]
    pub fn with_own_count(&self) -> Self {
        Self { writes: Arc::default(), ..self.clone() }
    }

    /// The endpoint of the management API.
    pub fn endpoint(&self) -> &Endpoint {
        &self.shared.endpoint
    }

    /// Stops this client and its clones: then they start no request.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// How many requests that change something this client and its clones sent.
    pub fn writes(&self) -> u32 {
        self.writes.load(Ordering::Relaxed)
    }

    /// The same client, which retries a 404 for some time: a revision may be invisible to parts of the API right after
    /// its import (<https://github.com/apigee/apigee-deploy-maven-plugin/issues/233>).
    #[must_use]
    pub fn patient_with_missing(&self, grace: Duration) -> Self {
        Self { missing_until: Some(Instant::now() + grace), ..self.clone() }
    }

    /// The same client with a deadline, which limits every request, response and pause, including a pause that the
    /// server asks for. An earlier deadline stays.
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        let deadline = deadline + LAST_LOOK;
        Self { deadline: Some(self.deadline.map_or(deadline, |before| before.min(deadline))), ..self.clone() }
    }

    /// The same client with a new deadline, for a rollback.
    #[must_use]
    pub(crate) fn with_new_deadline(&self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline + LAST_LOOK), ..self.clone() }
    }

    /// Validates a bundle's zip without importing it.
    pub async fn validate(&self, resource: ResourceName<'_>, zip: &Bytes) -> Result<(), Error> {
        // A validated bundle has no revision number.
        let call = upload_call(resource, "validate", zip, Effect::Read);
        self.answer(&call, |reply| reply.json(Shape::ANY)).await.map(drop)
    }

    /// Imports a bundle's zip as a new revision. After an ambiguous failure ([`Error::is_ambiguous`]) the caller must
    /// check whether the revision exists before it calls again.
    pub async fn import(&self, resource: ResourceName<'_>, zip: &Bytes) -> Result<RevisionId, Error> {
        let call = upload_call(resource, "import", zip, Effect::Create);
        let number = |reply: &Reply| {
            let revision: Revision = reply.message()?;
            let missing = || Oddity::Field("it has no `revision`".to_owned());
            Ok(revision.revision.ok_or_else(missing)?)
        };
        self.answer(&call, number).await
    }

    /// The proxy or shared flow with its revisions; `None` if it does not exist.
    pub async fn resource(&self, resource: ResourceName<'_>) -> Result<Option<Resource>, Error> {
        let needs = match resource.kind {
            BundleKind::Proxy => "apigee.proxies.get",
            BundleKind::SharedFlow => "apigee.sharedflows.get",
        };
        let parts =
            vec!["organizations", resource.organization.as_str(), resource.kind.collection(), resource.name.as_str()];
        let is_it = |found: &Resource| is_about("name", resource.name.as_str(), &found.name);
        match self.call_about(Call::read(parts, needs), is_it).await {
            Err(error) if error.is_not_found() => Ok(None),
            other => other.map(Some),
        }
    }

    /// One revision.
    pub async fn revision(&self, resource: ResourceName<'_>, id: RevisionId) -> Result<Revision, Error> {
        let number = id.to_string();
        let is_it = |found: &Revision| {
            is_about("revision", &number, &found.revision.map(|id| id.to_string()).unwrap_or_default())
        };
        self.call_about(revision_call(resource, &number), is_it).await
    }

    /// The zip of one revision, as stored by Apigee.
    pub async fn revision_zip(&self, resource: ResourceName<'_>, id: RevisionId) -> Result<Vec<u8>, Error> {
        let id = id.to_string();
        let call = revision_call(resource, &id);
        let zip = |reply: &Reply| reply.file("a zip file", |bytes| bytes.starts_with(b"PK"));
        self.answer(&Call { query: vec![("format", "bundle")], ..call }, zip).await
    }

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
        is_right: impl Fn(&Deployment) -> Result<(), Oddity>,
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
                    return Err(Oddity::Field("a deployment has no `apiProxy`".to_owned()));
                }
                is_about("environment", environment.as_str(), &found.environment)
            })
        };
        Ok(self.call_about(call, is_right).await?.deployments)
    }

    /// The names of the organization's environments: a plain list, which is not described in the discovery document.
    pub async fn environments(&self, organization: &Name) -> Result<Vec<Name>, Error> {
        let parts = vec!["organizations", organization.as_str(), "environments"];
        let call = Call::read(parts, "apigee.environments.list");
        let list = |reply: &Reply| -> Result<Vec<String>, Unusable> {
            serde_json::from_value(reply.any_json()?).map_err(|error| Oddity::Field(error.to_string()).into())
        };
        let names = self.answer(&call, list).await?;
        names.iter().map(|name| name.parse().map_err(Error::Usage)).collect()
    }

    /// Whether an environment has a target server, key value map or other object in the given collection.
    pub async fn environment_has(
        &self,
        organization: &Name,
        environment: &Name,
        collection: &'static str,
        name: &str,
        needs: &'static str,
    ) -> Result<bool, Error> {
        let parts =
            vec!["organizations", organization.as_str(), "environments", environment.as_str(), collection, name];
        match self.answer(&Call::read(parts, needs), |reply| reply.json(Shape::with(&["name"]))).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
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

    /// Deletes a revision that is not deployed anywhere. A missing revision is not an error.
    pub async fn delete_revision(&self, resource: ResourceName<'_>, id: RevisionId) -> Result<(), Error> {
        let id = id.to_string();
        let (organization, collection) = (resource.organization.as_str(), resource.kind.collection());
        let needs = match resource.kind {
            BundleKind::Proxy => "apigee.proxyrevisions.delete",
            BundleKind::SharedFlow => "apigee.sharedflowrevisions.delete",
        };
        self.delete(vec!["organizations", organization, collection, resource.name.as_str(), "revisions", &id], needs)
            .await
    }

    /// Deletes a proxy or shared flow with all its revisions, none of which may be deployed. A missing one is not an
    /// error.
    pub async fn delete_resource(&self, resource: ResourceName<'_>) -> Result<(), Error> {
        let needs = match resource.kind {
            BundleKind::Proxy => "apigee.proxies.delete",
            BundleKind::SharedFlow => "apigee.sharedflows.delete",
        };
        let (organization, collection) = (resource.organization.as_str(), resource.kind.collection());
        self.delete(vec!["organizations", organization, collection, resource.name.as_str()], needs).await
    }

    async fn delete(&self, parts: Vec<&str>, needs: &'static str) -> Result<(), Error> {
        let call = Call {
            method: Method::DELETE,
            parts,
            custom: None,
            query: Vec::new(),
            body: Sent::Nothing,
            effect: Effect::Write,
            needs,
        };
        match self.answer(&call, Reply::done).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// Performs a read of a kind of configuration: all pages of a list; a 404 is an answer.
    pub async fn read(&self, read: &configuration::Read) -> Result<Answer, Error> {
        match self.read_found(read).await {
            Err(error) if error.is_not_found() => Ok(Answer::Missing),
            other => other,
        }
    }

    async fn read_found(&self, read: &configuration::Read) -> Result<Answer, Error> {
        let parts: Vec<&str> = read.path.iter().map(String::as_str).collect();
        let query: Vec<(&'static str, &str)> = read.query.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let whole = || Call { query: query.clone(), ..Call::read(parts.clone(), &read.needs) };
        let items = match read.form {
            configuration::Form::Bytes => return Ok(Answer::Bytes(self.answer(&whole(), Reply::bytes).await?)),
            configuration::Form::Certificates => {
                let is_pem = |bytes: &[u8]| !pem::certificates(&String::from_utf8_lossy(bytes)).is_empty();
                let certificates = |reply: &Reply| reply.file("a certificate in PEM", is_pem);
                return Ok(Answer::Bytes(self.answer(&whole(), certificates).await?));
            }
            configuration::Form::Json(shape) => {
                return Ok(Answer::Json(self.answer(&whole(), |reply| reply.json(shape)).await?));
            }
            configuration::Form::Pages(items) => items,
        };
        let mut all: Vec<Value> = Vec::new();
        let mut token = String::new();
        loop {
            let mut call = whole();
            call.query.extend(Some(("pageToken", token.as_str())).filter(|_| !token.is_empty()));
            let (found, next) = self.answer(&call, |reply| reply.page(items, &token)).await?;
            all.extend(found);
            if next.is_empty() {
                return Ok(Answer::Json(serde_json::json!({ items: all })));
            }
            token = next;
        }
    }

    /// Sends a call that changes configuration, and returns the response; null if it is empty.
    pub async fn change(&self, request: &configuration::Request) -> Result<Value, Error> {
        let call = Call {
            method: match request.verb {
                Verb::Get => Method::GET,
                Verb::Post => Method::POST,
                Verb::Put => Method::PUT,
                Verb::Patch => Method::PATCH,
                Verb::Delete => Method::DELETE,
            },
            parts: request.path.iter().map(String::as_str).collect(),
            custom: None,
            query: request.query.iter().map(|(name, value)| (*name, value.as_str())).collect(),
            body: Sent::Configuration(&request.body),
            effect: if request.makes_new { Effect::Create } else { Effect::Write },
            needs: &request.needs,
        };
        self.answer(&call, Reply::done).await
    }

    /// Sends a GET request without a token to a URL outside the management API, for a smoke test. Returns the status.
    pub async fn probe(&self, url: &str) -> Result<u16, String> {
        tokio::select! {
            answer = self.shared.http.get(url).timeout(PROBE_TIMEOUT).send() => match answer {
                Ok(response) => Ok(response.status().as_u16()),
                Err(error) => Err(causes(&error)),
            },
            () = self.stop.requested() => Err("the run was stopped before the response".to_owned()),
        }
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

    /// Sends a call and deserializes its response.
    async fn call<T: Message>(&self, call: Call<'_>) -> Result<T, Error> {
        self.call_about(call, |_| Ok(())).await
    }

    /// Sends a call and deserializes its response, which must be about the requested object.
    async fn call_about<T: Message>(
        &self,
        call: Call<'_>,
        is_right: impl Fn(&T) -> Result<(), Oddity>,
    ) -> Result<T, Error> {
        let message = |reply: &Reply| {
            let message: T = reply.message()?;
            is_right(&message)?;
            Ok(message)
        };
        self.answer(&call, message).await
    }

    /// Sends a call until `read` can use the response, or until the retry policy ends.
    async fn answer<T>(&self, call: &Call<'_>, read: impl Fn(&Reply) -> Result<T, Unusable>) -> Result<T, Error> {
        let shared = &self.shared;
        let (mut attempt, mut renewed) = (1, false);
        loop {
            let failure = match self.send_in_time(call).await {
                Ok(reply) => match read(&reply) {
                    Ok(value) => return Ok(value),
                    Err(unusable) => Failure::from(call.unusable(reply, unusable)),
                },
                Err(failure) => failure,
            };
            if failure.unauthenticated && !renewed {
                // A token that cannot be renewed is retried once too: Google's front ends sometimes reject a valid one.
                renewed = true;
                match self.deadline {
                    None => shared.tokens.renew().await?,
                    Some(deadline) => match tokio::time::timeout_at(deadline, shared.tokens.renew()).await {
                        Ok(renewed) => renewed?,
                        Err(_) => return Err(failure.error.out_of_time(None, Duration::ZERO)),
                    },
                };
                continue;
            }
            if let Some(asked) = failure.retry_after.filter(|_| failure.error.is_over_quota()) {
                // The organization's quota is exhausted, for all requests of this process.
                shared.pace.hold(asked.min(shared.backoff.longest_asked));
            }
            let not_yet =
                failure.error.is_not_found() && self.missing_until.is_some_and(|until| Instant::now() < until);
            let pause = if not_yet {
                // The grace period limits these retries, not the number of attempts.
                shared.backoff.pause(attempt.min(shared.backoff.attempts.saturating_sub(1)), None)
            } else if call.effect.may_retry(&failure.error) {
                shared.backoff.pause(attempt, failure.retry_after)
            } else {
                None
            };
            let Some(pause) = pause else { return Err(failure.error) };
            if let Some(left) = self.time_left().filter(|left| *left <= pause) {
                return Err(failure.error.out_of_time(failure.retry_after, left));
            }
            if let Some(listener) = &self.listener {
                listener(&failure.error, pause);
            }
            self.stop.sleep(pause).await;
            if self.stop.is_requested() {
                return Err(Error::Stopped(format!("{}; the request was not retried", failure.error)));
            }
            attempt += 1;
        }
    }

    /// The time until the deadline.
    fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Sends a call once, within the deadline.
    async fn send_in_time(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let Some(deadline) = self.deadline else { return self.send_unless_stopped(call).await };
        match tokio::time::timeout_at(deadline, self.send_unless_stopped(call)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::from(Error::from(NetworkError {
                call: call.to_string(),
                what: "no complete response before the timeout (--timeout)".to_owned(),
                sent: true,
            }))),
        }
    }

    /// Sends a call once. After a stop, a call that changes something has some time to complete.
    async fn send_unless_stopped(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let stopped = |what: &str| Err(Failure::from(Error::Stopped(format!("{call}: {what}"))));
        if self.stop.is_requested() {
            return stopped("not sent");
        }
        let (patience, what) = if call.effect.is_write() {
            (WRITE_PATIENCE, "no response in time; the change may have been made")
        } else {
            (Duration::ZERO, "no response before the stop")
        };
        tokio::select! {
            answer = self.send(call) => answer,
            () = self.stop.overdue(patience) => stopped(what),
        }
    }

    /// Sends a call once.
    async fn send(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let shared = &self.shared;
        let url = shared.endpoint.resource(&call.parts, call.custom);
        let url = url.map_err(|why| Failure::from(Error::Usage(format!("{call}: {why}"))))?;
        shared.pace.turn().await;
        let token = shared.tokens.token().await.map_err(Failure::from)?;
        let mut request =
            shared.http.request(call.method.clone(), url).query(&call.query).header("X-GOOG-API-FORMAT-VERSION", "2");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request = call.body.put_on(&call.method, request).map_err(|error| call.broken(&error))?;
        if call.effect.is_write() {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        let mut response = request.send().await.map_err(|error| call.broken(&error))?;
        let status = response.status();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after = header(RETRY_AFTER).and_then(|asked| asked_pause(asked, header(DATE)));
        let headers = response.headers().clone();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| call.broken(&error))? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(Failure::from(Error::Refused(format!(
                    "{call}: the response has more than {MAX_ANSWER_BYTES} bytes, which no response of Apigee has"
                ))));
            }
            body.extend_from_slice(&chunk);
        }
        let reply = Reply::new(status.as_u16(), &headers, body);
        if status.is_success() {
            return Ok(reply);
        }
        let mut error = ApiError::parse(&call.to_string(), status.as_u16(), &reply.body, call.needs);
        // A "not now" of an intermediary is accepted like Google's own; any other response that is not in the API's
        // format must not be taken for one.
        let passes = matches!(status.as_u16(), 408 | 429 | 500..=599);
        if !error.is_in_form && (reply.is_redirect() || (!passes && reply.any_json().is_err())) {
            let unauthenticated = status == StatusCode::UNAUTHORIZED;
            return Err(Failure { error: call.foreign(reply), retry_after, unauthenticated });
        }
        if let Some(secret) = call::secret_part(call.parts.iter().copied()) {
            error.hide(secret);
        }
        Err(Failure {
            error: Error::from(Box::new(error)),
            retry_after,
            unauthenticated: status == StatusCode::UNAUTHORIZED,
        })
    }
}

impl Sent<'_> {
    fn put_on(&self, method: &Method, request: RequestBuilder) -> Result<RequestBuilder, reqwest::Error> {
        const FILE: &str = "application/octet-stream";
        Ok(match self {
            // Google's front end answers 411 to a POST, PUT or PATCH without a length, and neither reqwest nor hyper sends one for an
            // empty body (<https://github.com/googleapis/google-cloud-rust/issues/1936>; RFC 9110, section 8.6).
            Self::Nothing | Self::Configuration(Body::Empty)
                if matches!(*method, Method::POST | Method::PUT | Method::PATCH) =>
            {
                request.header(CONTENT_LENGTH, 0)
            }
            Self::Nothing | Self::Configuration(Body::Empty) => request,
            Self::Zip(zip) => {
                let part = Part::stream_with_length(zip.clone(), zip.len() as u64).file_name("bundle.zip");
                request.multipart(Form::new().part("file", part.mime_str(FILE)?))
            }
            Self::Configuration(Body::Json(value)) => request.json(value),
            Self::Configuration(Body::Bytes(bytes)) => {
                request.header(reqwest::header::CONTENT_TYPE, FILE).body(bytes.clone())
            }
            Self::Configuration(Body::Form(parts)) => {
                let mut form = Form::new();
                for (name, file, content) in parts {
                    let part = Part::bytes(content.clone());
                    // A part without a file name is a form field.
                    let part = if file.is_empty() { part } else { part.file_name(*file).mime_str(FILE)? };
                    form = form.part(*name, part);
                }
                request.multipart(form)
            }
        })
    }
}

/// The call that uploads a bundle.
fn upload_call<'a>(resource: ResourceName<'a>, action: &'a str, zip: &Bytes, effect: Effect) -> Call<'a> {
    Call {
        method: Method::POST,
        parts: vec!["organizations", resource.organization.as_str(), resource.kind.collection()],
        custom: None,
        query: vec![("name", resource.name.as_str()), ("action", action)],
        body: Sent::Zip(zip.clone()),
        effect,
        needs: match resource.kind {
            BundleKind::Proxy => "apigee.proxies.create",
            BundleKind::SharedFlow => "apigee.sharedflows.create",
        },
    }
}

/// The call that reads a revision.
fn revision_call<'a>(resource: ResourceName<'a>, id: &'a str) -> Call<'a> {
    let needs = match resource.kind {
        BundleKind::Proxy => "apigee.proxyrevisions.get",
        BundleKind::SharedFlow => "apigee.sharedflowrevisions.get",
    };
    let (organization, collection) = (resource.organization.as_str(), resource.kind.collection());
    Call::read(vec!["organizations", organization, collection, resource.name.as_str(), "revisions", id], needs)
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

impl<'a> Call<'a> {
    fn read(parts: Vec<&'a str>, needs: &'a str) -> Self {
        Self {
            method: Method::GET,
            parts,
            custom: None,
            query: Vec::new(),
            body: Sent::Nothing,
            effect: Effect::Read,
            needs,
        }
    }

    /// A custom method that changes nothing.
    fn custom(parts: Vec<&'a str>, custom: &'static str, needs: &'a str) -> Self {
        Self { method: Method::POST, custom: Some(custom), ..Self::read(parts, needs) }
    }

    /// The error for a response with a success status that cannot be used.
    fn unusable(&self, reply: Reply, unusable: Unusable) -> Error {
        match unusable {
            Unusable::Foreign => self.foreign(reply),
            Unusable::Odd(oddity) => Error::from(Box::new(UnexpectedAnswer { call: self.to_string(), oddity })),
        }
    }

    /// The error for a response that does not come from the management API.
    fn foreign(&self, reply: Reply) -> Error {
        let Reply { status, content_type, location_host, .. } = reply;
        let call = self.to_string();
        Error::from(Box::new(ForeignAnswer { call, http_status: status, location_host, content_type }))
    }

    /// The error for a request without a complete response.
    fn broken(&self, error: &reqwest::Error) -> Failure {
        Failure::from(Error::from(NetworkError {
            call: self.to_string(),
            what: causes(error),
            // Without a connection, nothing was sent.
            sent: !error.is_connect() && !error.is_builder(),
        }))
    }
}

impl std::fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, call::shown_path(self.parts.iter().copied()))?;
        if let Some(custom) = self.custom {
            write!(f, ":{custom}")?;
        }
        match self.query.iter().find(|(name, _)| *name == "action") {
            Some((name, value)) => write!(f, "?{name}={value}"),
            None => Ok(()),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, retry_after: None, unauthenticated: false }
    }
}
