//! The files to which a spec refers: from a ConfigMap of the input, from the spec itself, or from files next to it.

use std::collections::BTreeMap;

use super::{ExpandOptions, raw_bundle};
use crate::spec::Resource;
use crate::spec::files::SpecFiles;
use apigee_flux_model::diag::{FieldPath, Report, nearest};
use apigee_flux_model::krm::Input;

/// Reads the files of one spec.
pub(super) struct SpecFileReader<'a> {
    resource: &'a Resource,
    options: &'a ExpandOptions<'a>,
    given: BTreeMap<String, Vec<u8>>,
}

impl<'a> SpecFileReader<'a> {
    /// Reads the files of `spec.files`. Returns `None` if an error was reported.
    pub(super) fn new(
        resource: &'a Resource,
        files: Option<&SpecFiles>,
        input: &Input<'_>,
        options: &'a ExpandOptions<'a>,
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let mut given = BTreeMap::new();
        if let Some(reference) = files.and_then(|files| files.config_map_ref.as_ref()) {
            let at = FieldPath::of(&["spec", "files", "configMapRef", "name"]);
            let item = raw_bundle::config_map(input, resource.namespace(), &reference.name, &at, report)?;
            given.extend(
                raw_bundle::entries(input, item, &at, report)?
                    .into_iter()
                    .map(|(key, bytes)| (key.replace("__", "/"), bytes)),
            );
        }
        let inline = files.iter().flat_map(|files| &files.inline);
        given.extend(inline.map(|(path, text)| (path.clone(), text.clone().into_bytes())));
        Some(Self { resource, options, given })
    }

    /// The bytes of one file. The error says why it cannot be read.
    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        let path = path.strip_prefix("./").unwrap_or(path);
        let last = path.rsplit('/').next().unwrap_or(path);
        if let Some(bytes) = self.given.get(path).or_else(|| self.given.get(last)) {
            return Ok(bytes.clone());
        }
        if let Some(beside) = self.options.beside {
            return beside.file(&self.resource.subject, path);
        }
        let known = || self.given.keys().map(String::as_str);
        let near = nearest(path, known()).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        Err(format!("the file `{path}` is not in the input{near}"))
    }
}
