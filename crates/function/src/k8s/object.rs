//! A typed Kubernetes object that can be serialized.

use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, Job, JobSpec};
use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicySpec};
use k8s_openapi::api::rbac::v1::{PolicyRule, Role, RoleBinding, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube_core::{Resource, TypeMeta};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::layer::Layer;
use apigee_flux_model::krm::{Id, annotation};

/// A rendered object. Its fields are serialized in the usual order: identity first.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// The identity of the object.
    pub id: Id,
    /// The layer in which the object is applied.
    pub layer: Layer,
    types: TypeMeta,
    metadata: ObjectMeta,
    body: ObjectBody,
}

/// The fields other than the identity, for each kind that is rendered.
#[derive(Debug, Clone, PartialEq)]
enum ObjectBody {
    ConfigMap(ConfigMap),
    CronJob(Box<CronJobSpec>),
    Job(Box<JobSpec>),
    NetworkPolicy(Box<NetworkPolicySpec>),
    Role(Vec<PolicyRule>),
    RoleBinding { role: RoleRef, subjects: Vec<Subject> },
    ServiceAccount { automount: Option<bool> },
}

impl Object {
    fn new<K: Resource<DynamicType = ()>>(metadata: ObjectMeta, body: ObjectBody) -> Self {
        let types = TypeMeta::resource::<K>();
        let id = Id {
            group: K::group(&()).into_owned(),
            kind: types.kind.clone(),
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        };
        Self { id, layer: Layer::Base, types, metadata, body }
    }

    pub(super) fn config_map(mut map: ConfigMap) -> Self {
        Self::new::<ConfigMap>(std::mem::take(&mut map.metadata), ObjectBody::ConfigMap(map))
    }

    pub(super) fn job(metadata: ObjectMeta, spec: JobSpec) -> Self {
        Self::new::<Job>(metadata, ObjectBody::Job(Box::new(spec)))
    }

    pub(super) fn cron_job(metadata: ObjectMeta, spec: CronJobSpec) -> Self {
        Self::new::<CronJob>(metadata, ObjectBody::CronJob(Box::new(spec)))
    }

    pub(super) fn network_policy(metadata: ObjectMeta, spec: NetworkPolicySpec) -> Self {
        Self::new::<NetworkPolicy>(metadata, ObjectBody::NetworkPolicy(Box::new(spec)))
    }

    pub(super) fn role(metadata: ObjectMeta, rules: Vec<PolicyRule>) -> Self {
        Self::new::<Role>(metadata, ObjectBody::Role(rules))
    }

    pub(super) fn role_binding(metadata: ObjectMeta, role: RoleRef, subjects: Vec<Subject>) -> Self {
        Self::new::<RoleBinding>(metadata, ObjectBody::RoleBinding { role, subjects })
    }

    /// The deployer calls Apigee, not Kubernetes, so its ServiceAccount does not mount a token automatically.
    pub(super) fn service_account(metadata: ObjectMeta) -> Self {
        Self::new::<ServiceAccount>(metadata, ObjectBody::ServiceAccount { automount: Some(false) })
    }

    /// Sets a layer other than [`Layer::Base`].
    #[must_use]
    pub fn in_layer(self, layer: Layer) -> Self {
        Self { layer, ..self }
    }

    /// Whether it is a ConfigMap that cannot change.
    pub fn is_immutable(&self) -> bool {
        matches!(&self.body, ObjectBody::ConfigMap(map) if map.immutable == Some(true))
    }

    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.metadata.labels.as_ref()?.get(key).map(String::as_str)
    }

    /// The value of an annotation.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// Sets an annotation.
    pub fn annotate(&mut self, key: &str, text: &str) {
        self.metadata.annotations.get_or_insert_default().insert(key.to_owned(), text.to_owned());
    }

    /// Removes the annotations that tell kpt the file of the object, and returns the path of the file.
    pub fn take_path(&mut self) -> Option<String> {
        let annotations = self.metadata.annotations.as_mut()?;
        annotations.remove(annotation::INDEX);
        annotations.remove(annotation::PACKAGE_PATH);
        annotations.remove(annotation::PATH)
    }

    /// The pod template of a Job. If it changes, Flux runs the Job again.
    pub fn pod_template(&self) -> Option<&k8s_openapi::api::core::v1::PodTemplateSpec> {
        match &self.body {
            ObjectBody::Job(spec) => Some(&spec.template),
            ObjectBody::CronJob(spec) => spec.job_template.spec.as_ref().map(|spec| &spec.template),
            _ => None,
        }
    }

    /// How long a Job may take.
    pub fn deadline_seconds(&self) -> Option<i64> {
        match &self.body {
            ObjectBody::Job(spec) => spec.active_deadline_seconds,
            _ => None,
        }
    }

    /// The object as JSON.
    pub fn to_json(&self) -> Result<Value, String> {
        serde_json::to_value(self).map_err(|error| error.to_string())
    }

    /// The object as a YAML document.
    pub fn to_yaml(&self) -> Result<String, String> {
        apigee_flux_model::yaml::encode(self)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("apiVersion", &self.types.api_version)?;
        map.serialize_entry("kind", &self.types.kind)?;
        map.serialize_entry("metadata", &Meta(&self.metadata))?;
        match &self.body {
            ObjectBody::ConfigMap(config_map) => {
                entry(&mut map, "immutable", config_map.immutable.as_ref())?;
                entry(&mut map, "data", config_map.data.as_ref())?;
                entry(&mut map, "binaryData", config_map.binary_data.as_ref())?;
            }
            ObjectBody::CronJob(spec) => map.serialize_entry("spec", spec)?,
            ObjectBody::Job(spec) => map.serialize_entry("spec", spec)?,
            ObjectBody::NetworkPolicy(spec) => map.serialize_entry("spec", spec)?,
            ObjectBody::Role(rules) => map.serialize_entry("rules", rules)?,
            ObjectBody::RoleBinding { role, subjects } => {
                map.serialize_entry("roleRef", role)?;
                map.serialize_entry("subjects", subjects)?;
            }
            ObjectBody::ServiceAccount { automount } => {
                entry(&mut map, "automountServiceAccountToken", automount.as_ref())?;
            }
        }
        map.end()
    }
}

/// Metadata with the name first; no other fields are set.
struct Meta<'a>(&'a ObjectMeta);

impl Serialize for Meta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        entry(&mut map, "name", self.0.name.as_ref())?;
        entry(&mut map, "namespace", self.0.namespace.as_ref())?;
        entry(&mut map, "labels", self.0.labels.as_ref())?;
        entry(&mut map, "annotations", self.0.annotations.as_ref())?;
        map.end()
    }
}

fn entry<M: SerializeMap, T: Serialize>(map: &mut M, key: &str, value: Option<&T>) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, value))
}
