//! The files of a bundle that is generated from a spec.

use std::collections::BTreeMap;

use apigee_flux_analysis::policy::raw::PolicyFile;
use apigee_flux_model::bundle::{BundlePath, Files};

/// Serializes the XML files by path, and adds the resources; the error names the file and what is wrong with it.
pub(super) fn of(
    xml: impl Iterator<Item = (String, PolicyFile)>,
    resources: &BTreeMap<BundlePath, Vec<u8>>,
) -> Result<Files, String> {
    let resources = resources.iter().map(|(path, bytes)| Ok((path.clone(), bytes.clone())));
    xml.map(|(path, file)| {
        let text = match file {
            PolicyFile::Element(element) => element.to_document().map_err(|error| format!("`{path}`: {error}"))?,
            PolicyFile::Text(text) => text,
        };
        let path = BundlePath::parse(&path).map_err(|why| format!("`{path}`: {why}"))?;
        Ok((path, text.into_bytes()))
    })
    .chain(resources)
    .collect()
}
