//! Application Default Credentials in a file: which files may be used, and which hosts they may refer to.
//!
//! The file often comes from a ConfigMap. Whoever can change it must not be able to send the cluster's token to another
//! host, so every URL in it is checked before the auth crate reads it (Google's own advice on such files:
//! <https://cloud.google.com/docs/authentication/external/externally-sourced-credentials>).

use std::path::{Path, PathBuf};

use google_cloud_auth::build_errors::Error as BuildError;
use google_cloud_auth::credentials::{
    AccessTokenCredentials, Credentials, external_account, impersonated, service_account, user_account,
};
use reqwest::Url;
use serde_json::Value;

use apigee_flux_model::names::endpoint::{UNIVERSE, is_trusted};

use crate::error::Error;

/// The fields of a credentials file with a URL that receives a credential.
const ADDRESSES: [&str; 4] = ["token_url", "service_account_impersonation_url", "token_uri", "token_info_url"];

/// The kinds of files that the auth crate supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Workload identity federation (Google AIP-4117).
    ExternalAccount,
    /// Impersonation of a service account.
    ImpersonatedServiceAccount,
    /// A developer's login, created by gcloud.
    AuthorizedUser,
    /// A static key of a service account.
    ServiceAccount,
}

/// A credentials file that may be used.
#[derive(Clone)]
pub struct CredentialsFile {
    content: Value,
    kind: Kind,
}

impl CredentialsFile {
    /// Parses the content of the file `path` and rejects credentials that must not be used.
    pub fn parse(path: &Path, content: &[u8], allow_static_key: bool) -> Result<Self, Error> {
        let file = path.display();
        // serde_json's message may quote the file, so only the position is reported.
        let content: Value = serde_json::from_slice(content).map_err(|error| {
            Error::Credentials(format!(
                "`{file}` is not JSON (line {}, column {}); {}",
                error.line(),
                error.column(),
                allowed_files()
            ))
        })?;
        let kind = Kind::of(&content).ok_or_else(|| {
            Error::Credentials(format!("`{file}` is not a supported credentials file; {}", allowed_files()))
        })?;
        let source = content.get("source_credentials");
        let key =
            [Some(&content), source].into_iter().flatten().any(|part| Kind::of(part) == Some(Kind::ServiceAccount));
        if key && !allow_static_key {
            let part = if kind == Kind::ServiceAccount { "is" } else { "has in source_credentials" };
            return Err(Error::Credentials(format!(
                "`{file}` {part} a service account's static key, which never expires; use GKE's Workload Identity or an \
                 external_account file instead, or pass --allow-static-key"
            )));
        }
        for part in [Some(&content), source].into_iter().flatten() {
            if part.pointer("/credential_source/executable").is_some() {
                return Err(Error::Credentials(format!(
                    "`{file}`: credential_source.executable runs a program, and the file may come from a ConfigMap; use \
                     credential_source.file with the file of a projected token"
                )));
            }
            check_addresses(&file.to_string(), part)?;
        }
        Ok(Self { content, kind })
    }

    /// The kind of the file.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The file with the subject token, if the federation reads one.
    pub fn subject_token_file(&self) -> Option<PathBuf> {
        let pointer = ["/credential_source/file", "/source_credentials/credential_source/file"];
        pointer.iter().find_map(|at| self.content.pointer(at)).and_then(Value::as_str).map(PathBuf::from)
    }

    /// The URLs of this file with plain http: loopback, and a source of subject tokens such as Azure's.
    pub fn plain_addresses(&self) -> Vec<&str> {
        let parts = [Some(&self.content), self.content.get("source_credentials")].into_iter().flatten();
        parts
            .flat_map(|part| {
                let source = part.pointer("/credential_source/url");
                ADDRESSES.iter().filter_map(|name| part.get(name)).chain(source)
            })
            .filter_map(Value::as_str)
            .filter(|address| address.starts_with("http:"))
            .collect()
    }

    /// The auth crate's token provider for these credentials.
    pub(crate) fn access_token_credentials(&self, scope: &str) -> Result<AccessTokenCredentials, BuildError> {
        let content = self.content.clone();
        match self.kind {
            Kind::ExternalAccount => external_account::Builder::new(content)
                .with_scopes([scope])
                .with_universe_domain(UNIVERSE)
                .build_access_token_credentials(),
            Kind::ImpersonatedServiceAccount => impersonated::Builder::new(content)
                .with_scopes([scope])
                .with_universe_domain(UNIVERSE)
                .build_access_token_credentials(),
            Kind::AuthorizedUser => {
                user_account::Builder::new(content).with_scopes([scope]).build_access_token_credentials()
            }
            Kind::ServiceAccount => service_account::Builder::new(content)
                .with_access_specifier(service_account::AccessSpecifier::from_scopes([scope]))
                .with_universe_domain(UNIVERSE)
                .build_access_token_credentials(),
        }
    }

    /// The same, as the source of an impersonation.
    pub(crate) fn credentials(&self, scope: &str) -> Result<Credentials, BuildError> {
        self.access_token_credentials(scope).map(Credentials::from)
    }
}

impl Kind {
    fn of(content: &Value) -> Option<Self> {
        match content.get("type")?.as_str()? {
            "external_account" => Some(Self::ExternalAccount),
            "impersonated_service_account" => Some(Self::ImpersonatedServiceAccount),
            "authorized_user" => Some(Self::AuthorizedUser),
            "service_account" => Some(Self::ServiceAccount),
            _ => None,
        }
    }
}

fn allowed_files() -> &'static str {
    "set GOOGLE_APPLICATION_CREDENTIALS to a file of type external_account, impersonated_service_account or \
     authorized_user"
}

/// Rejects a URL that refers neither to Google nor to this machine.
fn check_addresses(file: &str, part: &Value) -> Result<(), Error> {
    let foreign = |field: &str, why: &str| {
        Err(Error::Credentials(format!(
            "`{file}`: {field} {why}, and would receive a credential of this cluster; allowed are https URLs of \
             *.{UNIVERSE}, and this machine for tests"
        )))
    };
    for field in ADDRESSES {
        match part.get(field) {
            None | Some(Value::Null) => {}
            Some(Value::String(address)) if is_trusted(address) => {}
            Some(Value::String(address)) => {
                let host = Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned));
                let host =
                    host.map_or_else(|| "is not a URL".to_owned(), |host| format!("refers to the host `{host}`"));
                return foreign(field, &host);
            }
            Some(_) => return foreign(field, "is not a string"),
        }
    }
    match part.get("universe_domain") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(domain)) if domain == UNIVERSE => Ok(()),
        // The auth crate derives host names from it.
        Some(_) => foreign("universe_domain", &format!("is not `{UNIVERSE}`")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(content: &Value) -> Result<CredentialsFile, Error> {
        CredentialsFile::parse(Path::new("config.json"), content.to_string().as_bytes(), false)
    }

    #[track_caller]
    fn check_refused(content: &Value, parts: &[&str]) {
        let error = parse(content).err().unwrap();
        assert_eq!(error.exit().code(), 77);
        for part in parts {
            assert!(error.to_string().contains(part), "{error} lacks {part}");
        }
    }

    fn federation(field: &str, value: &str) -> Value {
        let mut content = json!({"type": "external_account", "token_url": "https://sts.googleapis.com/v1/token"});
        content[field] = value.into();
        content
    }

    #[test]
    fn addresses_are_google_s_or_this_machine_s() {
        for address in [
            "https://sts.googleapis.com/v1/token",
            "https://sts.europe-west1.rep.googleapis.com/v1/token",
            "http://127.0.0.1:8080/token",
            "http://[::1]:8080/token",
            "https://localhost/token",
        ] {
            for field in ADDRESSES {
                assert!(parse(&federation(field, address)).is_ok(), "{field}: {address}");
            }
        }
        for address in [
            "https://sts.googleapis.com.evil.example/v1/token",
            "https://evilgoogleapis.com/v1/token",
            "https://sts.googleapis.com@evil.example/v1/token",
            "https://evil.example/?sts.googleapis.com",
            "http://sts.googleapis.com/v1/token",
            "http://10.0.0.1/token",
            "ftp://sts.googleapis.com/",
            "sts.googleapis.com/v1/token",
            "",
        ] {
            for field in ADDRESSES {
                check_refused(&federation(field, address), &[field, "*.googleapis.com"]);
            }
        }
        check_refused(&federation("universe_domain", "evil.example"), &["universe_domain"]);
        check_refused(
            &json!({"type": "external_account", "token_url": ["https://evil.example"]}),
            &["is not a string"],
        );
    }

    #[test]
    fn what_stands_inside_is_checked_too() {
        let url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@b.com:generateAccessToken";
        let nested = |source: Value| json!({"type": "impersonated_service_account", "service_account_impersonation_url": url, "source_credentials": source});
        check_refused(&nested(json!({"type": "service_account"})), &["source_credentials", "--allow-static-key"]);
        check_refused(&nested(federation("token_url", "https://evil.example")), &["token_url", "`evil.example`"]);
        check_refused(&json!({"type": "service_account"}), &["`config.json` is a service account's static key"]);
        assert!(parse(&nested(json!({"type": "authorized_user"}))).is_ok());
        let program = json!({"type": "external_account", "credential_source": {"executable": {"command": "/bin/sh"}}});
        check_refused(&program, &["credential_source.executable", "runs a program"]);
        check_refused(&nested(program), &["credential_source.executable"]);
    }

    #[test]
    fn what_is_no_credentials_file_is_not_repeated() {
        let error = CredentialsFile::parse(Path::new("f"), b"s3cret", false).err().unwrap().to_string();
        assert!(error.contains("`f` is not JSON") && !error.contains("s3cret"), "{error}");
        check_refused(&json!({"type": "gdch_service_account"}), &["authorized_user"]);
        check_refused(&json!([]), &["authorized_user"]);
    }

    #[test]
    fn the_token_file_and_plain_addresses_are_found() {
        let content = json!({"type": "external_account", "token_url": "http://127.0.0.1:1/token",
            "credential_source": {"file": "/token"}});
        let file = parse(&content).unwrap();
        assert_eq!(file.subject_token_file().as_deref(), Some(Path::new("/token")));
        assert_eq!(file.plain_addresses(), ["http://127.0.0.1:1/token"]);
    }
}
