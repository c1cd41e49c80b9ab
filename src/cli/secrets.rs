//! The secrets in a pod: keys of Kubernetes Secrets in their volume, and files that agents and drivers put there.

use std::path::{Path, PathBuf};

use crate::configuration::secret::{SecretKeyRef, ValueFrom};

/// Looks a secret up. `folder` holds each key of each Secret as `<Secret>/<key>`. The error says what is missing and the way out; it
/// never repeats what was read.
pub(super) fn look_up(folder: &Path, place: &ValueFrom) -> Result<Vec<u8>, String> {
    let (file, way_out) = match place {
        ValueFrom::SecretKeyRef(SecretKeyRef { name, key }) => {
            if [name, key].iter().any(|part| part.is_empty() || part.contains('/') || *part == "..") {
                return Err(format!("the {place} has a name that no Secret has"));
            }
            let way_out = "create it in the namespace of this Job, with Sealed Secrets, External Secrets or by hand";
            (folder.join(name).join(key), way_out)
        }
        ValueFrom::File(path) => {
            (PathBuf::from(path), "let the agent or driver put it there: see `podAnnotations` of the ApigeeEnvironment")
        }
    };
    let bytes = std::fs::read(&file).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("the {place} is not there: {way_out}; the next run looks again"),
        _ => format!("the {place} cannot be read: {error}"),
    })?;
    if bytes.is_empty() {
        return Err(format!("the {place} is empty"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_and_what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("keys")).unwrap();
        std::fs::write(folder.path().join("keys/api"), "s3cret\n").unwrap();
        let of = |name: &str, key: &str| {
            ValueFrom::SecretKeyRef(SecretKeyRef { name: name.to_owned(), key: key.to_owned() })
        };
        // As it is: a trailing line break may belong to it.
        assert_eq!(look_up(folder.path(), &of("keys", "api")), Ok(b"s3cret\n".to_vec()));
        let why = look_up(folder.path(), &of("keys", "other")).unwrap_err();
        assert!(why.contains("key `other` of Secret `keys` is not there: create it"), "{why}");
        assert!(look_up(folder.path(), &of("..", "keys")).is_err());
        let why = look_up(folder.path(), &ValueFrom::File("/does/not/exist".to_owned())).unwrap_err();
        assert!(why.contains("podAnnotations"), "{why}");
    }
}
