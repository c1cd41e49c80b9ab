//! Compares what an environment runs with the desired state of a bundle. Nothing is written.
//!
//! The shallow comparison reads the deployed revision's description, in which this program stored the bundle's digest.
//! That is not a proof: an edit in Apigee's own editor keeps the description. If the record in the register names another
//! revision or an earlier time of its last change, the revision may be edited. The deep comparison downloads the revision
//! and compares its files.

use std::collections::BTreeSet;
use std::fmt;

use crate::api::client::Client;
use crate::api::deployment::Deployment;
use crate::api::polling::Polling;
use crate::api::resource_name::ResourceName;
use crate::api::target::Target;
use crate::compare::absence;
use crate::compare::current::{Current, may_be_edited, newest};
use crate::compare::file_difference::{FileDifference, compare};
use crate::compare::verdict::{ERROR_LOOKS, Verdict, judge};
use crate::compare::vouched::{is_settled, vouched};
use crate::error::Error;
use apigee_flux_configuration::Record;
use apigee_flux_model::bundle::RevisionRecord;
use apigee_flux_model::bundle::{BundleKind, Digest, Files, Removal, zip};
use apigee_flux_model::diag::human::plural;
use apigee_flux_model::names::Name;
use apigee_flux_model::names::RevisionId;

/// The desired state of one proxy or shared flow in an environment.
#[derive(Debug, Clone)]
pub struct DesiredDeployment {
    /// Proxy or shared flow.
    pub kind: BundleKind,
    /// The name in Apigee.
    pub name: Name,
    /// Whether and how it should exist.
    pub state: DesiredState,
}

/// Whether and how a bundle should exist.
#[derive(Debug, Clone)]
pub enum DesiredState {
    /// Deployed.
    Deployed {
        /// The bundle, as in Git.
        files: Files,
        /// [`Digest::of_files`] of it.
        digest: Digest,
        /// The email of the service account that it runs as.
        service_account: Option<String>,
    },
    /// Removed, as far as the value says.
    Removed(Removal),
}

/// How closely to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// When a revision is downloaded.
    pub download: Download,
    /// Whether the runtime state is read: one request for each deployed bundle.
    pub state: bool,
}

/// When a deployed revision is downloaded, to compare its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Download {
    /// Never: the description is trusted, and no file differences are reported.
    Never,
    /// If the description names another bundle, or the revision may be edited, to report the differences.
    IfOther,
    /// Always: the description is not trusted.
    Always,
}

/// The result of a comparison. If several apply, the first one in this order is reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// It is deployed as desired; the runtime may still be loading it.
    Same {
        /// The deployed revision.
        revision: RevisionId,
    },
    /// It is removed as desired, or as far as possible.
    Gone {
        /// Another environment that runs it and for which it is therefore not deleted.
        kept_for: Option<String>,
    },
    /// It should be removed but still exists.
    NotRemoved {
        /// The deployed revision; `None`: it exists but is not deployed.
        revision: Option<RevisionId>,
        /// False if the revision is not managed by apigee-flux, which therefore does not remove it.
        ours: bool,
    },
    /// No revision is deployed here: it is new, or another client undeployed it.
    NotDeployed {
        /// The newest of its revisions; `None`: it does not exist.
        newest: Option<RevisionId>,
    },
    /// Another bundle is deployed: an older or newer managed one, or an unmanaged one.
    OtherRevision {
        /// The deployed revision.
        revision: RevisionId,
        /// The record in its description; `None`: it is not managed by apigee-flux.
        record: Option<RevisionRecord>,
        /// How its files differ; `None`: it was not downloaded.
        files: Option<Vec<FileDifference>>,
    },
    /// The record has the desired digest, but the files differ: another user edited the revision.
    Edited {
        /// The deployed revision.
        revision: RevisionId,
        /// How its files differ.
        files: Vec<FileDifference>,
    },
    /// The description has the desired digest, but the revision was changed after it was recorded, or another one was
    /// recorded. The files must be compared ([`Download::IfOther`] or [`Download::Always`]) to know whether it is as
    /// desired.
    MaybeEdited {
        /// The deployed revision.
        revision: RevisionId,
    },
    /// It runs as another service account.
    OtherAccount {
        /// The deployed revision.
        revision: RevisionId,
        /// The email of the account that it runs as.
        deployed: String,
        /// The email of the desired account.
        desired: Option<String>,
    },
    /// It is deployed but not ready, or requests do not reach it.
    Failing {
        /// The deployed revision.
        revision: RevisionId,
        /// Apigee's explanation.
        why: String,
    },
}

impl Drift {
    /// True if nothing needs to be done.
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
            Self::NotRemoved { revision: None, .. } => f.write_str("it is not deployed here but still exists"),
            Self::NotRemoved { revision: Some(revision), ours: true } => {
                write!(f, "revision {revision} is still deployed")
            }
            Self::NotRemoved { revision: Some(revision), ours: false } => {
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
                        write!(f, "which was rendered from commit {commit}")?;
                    }
                    Some(_) => f.write_str("which contains another bundle")?,
                }
                match files.as_ref().map(Vec::len) {
                    None => Ok(()),
                    Some(0) => f.write_str("; its files have no differences that matter to Apigee"),
                    Some(count) => write!(f, "; {}", files_differ(count)),
                }
            }
            Self::Edited { revision, files } => write!(
                f,
                "revision {revision} was edited manually: its description has the digest of this bundle, but {}",
                files_differ(files.len())
            ),
            Self::MaybeEdited { revision } => {
                write!(
                    f,
                    "revision {revision} was changed after its deployment was recorded; its files are not compared"
                )
            }
            Self::OtherAccount { revision, deployed, desired } => {
                write!(f, "revision {revision} runs as {deployed}, expected ")?;
                match desired {
                    Some(desired) => f.write_str(desired),
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

/// Compares one bundle. `listed` are its entries of the environment's list of deployments, which the caller reads once
/// for all bundles. `record` is its record in the register, if the caller knows it.
pub async fn drift(
    client: &Client,
    target: &Target,
    desired: &DesiredDeployment,
    listed: Vec<Deployment>,
    record: Option<&Record>,
    depth: Depth,
) -> Result<Drift, Error> {
    let resource = ResourceName { organization: &target.organization, kind: desired.kind, name: &desired.name };
    let comparison = Comparison { client, resource, environment: &target.environment, record, depth };
    let vouched = match &desired.state {
        DesiredState::Deployed { digest, service_account, .. } => {
            vouched(record, &listed, *digest, service_account.as_deref()).is_some()
        }
        DesiredState::Removed(_) => false,
    };
    match (newest(listed), &desired.state) {
        (None, DesiredState::Removed(removal)) => comparison.left_over(*removal).await,
        (None, DesiredState::Deployed { .. }) => {
            let revisions = comparison.revisions().await?;
            Ok(Drift::NotDeployed { newest: revisions.and_then(|revisions| revisions.last().copied()) })
        }
        (Some(deployment), DesiredState::Removed(_)) => {
            let revision = client.revision(resource, deployment.revision).await?;
            let ours = RevisionRecord::parse(&revision.description).is_some();
            Ok(Drift::NotRemoved { revision: Some(deployment.revision), ours })
        }
        (Some(deployment), DesiredState::Deployed { files, digest, service_account }) => {
            if vouched {
                return comparison.confirmed(deployment, files).await;
            }
            comparison.deployed(deployment, files, *digest, service_account.as_deref()).await
        }
    }
}

struct Comparison<'a> {
    client: &'a Client,
    resource: ResourceName<'a>,
    environment: &'a Name,
    record: Option<&'a Record>,
    depth: Depth,
}

impl Comparison<'_> {
    /// The revisions of a resource that is not in the list of deployments, after a proof that none is deployed here;
    /// `None` if the resource does not exist.
    async fn revisions(&self) -> Result<Option<BTreeSet<RevisionId>>, Error> {
        let Some(resource) = self.client.resource(self.resource).await? else { return Ok(None) };
        let revisions: BTreeSet<RevisionId> = resource.revision.into_iter().collect();
        absence::prove(self.client, self.resource, self.environment, &revisions)
            .await?
            .ok_or_else(absence::concurrent_change)?;
        Ok(Some(revisions))
    }

    /// The verdict on the status. A failure is confirmed by further reads, in short intervals because the caller is
    /// waiting.
    async fn verdict(&self, revision: RevisionId, started: u64) -> Result<Verdict, Error> {
        let mut looks = 1;
        loop {
            let verdict = match self.client.deployment(self.resource, self.environment, revision).await {
                // The status of a new deployment is not available yet.
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

    /// Compares a bundle that should be removed and is not deployed here.
    async fn left_over(&self, removal: Removal) -> Result<Drift, Error> {
        if self.revisions().await?.is_none() || removal == Removal::Undeploy {
            return Ok(Drift::Gone { kept_for: None });
        }
        let elsewhere = self.client.deployments_anywhere(self.resource).await?;
        Ok(match elsewhere.into_iter().next() {
            Some(other) => Drift::Gone { kept_for: Some(other.environment) },
            None => Drift::NotRemoved { revision: None, ours: true },
        })
    }

    /// Compares a deployment for which the record vouches: what it contains, and that it was ready.
    async fn confirmed(&self, deployment: Deployment, files: &Files) -> Result<Drift, Error> {
        let revision = deployment.revision;
        if self.depth.download == Download::Always {
            let deployed = revision_files(self.client, self.resource, revision).await?;
            let files = compare(self.resource.kind, &deployed, files);
            if !files.is_empty() {
                return Ok(Drift::Edited { revision, files });
            }
        }
        if self.depth.state && !is_settled(&deployment) {
            let verdict = self.verdict(revision, deployment.started()).await?;
            if let Verdict::Failed(failure) = verdict {
                return Ok(Drift::Failing { revision, why: failure.to_string() });
            }
        }
        Ok(Drift::Same { revision })
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
        let current = current.with_adopted(self.record, digest);
        let is_ours = current.is(digest);
        let may_be_edited = is_ours && self.record.is_some_and(|record| may_be_edited(record, &current));
        let download = match self.depth.download {
            Download::Never => false,
            Download::IfOther => !is_ours || may_be_edited,
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
        if may_be_edited && !download {
            return Ok(Drift::MaybeEdited { revision });
        }
        if !current.runs_as(service_account) {
            let deployed = current.deployment.service_account_email().unwrap_or_default().to_owned();
            return Ok(Drift::OtherAccount { revision, deployed, desired: service_account.map(str::to_owned) });
        }
        if self.depth.state {
            let verdict = self.verdict(revision, current.deployment.started()).await?;
            if let Verdict::Failed(failure) = verdict {
                return Ok(Drift::Failing { revision, why: failure.to_string() });
            }
        }
        Ok(Drift::Same { revision })
    }
}

/// Downloads a revision. The content is not trusted: it is unpacked in memory, within limits.
pub(crate) async fn revision_files(
    client: &Client,
    resource: ResourceName<'_>,
    revision: RevisionId,
) -> Result<Files, Error> {
    let bytes = client.revision_zip(resource, revision).await?;
    let ResourceName { kind, name, .. } = resource;
    let unusable = |why: String| {
        Error::Refused(format!("revision {revision} of the {} `{name}` cannot be compared: {why}", kind.noun()))
    };
    let (found, files) = zip::unpack(&bytes).map_err(|error| unusable(error.to_string()))?;
    if found == kind {
        Ok(files)
    } else {
        Err(unusable(format!("its zip file has the folder {}/, expected {}/", found.root(), kind.root())))
    }
}
