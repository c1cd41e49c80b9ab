//! The ConfigMaps of an inventory: an index, and as many parts as needed. Their names do not change, so that a state of Git replaces the one
//! before it and removes none that is still read.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use serde::Serialize;

use super::client_side::{FILL_BYTES, text_bytes};
use super::document_maps::{ROOM_BYTES, pieces, text};
use super::metadata::Metadata;
use super::names::names_name;
use super::object::Object;
use apigee_flux_configuration::inventory::{
    FILE_NAME, INDEX_FILE, Index, Inventory, NAMES_FILE, Names, SCHEMA_VERSION, SPLIT_NAMES_VERSION, names_part_file,
};
use apigee_flux_model::bundle::Digest;
use apigee_flux_model::gzip;
use apigee_flux_model::names::kubernetes::{ENVIRONMENT, INVENTORY, ORGANIZATION, label_value};

/// The maximum size of the text of a part as JSON in bytes. A single entry that is larger has parts of its own, which the reader joins.
const MAX_PART_BYTES: usize = ROOM_BYTES;

/// The largest list of names beside the index, compressed, in bytes. In base64 it leaves a third of the ConfigMap to the index.
const MAX_NAMES_BYTES: usize = FILL_BYTES / 2;

/// The list of names of an environment, compressed. All namespaces have the same one.
#[derive(Debug, Clone)]
pub enum PackedNames {
    /// The list, beside the index.
    Whole(ByteString),
    /// Its parts, each in a ConfigMap of its own: neither the index nor a part grows with the fleet alone.
    Parts(Vec<ByteString>),
}

impl PackedNames {
    /// Compresses the list.
    pub fn new(names: &Names) -> Result<Self, String> {
        let whole = compress(names)?;
        if whole.0.len() <= MAX_NAMES_BYTES {
            return Ok(Self::Whole(whole));
        }
        names.split().iter().map(compress).collect::<Result<_, _>>().map(Self::Parts)
    }
}

fn compress(names: &Names) -> Result<ByteString, String> {
    gzip::compress(names.to_text().as_bytes()).map(ByteString).map_err(|error| error.to_string())
}

/// The ConfigMaps of one inventory.
#[derive(Debug, Clone)]
pub struct InventoryMaps {
    /// The index, and then the parts.
    pub objects: Vec<Object>,
}

impl InventoryMaps {
    /// Renders the parts of an inventory (none without one), and the index, whose field `parts` is filled in. `name` is the name of the index.
    pub fn new(
        mut index: Index,
        names: &PackedNames,
        inventory: Option<Inventory>,
        name: &str,
        metadata: &Metadata<'_>,
    ) -> Result<Self, String> {
        let object_meta = |name: &str, which: &str| {
            let mut meta = metadata.object(name);
            meta.labels.get_or_insert_default().extend([
                (ORGANIZATION.to_owned(), label_value(&index.organization)),
                (ENVIRONMENT.to_owned(), label_value(&index.environment)),
                (INVENTORY.to_owned(), which.to_owned()),
            ]);
            meta
        };
        let texts = inventory.map(parts).transpose()?.unwrap_or_default();
        let mut objects = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            objects.push(Object::config_map(ConfigMap {
                metadata: object_meta(&format!("{name}-{}", number + 1), "part"),
                data: Some(BTreeMap::from([(FILE_NAME.to_owned(), text.clone())])),
                ..ConfigMap::default()
            }));
        }
        let mut beside = None;
        match names {
            PackedNames::Whole(names) => {
                beside = Some(BTreeMap::from([(NAMES_FILE.to_owned(), names.clone())]));
            }
            PackedNames::Parts(parts) => {
                index.schema_version = SPLIT_NAMES_VERSION;
                index.names = parts.iter().map(|part| Digest::of_bytes(&part.0)).collect();
                for (number, part) in parts.iter().enumerate() {
                    objects.push(Object::config_map(ConfigMap {
                        metadata: object_meta(&names_name(name, number), "names"),
                        binary_data: Some(BTreeMap::from([(names_part_file(number), part.clone())])),
                        ..ConfigMap::default()
                    }));
                }
            }
        }
        let metadata = object_meta(name, "index");
        index.parts = texts.iter().map(|text| Digest::of_bytes(text.as_bytes())).collect();
        objects.insert(
            0,
            Object::config_map(ConfigMap {
                metadata,
                data: Some(BTreeMap::from([(INDEX_FILE.to_owned(), text(&index)?)])),
                binary_data: beside,
                ..ConfigMap::default()
            }),
        );
        Ok(Self { objects })
    }
}

/// The texts of the parts; at least one, since an empty inventory says that nothing is defined.
fn parts(whole: Inventory) -> Result<Vec<String>, String> {
    let Inventory { schema_version: _, bundles, environment, organization } = whole;
    let mut parts = Parts::default();
    // An empty list says that this reconciler is responsible for the organization.
    parts.open.organization = organization.as_ref().map(|_| Vec::new());
    for bundle in bundles {
        parts.make_room(&bundle)?;
        parts.open.bundles.push(bundle);
    }
    for entry in environment {
        parts.make_room(&entry)?;
        parts.open.environment.push(entry);
    }
    for entry in organization.into_iter().flatten() {
        parts.make_room(&entry)?;
        parts.open.organization.get_or_insert_default().push(entry);
    }
    parts.finish()
}

/// Parts of an inventory that are filled in order.
struct Parts {
    full: Vec<String>,
    open: Inventory,
    /// The approximate size of the open part.
    size: usize,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            full: Vec::new(),
            open: Inventory { schema_version: SCHEMA_VERSION, ..Inventory::default() },
            size: FRAME_BYTES,
        }
    }
}

/// More than the text of a part without entries.
const FRAME_BYTES: usize = 1024;

impl Parts {
    /// Starts another part if an entry does not fit into the open one.
    fn make_room(&mut self, entry: &impl Serialize) -> Result<(), String> {
        let text = text(entry)?;
        // An entry is indented by four blanks, and a comma follows.
        let size = text_bytes(&text) + 4 * text.matches('\n').count() + 2;
        let is_empty = self.size == FRAME_BYTES;
        if self.size + size > MAX_PART_BYTES && !is_empty {
            let Self { full, open, .. } = std::mem::take(self);
            self.full = full;
            self.close(&open)?;
        }
        self.size += size;
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<String>, String> {
        let open = std::mem::take(&mut self.open);
        self.close(&open)?;
        Ok(self.full)
    }

    fn close(&mut self, part: &Inventory) -> Result<(), String> {
        self.full.extend(pieces(&text(part)?).into_iter().map(str::to_owned));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use apigee_flux_configuration::inventory::{InventoryBundle, Named, NamedResource};
    use apigee_flux_model::bundle::{BatchEntry, BundleKind, DeploySettings};

    use super::*;
    use crate::k8s::json_bytes;

    fn bundle(name: &str) -> InventoryBundle {
        let entry = BatchEntry {
            kind: BundleKind::Proxy,
            name: name.to_owned(),
            folder: format!("apis/{name}"),
            digest: Digest::of_bytes(name.as_bytes()),
            settings: DeploySettings::default(),
        };
        InventoryBundle { entry, content: "0".repeat(63) }
    }

    #[test]
    fn parts_have_a_bound_and_together_they_are_the_whole() {
        let bundles: Vec<InventoryBundle> = (0..2000).map(|number| bundle(&format!("orders-{number}"))).collect();
        let whole = Inventory {
            schema_version: SCHEMA_VERSION,
            bundles: bundles.clone(),
            organization: Some(Vec::new()),
            ..Inventory::default()
        };
        let texts = parts(whole).unwrap();
        assert!(texts.len() > 2 && texts.iter().all(|text| text_bytes(text) <= MAX_PART_BYTES), "{}", texts.len());
        let full = texts.iter().filter(|text| text_bytes(text) > MAX_PART_BYTES - 8192).count();
        assert_eq!(full, texts.len() - 1, "all parts but the last are full");
        let read: Vec<Inventory> = texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        assert_eq!(read.iter().flat_map(|part| part.bundles.clone()).collect::<Vec<_>>(), bundles);
        assert_eq!(read.iter().filter(|part| part.organization.is_some()).count(), 1);
    }

    #[test]
    fn a_long_list_of_names_has_its_own_maps() {
        let id = |number: u32| apigee_flux_configuration::Id {
            kind: "ApigeeProxy".to_owned(),
            parent: None,
            name: format!("orders-{number}"),
        };
        let names = |count: u32| {
            let named = |number: u32| Named::new("team", Digest::of_bytes(&number.to_be_bytes()));
            let resource = |number| NamedResource { of_organization: false, id: id(number) };
            Names((0..count).map(|number| (resource(number), named(number))).collect())
        };
        let metadata =
            Metadata { namespace: None, owner: "test", role: "inventory", bundle: None, component: "reconciler" };
        let maps = |count| {
            let packed = PackedNames::new(&names(count)).unwrap();
            InventoryMaps::new(Index::default(), &packed, None, "inventory", &metadata).unwrap().objects
        };
        assert_eq!(maps(1_000).len(), 1);
        let objects = maps(30_000);
        let found: Vec<&str> = objects.iter().map(|object| object.id.name.as_str()).collect();
        let expected: Vec<String> = (1..=8).map(|number| format!("inventory-names-{number}")).collect();
        assert_eq!(
            (found[0], &found[1..]),
            ("inventory", expected.iter().map(String::as_str).collect::<Vec<_>>().as_slice())
        );
        assert!(objects.iter().all(|object| json_bytes(object).unwrap() <= FILL_BYTES));
        // All parts are in one folder of a pod.
        for (number, object) in objects.iter().skip(1).enumerate() {
            let value = serde_json::to_value(object).unwrap();
            assert!(value["binaryData"][names_part_file(number)].is_string(), "{}", object.id.name);
        }
    }

    #[test]
    fn an_entry_that_is_too_large_has_parts_of_its_own() {
        let large = "x".repeat(MAX_PART_BYTES);
        let bundles = vec![bundle("a"), bundle(&large), bundle("b")];
        let texts = parts(Inventory { bundles, ..Inventory::default() }).unwrap();
        assert!(texts.len() > 3 && texts.iter().all(|text| text_bytes(text) <= MAX_PART_BYTES));
    }

    #[test]
    fn nothing_is_one_part() {
        assert_eq!(
            parts(Inventory::default()).unwrap(),
            ["{\n  \"schemaVersion\": 2,\n  \"bundles\": [],\n  \"environment\": []\n}\n"]
        );
    }
}
