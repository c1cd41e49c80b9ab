//! The namespaces in a folder of outputs: an environment keeps its reconciler there after the last spec was removed.

use std::path::Path;

use anyhow::Context as _;

use apigee_flux_disk::{Filter, read_regular, walk};
use apigee_flux_function::expand::{KnownPlace, known_place};
use apigee_flux_function::k8s::Layer;
use apigee_flux_model::krm::Input;

/// The maximum size of a rendered inventory or CronJob: Kubernetes takes no larger object.
const MAX_BYTES: usize = 4 << 20;

/// What the outputs of earlier runs in a folder say. A folder that does not exist yet has none; a file that is not an output is ignored.
pub(super) fn in_folder(folder: &Path) -> anyhow::Result<Vec<KnownPlace>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let filter = Filter { file: &may_tell, folder: &is_searched };
    let found = walk(folder, &filter).with_context(|| format!("cannot read the directory {}", folder.display()))?;
    let mut places = Vec::new();
    for file in found.files {
        let Ok(bytes) = read_regular(&file, MAX_BYTES) else { continue };
        let Ok(text) = std::str::from_utf8(&bytes) else { continue };
        let Ok(input) = Input::read(text) else { continue };
        places.extend(input.items().iter().filter_map(|item| known_place(&input, item)));
    }
    Ok(places)
}

/// The files of inventories and CronJobs, by their names.
fn may_tell(name: &str) -> bool {
    let is_inventory = name.starts_with("configmap_") && name.contains("inventory");
    let is_yaml = Path::new(name).extension().is_some_and(|extension| extension == "yaml");
    is_yaml && (is_inventory || name.starts_with("cronjob_"))
}

/// The other layers have many files, and none of these.
fn is_searched(name: &str) -> bool {
    let told = [Layer::Base, Layer::Reconcile].map(Layer::folder);
    told.contains(&name) || !Layer::ALL.into_iter().any(|layer| is_part(name, layer))
}

/// Whether a folder is a layer, or a part of one: `30-proxies-7`.
fn is_part(name: &str, layer: Layer) -> bool {
    let number = name.strip_prefix(layer.folder());
    number.is_some_and(|text| text.is_empty() || text.strip_prefix('-').is_some_and(|text| text.parse::<u32>().is_ok()))
}
