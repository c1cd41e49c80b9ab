//! The desired content of an alias, and the digests in its record.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::record::{Part, secret_digest};
use crate::{Wanted, secret};
use apigee_flux_model::pem;

/// The desired content of an alias.
pub(super) struct Content<'w> {
    pub(super) certificate: Option<&'w str>,
    key: Option<&'w str>,
    key_password: Option<&'w str>,
    /// The file and its password.
    pub(super) pkcs12: Option<(Vec<u8>, Option<&'w str>)>,
    pub(super) ignore_expiry: bool,
}

impl<'w> Content<'w> {
    /// Reads the content of an alias. The error says which secret is invalid. An empty secret is one that is not known here.
    pub(super) fn read(alias: &'w Value) -> Result<Self, String> {
        let text = |pointer: &str| alias.pointer(pointer).and_then(Value::as_str);
        let content = Self {
            certificate: text("/certificate"),
            key: text("/key"),
            key_password: text("/keyPassword").map(secret::line),
            pkcs12: match alias.pointer("/pkcs12/file") {
                Some(file) if file == "" => Some((Vec::new(), None)),
                // Every PKCS #12 file is a DER SEQUENCE.
                Some(file) => {
                    let file = secret::file(file, |bytes| bytes.first() == Some(&0x30));
                    Some((
                        file.ok_or("the file is not a PKCS #12 file, and not the base64 of one")?,
                        text("/pkcs12/password").map(secret::line),
                    ))
                }
                None => None,
            },
            ignore_expiry: alias.get("ignoreExpiryValidation") == Some(&Value::Bool(true)),
        };
        // Checked before anything is deleted.
        if content.key.is_some_and(|key| !key.is_empty() && pem::private_key(key).is_none()) {
            return Err("the key is not a private key in PEM format".to_owned());
        }
        if content.certificate.is_some_and(|text| !text.is_empty() && pem::certificates(text).is_empty()) {
            return Err("the certificate is not in PEM format".to_owned());
        }
        Ok(content)
    }

    /// The content that Apigee does not return, normalized: the key independent of its encoding, the password only of an encrypted key.
    fn secrets(&self) -> Vec<u8> {
        let key = self.key.map(|text| {
            pem::private_key(text)
                .unwrap_or_else(|| pem::PrivateKey { meaning: text.as_bytes().to_vec(), is_encrypted: true })
        });
        let is_encrypted = key.as_ref().is_some_and(|key| key.is_encrypted);
        let password = self.key_password.filter(|_| is_encrypted).unwrap_or_default();
        let meaning = key.map(|key| key.meaning).unwrap_or_default();
        self.joined(&meaning, password.as_bytes(), self.pkcs12_password().as_bytes())
    }

    /// The content as version 0.1.0 recorded it, byte for byte, in each form that the same secret may have had then.
    fn former_secrets(&self) -> Vec<Vec<u8>> {
        let forms = |text: Option<&str>| secret::forms(text.unwrap_or_default());
        let mut former = Vec::new();
        for key in forms(self.key) {
            for key_password in forms(self.key_password) {
                for password in forms(Some(self.pkcs12_password())) {
                    former.push(self.joined(key.as_bytes(), key_password.as_bytes(), password.as_bytes()));
                }
            }
        }
        former
    }

    fn pkcs12_password(&self) -> &str {
        self.pkcs12.as_ref().and_then(|(_, password)| *password).unwrap_or_default()
    }

    fn joined(&self, key: &[u8], key_password: &[u8], password: &[u8]) -> Vec<u8> {
        let file = self.pkcs12.as_ref().map_or(&[][..], |(file, _)| file.as_slice());
        [key, &[0], key_password, &[0], password, &[0], file].concat()
    }

    pub(super) fn has_key(&self) -> bool {
        self.key.is_some() || self.pkcs12.is_some()
    }

    /// True if the key is known here.
    pub(super) fn is_known(&self) -> bool {
        self.key != Some("") && self.pkcs12.as_ref().is_none_or(|(file, _)| !file.is_empty())
    }

    pub(super) fn form(&self) -> Vec<(&'static str, &'static str, Vec<u8>)> {
        let field = |name, file, text: &str| (name, file, text.as_bytes().to_vec());
        let mut form = Vec::new();
        form.extend(self.certificate.map(|text| field("certFile", "certificate.pem", text)));
        form.extend(self.key.map(|text| field("keyFile", "key.pem", text)));
        form.extend(self.key_password.map(|text| field("password", "", text)));
        if let Some((file, password)) = &self.pkcs12 {
            form.push(("file", "keystore.p12", file.clone()));
            form.extend(password.map(|text| field("password", "", text)));
        }
        form
    }
}

/// The digests of an alias in the record: of its secrets and of its certificates.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Digests {
    secrets: String,
    certificates: String,
}

/// The desired content of an alias, to compare it with the digests in the record.
pub(super) struct DesiredAlias<'w> {
    wanted: &'w Wanted<'w>,
    name: &'w str,
    pub(super) content: &'w Content<'w>,
    pub(super) certificates: Vec<String>,
}

impl<'w> DesiredAlias<'w> {
    pub(super) fn new(wanted: &'w Wanted<'w>, name: &'w str, content: &'w Content<'w>) -> Self {
        Self { wanted, name, content, certificates: pem::certificates(content.certificate.unwrap_or_default()) }
    }

    /// The digests to record.
    pub(super) fn digests(&self) -> Digests {
        Digests {
            secrets: self.of_secrets(&self.content.secrets()),
            certificates: self.of_certificates(&sorted(&self.certificates)),
        }
    }

    fn of_secrets(&self, secrets: &[u8]) -> String {
        secret_digest(self.wanted.id, &format!("{}/secrets", self.name), secrets)
    }

    fn of_certificates(&self, certificates: &[String]) -> String {
        let joined = certificates.join(",");
        secret_digest(self.wanted.id, &format!("{}/certificates", self.name), joined.as_bytes())
    }

    /// The digests of the alias as this program last set it.
    pub(super) fn last(&self) -> Option<Digests> {
        let (secrets, certificates) = self.wanted.last?.part(self.name)?.digest.as_deref()?.split_once('.')?;
        Some(Digests { secrets: secrets.to_owned(), certificates: certificates.to_owned() })
    }

    /// Whether the desired secrets are the ones that were set. Version 0.1.0 recorded their bytes.
    pub(super) fn has_secrets(&self, last: &Digests) -> bool {
        last.secrets == self.of_secrets(&self.content.secrets())
            || self.content.former_secrets().iter().any(|former| last.secrets == self.of_secrets(former))
    }

    /// Whether these certificates are the ones that were set. Version 0.1.0 recorded them in their order.
    pub(super) fn has_certificates(&self, last: &Digests, certificates: &[String]) -> bool {
        [sorted(certificates).as_slice(), certificates]
            .into_iter()
            .any(|list| last.certificates == self.of_certificates(list))
    }
}

impl Digests {
    pub(super) fn to_part(&self, name: &str) -> Part {
        let digest = Some(format!("{}.{}", self.secrets, self.certificates));
        Part { name: name.to_owned(), digest, server_name: None }
    }
}

/// The certificates without their order, which is irrelevant: a client that verifies a chain sorts it.
pub(super) fn sorted(certificates: &[String]) -> Vec<String> {
    let set: BTreeSet<&String> = certificates.iter().collect();
    set.into_iter().cloned().collect()
}
