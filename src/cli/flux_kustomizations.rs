//! The Kustomizations of Flux for the folders that `render --split` writes.

use std::collections::BTreeMap;

use apigee_flux_function::k8s::Layer;
use apigee_flux_model::krm::annotation;
use apigee_flux_model::yaml::encode;
use serde_json::{Value, json};

use super::layer_parts;

/// The folder of the Kustomizations, beside the layers.
pub(super) const FOLDER: &str = "flux";

/// The file of the Kustomizations.
pub(super) const FILE: &str = "kustomizations.yaml";

/// The shortest time, in minutes, in which the objects of a layer must be ready.
const MIN_TIMEOUT: i64 = 28;

/// The layers of one namespace: how many parts each has, and the longest deadline of a Job in it.
#[derive(Debug, Default)]
pub(super) struct Layers(BTreeMap<Layer, LayerSize>);

#[derive(Debug, Default, Clone, Copy)]
struct LayerSize {
    last_part: usize,
    deadline_seconds: i64,
}

impl Layers {
    /// Takes note of an object in a part of a layer.
    pub(super) fn add(&mut self, layer: Layer, part: usize, deadline_seconds: Option<i64>) {
        let size = self.0.entry(layer).or_default();
        size.last_part = size.last_part.max(part);
        size.deadline_seconds = size.deadline_seconds.max(deadline_seconds.unwrap_or_default());
    }

    /// The folders of all layers, also of those without an object.
    pub(super) fn folders(&self) -> impl Iterator<Item = String> {
        Layer::ALL.into_iter().flat_map(|layer| self.parts(layer).map(move |part| layer_parts::folder(layer, part)))
    }

    /// The text of the file: a Kustomization for each folder. All parts of a layer wait for all parts of the layers that it needs.
    pub(super) fn kustomizations(&self, namespace: &str) -> Result<String, String> {
        let mut text = String::new();
        for layer in Layer::ALL {
            for part in self.parts(layer) {
                super::render::append(&mut text, &encode(&self.kustomization(namespace, layer, part))?);
            }
        }
        Ok(text)
    }

    fn size(&self, layer: Layer) -> LayerSize {
        self.0.get(&layer).copied().unwrap_or_default()
    }

    fn parts(&self, layer: Layer) -> std::ops::RangeInclusive<usize> {
        0..=self.size(layer).last_part
    }

    fn kustomization(&self, namespace: &str, layer: Layer, part: usize) -> Value {
        let mut metadata = json!({
            "name": name(layer, part),
            "annotations": {annotation::OWNER: "apigee-flux", annotation::ROLE: "layer"},
        });
        if !namespace.is_empty() {
            metadata["namespace"] = json!(namespace);
        }
        let timeout = match layer {
            Layer::Base | Layer::Reconcile => 5,
            // Longer than a Job may take, or a Job that is still at work would be reported as failed.
            _ => MIN_TIMEOUT.max(self.size(layer).deadline_seconds / 60 + 3),
        };
        let mut spec = json!({
            "sourceRef": {"kind": "OCIRepository", "name": "apis"},
            "path": format!("./{}", layer_parts::folder(layer, part)),
        });
        let needed: Vec<Value> = layers_before(layer)
            .iter()
            .flat_map(|layer| self.parts(*layer).map(|part| json!({"name": name(*layer, part)})))
            .collect();
        if !needed.is_empty() {
            spec["dependsOn"] = json!(needed);
        }
        spec["serviceAccountName"] = json!("flux-apigee");
        spec["prune"] = json!(true);
        spec["wait"] = json!(true);
        spec["timeout"] = json!(format!("{timeout}m"));
        spec["interval"] = json!(format!("{}m", 30.max(timeout + 2)));
        spec["retryInterval"] = json!("2m");
        json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": metadata,
            "spec": spec,
        })
    }
}

/// The name of a part's Kustomization: the name of the folder without the number of the layer.
fn name(layer: Layer, part: usize) -> String {
    let folder = layer_parts::folder(layer, part);
    folder.split_once('-').map_or(folder.as_str(), |(_, name)| name).to_owned()
}

/// The layers that must be ready before another one.
fn layers_before(layer: Layer) -> &'static [Layer] {
    match layer {
        Layer::Base => &[],
        // They do not wait for each other: a flow hook waits for its own shared flow.
        Layer::Configuration | Layer::SharedFlows => &[Layer::Base],
        Layer::Proxies => &[Layer::Configuration, Layer::SharedFlows],
        // The reconciler does not wait for the organization, so that a failure there does not stop it.
        Layer::Organization | Layer::Reconcile => &[Layer::Proxies],
    }
}
