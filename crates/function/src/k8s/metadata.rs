//! Labels and annotations that all objects share.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use apigee_flux_model::krm::annotation;
use apigee_flux_model::names::kubernetes::label_value;

/// The annotation with the bundle's digest. A new digest changes the pod template, so that the Job runs again.
pub const DIGEST: &str = "apigeeflux.dev/digest";

/// The labels and annotations of an object.
#[derive(Debug, Clone, Copy)]
pub struct Metadata<'a> {
    /// The namespace, if there is one.
    pub namespace: Option<&'a str>,
    /// The resource from which the object is rendered, as `Kind/namespace/name`.
    pub owner: &'a str,
    /// The role of the object, one word.
    pub role: &'a str,
    /// The name of the proxy or shared flow in Apigee; `None` for an object that belongs to the whole namespace.
    pub bundle: Option<&'a str>,
    /// The component: `proxy`, `sharedflow`, `batch`, `configuration`, `reconciler` or `deployer`.
    pub component: &'a str,
}

impl Metadata<'_> {
    /// The metadata of an object.
    pub(super) fn object(&self, name: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: self.namespace.map(str::to_owned),
            labels: Some(self.labels()),
            annotations: Some(BTreeMap::from([
                (annotation::OWNER.to_owned(), self.owner.to_owned()),
                (annotation::ROLE.to_owned(), self.role.to_owned()),
                // Flux would treat `${…}` in XML and JavaScript as its own variables.
                ("kustomize.toolkit.fluxcd.io/substitute".to_owned(), "disabled".to_owned()),
            ])),
            ..ObjectMeta::default()
        }
    }

    /// The recommended labels (Kubernetes, "Recommended Labels").
    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = common_labels();
        let name = self.bundle.map_or_else(|| "apigee-deployer".to_owned(), label_value);
        labels.insert("app.kubernetes.io/name".to_owned(), name);
        labels.insert("app.kubernetes.io/component".to_owned(), self.component.to_owned());
        labels
    }
}

/// The labels of all rendered objects; selectors use them.
pub(super) fn common_labels() -> BTreeMap<String, String> {
    BTreeMap::from([
        ("app.kubernetes.io/part-of".to_owned(), "apigee".to_owned()),
        ("app.kubernetes.io/managed-by".to_owned(), "apigee-flux".to_owned()),
    ])
}
