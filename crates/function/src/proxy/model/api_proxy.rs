//! APIProxy: the parts of one bundle.

use std::collections::BTreeMap;

use super::bundle_files;
use super::flow::Step;
use super::proxy_endpoint::ProxyEndpoint;
use super::target_endpoint::TargetEndpoint;
use apigee_flux_analysis::policy::raw::PolicyFile;
use apigee_flux_model::bundle::{BundlePath, Files};
use apigee_flux_model::xml::Element;

/// A resolved proxy: all defaults are filled in and every policy has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::proxy) struct ApiProxy {
    /// The name in Apigee.
    pub name: String,
    /// The name that Apigee's user interface shows.
    pub display_name: String,
    /// The description.
    pub description: Option<String>,
    /// The policies by name.
    pub policies: BTreeMap<String, PolicyFile>,
    /// Scripts, documents and property files by their path below `apiproxy`.
    pub resources: BTreeMap<BundlePath, Vec<u8>>,
    /// The ProxyEndpoints; `default` first.
    pub proxy_endpoints: Vec<ProxyEndpoint>,
    /// The TargetEndpoints.
    pub target_endpoints: Vec<TargetEndpoint>,
}

impl ApiProxy {
    /// The steps of all endpoints.
    pub(in crate::proxy) fn steps(&self) -> impl Iterator<Item = &Step> {
        let proxies = self.proxy_endpoints.iter().flat_map(ProxyEndpoint::steps);
        proxies.chain(self.target_endpoints.iter().flat_map(TargetEndpoint::steps))
    }

    /// The element of the root file. Apigee numbers revisions itself. A list of the parts, dates and authors would only
    /// make equal bundles differ.
    fn root(&self) -> Element {
        Element::new("APIProxy")
            .attribute("name", &self.name)
            .attribute("revision", 1)
            .child(Element::leaf("DisplayName", &self.display_name))
            .children(self.description.as_ref().map(|text| Element::leaf("Description", text)))
    }

    /// The files of the bundle; the error names the file and what is wrong with it.
    pub(in crate::proxy) fn files(&self) -> Result<Files, String> {
        let root = (format!("{}.xml", self.name), PolicyFile::Element(self.root()));
        let policies = self.policies.iter().map(|(name, file)| (format!("policies/{name}.xml"), file.clone()));
        let proxies = self.proxy_endpoints.iter().map(|endpoint| {
            let path = format!("proxies/{}.xml", endpoint.name);
            (path, PolicyFile::Element(endpoint.element()))
        });
        let targets = self.target_endpoints.iter().map(|endpoint| {
            let path = format!("{}/{}.xml", endpoint.folder(), endpoint.name);
            (path, PolicyFile::Element(endpoint.element()))
        });
        bundle_files::of(std::iter::once(root).chain(policies).chain(proxies).chain(targets), &self.resources)
    }
}
