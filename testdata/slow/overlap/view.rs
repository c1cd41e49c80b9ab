//! A place as the reconciler reads it by the Kubernetes API.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use apigee_flux_configuration::inventory::{self, Index, Inventory, InventoryBundle};
use apigee_flux_deployer::in_cluster::{Cluster, CronJobReport, Jobs, State};
use apigee_flux_deployer::mounted_state::{parse_index, parse_names};
use apigee_flux_deployer::{Bundle, Error};
use apigee_flux_model::bundle::{BundlePath, Digest, Files, Manifest, manifest};
use apigee_flux_model::names::kubernetes::{APPLIES, CONTENT, DESIRED, INVENTORY};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::cluster::Objects;
use super::eye::Place;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A request to the Kubernetes API takes this long.
const LATENCY: Duration = Duration::from_millis(1);

pub(crate) struct View {
    objects: Arc<Objects>,
    place: Place,
}

impl View {
    pub(crate) fn new(objects: &Arc<Objects>, place: Place) -> Self {
        Self { objects: Arc::clone(objects), place }
    }

    async fn maps(&self, label: &str, value: &str) -> Vec<Value> {
        tokio::time::sleep(LATENCY).await;
        let mut maps = self.objects.list(self.place, "ConfigMap");
        maps.retain(|map| {
            map["metadata"]["labels"][label].as_str().is_some_and(|found| value.is_empty() || found == value)
        });
        maps
    }

    async fn index_map(&self) -> Result<(Index, Value), Error> {
        let maps = self.maps(INVENTORY, "index").await;
        let map = maps.into_iter().next().ok_or_else(|| Error::Temporary("there is no inventory".to_owned()))?;
        let text = map["data"][inventory::INDEX_FILE].as_str().unwrap();
        Ok((parse_index(text.as_bytes()).unwrap(), map))
    }

    async fn read_state(&self) -> Result<State, Error> {
        let (index, map) = self.index_map().await?;
        let packed = STANDARD.decode(map["binaryData"][inventory::NAMES_FILE].as_str().unwrap()).unwrap();
        let names = parse_names(&packed).unwrap();
        let parts = self.maps(INVENTORY, "part").await;
        let mut whole = Inventory { schema_version: inventory::SCHEMA_VERSION, ..Inventory::default() };
        for digest in &index.parts {
            let texts = parts.iter().filter_map(|part| part["data"][inventory::FILE_NAME].as_str());
            let text = texts.into_iter().find(|text| Digest::of_bytes(text.as_bytes()) == *digest);
            let text = text.ok_or_else(|| Error::Temporary("the inventory is being applied".to_owned()))?;
            let part: Inventory = serde_json::from_str(text).unwrap();
            whole.bundles.extend(part.bundles);
            whole.environment.extend(part.environment);
            if let Some(entries) = part.organization {
                whole.organization.get_or_insert_default().extend(entries);
            }
        }
        Ok(State { index, inventory: whole, names })
    }

    async fn read_jobs(&self) -> Jobs {
        tokio::time::sleep(LATENCY).await;
        let jobs = self.objects.list(self.place, "Job");
        let annotation =
            |job: &Value, name: &str| job["metadata"]["annotations"][name].as_str().unwrap_or_default().to_owned();
        jobs.iter().map(|job| (annotation(job, APPLIES), annotation(job, DESIRED))).collect()
    }

    async fn read_bundle(&self, bundle: &InventoryBundle) -> Result<Bundle, Error> {
        let maps = self.maps(CONTENT, &bundle.content).await;
        let file = |name: &str| maps.iter().find_map(|map| map["data"][name].as_str());
        let text = file(manifest::FILE_NAME).ok_or_else(|| Error::Temporary("the bundle was pruned".to_owned()))?;
        let manifest: Manifest = serde_json::from_str(text).unwrap();
        assert_eq!(manifest.digest, bundle.entry.digest);
        let content = |path: &BundlePath| file(&path.as_str().replace('/', "__")).unwrap().as_bytes().to_vec();
        let files: Files = manifest.files.iter().map(|file| (file.path.clone(), content(&file.path))).collect();
        let made = Bundle::new(manifest.kind, manifest.name.parse().unwrap(), files);
        Ok(Bundle { requires: manifest.requires, ..made })
    }
}

impl Cluster for View {
    fn state<'a>(&'a self, _organization: &'a str, _environment: &'a str) -> BoxFuture<'a, Result<State, Error>> {
        Box::pin(self.read_state())
    }

    fn index<'a>(&'a self, _organization: &'a str, _environment: &'a str) -> BoxFuture<'a, Result<Index, Error>> {
        Box::pin(async { Ok(self.index_map().await?.0) })
    }

    fn jobs(&self) -> BoxFuture<'_, Result<Jobs, Error>> {
        Box::pin(async { Ok(self.read_jobs().await) })
    }

    fn bundle<'a>(&'a self, bundle: &'a InventoryBundle) -> BoxFuture<'a, Result<Bundle, Error>> {
        Box::pin(self.read_bundle(bundle))
    }

    fn note<'a>(&'a self, _report: &'a CronJobReport) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
