//! The client of the management API: one method for each call that this program needs.
//!
//! Paths, parameters and responses are those of the discovery document `apigee.v1`. Every request carries
//! `X-GOOG-API-FORMAT-VERSION: 2`, without which errors were observed to lack their details
//! (<https://github.com/apigee/apigee-deploy-maven-plugin/issues/153>).

mod bundles;
mod call;
mod configuration;
mod deployments;
mod probe;
mod send;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::api::auth::TokenSource;
use crate::api::authorities::Authorities;
use crate::api::pace::Pace;
use crate::api::retry::Backoff;
use crate::api::work_time::WorkTime;
use crate::error::Error;
use crate::error::network_error::causes;
use crate::stop::Stop;
use apigee_flux_model::names::Endpoint;

pub use deployments::DeployParameters;

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

/// A waiting run reads the state once more after its deadline; this is the timeout for that request.
const LAST_LOOK: Duration = Duration::from_secs(2);

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
    missing_until: Option<WorkTime>,
    /// Limits every request, pause and response.
    deadline: Option<WorkTime>,
    /// The number of pauses when the caller began to decide on its next write.
    decided_after: Option<u64>,
}

struct Shared {
    http: reqwest::Client,
    endpoint: Endpoint,
    tokens: TokenSource,
    backoff: Backoff,
    pace: Pace,
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
                pace: Pace::new(settings.rate, settings.backoff),
            }),
            listener: None,
            writes: Arc::default(),
            stop: Stop::default(),
            missing_until: None,
            deadline: None,
            decided_after: None,
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
        Self { missing_until: Some(self.now() + grace), ..self.clone() }
    }

    /// The time on the clock of deadlines, which stands still while the organization's quota is used up.
    pub fn now(&self) -> WorkTime {
        self.shared.pace.now()
    }

    /// The same client with a deadline, which limits every request, response and pause, including a pause that the
    /// server asks for. An earlier deadline stays.
    #[must_use]
    pub fn until(&self, deadline: WorkTime) -> Self {
        let deadline = deadline + LAST_LOOK;
        Self { deadline: Some(self.deadline.map_or(deadline, |before| before.min(deadline))), ..self.clone() }
    }

    /// The same client, which a stop does not reach: for a request without which the one before it must not remain.
    #[must_use]
    pub(crate) fn unstoppable(&self) -> Self {
        Self { stop: Stop::default(), ..self.clone() }
    }

    /// The same client for checks and the write that follows from them: if all requests had to wait for the organization's quota
    /// in between, the write is not sent ([`Error::Paused`]), and the caller checks again.
    #[must_use]
    pub(crate) fn deciding(&self) -> Self {
        Self { decided_after: Some(self.shared.pace.pauses()), ..self.clone() }
    }

    /// The same client with a new deadline, for a rollback.
    #[must_use]
    pub(crate) fn with_new_deadline(&self, deadline: WorkTime) -> Self {
        Self { deadline: Some(deadline + LAST_LOOK), ..self.clone() }
    }
}
