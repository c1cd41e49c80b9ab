//! Reads secrets in a pod: keys of Kubernetes Secrets from their volume, and files that agents and CSI drivers create.

use std::path::{Path, PathBuf};

use apigee_flux_configuration::secret::{SecretKeyRef, ValueFrom};
use apigee_flux_configuration::secret_folder::folder_of;
use apigee_flux_disk::{Root, Unreadable};

/// The maximum size of a secret, in bytes: the limit of a Kubernetes Secret (`MaxSecretSize`).
const MAX_SECRET_BYTES: usize = 1 << 20;

/// Looks up a secret. `folder` contains each key of each Secret as `<Secret>/<key>`; `for_files` are folders in addition to those of
/// [`folder_of`]. The error says what is missing and how to fix it; it never repeats content that was read.
///
/// The document that refers to the secret is not trusted: symbolic links out of the folder are refused, and only regular files are read.
pub(super) fn look_up(folder: &Path, for_files: &[String], place: &ValueFrom) -> Result<Vec<u8>, String> {
    let (root, file, fix) = match place {
        ValueFrom::SecretKeyRef(SecretKeyRef { name, key }) => {
            if [name, key].iter().any(|part| matches!(part.as_str(), "" | "." | "..") || part.contains('/')) {
                return Err(format!("the {place} has an invalid name"));
            }
            let fix = "create it in the namespace of this Job, with Sealed Secrets, External Secrets or manually";
            (folder, folder.join(name).join(key), fix)
        }
        ValueFrom::File(path) => {
            let fix = "configure the agent or driver to create it: see `podAnnotations` of the ApigeeEnvironment";
            (folder_of(path, for_files)?, PathBuf::from(path), fix)
        }
    };
    let root = Root::open(root).map_err(Unreadable::from);
    let bytes = root.and_then(|root| root.read(&file, MAX_SECRET_BYTES)).map_err(|why| match why {
        why if why.is_missing() => format!("the {place} is missing: {fix}; the next run tries again"),
        why => format!("the {place} {why}"),
    })?;
    if bytes.is_empty() {
        return Err(format!("the {place} is empty"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn secrets_are_read_and_what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("keys")).unwrap();
        std::fs::write(folder.path().join("keys/api"), "s3cret\n").unwrap();
        let of = |name: &str, key: &str| {
            ValueFrom::SecretKeyRef(SecretKeyRef { name: name.to_owned(), key: key.to_owned() })
        };
        // Unchanged: a trailing line break may belong to the secret.
        assert_eq!(look_up(folder.path(), &[], &of("keys", "api")), Ok(b"s3cret\n".to_vec()));
        let why = look_up(folder.path(), &[], &of("keys", "other")).unwrap_err();
        assert!(why.contains("key `other` of Secret `keys` is missing: create it"), "{why}");
        assert!(look_up(folder.path(), &[], &of("..", "keys")).is_err());
        let why = look_up(folder.path(), &[], &ValueFrom::File("/vault/secrets/none".to_owned())).unwrap_err();
        assert!(why.contains("podAnnotations"), "{why}");
    }

    #[test]
    fn only_regular_files_in_the_folders_are_read() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().canonicalize().unwrap().join("keys");
        // As the kubelet writes a volume.
        std::fs::create_dir_all(folder.join("..2026/sub")).unwrap();
        std::fs::write(folder.join("..2026/sub/key"), "s3cret").unwrap();
        symlink("..2026", folder.join("..data")).unwrap();
        symlink("..data/sub", folder.join("sub")).unwrap();
        std::fs::write(place.path().join("token"), "t0ken").unwrap();
        symlink("../token", folder.join("out")).unwrap();
        symlink("/dev/zero", folder.join("zero")).unwrap();
        symlink("/proc/self/environ", folder.join("environ")).unwrap();
        std::fs::write(folder.join("large"), vec![b'a'; MAX_SECRET_BYTES + 1]).unwrap();
        std::fs::write(folder.join("limit"), vec![b'a'; MAX_SECRET_BYTES]).unwrap();
        let listed = [folder.to_str().unwrap().to_owned()];
        let file = |name: &str| ValueFrom::File(folder.join(name).to_str().unwrap().to_owned());
        let read = |name: &str| look_up(place.path(), &listed, &file(name));
        assert_eq!(read("sub/key"), Ok(b"s3cret".to_vec()));
        assert_eq!(read("limit").map(|bytes| bytes.len()), Ok(MAX_SECRET_BYTES));
        for (name, part) in [
            ("out", "symbolic link out of"),
            ("zero", "symbolic link out of"),
            ("environ", "symbolic link out of"),
            ("sub", "a folder, not a regular file"),
            ("large", "more than 1048576 bytes"),
            ("../token", "`..`"),
        ] {
            let why = read(name).unwrap_err();
            assert!(why.contains(part) && !why.contains("t0ken"), "{name}: {why}");
        }
        for path in ["/proc/self/environ", "/dev/zero", "/etc/passwd"] {
            let why = look_up(place.path(), &listed, &ValueFrom::File(path.to_owned())).unwrap_err();
            assert!(why.contains("is not in one of the folders for secrets"), "{why}");
        }
        // The same for the volume of a Secret.
        let key = |name: &str, key: &str| {
            let place = ValueFrom::SecretKeyRef(SecretKeyRef { name: name.to_owned(), key: key.to_owned() });
            look_up(&folder, &[], &place)
        };
        assert_eq!(key("sub", "key"), Ok(b"s3cret".to_vec()));
        assert!(key("..", "token").is_err());
        symlink("../..", folder.join("..2026/up")).unwrap();
        symlink("..data/up", folder.join("up")).unwrap();
        assert!(key("up", "token").unwrap_err().contains("symbolic link out of"));
    }
}
