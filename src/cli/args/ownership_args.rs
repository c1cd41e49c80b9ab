//! The options that say who changes resources in Apigee, and for which state of Git.

use std::collections::BTreeMap;
use std::path::PathBuf;

use apigee_flux_configuration::{Actor, Claimant, Scope};
use apigee_flux_deployer::Error;
use apigee_flux_deployer::in_cluster::identity;
use apigee_flux_deployer::mounted_state::MountedState;
use apigee_flux_disk::read_named;

/// The maximum size of a file that identifies the cluster: that of a ConfigMap (Kubernetes, `MaxSecretSize`).
const MAX_FILE_BYTES: usize = 1 << 20;

/// The owner, and where the pod runs.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Ownership")]
pub(in crate::cli) struct OwnershipArgs {
    /// Owner of the desired state: resources of another owner are not changed
    #[arg(long, value_name = "NAME", value_parser = given)]
    owner: Option<Given>,
    /// Namespace of the pod
    #[arg(long, value_name = "NAMESPACE", value_parser = given)]
    namespace: Option<Given>,
    /// The uid of the Job of the pod
    #[arg(long, value_name = "UID", value_parser = given)]
    job_uid: Option<Given>,
    /// Folder with the index of the inventory, the newest state of Git in the cluster; it need not exist
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Folder with a token of the pod's ServiceAccount (`token`) and the certificates of the API server (`ca.crt`), which identify the cluster; the
    /// files need not exist
    #[arg(long, value_name = "DIR")]
    cluster: Option<PathBuf>,
    /// The cluster that this one replaces: its resources are taken over
    #[arg(long, value_name = "ID")]
    replaces_cluster: Option<String>,
}

/// The value of an option that Kubernetes fills in; `None` if it had no value to fill in.
#[derive(Debug, Clone)]
struct Given(Option<String>);

#[expect(clippy::unnecessary_wraps, reason = "clap expects a Result")]
fn given(text: &str) -> Result<Given, std::convert::Infallible> {
    // Kubernetes does not expand a variable that does not exist.
    let is_given = !text.is_empty() && !text.starts_with("$(");
    Ok(Given(is_given.then(|| text.to_owned())))
}

impl OwnershipArgs {
    /// Who changes resources of an environment or of the organization; `None` without `--owner`.
    pub(in crate::cli) fn claimant(
        &self,
        actor: Actor,
        scope: Scope,
        state: Option<&MountedState>,
    ) -> Result<Option<Claimant>, Error> {
        let value = |given: &Option<Given>| given.as_ref().and_then(|Given(value)| value.clone());
        let Some(owner) = value(&self.owner) else { return Ok(None) };
        Ok(Some(Claimant {
            owner,
            namespace: value(&self.namespace),
            cluster: self.cluster()?,
            replaces_cluster: self.replaces_cluster.clone(),
            siblings: state.map_or_else(BTreeMap::new, |state| match scope {
                Scope::Environment => state.index.owners.clone(),
                Scope::Organization => state.index.organization_owners.clone(),
            }),
            actor,
            job: value(&self.job_uid),
        }))
    }

    /// The same for a command that cannot work without an owner.
    pub(in crate::cli) fn required(
        &self,
        actor: Actor,
        scope: Scope,
        state: Option<&MountedState>,
    ) -> Result<Claimant, Error> {
        self.claimant(actor, scope, state)?.ok_or_else(|| Error::Usage("--owner is required".to_owned()))
    }

    /// The newest state of Git in the cluster, if it is mounted.
    pub(in crate::cli) fn state(&self) -> Result<Option<MountedState>, Error> {
        self.state.as_deref().map_or(Ok(None), MountedState::read)
    }

    fn cluster(&self) -> Result<Option<String>, Error> {
        let Some(folder) = &self.cluster else { return Ok(None) };
        let read = |name: &str| {
            let file = folder.join(name);
            match read_named(&file, MAX_FILE_BYTES) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(why) if why.is_missing() => Ok(None),
                Err(why) => Err(Error::NoInput(format!("`{}` {why}", file.display()))),
            }
        };
        let token = read("token")?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(identity(token.as_deref(), read("ca.crt")?.as_deref()))
    }
}
