//! Access tokens: from Google's Application Default Credentials. By default no static key is used, and a token is never
//! logged.
//!
//! google-cloud-auth creates, caches and renews the tokens. This module decides which credentials it may use and how
//! long to wait for it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::{AccessTokenCredentials, Credentials, impersonated, mds};
use hyper_util::client::proxy::matcher::Matcher;
use tokio::sync::RwLock;
use tokio::time::Instant;

use crate::api::credentials_file::{CredentialsFile, Kind};
use crate::api::token_error;
use crate::error::Error;
use apigee_flux_disk::{Unreadable, read_named, read_regular};
use apigee_flux_model::names::Endpoint;
use apigee_flux_model::names::ServiceAccount;
use apigee_flux_model::names::endpoint::UNIVERSE;

/// The only scope that the management API accepts (discovery document `apigee.v1`, `auth`).
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The metadata server's host (Compute Engine, "View and query VM metadata").
const METADATA_HOST: &str = "metadata.google.internal";

/// Timeout for one request to a token server. The auth crate has none: behind a network policy that drops packets, one
/// request to the metadata server would take minutes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// Limit for a credentials file and for a token file, which normally have a few KiB.
const MAX_FILE_BYTES: usize = 1 << 20;

/// Total time to wait for a token; GKE's metadata server needs seconds after a pod's start.
const PATIENCE: Duration = Duration::from_mins(1);

/// The credentials settings of the process environment. Read once, at startup.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// `APIGEE_TOKEN`: a token to use as it is.
    pub token: Option<String>,
    /// `GOOGLE_APPLICATION_CREDENTIALS`: the credentials file.
    pub credentials_file: Option<PathBuf>,
    /// Where gcloud writes a developer's login: in `CLOUDSDK_CONFIG`, else in `~/.config/gcloud`.
    pub login_file: Option<PathBuf>,
    /// `GCE_METADATA_HOST`: host and port of another metadata server; the auth crate reads this variable itself.
    pub metadata_host: Option<String>,
}

impl Surroundings {
    /// Reads the process's environment. An empty variable counts as absent.
    pub fn read() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let text = |name| variable(name).and_then(|value| value.into_string().ok());
        let gcloud = variable("CLOUDSDK_CONFIG")
            .map(PathBuf::from)
            .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".config/gcloud")));
        Self {
            token: text("APIGEE_TOKEN"),
            credentials_file: variable("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from),
            login_file: gcloud.map(|folder| folder.join("application_default_credentials.json")),
            metadata_host: text("GCE_METADATA_HOST"),
        }
    }

    /// The file of Application Default Credentials; `None` if the metadata server is to be used.
    fn file(&self, allow_static_key: bool) -> Result<Option<CredentialsFile>, Error> {
        let (path, may_be_absent) = match (&self.credentials_file, &self.login_file) {
            (Some(path), _) => (path, false),
            (None, Some(path)) => (path, true),
            (None, None) => return Ok(None),
        };
        match read_named(path, MAX_FILE_BYTES) {
            Ok(content) => CredentialsFile::parse(path, &content, allow_static_key).map(Some),
            Err(why) if may_be_absent && why.is_missing() => Ok(None),
            Err(why) => {
                let named = if may_be_absent { "the gcloud login" } else { "GOOGLE_APPLICATION_CREDENTIALS" };
                Err(Error::Credentials(format!(
                    "`{}` ({named}) {why}; check that the volume is mounted and the name is correct",
                    path.display()
                )))
            }
        }
    }
}

/// The identity options of the command line.
#[derive(Debug, Clone, Default)]
pub struct Identity {
    /// A static key of a service account may be used.
    pub allow_static_key: bool,
    /// The service accounts to impersonate: the last one is the target, the others are delegates.
    pub impersonate: Vec<ServiceAccount>,
}

/// Provides the token for each request.
pub enum TokenSource {
    /// Sends no token: the sandbox requires none.
    None,
    /// A token that the caller provides.
    Fixed(String),
    /// Application Default Credentials.
    Google(Box<Google>),
}

impl TokenSource {
    /// Chooses the source. A token may be sent to any [`Endpoint`], whose invariant prevents unencrypted transmission.
    ///
    /// Over plain http, which is a sandbox, no Google credentials are used, regardless of `surroundings` and
    /// `identity`: a developer's login must not be sent to an unknown program on a local port.
    ///
    /// Must be called inside a tokio runtime, in which tokens are renewed.
    pub fn choose(endpoint: &Endpoint, surroundings: &Surroundings, identity: &Identity) -> Result<Self, Error> {
        if let Some(token) = &surroundings.token {
            if !identity.impersonate.is_empty() {
                return Err(Error::Usage(
                    "APIGEE_TOKEN cannot be combined with --impersonate: the token is used as it is; remove one of them"
                        .to_owned(),
                ));
            }
            return Ok(Self::Fixed(token.clone()));
        }
        if endpoint.is_plain_http() {
            return Ok(Self::None);
        }
        Google::new(surroundings, identity).map(|google| Self::Google(Box::new(google)))
    }

    /// The token for the next request.
    pub async fn token(&self) -> Result<Option<String>, Error> {
        match self {
            Self::None => Ok(None),
            Self::Fixed(token) => Ok(Some(token.clone())),
            Self::Google(google) => google.token().await.map(Some),
        }
    }

    /// Discards a token that the API rejected; returns false if there is no other source.
    pub async fn renew(&self) -> Result<bool, Error> {
        match self {
            Self::None | Self::Fixed(_) => Ok(false),
            Self::Google(google) => google.renew().await.map(|()| true),
        }
    }
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "TokenSource::None",
            Self::Fixed(_) => "TokenSource::Fixed(…)",
            Self::Google(_) => "TokenSource::Google(…)",
        })
    }
}

/// Tokens of Application Default Credentials: from GKE's metadata server, an `external_account` file (workload identity
/// federation) or a developer's login, each with optional impersonation.
pub struct Google {
    recipe: Recipe,
    /// The auth crate's cache cannot be cleared, and it keeps an error for ten seconds, so the credentials are created
    /// again instead.
    current: RwLock<AccessTokenCredentials>,
    /// When the current series of failures began.
    failing_since: Mutex<Option<Instant>>,
}

/// The auth crate reads the whole file, whatever its type or size. A missing file is not an error here: it may appear
/// later, and the crate reports it.
fn check_token_file(path: &Path) -> Result<(), Error> {
    match read_regular(path, MAX_FILE_BYTES) {
        Err(why @ (Unreadable::NotAFile(_) | Unreadable::TooLarge(_))) => Err(Error::Credentials(format!(
            "the subject token file `{}` {why}; set `credential_source` to the file of the projected token",
            path.display()
        ))),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// What the credentials are created from.
struct Recipe {
    /// `None`: the metadata server.
    file: Option<CredentialsFile>,
    impersonate: Vec<ServiceAccount>,
}

impl Google {
    fn new(surroundings: &Surroundings, identity: &Identity) -> Result<Self, Error> {
        let file = surroundings.file(identity.allow_static_key)?;
        file.as_ref().and_then(CredentialsFile::subject_token_file).map_or(Ok(()), |path| check_token_file(&path))?;
        refuse_proxy_in_clear(file.as_ref(), surroundings.metadata_host.as_deref())?;
        let recipe = Recipe { file, impersonate: identity.impersonate.clone() };
        let current = RwLock::new(recipe.make()?);
        Ok(Self { recipe, current, failing_since: Mutex::new(None) })
    }

    async fn token(&self) -> Result<String, Error> {
        let credentials = self.current.read().await.clone();
        // In a separate task, since the auth crate panics on a response whose token has already expired.
        let asked = tokio::spawn(async move { credentials.access_token().await });
        let (text, transient) = match tokio::time::timeout(ANSWER_TIMEOUT, asked).await {
            Ok(Ok(Ok(token))) => {
                self.note_success();
                return Ok(token.token);
            }
            Ok(Ok(Err(error))) => {
                (token_error::describe(&error, self.recipe.subject_token_file().as_deref()), error.is_transient())
            }
            Ok(Err(_)) => ("the token has already expired; check the clock of this machine".to_owned(), true),
            Err(_) => (format!("no response within {} seconds", ANSWER_TIMEOUT.as_secs()), true),
        };
        let text = format!("no access token from {}: {text}; {}", self.recipe.source(), self.recipe.way_out());
        if !transient {
            return Err(Error::Credentials(text));
        }
        // Otherwise the next attempt would get this error from the cache.
        self.renew().await?;
        Err(if self.failed_for() < PATIENCE { Error::Temporary(text) } else { Error::NoToken(text) })
    }

    async fn renew(&self) -> Result<(), Error> {
        let fresh = self.recipe.make()?;
        *self.current.write().await = fresh;
        Ok(())
    }

    fn note_success(&self) {
        *self.failing_since.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How long there has been no token, from the first failure.
    fn failed_for(&self) -> Duration {
        let mut since = self.failing_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.get_or_insert_with(Instant::now).elapsed()
    }
}

impl Recipe {
    fn make(&self) -> Result<AccessTokenCredentials, Error> {
        self.build().map_err(|error| {
            // The crate's messages name fields of the file, not their values.
            let causes: Vec<String> = token_error::causes(&error).map(ToString::to_string).collect();
            Error::Credentials(format!("the credentials for Google cannot be used: {}", causes.join(": ")))
        })
    }

    fn build(&self) -> Result<AccessTokenCredentials, BuildError> {
        let Some((target, delegates)) = self.impersonate.split_last() else {
            return match &self.file {
                Some(file) => file.access_token_credentials(SCOPE),
                None => metadata_server().build_access_token_credentials(),
            };
        };
        let source: Credentials = match &self.file {
            Some(file) => file.credentials(SCOPE)?,
            None => metadata_server().build()?,
        };
        let builder = impersonated::Builder::from_source_credentials(source)
            .with_target_principal(target.as_str())
            .with_universe_domain(UNIVERSE)
            .with_scopes([SCOPE]);
        // An empty list is not sent.
        let builder = if delegates.is_empty() {
            builder
        } else {
            builder.with_delegates(delegates.iter().map(ServiceAccount::delegate))
        };
        builder.build_access_token_credentials()
    }

    fn subject_token_file(&self) -> Option<PathBuf> {
        self.file.as_ref().and_then(CredentialsFile::subject_token_file)
    }

    /// The token source, for messages.
    fn source(&self) -> String {
        let source = match self.file.as_ref().map(CredentialsFile::kind) {
            None => "the metadata server",
            Some(Kind::ExternalAccount) => "workload identity federation",
            Some(Kind::ImpersonatedServiceAccount) => "the impersonation in the credentials file",
            Some(Kind::AuthorizedUser) => "the gcloud login",
            Some(Kind::ServiceAccount) => "the static key",
        };
        match self.impersonate.last() {
            Some(account) => format!("{source} as {account}"),
            None => source.to_owned(),
        }
    }

    /// How to fix a missing token.
    fn way_out(&self) -> &'static str {
        if !self.impersonate.is_empty() {
            return "grant each identity roles/iam.serviceAccountTokenCreator on the next service account of --impersonate";
        }
        match self.file.as_ref().map(CredentialsFile::kind) {
            None => {
                "in GKE, bind the Job's ServiceAccount to a Google service account (Workload Identity); elsewhere, \
                 mount an external_account file and set GOOGLE_APPLICATION_CREDENTIALS to its path; on a laptop, run \
                 `gcloud auth application-default login`"
            }
            Some(Kind::ExternalAccount) => {
                "check the token's volume, the audience and the issuer of the workload identity pool's provider, and that the \
                 Kubernetes ServiceAccount has roles/iam.workloadIdentityUser on the service account that it impersonates"
            }
            Some(Kind::ImpersonatedServiceAccount) => {
                "grant roles/iam.serviceAccountTokenCreator on the service account that the file names"
            }
            Some(Kind::AuthorizedUser) => "run `gcloud auth application-default login`",
            Some(Kind::ServiceAccount) => "check that the key was not deleted or disabled",
        }
    }
}

fn metadata_server() -> mds::Builder {
    mds::Builder::default().with_scopes([SCOPE]).with_universe_domain(UNIVERSE)
}

/// Rejects a proxy for a request that transmits a token over plain http. The auth crate's own client uses HTTP_PROXY
/// even for the metadata server.
fn refuse_proxy_in_clear(file: Option<&CredentialsFile>, metadata_host: Option<&str>) -> Result<(), Error> {
    let metadata = format!("http://{}", metadata_host.unwrap_or(METADATA_HOST));
    let addresses = file.map_or_else(|| vec![metadata.as_str()], CredentialsFile::plain_addresses);
    let proxies = Matcher::from_system();
    for address in addresses {
        let Ok(address) = address.parse() else { continue };
        if proxies.intercept(&address).is_some() {
            let host = address.host().unwrap_or_default();
            return Err(Error::Credentials(format!(
                "HTTP_PROXY or ALL_PROXY would transmit a token of `{host}` unencrypted; set only HTTPS_PROXY, or add \
                 `{host}` to NO_PROXY"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(endpoint: &str, surroundings: &Surroundings, identity: &Identity) -> Result<TokenSource, Error> {
        TokenSource::choose(&endpoint.parse().unwrap(), surroundings, identity)
    }

    #[tokio::test]
    async fn the_sandbox_gets_no_token_unless_one_is_given() {
        let identity = Identity { impersonate: vec!["a@b.example".parse().unwrap()], ..Identity::default() };
        let none = choose("http://127.0.0.1:1", &Surroundings::default(), &identity).unwrap();
        assert_eq!(none.token().await.unwrap(), None);
        let given = Surroundings { token: Some("secret".into()), ..Surroundings::default() };
        let fixed = choose("http://127.0.0.1:1", &given, &Identity::default()).unwrap();
        assert_eq!(fixed.token().await.unwrap().as_deref(), Some("secret"));
        assert!(!format!("{fixed:?}").contains("secret"));
        assert!(!fixed.renew().await.unwrap());
        assert_eq!(choose("http://127.0.0.1:1", &given, &identity).unwrap_err().exit().code(), 64);
    }

    #[tokio::test]
    async fn a_named_file_must_exist_and_a_login_need_not() {
        let absent = Some(PathBuf::from("/does/not/exist"));
        let named = Surroundings { credentials_file: absent.clone(), ..Surroundings::default() };
        let error = choose("https://apigee.googleapis.com", &named, &Identity::default()).unwrap_err();
        assert_eq!(error.exit().code(), 77);
        assert!(error.to_string().contains("`/does/not/exist` (GOOGLE_APPLICATION_CREDENTIALS)"), "{error}");
        let login = Surroundings { login_file: absent, ..Surroundings::default() };
        assert!(choose("https://apigee.googleapis.com", &login, &Identity::default()).is_ok());
        assert!(choose("http://127.0.0.1:1", &named, &Identity::default()).is_ok(), "the sandbox needs none");
    }
}
