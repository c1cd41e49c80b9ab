//! The state while a proxy is resolved: its policies and resources, and the names that steps refer to.

use std::collections::BTreeMap;

use super::super::ReadFile;
use super::super::origins::Origins;
use crate::proxy::model::flow::Step;
use apigee_flux_analysis::policy::raw::PolicyFile;
use apigee_flux_analysis::policy::{GeneratedPolicy, raise_fault};
use apigee_flux_model::bundle::BundlePath;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report, nearest};
use apigee_flux_model::xml;

/// The state of one proxy's resolution.
pub(super) struct Context<'r, 's> {
    pub(super) report: &'r mut Report<'s>,
    read_file: ReadFile<'r>,
    /// By the name in lower case: files that differ only in case overwrite each other on many file systems.
    policies: BTreeMap<String, NamedPolicy>,
    references: Vec<(FieldPath, String)>,
    resources: BTreeMap<BundlePath, Vec<u8>>,
    origins: Origins,
}

struct NamedPolicy {
    name: String,
    file: PolicyFile,
    /// The field from which it comes.
    at: FieldPath,
    written_by_user: bool,
}

impl<'r, 's> Context<'r, 's> {
    pub(super) fn new(read_file: ReadFile<'r>, report: &'r mut Report<'s>) -> Self {
        Self {
            report,
            read_file,
            policies: BTreeMap::new(),
            references: Vec::new(),
            resources: BTreeMap::new(),
            origins: Origins::default(),
        }
    }

    /// The bytes of a file that the spec names, or `None` if an error was reported.
    pub(super) fn read_file(&mut self, path: &str, at: &FieldPath) -> Option<Vec<u8>> {
        match (self.read_file)(path) {
            Ok(bytes) => Some(bytes),
            Err(why) => {
                self.report.push(Diagnostic::error(Code::UnreadableFile, why).at(at).help(
                    "provide the files of the spec in `spec.files`; `apigee-flux render` also reads files next to the \
                     spec",
                ));
                None
            }
        }
    }

    /// Adds a resource, for example `jsc/a.js`, and returns its URL, for example `jsc://a.js`. Two fields with the same
    /// content share the resource.
    pub(super) fn add_resource(&mut self, folder: &str, name: &str, bytes: Vec<u8>, at: &FieldPath) -> String {
        match BundlePath::parse(&format!("resources/{folder}/{name}")) {
            Ok(path) => {
                let same = |other: &BundlePath| other.as_str().eq_ignore_ascii_case(path.as_str());
                if let Some((other, _)) = self.resources.iter().find(|(other, found)| same(other) && **found != bytes) {
                    let message = format!("the bundle already has a file `{other}` with different content");
                    self.report
                        .push(Diagnostic::error(Code::NameCollision, message).at(at).help("rename one of the files"));
                }
                self.origins.add_file(path.as_str(), at, true);
                self.resources.insert(path, bytes);
            }
            Err(why) => self.report.push(
                Diagnostic::error(Code::UnsafePath, format!("`{name}` is not a valid file name in a bundle: {why}"))
                    .at(at),
            ),
        }
        format!("{folder}://{name}")
    }

    /// Whether a file can be added to the bundle: there is none with this name, or it has the same content.
    pub(super) fn resource_is_free(&self, folder: &str, name: &str, bytes: &[u8]) -> bool {
        let path = format!("resources/{folder}/{name}");
        !self.resources.iter().any(|(other, found)| other.as_str().eq_ignore_ascii_case(&path) && found != bytes)
    }

    /// Whether a policy that the user wrote raises a fault.
    pub(super) fn raises(&self, name: &str) -> bool {
        self.policies.get(&name.to_lowercase()).is_some_and(|entry| match &entry.file {
            PolicyFile::Element(element) => element.name() == raise_fault::TYPE.element,
            PolicyFile::Text(text) => {
                xml::parse(text).is_ok_and(|policy| policy.root_element().has_tag_name(raise_fault::TYPE.element))
            }
        })
    }

    /// Adds a policy that the user wrote. A policy that could not be read counts as defined, so that its steps are not
    /// reported.
    pub(super) fn add_written(&mut self, name: &str, file: Option<PolicyFile>, at: &FieldPath) {
        let key = name.to_lowercase();
        if let Some(former) = self.policies.get(&key) {
            let message = format!("the names of the policies `{}` and `{name}` differ only in case", former.name);
            self.report.push(
                Diagnostic::error(Code::CaseCollision, message)
                    .at(at)
                    .help("their files would overwrite each other on some file systems: choose another name"),
            );
            return;
        }
        let file = file.unwrap_or_else(|| PolicyFile::Text(String::new()));
        self.policies.insert(key, NamedPolicy { name: name.to_owned(), file, at: at.clone(), written_by_user: true });
    }

    /// Adds a policy under a name that is reserved for a feature, and returns the step that runs it. Two endpoints for
    /// which a feature generates the same policy share it.
    pub(super) fn add(&mut self, name: &str, policy: &dyn GeneratedPolicy, at: &FieldPath) -> Step {
        let file = PolicyFile::Element(policy.element(name));
        match self.policies.get(&name.to_lowercase()) {
            Some(former) if former.file == file && former.name == name => {}
            Some(former) => {
                let (found, place) = (former.name.clone(), former.at.clone());
                // The user can rename their own policy, but not a generated one.
                let (blame, other) = if former.written_by_user { (&place, at) } else { (at, &place) };
                self.report.push(
                    Diagnostic::error(
                        Code::NameCollision,
                        format!("the policy name `{found}` is also used by the policy generated for `{other}`"),
                    )
                    .at(blame)
                    .help("choose another name"),
                );
            }
            None => {
                let entry = NamedPolicy { name: name.to_owned(), file, at: at.clone(), written_by_user: false };
                self.policies.insert(name.to_lowercase(), entry);
            }
        }
        Step::always(name)
    }

    /// Adds a policy under the first of several names that is free or has the same content.
    pub(super) fn add_numbered(
        &mut self,
        names: impl Iterator<Item = String>,
        policy: &dyn GeneratedPolicy,
        at: &FieldPath,
    ) -> Option<Step> {
        for name in names {
            let taken = self.policies.get(&name.to_lowercase()).is_some_and(|former| {
                !former.written_by_user && former.file != PolicyFile::Element(policy.element(&name))
            });
            if !taken {
                return Some(self.add(&name, policy, at));
            }
        }
        None
    }

    /// Registers a field that refers to a policy, which may be added later.
    pub(super) fn refer(&mut self, name: &str, at: &FieldPath) {
        self.references.push((at.clone(), name.to_owned()));
    }

    /// Registers the field in which the user wrote a condition, or from which it is generated.
    pub(super) fn add_condition(&mut self, text: &str, at: FieldPath) {
        self.origins.add_condition(text, at);
    }

    /// Registers the field of an endpoint's file.
    pub(super) fn add_endpoint(&mut self, path: String, at: &FieldPath) {
        self.origins.add_file(path, at, true);
    }

    /// Reports steps whose policy is not defined.
    pub(super) fn check_references(&mut self) {
        let known = || self.policies.values().map(|entry| entry.name.as_str());
        for (at, name) in &self.references {
            if known().any(|found| found == name) {
                continue;
            }
            let error = Diagnostic::error(Code::MissingPolicy, format!("the policy `{name}` is not defined")).at(at);
            self.report.push(match nearest(name, known()) {
                Some(meant) => error.propose(meant),
                None => error.help("define it in `spec.policies`"),
            });
        }
    }

    /// Warns about policies without a step. `attached` are the policies that have one, `place` is where to add one.
    pub(super) fn check_unattached(&mut self, attached: &[&str], place: &str) {
        for entry in self.policies.values().filter(|entry| !attached.contains(&entry.name.as_str())) {
            self.report.push(
                Diagnostic::warning(Code::UnattachedPolicy, format!("no step runs the policy `{}`", entry.name))
                    .at(&entry.at)
                    .help(format!("add `{{policy: {}}}` to {place}, or remove the policy", entry.name)),
            );
        }
    }

    /// The policies by name, the resources, and the fields from which they come.
    pub(super) fn into_parts(mut self) -> (BTreeMap<String, PolicyFile>, BTreeMap<BundlePath, Vec<u8>>, Origins) {
        for entry in self.policies.values() {
            self.origins.add_file(format!("policies/{}.xml", entry.name), &entry.at, entry.written_by_user);
        }
        let policies = self.policies.into_values().map(|entry| (entry.name, entry.file)).collect();
        (policies, self.resources, self.origins)
    }
}
