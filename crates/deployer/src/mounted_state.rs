//! The newest state of Git that the cluster was given, as the ConfigMap with the index of the inventory is mounted in the pod of a Job.
//!
//! The ConfigMap is in the first layer, so it is at least as new as the Job. It is mounted as optional.

use std::path::Path;

use serde_json::Value;

use crate::error::Error;
use apigee_flux_configuration::Id;
use apigee_flux_configuration::inventory::{
    INDEX_FILE, Index, NAMES_FILE, Names, SPLIT_NAMES_VERSION, names_part_file,
};
use apigee_flux_disk::read_named;
use apigee_flux_model::bundle::Digest;
use apigee_flux_model::gzip;
use apigee_flux_model::provenance::Provenance;

/// The maximum size of a ConfigMap (Kubernetes, `MaxSecretSize`).
const MAX_BYTES: usize = 1 << 20;

/// The maximum size of the list of names: 100,000 resources.
const MAX_NAMES_BYTES: usize = 32 << 20;

/// The index of the inventory, and the names of everything that the input defines.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MountedState {
    /// The index.
    pub index: Index,
    /// The names.
    pub names: Names,
}

impl MountedState {
    /// Reads the folder of the mount; `None` if the ConfigMap does not exist.
    pub fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let file = folder.join(INDEX_FILE);
        let bytes = match read_named(&file, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(why) if why.is_missing() => return Ok(None),
            Err(why) => return Err(Error::NoInput(format!("`{}` {why}", file.display()))),
        };
        let index = parse_index(&bytes).map_err(|why| Error::Altered(format!("`{}` {why}", file.display())))?;
        let names = read_names(&index, folder)?;
        Ok(Some(Self { index, names }))
    }

    /// The origin of a bundle: that of the state, if the state has this bundle. A Job of an older state can still run while the mount
    /// already has a newer one, whose commit is not that of the Job.
    pub fn provenance_of_bundle(&self, id: &Id, digest: Digest) -> Provenance {
        let named = self.names.get(false, id).filter(|named| named.has(digest));
        named.map(|_| self.index.provenance.clone()).unwrap_or_default()
    }

    /// The origin of a document: of a batch, or of configuration.
    pub fn provenance_of_document(&self, digest: Digest) -> Provenance {
        let is_named = self.index.documents.values().any(|known| *known == digest);
        if is_named { self.index.provenance.clone() } else { Provenance::default() }
    }
}

/// Reads the list of names. It is whole or an error: a run takes what is not in the list for removed from Git.
fn read_names(index: &Index, folder: &Path) -> Result<Names, Error> {
    let parse = |bytes: &[u8], file: &Path| {
        parse_names(bytes).map_err(|why| Error::Altered(format!("`{}` {why}", file.display())))
    };
    if index.names.is_empty() {
        let file = folder.join(NAMES_FILE);
        let bytes =
            read_named(&file, MAX_BYTES).map_err(|why| Error::NoInput(format!("`{}` {why}", file.display())))?;
        return parse(&bytes, &file);
    }
    let mut all = Names::default();
    for (number, digest) in index.names.iter().enumerate() {
        let file = folder.join(names_part_file(number));
        let bytes = match read_named(&file, MAX_BYTES) {
            Ok(bytes) => Some(bytes),
            Err(why) if why.is_missing() => None,
            Err(why) => return Err(Error::NoInput(format!("`{}` {why}", file.display()))),
        };
        // Index and parts are several ConfigMaps, which are applied one after the other.
        let bytes = bytes.filter(|bytes| Digest::of_bytes(bytes) == *digest).ok_or_else(|| {
            Error::Temporary(format!(
                "`{}` is missing or has another digest than the index of the inventory says, so nothing is changed: the inventory is being \
                 applied; the next pod reads it again",
                file.display()
            ))
        })?;
        all.0.extend(parse(&bytes, &file)?.0);
    }
    Ok(all)
}

/// Parses the index. The error says what is wrong with it.
pub fn parse_index(bytes: &[u8]) -> Result<Index, String> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| format!("is not JSON: {error}"))?;
    match value.get("schemaVersion").and_then(Value::as_u64) {
        Some(version) if version > u64::from(SPLIT_NAMES_VERSION) => Err(format!(
            "has the schema version {version}, but this program supports versions up to {SPLIT_NAMES_VERSION}: update the image of the deployer \
             (`ApigeeEnvironment`, `spec.deployer.image`) to the version of the function that rendered it"
        )),
        _ => serde_json::from_value(value).map_err(|error| format!("is not the index of an inventory: {error}")),
    }
}

/// Parses the compressed list of names. The error says what is wrong with it.
pub fn parse_names(bytes: &[u8]) -> Result<Names, String> {
    let text =
        String::from_utf8(gzip::decompress(bytes, MAX_NAMES_BYTES)?).map_err(|_| "is not text in UTF-8".to_owned())?;
    Names::parse(&text).ok_or_else(|| "is not a list of names".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use apigee_flux_configuration::inventory::{Named, NamedResource, SCHEMA_VERSION};

    #[test]
    fn a_state_names_its_own_bundles_only() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(MountedState::read(folder.path()).unwrap(), None);
        let digest = Digest::of_bytes(b"a");
        let id = Id { kind: "ApigeeProxy".to_owned(), parent: None, name: "a".to_owned() };
        let orders = Named::new("team", digest);
        let names = Names(BTreeMap::from([(NamedResource { of_organization: false, id: id.clone() }, orders)]));
        let provenance = Provenance { commit: Some("c".to_owned()), ..Provenance::default() };
        let index = Index { provenance: provenance.clone(), schema_version: SCHEMA_VERSION, ..Index::default() };
        std::fs::write(folder.path().join(INDEX_FILE), serde_json::to_vec(&index).unwrap()).unwrap();
        std::fs::write(folder.path().join(NAMES_FILE), gzip::compress(names.to_text().as_bytes()).unwrap()).unwrap();
        let state = MountedState::read(folder.path()).unwrap().unwrap();
        assert_eq!(state.provenance_of_bundle(&id, digest), provenance);
        assert_eq!(state.provenance_of_bundle(&id, Digest::of_bytes(b"b")), Provenance::default());
        assert_eq!(state.provenance_of_document(digest), Provenance::default());
    }

    #[test]
    fn a_list_in_parts_is_whole_or_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let id = |number: u32| Id { kind: "ApigeeProxy".to_owned(), parent: None, name: format!("orders-{number}") };
        let resource = |number| NamedResource { of_organization: false, id: id(number) };
        let digest = |number: u32| Digest::of_bytes(&number.to_be_bytes());
        let names = Names((0..100).map(|number| (resource(number), Named::new("team", digest(number)))).collect());
        let parts: Vec<Vec<u8>> =
            names.split().iter().map(|part| gzip::compress(part.to_text().as_bytes()).unwrap()).collect();
        let digests = parts.iter().map(|part| Digest::of_bytes(part)).collect();
        let index = Index { schema_version: SPLIT_NAMES_VERSION, names: digests, ..Index::default() };
        std::fs::write(folder.path().join(INDEX_FILE), serde_json::to_vec(&index).unwrap()).unwrap();
        for (number, part) in parts.iter().enumerate() {
            let error = MountedState::read(folder.path()).unwrap_err();
            assert!(matches!(&error, Error::Temporary(why) if why.contains(&names_part_file(number))), "{error}");
            std::fs::write(folder.path().join(names_part_file(number)), part).unwrap();
        }
        assert_eq!(MountedState::read(folder.path()).unwrap().unwrap().names, names);

        // A part of another state.
        let older = gzip::compress(Names::default().to_text().as_bytes()).unwrap();
        std::fs::write(folder.path().join(names_part_file(3)), older).unwrap();
        assert!(matches!(MountedState::read(folder.path()), Err(Error::Temporary(_))));
    }

    #[test]
    fn a_newer_index_names_the_fix() {
        let error = parse_index(br#"{"schemaVersion": 99}"#).unwrap_err();
        assert!(error.contains("spec.deployer.image"), "{error}");
    }
}
