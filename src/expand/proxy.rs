//! An `ApigeeProxy` with its bundle and the environments it goes to.

use super::environment::Environment;
use super::{Of, Options, raw_bundle};
use crate::bundle::manifest::Requirements;
use crate::bundle::{BundleKind, Files};
use crate::diag::{Code, Diagnostic, FieldPath, Report, nearest};
use crate::krm::Input;
use crate::proxy::{generate, inspect};
use crate::spec::Resource;
use crate::spec::api_proxy::ApigeeProxySpec;

/// A proxy that can be deployed.
pub(super) struct Proxy<'r> {
    pub resource: &'r Resource,
    pub spec: &'r ApigeeProxySpec,
    /// The name in Apigee.
    pub name: String,
    pub files: Files,
    pub requires: Requirements,
    pub base_paths: Vec<String>,
    pub environments: Vec<&'r Environment<'r>>,
}

/// The bundle of a proxy.
pub(super) struct Built {
    files: Files,
    requires: Requirements,
    base_paths: Vec<String>,
}

impl<'r> Proxy<'r> {
    pub(super) fn new(of: &Of<'r, ApigeeProxySpec>, built: Built, environments: Vec<&'r Environment<'r>>) -> Self {
        Self {
            resource: of.resource,
            spec: of.spec,
            name: name(of).to_owned(),
            files: built.files,
            requires: built.requires,
            base_paths: built.base_paths,
            environments,
        }
    }
}

fn name<'r>(of: &Of<'r, ApigeeProxySpec>) -> &'r str {
    of.spec.name.as_deref().unwrap_or(&of.resource.subject.name)
}

/// The environments that a proxy asks for: all, or those it names.
pub(super) fn environments<'r>(
    of: &Of<'r, ApigeeProxySpec>,
    environments: &'r [Environment<'r>],
    report: &mut Report<'_>,
) -> Vec<&'r Environment<'r>> {
    let at = FieldPath::of(&["spec", "environments"]);
    if environments.is_empty() {
        report.push(Diagnostic::error(Code::MissingEnvironment, "no ApigeeEnvironment is in the input").help(
            "add one beside the proxy; under kustomize use `transformers:`, since a generator sees nothing but its own file",
        ));
        return Vec::new();
    }
    let Some(wanted) = &of.spec.environments else { return environments.iter().collect() };
    let mut selected: Vec<&Environment<'r>> = Vec::new();
    for (index, wanted) in wanted.iter().enumerate() {
        let before = selected.len();
        for environment in environments.iter().filter(|environment| environment.is_named(wanted)) {
            if !selected.iter().any(|known| std::ptr::eq(*known, environment)) {
                selected.push(environment);
            }
        }
        if selected.len() == before && !selected.iter().any(|environment| environment.is_named(wanted)) {
            let known = || environments.iter().map(|environment| environment.name);
            let mut diagnostic =
                Diagnostic::error(Code::MissingEnvironment, format!("no ApigeeEnvironment `{wanted}` is in the input"))
                    .at(at.index(index))
                    .help(format!("known: {}", known().collect::<Vec<_>>().join(", ")));
            if let Some(near) = nearest(wanted, known()) {
                diagnostic = diagnostic.propose(near);
            }
            report.push(diagnostic);
        }
    }
    selected
}

/// The bundle: as it is, or made from the intent.
pub(super) fn build(
    of: &Of<'_, ApigeeProxySpec>,
    input: &Input<'_>,
    options: &Options<'_>,
    report: &mut Report<'_>,
) -> Option<Built> {
    let name = name(of);
    check_name(of, name, report);
    if of.spec.bundle.is_none() {
        let made = generate(name, of.spec, report)?;
        return Some(Built { files: made.files, requires: made.requires, base_paths: made.base_paths });
    }
    let files = raw_bundle::read(of, input, options, report)?;
    let found = inspect(BundleKind::Proxy, name, &files, report);
    Some(Built { files, requires: found.requires, base_paths: found.base_paths })
}

/// The name is a file name, a part of a URL and a label of logs.
fn check_name(of: &Of<'_, ApigeeProxySpec>, name: &str, report: &mut Report<'_>) {
    let legal = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= 255
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if !legal {
        let at = if of.spec.name.is_some() { ["spec", "name"] } else { ["metadata", "name"] };
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{name}` is not a name that Apigee takes for a proxy"))
                .at(FieldPath::of(&at))
                .help("allowed are letters, digits, `.`, `_` and `-`, a letter or digit first, at most 255"),
        );
    }
}
