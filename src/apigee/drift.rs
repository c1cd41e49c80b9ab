//! What an environment runs of a bundle, compared with what is wanted. Nothing is written.
//!
//! The cheap look reads the deployed revision's description, where this program wrote the bundle's digest. That is no proof: an edit in
//! Apigee's own editor keeps the description. The deep look downloads the revision and compares its files.

use std::collections::BTreeSet;
use std::fmt;

use super::absence;
use super::client::{Client, ResourceName};
use super::deployment::Deployment;
use super::file_difference::{FileDifference, compare};
use super::plan::{Current, newest};
use super::wait::{ERROR_LOOKS, Polling, Verdict, judge};
use super::{Error, Name, RevisionId, RevisionRecord, Target};
use crate::bundle::{BundleKind, Digest, Files, Removal, zip};
use crate::diag::human::plural;

/// What is wanted of one proxy or shared flow in an environment.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Proxy or shared flow.
    pub kind: BundleKind,
    /// The name in Apigee.
    pub name: Name,
    /// Whether it is to be there, and how.
    pub wish: Wish,
}

/// Whether something is to be there.
#[derive(Debug, Clone)]
pub enum Wish {
    /// Deployed.
    Deployed {
        /// The bundle, as in Git.
        files: Files,
        /// [`Digest::of_files`] of it.
        digest: Digest,
        /// The email of the service account that it runs as.
        service_account: Option<String>,
    },
    /// Gone, so far.
    Removed(Removal),
}

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// When a revision is downloaded.
    pub download: Download,
    /// Whether the runtime's state is asked for: a request for each deployed bundle.
    pub state: bool,
}

/// When a deployed revision is downloaded, to compare its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Download {
    /// Never: the record is believed, and no differences of files are told.
    Never,
    /// When the record says that it is another bundle, to tell the differences.
    IfOther,
    /// Always: the record is not believed.
    Always,
}

/// What was found. Where several hold, the first in this order is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// It is as wanted; the runtime may still be loading it.
    Same {
        /// The deployed revision.
        revision: RevisionId,
    },
    /// It is to be gone and it is, as far as it may.
    Gone {
        /// An environment that runs it: what another environment needs is not deleted.
        kept_for: Option<String>,
    },
    /// It is to be gone and is there.
    Unwanted {
        /// The deployed revision; none: it only exists.
        revision: Option<RevisionId>,
        /// False if this program did not make that revision, and will not remove it therefore.
        ours: bool,
    },
    /// Nothing of it is deployed here: it is new, or somebody undeployed it.
    NotDeployed {
        /// The newest of its revisions; none: it does not exist.
        newest: Option<RevisionId>,
    },
    /// Another bundle is deployed: an older or newer one of ours, or what somebody made by hand.
    OtherRevision {
        /// The deployed revision.
        revision: RevisionId,
        /// What its description says of its origin; none: this program did not make it.
        record: Option<RevisionRecord>,
        /// How its files differ; none: it was not downloaded.
        files: Option<Vec<FileDifference>>,
    },
    /// The record says that it is the wanted bundle, and the files say otherwise: somebody edited it.
    Edited {
        /// The deployed revision.
        revision: RevisionId,
        /// How its files differ.
        files: Vec<FileDifference>,
    },
    /// It runs as another service account.
    OtherAccount {
        /// The deployed revision.
        revision: RevisionId,
        /// The email of the account that it runs as.
        deployed: String,
        /// The email of the one that is wanted.
        wanted: Option<String>,
    },
    /// It is deployed and does not run, or is not reached.
    Failing {
        /// The deployed revision.
        revision: RevisionId,
        /// In Apigee's words.
        why: String,
    },
}

impl Drift {
    /// True when nothing is to be done.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::Same { .. } | Self::Gone { .. })
    }

    /// The files that differ, if the revision was downloaded.
    pub fn files(&self) -> &[FileDifference] {
        match self {
            Self::OtherRevision { files: Some(files), .. } | Self::Edited { files, .. } => files,
            _ => &[],
        }
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same { revision } => write!(f, "revision {revision} is deployed as desired"),
            Self::Gone { kept_for: None } => f.write_str("it is removed"),
            Self::Gone { kept_for: Some(environment) } => {
                write!(f, "it is not deployed here; it is not deleted because environment `{environment}` runs it")
            }
            Self::Unwanted { revision: None, .. } => f.write_str("it is not deployed here but still exists"),
            Self::Unwanted { revision: Some(revision), ours: true } => {
                write!(f, "revision {revision} is still deployed")
            }
            Self::Unwanted { revision: Some(revision), ours: false } => {
                write!(f, "revision {revision} is deployed but not managed by apigee-flux: remove it manually")
            }
            Self::NotDeployed { newest: None } => f.write_str("it does not exist"),
            Self::NotDeployed { newest: Some(newest) } => {
                write!(f, "its newest revision is {newest}, but no revision is deployed here")
            }
            Self::OtherRevision { revision, record, files } => {
                write!(f, "revision {revision} is deployed, ")?;
                match record {
                    None => f.write_str("which is not managed by apigee-flux")?,
                    Some(RevisionRecord { commit: Some(commit), .. }) => {
                        write!(f, "which was rendered from commit {commit}")?
                    }
                    Some(_) => f.write_str("which contains another bundle")?,
                }
                match files.as_ref().map(Vec::len) {
                    None => Ok(()),
                    Some(0) => f.write_str("; its files differ in nothing that affects Apigee"),
                    Some(count) => write!(f, "; {}", files_differ(count)),
                }
            }
            Self::Edited { revision, files } => write!(
                f,
                "revision {revision} was edited manually: its description has the digest of this bundle, but {}",
                files_differ(files.len())
            ),
            Self::OtherAccount { revision, deployed, wanted } => {
                write!(f, "revision {revision} runs as {deployed}, expected ")?;
                match wanted {
                    Some(wanted) => f.write_str(wanted),
                    None => f.write_str("no service account"),
                }
            }
            Self::Failing { revision, why } => write!(f, "revision {revision}: {why}"),
        }
    }
}

fn files_differ(count: usize) -> String {
    format!("{} {}", plural(count, "file"), if count == 1 { "differs" } else { "differ" })
}

/// Compares one bundle. `listed` are its entries of the environment's list of deployments, which a caller reads once for all.
pub async fn drift(
    client: &Client,
    target: &Target,
    wanted: &Wanted,
    listed: Vec<Deployment>,
    depth: Depth,
) -> Result<Drift, Error> {
    let resource = ResourceName { organization: &target.organization, kind: wanted.kind, name: &wanted.name };
    let look = Look { client, resource, environment: &target.environment, depth };
    match (newest(listed), &wanted.wish) {
        (None, Wish::Removed(removal)) => look.left_over(*removal).await,
        (None, Wish::Deployed { .. }) => {
            let revisions = look.revisions().await?;
            Ok(Drift::NotDeployed { newest: revisions.and_then(|revisions| revisions.last().copied()) })
        }
        (Some(deployment), Wish::Removed(_)) => {
            let revision = client.revision(resource, deployment.revision).await?;
            let ours = RevisionRecord::parse(&revision.description).is_some();
            Ok(Drift::Unwanted { revision: Some(deployment.revision), ours })
        }
        (Some(deployment), Wish::Deployed { files, digest, service_account }) => {
            look.deployed(deployment, files, *digest, service_account.as_deref()).await
        }
    }
}

struct Look<'a> {
    client: &'a Client,
    resource: ResourceName<'a>,
    environment: &'a Name,
    depth: Depth,
}

impl Look<'_> {
    /// The revisions of what the list of deployments does not have, and certainly is not deployed here; none when it does not exist.
    async fn revisions(&self) -> Result<Option<BTreeSet<RevisionId>>, Error> {
        let Some(resource) = self.client.resource(self.resource).await? else { return Ok(None) };
        let revisions: BTreeSet<RevisionId> = resource.revision.into_iter().collect();
        absence::prove(self.client, self.resource, self.environment, &revisions)
            .await?
            .ok_or_else(absence::overtaken)?;
        Ok(Some(revisions))
    }

    /// What the status says. A bad one is looked at again before it is believed; whoever compares waits for the answer, so it is soon.
    async fn verdict(&self, revision: RevisionId, started: u64) -> Result<Verdict, Error> {
        let mut looks = 1;
        loop {
            let verdict = match self.client.deployment(self.resource, self.environment, revision).await {
                // The status of a young deployment is not there yet.
                Err(error) if error.is_not_found() => Verdict::NotYet,
                status => judge(&status?, started),
            };
            if looks == ERROR_LOOKS || !matches!(verdict, Verdict::Failed(_)) {
                return Ok(verdict);
            }
            looks += 1;
            self.client.stop().sleep(Polling::default().first).await;
        }
    }

    /// What is not deployed here and is to be gone.
    async fn left_over(&self, removal: Removal) -> Result<Drift, Error> {
        if self.revisions().await?.is_none() || removal == Removal::Undeploy {
            return Ok(Drift::Gone { kept_for: None });
        }
        let elsewhere = self.client.deployments_anywhere(self.resource).await?;
        Ok(match elsewhere.into_iter().next() {
            Some(other) => Drift::Gone { kept_for: Some(other.environment) },
            None => Drift::Unwanted { revision: None, ours: true },
        })
    }

    async fn deployed(
        &self,
        deployment: Deployment,
        files: &Files,
        digest: Digest,
        service_account: Option<&str>,
    ) -> Result<Drift, Error> {
        let revision = deployment.revision;
        let current = Current::new(deployment, self.client.revision(self.resource, revision).await?);
        let is_ours = current.is(digest);
        let download = match self.depth.download {
            Download::Never => false,
            Download::IfOther => !is_ours,
            Download::Always => true,
        };
        let differences = if download {
            let deployed = revision_files(self.client, self.resource, revision).await?;
            Some(compare(self.resource.kind, &deployed, files))
        } else {
            None
        };
        if !is_ours {
            return Ok(Drift::OtherRevision { revision, record: current.record, files: differences });
        }
        if let Some(files) = differences.filter(|differences| !differences.is_empty()) {
            return Ok(Drift::Edited { revision, files });
        }
        if !current.runs_as(service_account) {
            let deployed = current.deployment.service_account_email().unwrap_or_default().to_owned();
            return Ok(Drift::OtherAccount { revision, deployed, wanted: service_account.map(str::to_owned) });
        }
        if self.depth.state {
            let verdict = self.verdict(revision, current.deployment.started()).await?;
            if let Verdict::Failed(why) = verdict {
                return Ok(Drift::Failing { revision, why });
            }
        }
        Ok(Drift::Same { revision })
    }
}

/// Downloads a revision. What comes is not trusted: it is unpacked in memory, within limits.
pub(super) async fn revision_files(
    client: &Client,
    resource: ResourceName<'_>,
    revision: RevisionId,
) -> Result<Files, Error> {
    let bytes = client.revision_zip(resource, revision).await?;
    let ResourceName { kind, name, .. } = resource;
    let unusable = |why: String| {
        Error::Refused(format!("revision {revision} of the {} `{name}` cannot be compared: {why}", kind.noun()))
    };
    let (found, files) = zip::unpack(&bytes).map_err(unusable)?;
    if found == kind {
        Ok(files)
    } else {
        Err(unusable(format!("its zip file has the folder {}/, expected {}/", found.root(), kind.root())))
    }
}
