//! The folders of a pod whose files may be used as secrets for Apigee.
//!
//! A pod has other files as well: the tokens of its ServiceAccount, `/proc/self/environ`, other Secrets. A user who may write a
//! configuration spec must not be able to copy them to Apigee, where proxies can read them.

use std::path::{Component, Path};

/// Where the Secrets Store CSI driver mounts the secrets of `spec.deployer.secretProviderClass`.
pub const SECRETS_STORE: &str = "/secrets-store";

/// Where Vault's agent writes (Vault Agent Injector, `vault.hashicorp.com/secret-volume-path`).
pub const VAULT: &str = "/vault/secrets";

/// The folders that are always allowed.
pub const DEFAULT: [&str; 2] = [SECRETS_STORE, VAULT];

/// Folders with the pod's own credentials, or without regular files. Neither they nor their subfolders and parent folders can be listed.
const NEVER: [&str; 13] = [
    "/proc",
    "/sys",
    "/dev",
    "/var/run/secrets",
    "/run/secrets",
    "/var/run/apigee-flux",
    "/run/apigee-flux",
    "/secrets",
    "/etc",
    "/bundle",
    "/bundles",
    "/state",
    "/cluster",
];

/// Checks whether a folder may be listed. The error says why not, and what to write instead.
pub fn check_folder(folder: &str) -> Result<(), String> {
    check_path(folder)?;
    let overlaps = |never: &&&str| Path::new(folder).starts_with(never) || Path::new(never).starts_with(folder);
    match NEVER.iter().find(overlaps) {
        Some(never) => Err(format!(
            "`{folder}` cannot be listed because of `{never}`, which holds the pod's own files; mount the secrets in a folder of their own, \
             such as `{VAULT}`"
        )),
        None => Ok(()),
    }
}

/// The folder of the list, or of [`DEFAULT`], that contains a file according to its path. The error lists the folders.
pub fn folder_of<'f>(file: &str, listed: &'f [String]) -> Result<&'f Path, String> {
    check_path(file)?;
    let folders = || DEFAULT.into_iter().chain(listed.iter().map(String::as_str));
    folders()
        .map(Path::new)
        .find(|folder| Path::new(file).starts_with(folder) && Path::new(file) != *folder)
        .ok_or_else(|| {
            let names: Vec<String> = folders().map(|folder| format!("`{folder}`")).collect();
            format!("the file `{file}` is not in one of the folders for secrets: {}", names.join(", "))
        })
}

/// Checks that a path is unambiguous: absolute, without `.`, `..` and empty parts.
fn check_path(path: &str) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("`{path}` {why}; write an absolute path such as `{VAULT}/NAME`"));
    let Some(parts) = path.strip_prefix('/') else { return wrong("is not absolute") };
    if path.chars().any(char::is_control) {
        return wrong("has a control character");
    }
    let normal = Path::new(path).components().skip(1).all(|part| matches!(part, Component::Normal(_)));
    if !normal || parts.split('/').any(|part| part.is_empty() || part == ".") {
        return wrong("has an empty part, `.` or `..`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_in_a_folder_that_is_listed() {
        let listed = ["/mnt/keys".to_owned()];
        for (file, folder) in
            [("/vault/secrets/a", VAULT), ("/secrets-store/a/b", SECRETS_STORE), ("/mnt/keys/a", "/mnt/keys")]
        {
            assert_eq!(folder_of(file, &listed), Ok(Path::new(folder)));
        }
        for file in [
            "/proc/self/environ",
            "/dev/zero",
            "/var/run/secrets/kubernetes.io/serviceaccount/token",
            "/secrets-storehouse/a",
            "/vault/secrets",
            "/vault/secrets/",
            "/vault/secrets/../../proc/self/environ",
            "/vault/secrets/./a",
            "/vault//secrets/a",
            "vault/secrets/a",
            "../vault/secrets/a",
            "",
            "/",
            "/vault/secrets/a\n",
            "/mnt/key/a",
        ] {
            assert!(folder_of(file, &listed).is_err(), "{file:?}");
        }
    }

    #[test]
    fn a_folder_with_the_pod_s_own_files_cannot_be_listed() {
        for folder in [
            "/",
            "/proc",
            "/proc/self",
            "/var",
            "/var/run",
            "/var/run/secrets/eks.amazonaws.com",
            "/run",
            "/dev/shm",
            "/mnt/../proc",
            "/cluster",
            "/state/x",
            "mnt",
        ] {
            assert!(check_folder(folder).is_err(), "{folder}");
        }
        for folder in ["/mnt/keys", "/vault/other", "/etcetera"] {
            assert_eq!(check_folder(folder), Ok(()));
        }
    }
}
