//! Sends a call, reads the response, and retries.

use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::header::{DATE, RETRY_AFTER};
use reqwest::{Method, RequestBuilder, StatusCode};

use crate::api::client::Client;
use crate::api::client::call::{Call, Sent};
use crate::api::reply::{Message, Reply, UnusableReply};
use crate::api::retry::{Effect, asked_pause};
use crate::api::throttle::Refusal;
use crate::error::Error;
use crate::error::api_error::ApiError;
use crate::error::network_error::NetworkError;
use crate::error::unexpected_response::ResponseProblem;
use crate::stop::WRITE_PATIENCE;
use apigee_flux_configuration::call;
use apigee_flux_model::bundle::zip::MAX_BUNDLE_BYTES;

/// Limit for a response: a bundle's zip is the largest, and the limit leaves room for a server that compresses it less
/// than the upload.
const MAX_ANSWER_BYTES: usize = 2 * MAX_BUNDLE_BYTES;

/// An error response, and when the server asks for the retry.
struct Failure {
    error: Error,
    retry_after: Option<Duration>,
    unauthenticated: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, retry_after: None, unauthenticated: false }
    }
}

impl Client {
    /// Sends a call and deserializes its response.
    pub(super) async fn call<T: Message>(&self, call: Call<'_>) -> Result<T, Error> {
        self.call_about(call, |_| Ok(())).await
    }

    /// Sends a call and deserializes its response, which must be about the requested object.
    pub(super) async fn call_about<T: Message>(
        &self,
        call: Call<'_>,
        is_right: impl Fn(&T) -> Result<(), ResponseProblem>,
    ) -> Result<T, Error> {
        let message = |reply: &Reply| {
            let message: T = reply.message()?;
            is_right(&message)?;
            Ok(message)
        };
        self.answer(&call, message).await
    }

    pub(super) async fn delete(&self, parts: Vec<&str>, needs: &'static str) -> Result<(), Error> {
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

    /// Sends a call until `read` can use the response, or until the retry policy ends.
    pub(super) async fn answer<T>(
        &self,
        call: &Call<'_>,
        read: impl Fn(&Reply) -> Result<T, UnusableReply>,
    ) -> Result<T, Error> {
        let shared = &self.shared;
        let (mut attempt, mut renewed) = (1, false);
        loop {
            // Boxed, since every future of a run contains it.
            let failure = match Box::pin(self.send_in_time(call)).await {
                Ok(reply) => match read(&reply) {
                    Ok(value) => return Ok(value),
                    Err(unusable) => Failure::from(call.unusable(reply, unusable)),
                },
                Err(failure) => failure,
            };
            if failure.unauthenticated && !renewed {
                // A token that cannot be renewed is retried once too: Google's front ends sometimes reject a valid one.
                renewed = true;
                match self.in_time(shared.tokens.renew()).await {
                    Some(renewed) => renewed?,
                    None => return Err(failure.error.out_of_time(None, Duration::ZERO)),
                };
                continue;
            }
            if failure.error.is_over_quota() {
                // For all requests of this process. This is not a failed attempt.
                self.wait_for_quota(failure)?;
                continue;
            }
            let not_yet = failure.error.is_not_found() && self.missing_until.is_some_and(|until| self.now() < until);
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

    /// Begins a pause of all requests after a response that says that the quota is used up. An error if this client may not send the
    /// request again.
    fn wait_for_quota(&self, failure: Failure) -> Result<(), Error> {
        match self.shared.pace.refuse(failure.retry_after) {
            Refusal::Begun(pause) => {
                if let Some(listener) = &self.listener {
                    listener(&failure.error, pause);
                }
            }
            Refusal::Known => {}
            Refusal::Exhausted(waited) => return Err(failure.error.out_of_quota(waited)),
        }
        self.check_decision()
    }

    /// An error if a pause began after the caller has begun to decide on this request.
    fn check_decision(&self) -> Result<(), Error> {
        match self.decided_after {
            Some(pauses) if pauses != self.shared.pace.pauses() => Err(Error::Paused),
            _ => Ok(()),
        }
    }

    /// The time until the deadline, without pauses for the quota.
    fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.since(self.now()))
    }

    /// Runs a future until the deadline.
    async fn in_time<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        match self.deadline {
            None => Some(future.await),
            Some(deadline) => self.shared.pace.within(deadline, future).await,
        }
    }

    /// Sends a call once, within the deadline.
    async fn send_in_time(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let too_late = |what: &str, sent| {
            Failure::from(Error::from(NetworkError { call: call.to_string(), what: what.to_owned(), sent }))
        };
        let request = self.in_time(self.request_unless_stopped(call)).await;
        let request = request.ok_or_else(|| too_late("not sent before the timeout (--timeout)", false))??;
        let reply = self.in_time(self.send_unless_stopped(call, request)).await;
        reply.ok_or_else(|| too_late("no complete response before the timeout (--timeout)", true))?
    }

    /// Waits until a call may be sent, but not longer than until a stop.
    async fn request_unless_stopped(&self, call: &Call<'_>) -> Result<RequestBuilder, Failure> {
        tokio::select! {
            biased;
            () = self.stop.requested() => Err(Failure::from(Error::Stopped(format!("{call}: not sent")))),
            request = self.request(call) => request,
        }
    }

    /// Sends a call once. After a stop, a call that changes something has some time to complete.
    async fn send_unless_stopped(&self, call: &Call<'_>, request: RequestBuilder) -> Result<Reply, Failure> {
        let (patience, what) = if call.effect.is_write() {
            (WRITE_PATIENCE, "no response in time; the change may have been made")
        } else {
            (Duration::ZERO, "no response before the stop")
        };
        tokio::select! {
            answer = self.send(call, request) => answer,
            () = self.stop.overdue(patience) => Err(Failure::from(Error::Stopped(format!("{call}: {what}")))),
        }
    }

    /// The request of a call, when it may be sent.
    async fn request(&self, call: &Call<'_>) -> Result<RequestBuilder, Failure> {
        let shared = &self.shared;
        let url = shared.endpoint.resource(&call.parts, call.custom);
        let url = url.map_err(|why| Failure::from(Error::Usage(format!("{call}: {why}"))))?;
        let token = loop {
            let turn = shared.pace.turn().await;
            let token = shared.tokens.token().await.map_err(Failure::from)?;
            // A pause may have begun while a new token was fetched.
            if shared.pace.is_due(turn) {
                break token;
            }
        };
        self.check_decision().map_err(Failure::from)?;
        let mut request =
            shared.http.request(call.method.clone(), url).query(&call.query).header("X-GOOG-API-FORMAT-VERSION", "2");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        call.body.put_on(&call.method, request).map_err(|error| Failure::from(call.broken(&error)))
    }

    /// Sends a call once.
    async fn send(&self, call: &Call<'_>, request: RequestBuilder) -> Result<Reply, Failure> {
        if call.effect.is_write() {
            self.writes.fetch_add(1, Ordering::Relaxed);
        }
        let mut response = request.send().await.map_err(|error| Failure::from(call.broken(&error)))?;
        let status = response.status();
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after = header(RETRY_AFTER).and_then(|asked| asked_pause(asked, header(DATE)));
        let headers = response.headers().clone();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Failure::from(call.broken(&error)))? {
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
