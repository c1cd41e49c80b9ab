//! One folder for each layer, so that Flux applies one after the other.

use std::collections::{BTreeMap, BTreeSet};

use apigee_flux_function::expand::Expansion;
use apigee_flux_function::k8s::{Layer, slug};
use apigee_flux_model::krm::{Header, Input, annotation};

/// The head of each `kustomization.yaml`. The annotation makes it one of ours, which a later run replaces.
const HEAD: &str = "\
# Made by `apigee-flux render --split`.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
metadata:
  name: layer
  annotations:
    apigeeflux.dev/owner: apigee-flux
    apigeeflux.dev/role: layer
";

/// The text of each file: `[NAMESPACE/]LAYER/KIND_NAME.yaml`, and a `kustomization.yaml` in each of these folders.
///
/// Every namespace with an object of ours has all layers, so that no Kustomization of Flux loses its path when the last shared flow goes. What is
/// not ours is in the first layer, since a Job may need it.
pub(super) fn files(input: &Input<'_>, expansion: &mut Expansion) -> Result<BTreeMap<String, String>, String> {
    if expansion.objects.is_empty() && input.items().iter().any(|item| item.header.is_output()) {
        return Err(
            "the input has been expanded already, and its layers are not known any more: give --split the specs"
                .to_owned(),
        );
    }
    let mut files = Files::default();
    let mut folders = BTreeSet::new();
    for object in &mut expansion.objects {
        let place = folder(&object.id.namespace);
        let path = object.take_path();
        let name = path.as_deref().map_or("", |path| path.rsplit_once('/').map_or(path, |(_, name)| name));
        let name = if name.is_empty() { file_name(&object.id.kind, &object.id.name) } else { name.to_owned() };
        files.add(&format!("{place}{}", object.layer.folder()), &name, &object.to_yaml()?);
        folders.insert(place);
    }
    for (index, item) in input.items().iter().enumerate() {
        let header = &item.header;
        if expansion.changes.contains_key(&index) || header.annotation(annotation::LOCAL_CONFIG) == Some("true") {
            continue;
        }
        let place = format!("{}{}", folder(namespace(header)), Layer::Base.folder());
        files.add(
            &place,
            &file_name(&header.kind, &header.name),
            &input.standalone(item).map_err(|error| error.to_string())?,
        );
    }
    for place in folders {
        for layer in Layer::ALL {
            files.0.entry(format!("{place}{}", layer.folder())).or_default();
        }
    }
    Ok(files.with_kustomizations())
}

/// The folder of a namespace, with a slash. A name may hold anything that was written, a path must not.
fn folder(namespace: &str) -> String {
    if namespace.is_empty() { String::new() } else { format!("{}/", slug(namespace)) }
}

/// The namespace in whose folder a resource goes: a Namespace goes into its own.
fn namespace<'h>(header: &'h Header<'_>) -> &'h str {
    let is_namespace = header.kind == "Namespace" && header.api_version == "v1";
    if is_namespace { &header.name } else { header.namespace.as_deref().unwrap_or_default() }
}

fn file_name(kind: &str, name: &str) -> String {
    format!("{}_{}.yaml", slug(&kind.to_lowercase()), slug(name))
}

/// The files of each folder.
#[derive(Default)]
struct Files(BTreeMap<String, BTreeMap<String, String>>);

impl Files {
    fn add(&mut self, folder: &str, name: &str, text: &str) {
        let file = self.0.entry(folder.to_owned()).or_default().entry(name.to_owned()).or_default();
        super::render::append(file, text);
    }

    fn with_kustomizations(self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for (folder, files) in self.0 {
            let mut kustomization = HEAD.to_owned();
            kustomization.push_str(if files.is_empty() { "resources: []\n" } else { "resources:\n" });
            for name in files.keys() {
                kustomization.extend(["- ", name.as_str(), "\n"]);
            }
            all.insert(format!("{folder}/kustomization.yaml"), kustomization);
            all.extend(files.into_iter().map(|(name, text)| (format!("{folder}/{name}"), text)));
        }
        all
    }
}
