//! A namespace whose objects were read before, for a run outside of the cluster.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use crate::error::Error;
use crate::in_cluster::{Cluster, CronJobReport, Jobs, State, objects};
use crate::mount::Bundle;
use apigee_flux_configuration::inventory::{Index, InventoryBundle};
use apigee_flux_model::names::kubernetes::CONTENT;

/// The ConfigMaps and Jobs of a namespace.
#[derive(Debug, Clone, Default)]
pub struct ObjectsCluster {
    maps: Vec<ConfigMap>,
    jobs: Vec<ObjectMeta>,
}

impl ObjectsCluster {
    /// Takes the ConfigMaps and the Jobs from objects in the form of the Kubernetes API; other kinds are ignored. The error says which object has
    /// another form.
    pub fn new(all: impl IntoIterator<Item = Value>) -> Result<Self, String> {
        let mut found = Self::default();
        for (number, mut object) in all.into_iter().enumerate() {
            let wrong = |error: serde_json::Error| format!("object {number} is not one of the Kubernetes API: {error}");
            match object["kind"].as_str() {
                Some("ConfigMap") => found.maps.push(serde_json::from_value(object).map_err(wrong)?),
                Some("Job") => found.jobs.push(serde_json::from_value(object["metadata"].take()).map_err(wrong)?),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Reads a v1 List, as `kubectl get configmaps,jobs --output json` prints it. The error says what is wrong.
    pub fn parse(list: &[u8]) -> Result<Self, String> {
        let mut list: Value = serde_json::from_slice(list).map_err(|error| format!("is not JSON: {error}"))?;
        match list["items"].take() {
            Value::Array(items) => Self::new(items),
            _ => {
                Err("has no `items`: expected a List, as `kubectl get configmaps,jobs --output json` prints it"
                    .to_owned())
            }
        }
    }
}

impl Cluster for ObjectsCluster {
    fn state<'a>(&'a self, organization: &'a str, environment: &'a str) -> BoxFuture<'a, Result<State, Error>> {
        async move { objects::state(&self.maps, organization, environment) }.boxed()
    }

    fn index<'a>(&'a self, organization: &'a str, environment: &'a str) -> BoxFuture<'a, Result<Index, Error>> {
        async move { objects::index(&self.maps, organization, environment) }.boxed()
    }

    fn jobs(&self) -> BoxFuture<'_, Result<Jobs, Error>> {
        async { Ok(objects::jobs(&self.jobs)) }.boxed()
    }

    fn bundle<'a>(&'a self, bundle: &'a InventoryBundle) -> BoxFuture<'a, Result<Bundle, Error>> {
        let has_label = |map: &&ConfigMap| {
            map.metadata.labels.as_ref().and_then(|labels| labels.get(CONTENT)) == Some(&bundle.content)
        };
        let maps: Vec<ConfigMap> = self.maps.iter().filter(has_label).cloned().collect();
        async move { objects::bundle(&maps, bundle) }.boxed()
    }

    /// There is no CronJob to show it on.
    fn note<'a>(&'a self, _: &'a CronJobReport) -> BoxFuture<'a, Result<(), Error>> {
        async { Ok(()) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_objects_is_read() {
        let list = br#"{"kind": "List", "items": [{"kind": "Job", "metadata": {"name": "a"}}, {"kind": "Secret"}, {"kind": "ConfigMap", "metadata": {}}]}"#;
        let found = ObjectsCluster::parse(list).unwrap();
        assert_eq!((found.maps.len(), found.jobs.len()), (1, 1));
        assert!(ObjectsCluster::parse(b"{}").unwrap_err().contains("kubectl get"));
        assert!(
            ObjectsCluster::parse(br#"{"items": [{"kind": "Job", "metadata": 1}]}"#).unwrap_err().contains("object 0")
        );
    }
}
