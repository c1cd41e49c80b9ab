//! Access tokens: from Google's Application Default Credentials, never from a key file, never into a log.

use std::fmt;
use std::path::PathBuf;

use google_cloud_auth::credentials::{AccessTokenCredentials, Builder};
use tokio::sync::RwLock;

use super::{Endpoint, Error};

/// The only scope that the management API takes (discovery document `apigee.v1`, `auth`).
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// What to do without one.
const WAYS_TO_A_TOKEN: &str = "in GKE bind the Job's ServiceAccount to a Google service account (Workload Identity), elsewhere \
    mount an external_account file and name it in GOOGLE_APPLICATION_CREDENTIALS, on a laptop run \
    `gcloud auth application-default login`";

/// What the environment says about credentials. Read once, at the rim.
#[derive(Clone, Default)]
pub struct Surroundings {
    /// `APIGEE_TOKEN`: a token to use as it is.
    pub token: Option<String>,
    /// `GOOGLE_APPLICATION_CREDENTIALS`: the credentials file that ADC reads.
    pub credentials_file: Option<PathBuf>,
}

impl Surroundings {
    /// Reads the process's environment. An empty variable counts as absent.
    pub fn read() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            token: variable("APIGEE_TOKEN").and_then(|value| value.into_string().ok()),
            credentials_file: variable("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from),
        }
    }
}

/// Gives the token for each request.
pub enum TokenSource {
    /// Sends none: the sandbox asks for none.
    None,
    /// A token that the caller has.
    Fixed(String),
    /// Application Default Credentials: GKE's metadata server, an `external_account` file (workload identity federation),
    /// impersonation, or a developer's own login. The crate caches tokens and renews them before they expire.
    Google(RwLock<AccessTokenCredentials>),
}

impl TokenSource {
    /// Chooses the source. A token goes to any [`Endpoint`], whose invariant keeps it from the network in clear.
    pub fn choose(endpoint: &Endpoint, surroundings: &Surroundings, allow_static_key: bool) -> Result<Self, Error> {
        if let Some(token) = &surroundings.token {
            return Ok(Self::Fixed(token.clone()));
        }
        if endpoint.is_plain_http() {
            return Ok(Self::None);
        }
        if let Some(file) = surroundings.credentials_file.as_ref().filter(|_| !allow_static_key) {
            refuse_static_key(file)?;
        }
        Ok(Self::Google(RwLock::new(credentials()?)))
    }

    /// The token to send now.
    pub async fn token(&self) -> Result<Option<String>, Error> {
        match self {
            Self::None => Ok(None),
            Self::Fixed(token) => Ok(Some(token.clone())),
            Self::Google(credentials) => {
                let credentials = credentials.read().await.clone();
                match credentials.access_token().await {
                    Ok(token) => Ok(Some(token.token)),
                    Err(error) => {
                        let text = format!("no access token from Google: {}; {WAYS_TO_A_TOKEN}", chain(&error));
                        Err(if error.is_transient() { Error::Temporary(text) } else { Error::Credentials(text) })
                    }
                }
            }
        }
    }

    /// Forgets a token that the API refused; false when no other can be had.
    pub async fn renew(&self) -> Result<bool, Error> {
        match self {
            Self::None | Self::Fixed(_) => Ok(false),
            Self::Google(current) => {
                // The crate's cache cannot be emptied, so a new one is made.
                *current.write().await = credentials()?;
                Ok(true)
            }
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

fn credentials() -> Result<AccessTokenCredentials, Error> {
    Builder::default()
        .with_scopes([SCOPE])
        .build_access_token_credentials()
        .map_err(|error| Error::Credentials(format!("the credentials for Google cannot be used: {}", chain(&error))))
}

/// Refuses a downloaded key: it does not expire, and a cluster has better.
fn refuse_static_key(file: &std::path::Path) -> Result<(), Error> {
    // A file that cannot be read is the auth crate's to report, with its own words.
    let Ok(content) = std::fs::read(file) else {
        return Ok(());
    };
    let kind = serde_json::from_slice::<serde_json::Value>(&content)
        .ok()
        .and_then(|value| value.get("type")?.as_str().map(str::to_owned));
    if kind.as_deref() == Some("service_account") {
        return Err(Error::Credentials(format!(
            "`{}` (GOOGLE_APPLICATION_CREDENTIALS) is a service account's static key, which never expires; use GKE's \
             Workload Identity or an external_account file instead, or pass --allow-static-key",
            file.display()
        )));
    }
    Ok(())
}

/// The error and its causes in one line. What the auth crate says around a request that failed is long and general, so the text
/// starts at the request.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes: Vec<_> = std::iter::successors(Some(error), |error| error.source()).collect();
    let request = causes.iter().position(|cause| cause.is::<reqwest::Error>()).unwrap_or_default();
    let texts: Vec<String> = causes.iter().skip(request).map(ToString::to_string).collect();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn key_file(kind: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, r#"{{"type": "{kind}", "project_id": "p"}}"#).unwrap();
        file
    }

    fn choose(endpoint: &str, surroundings: &Surroundings) -> Result<TokenSource, Error> {
        TokenSource::choose(&endpoint.parse().unwrap(), surroundings, false)
    }

    #[tokio::test]
    async fn the_sandbox_gets_no_token_unless_one_is_given() {
        let none = choose("http://127.0.0.1:1", &Surroundings::default()).unwrap();
        assert_eq!(none.token().await.unwrap(), None);
        let given = Surroundings { token: Some("secret".into()), ..Surroundings::default() };
        let fixed = choose("http://127.0.0.1:1", &given).unwrap();
        assert_eq!(fixed.token().await.unwrap().as_deref(), Some("secret"));
        assert!(!format!("{fixed:?}").contains("secret"));
        assert!(!fixed.renew().await.unwrap());
    }

    #[test]
    fn a_static_key_is_refused() {
        let file = key_file("service_account");
        let surroundings = Surroundings { credentials_file: Some(file.path().to_owned()), token: None };
        let error = choose("https://apigee.googleapis.com", &surroundings).unwrap_err();
        assert_eq!(error.exit_code(), 77);
        assert!(error.to_string().contains("--allow-static-key"), "{error}");
        // The sandbox needs no credentials, so none are looked at.
        assert!(choose("http://127.0.0.1:1", &surroundings).is_ok());
    }

    #[test]
    fn a_federation_file_is_no_static_key() {
        let file = key_file("external_account");
        assert!(refuse_static_key(file.path()).is_ok());
        assert!(refuse_static_key(std::path::Path::new("/does/not/exist")).is_ok());
    }
}
