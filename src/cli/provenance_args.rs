//! Where the state of Git that a command brings comes from.

use std::path::PathBuf;

use crate::apigee::{Error, Provenance};

/// The file with it.
#[derive(Debug, clap::Args)]
pub(super) struct ProvenanceArgs {
    /// Commit, tag, author and time as JSON; the file may be missing
    #[arg(long = "provenance", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl ProvenanceArgs {
    /// What the file says. Its ConfigMap is mounted as optional, so it may be missing.
    pub(super) fn read(&self) -> Result<Provenance, Error> {
        let Some(file) = &self.file else { return Ok(Provenance::default()) };
        match std::fs::read(file) {
            Ok(bytes) => Provenance::parse(&bytes).map_err(|why| Error::Usage(format!("`{}`: {why}", file.display()))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Provenance::default()),
            Err(error) => Err(Error::Missing(format!("`{}` cannot be read: {error}", file.display()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_fine_and_a_broken_one_is_not() {
        let read = |file: Option<PathBuf>| ProvenanceArgs { file }.read();
        assert_eq!(read(None).unwrap(), Provenance::default());
        assert_eq!(read(Some("/does/not/exist".into())).unwrap(), Provenance::default());
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(read(Some(file.path().to_owned())).unwrap_err().exit_code(), 64);
    }
}
