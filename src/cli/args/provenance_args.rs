//! The provenance of the desired state: the commit that it comes from.

use std::path::PathBuf;

use apigee_flux_deployer::Error;
use apigee_flux_disk::read_named;
use apigee_flux_model::provenance::Provenance;

/// The maximum size of a ConfigMap (Kubernetes, `MaxSecretSize`).
const MAX_PROVENANCE_BYTES: usize = 1 << 20;

/// The option for the provenance file.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ProvenanceArgs {
    /// JSON file with commit, tag, author and time; it need not exist
    #[arg(long = "provenance", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl ProvenanceArgs {
    /// Reads the file. Its ConfigMap is mounted as optional, so the file may be missing.
    pub(in crate::cli) fn read(&self) -> Result<Provenance, Error> {
        let Some(file) = &self.file else { return Ok(Provenance::default()) };
        match read_named(file, MAX_PROVENANCE_BYTES) {
            Ok(bytes) => Provenance::parse(&bytes).map_err(|why| Error::Usage(format!("`{}`: {why}", file.display()))),
            Err(why) if why.is_missing() => Ok(Provenance::default()),
            Err(why) => Err(Error::NoInput(format!("`{}` {why}", file.display()))),
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
        assert_eq!(read(Some(file.path().to_owned())).unwrap_err().exit().code(), 64);
    }
}
