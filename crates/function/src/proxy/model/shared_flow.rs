//! SharedFlowBundle: the parts of one bundle.

use std::collections::BTreeMap;

use super::bundle_files;
use super::flow::Step;
use apigee_flux_analysis::policy::raw::PolicyFile;
use apigee_flux_model::bundle::{BundlePath, Files};
use apigee_flux_model::xml::Element;

/// A resolved shared flow: all defaults are filled in and every policy has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::proxy) struct SharedFlow {
    /// The name in Apigee.
    pub name: String,
    /// The name that Apigee's user interface shows.
    pub display_name: String,
    /// The description.
    pub description: Option<String>,
    /// The policies by name.
    pub policies: BTreeMap<String, PolicyFile>,
    /// Scripts, documents and property files by their path below `sharedflowbundle`.
    pub resources: BTreeMap<BundlePath, Vec<u8>>,
    /// The steps, which run where the shared flow is called.
    pub steps: Vec<Step>,
}

impl SharedFlow {
    /// The element of the root file, with as little content as that of a proxy.
    fn root(&self) -> Element {
        Element::new("SharedFlowBundle")
            .attribute("name", &self.name)
            .attribute("revision", 1)
            .child(Element::leaf("DisplayName", &self.display_name))
            .children(self.description.as_ref().map(|text| Element::leaf("Description", text)))
    }

    /// The files of the bundle; the error names the file and what is wrong with it.
    pub(in crate::proxy) fn files(&self) -> Result<Files, String> {
        // Apigee runs the one flow of the bundle, whatever its name; Apigee's own name for it is `default`.
        let flow =
            Element::new("SharedFlow").attribute("name", "default").children(self.steps.iter().map(Step::element));
        let own = [
            (format!("{}.xml", self.name), PolicyFile::Element(self.root())),
            ("sharedflows/default.xml".to_owned(), PolicyFile::Element(flow)),
        ];
        let policies = self.policies.iter().map(|(name, file)| (format!("policies/{name}.xml"), file.clone()));
        bundle_files::of(own.into_iter().chain(policies), &self.resources)
    }
}
