//! Waits for a deployment. Apigee has no operation to wait for, so the status is polled until it is final.

use crate::api::work_time::WorkTime;
use crate::compare::verdict::{ERROR_LOOKS, Verdict, judge};
use crate::error::Error;
use crate::event::Phase;
use crate::rollout::site::Site;
use apigee_flux_model::names::RevisionId;

/// Why a revision did not become ready.
#[derive(Debug)]
pub(crate) struct WaitFailure {
    pub error: Error,
    /// Apigee reported the failure. Otherwise the last read had no reliable status, so the revision may be ready.
    pub is_seen: bool,
}

impl WaitFailure {
    /// Apigee reported the failure.
    pub(crate) fn seen(error: Error) -> Self {
        Self { error, is_seen: true }
    }

    fn unseen(error: Error) -> Self {
        Self { error, is_seen: false }
    }
}

/// Waits for one revision.
#[derive(Clone, Copy)]
pub(crate) struct Wait<'a> {
    pub site: Site<'a>,
    pub id: RevisionId,
    /// When its deployment was accepted, in milliseconds since 1970; 0: any status counts.
    pub started: u64,
    /// When to give up.
    pub deadline: WorkTime,
}

impl Wait<'_> {
    /// Waits until the revision is ready, fails, is replaced by another deployer, or the deadline passes. It has failed
    /// if [`ERROR_LOOKS`] consecutive reads say so. The worker of a batch does something else meanwhile.
    pub(crate) async fn until_ready(&self) -> Result<(), WaitFailure> {
        self.site.options.place.without_worker(self.poll()).await
    }

    async fn poll(&self) -> Result<(), WaitFailure> {
        let Site { client, resource, environment, options, .. } = self.site;
        let (id, polling, begin) = (self.id, options.polling, client.now());
        let mut pause = polling.first;
        let (mut last, mut errors) = (String::new(), 0);
        loop {
            client.stop().sleep(pause.min(self.deadline.since(client.now()))).await;
            pause = polling.longer(pause);
            let found = client.deployment(resource, environment, id).await;
            let is_seen = found.is_ok();
            let state = match found {
                Ok(status) => match judge(&status, self.started) {
                    Verdict::Ready => return Ok(()),
                    Verdict::Failed(failure) => {
                        errors += 1;
                        if errors >= ERROR_LOOKS {
                            return Err(WaitFailure::seen(failure.of(id)));
                        }
                        pause = polling.between_errors();
                        failure.to_string()
                    }
                    Verdict::NotYet => {
                        errors = 0;
                        status.state.to_string()
                    }
                },
                Err(error) if error.is_not_found() => {
                    self.why_missing(client.now().since(begin) < polling.grace).await.map_err(WaitFailure::unseen)?
                }
                Err(error) if error.is_temporary() => error.to_string(),
                Err(error) => return Err(WaitFailure::unseen(error)),
            };
            if state != last {
                self.site.say(Phase::Wait, format!("revision {id}: {state}"));
                last = state;
            }
            if client.now() >= self.deadline {
                let error = Error::Temporary(format!(
                    "revision {id}: not READY after {:.0?}; last state: {last}; if the runtime is slow, increase \
                     --timeout",
                    client.now().since(begin)
                ));
                // An ERROR that was not read often enough is not accepted.
                return Err(WaitFailure { error, is_seen: is_seen && errors == 0 });
            }
        }
    }

    /// Why there is no status: the deployment is too new, or it is no longer deployed.
    async fn why_missing(&self, young: bool) -> Result<String, Error> {
        let id = self.id;
        match self.site.deployed().await {
            Ok(Some(now)) if now.revision != id && now.started() >= self.started => {
                Err(Error::ConcurrentChange(format!(
                    "another deployer deployed revision {} in place of revision {id} before it was ready; that deployment \
                 is not changed",
                    now.revision
                )))
            }
            Ok(None) if !young => Err(Error::ConcurrentChange(format!(
                "revision {id} was undeployed by another client before it was ready"
            ))),
            Ok(_) => Ok("not reported".to_owned()),
            Err(error) if error.is_temporary() => Ok(error.to_string()),
            Err(error) => Err(error),
        }
    }
}
