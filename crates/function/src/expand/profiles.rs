//! The ApigeeProfiles of the input, and which of them apply to a proxy.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicBool, Ordering};

use kube_core::{Selector, SelectorExt as _};

use super::ExpandOptions;
use super::overlay::ProfileLayer;
use super::resolve::{is_reference, needs_values};
use super::spec_files::SpecFileReader;
use crate::spec::profile::ApigeeProfileSpec;
use crate::spec::{Resource, Spec};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::krm::Input;
use apigee_flux_model::yaml::{Value, YamlNode};

/// All profiles, from the highest priority to the lowest.
pub(super) struct Profiles<'r> {
    all: Vec<Profile<'r>>,
}

/// One profile.
pub(super) struct Profile<'r> {
    resource: &'r Resource,
    spec: ApigeeProfileSpec,
    selector: Selector,
    files: SpecFileReader<'r>,
    selects: AtomicBool,
}

impl<'r> Profiles<'r> {
    /// Reads the profiles. Findings on a profile are reported even if it selects no proxy.
    pub(super) fn read(
        resources: &'r [Resource],
        input: &Input<'_>,
        options: &'r ExpandOptions<'r>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut all = Vec::new();
        for resource in resources.iter().filter(|resource| resource.kind.name == "ApigeeProfile") {
            let mut report = Report::new(&resource.subject);
            if let Some(spec) = decode(resource, &mut report) {
                let files = SpecFileReader::new(resource, spec.files.as_ref(), input, options, &mut report);
                let selector = Selector::from(&spec.selector);
                all.extend(files.map(|files| Profile {
                    resource,
                    spec,
                    selector,
                    files,
                    selects: AtomicBool::new(false),
                }));
            }
            diagnostics.extend(report.into_diagnostics());
        }
        // The resources are sorted by name already.
        all.sort_by_key(|profile| Reverse(profile.spec.priority));
        Self { all }
    }

    /// The profiles that apply to a proxy.
    pub(super) fn of(&self, proxy: &Resource) -> Vec<&Profile<'r>> {
        let labels = proxy.labels();
        let selected = |profile: &&Profile<'r>| {
            let namespace = profile.resource.namespace();
            (namespace.is_none() || namespace == proxy.namespace()) && profile.selector.matches(&labels)
        };
        let selected: Vec<&Profile<'r>> = self.all.iter().filter(selected).collect();
        for profile in &selected {
            profile.selects.store(true, Ordering::Relaxed);
        }
        // A raw bundle is used unchanged.
        if proxy.spec().get("bundle").is_some_and(|bundle| !bundle.is_null()) { Vec::new() } else { selected }
    }

    /// Warns about profiles that select no proxy. Called after all proxies.
    pub(super) fn check_unused(&self, diagnostics: &mut Vec<Diagnostic>) {
        for profile in self.all.iter().filter(|profile| !profile.selects.load(Ordering::Relaxed)) {
            let namespace = profile.resource.namespace();
            let place = namespace.map(|namespace| format!(" in namespace `{namespace}`")).unwrap_or_default();
            diagnostics.push(
                Diagnostic::warning(Code::UnusedProfile, format!("the profile selects no ApigeeProxy{place}"))
                    .of(&profile.resource.subject)
                    .at(FieldPath::of(&["spec", "selector"]))
                    .help("compare the selector with the `metadata.labels` of the proxies, or remove the profile"),
            );
        }
    }
}

impl<'r> Profile<'r> {
    /// The defaults of the profile.
    pub(super) fn layer(&self) -> ProfileLayer<'r> {
        ProfileLayer { subject: &self.resource.subject, priority: self.spec.priority, spec: self.resource.spec() }
    }

    /// The bytes of a file of the profile, if it exists.
    pub(super) fn file(&self, path: &str) -> Option<Vec<u8>> {
        self.files.read(path).ok()
    }
}

/// Decodes the profile's own fields, and checks whether its defaults are allowed in a profile. Values of an environment are filled in
/// later, for each proxy, and checked then.
fn decode(resource: &Resource, report: &mut Report<'_>) -> Option<ApigeeProfileSpec> {
    let spec = resource.spec();
    let at = FieldPath::of(&["spec"]);
    for field in ["selector", "priority"] {
        if spec.get(field).is_some_and(|node| needs_values(node) || is_reference(node)) {
            report.error(Code::UnknownValue, at.key(field), "values of an environment are not allowed here");
            return None;
        }
    }
    let mut found = Report::new(&resource.subject);
    resource.check(spec, &mut found);
    let certain = found.into_diagnostics().into_iter().filter(|diagnostic| !is_filled_in(spec, diagnostic));
    let before = report.errors();
    certain.for_each(|diagnostic| report.push(diagnostic));
    if report.errors() > before {
        return None;
    }
    let Some(Spec::ApigeeProfile(profile)) = resource.read_spec(spec, report) else { return None };
    for (index, expression) in profile.selector.match_expressions.iter().enumerate() {
        if let Some((message, help)) = expression.fault() {
            let at = at.key("selector").key("matchExpressions").index(index).key("values");
            report.push(Diagnostic::error(Code::ConflictingFields, message).at(at).help(help));
        }
    }
    Some(*profile)
}

/// True if a finding is on a field that a value or reference will replace.
fn is_filled_in(spec: &YamlNode, diagnostic: &Diagnostic) -> bool {
    let segments = diagnostic.field.segments().iter().skip(1).cloned();
    let mut path = FieldPath::root();
    let mut passed = Vec::new();
    for segment in segments {
        path = path.join(segment);
        passed.extend(spec.at(&path));
    }
    passed.iter().any(|node| is_reference(node))
        || passed.last().is_some_and(|node| matches!(node.value, Value::Scalar(..)) && needs_values(node))
}
