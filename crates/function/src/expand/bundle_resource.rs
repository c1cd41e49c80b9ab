//! An `ApigeeProxy` or `ApigeeSharedFlow` with its bundle and the environments to which it is deployed.

use super::environment::Environment;
use super::overlay::{Overlay, ProfileLayer};
use super::profiles::Profiles;
use super::resolve::{needs_values, resolve};
use super::spec_files::SpecFileReader;
use super::{ExpandOptions, raw_bundle, settings};
use crate::proxy::{Generated, Origins, ReadFile, generate, generate_shared_flow, inspect};
use crate::spec::bundle_source::BundleSource;
use crate::spec::deploy::{BundleDeletionPolicy, Deploy, State};
use crate::spec::files::SpecFiles;
use crate::spec::{Resource, Spec};
use apigee_flux_model::bundle::manifest::Requirements;
use apigee_flux_model::bundle::{BundleKind, DeploySettings, Files, Removal};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report, nearest};
use apigee_flux_model::krm::Input;
use apigee_flux_model::yaml::YamlNode;

/// A proxy or shared flow with one bundle, and the environments to which this bundle is deployed.
pub(super) struct BundleResource<'r> {
    pub resource: &'r Resource,
    pub kind: BundleKind,
    /// The name in Apigee.
    pub name: String,
    /// The deployment settings of the spec.
    pub deploy: Deploy,
    pub files: Files,
    pub requires: Requirements,
    pub base_paths: Vec<String>,
    pub environments: Vec<&'r Environment<'r>>,
    /// Whether another proxy of the input takes its base path, while it is absent.
    pub has_successor: bool,
}

impl BundleResource<'_> {
    /// Whether it is to be removed from Apigee.
    pub(super) fn is_absent(&self) -> bool {
        self.deploy.state == State::Absent
    }

    /// The deployment settings for one of its environments.
    pub(super) fn settings(&self, environment: &Environment<'_>) -> DeploySettings {
        settings::settings(&self.deploy, &self.base_paths, environment)
    }

    /// The approximate size of its objects in the output: the files, and a Job for each environment.
    pub(super) fn output_bytes(&self) -> usize {
        const JOB: usize = 4096;
        self.files.total_bytes() + JOB * self.environments.len()
    }

    /// How it is removed from Apigee, if its desired state is absent.
    pub(super) fn removal(&self) -> Option<Removal> {
        match (self.deploy.state, self.deploy.deletion_policy) {
            (State::Present, _) => None,
            // Its base path must become free. Nothing more is removed than the spec says.
            (State::Absent, BundleDeletionPolicy::Orphan) => self.has_successor.then_some(Removal::Undeploy),
            (State::Absent, BundleDeletionPolicy::Undeploy) => Some(Removal::Undeploy),
            (State::Absent, BundleDeletionPolicy::Delete) => Some(Removal::Delete),
        }
    }
}

/// All bundles of a resource: one for all environments, or one for each if the spec uses their values.
pub(super) fn expand<'r>(
    resource: &'r Resource,
    profiles: &Profiles<'_>,
    input: &Input<'_>,
    options: &ExpandOptions<'_>,
    known: &'r [Environment<'r>],
    report: &mut Report<'_>,
) -> Vec<BundleResource<'r>> {
    let profiles =
        if resource.kind.name == BundleKind::Proxy.resource_kind() { profiles.of(resource) } else { Vec::new() };
    let layers: Vec<ProfileLayer<'_>> = profiles.iter().map(|profile| profile.layer()).collect();
    let overlay = Overlay::new(resource.spec(), &layers, report);
    let mut found = Report::new(&resource.subject);
    let selected = environments(overlay.spec(), known, &mut found);
    let only = |environment: &&&Environment<'r>| options.environment.is_none_or(|only| environment.is_named(only));
    let selected: Vec<&Environment<'r>> = selected.iter().filter(only).copied().collect();
    let mut build = |environment: Option<&Environment<'r>>, environments| {
        let before = found.errors();
        let spec = resolve(overlay.spec(), input, environment, &mut found);
        // Consequences of a missing value must not be reported, too.
        if found.errors() > before {
            return None;
        }
        let spec = resource.decode(&spec, &mut found)?;
        let written = Written::of(&spec)?;
        // For a spec with a raw bundle, this only checks the name and fields that cannot be combined with a bundle.
        let files = SpecFileReader::new(resource, written.files, input, options, &mut found)?;
        let read = |path: &str| {
            files.read(path).or_else(|why| profiles.iter().find_map(|profile| profile.file(path)).ok_or(why))
        };
        bundle(resource, &written, &read, input, options, environments, &mut found)
    };
    let made = if needs_values(overlay.spec()) && !known.is_empty() {
        selected.into_iter().filter_map(|environment| build(Some(environment), vec![environment])).collect()
    } else {
        build(None, selected).into_iter().collect()
    };
    found.into_diagnostics().into_iter().for_each(|diagnostic| report.push(overlay.trace(diagnostic)));
    made
}

/// The environments to which a resource is deployed: all, or the ones that it lists. They are read before the spec is decoded, since its
/// values depend on them.
pub(super) fn environments<'r>(
    spec: &YamlNode,
    environments: &'r [Environment<'r>],
    report: &mut Report<'_>,
) -> Vec<&'r Environment<'r>> {
    let wanted: Vec<&str> = spec
        .get("environments")
        .map(YamlNode::elements)
        .unwrap_or_default()
        .iter()
        .filter_map(YamlNode::as_str)
        .collect();
    if wanted.is_empty() {
        return environments.iter().collect();
    }
    let at = FieldPath::of(&["spec", "environments"]);
    let mut selected: Vec<&Environment<'r>> = Vec::new();
    for (index, wanted) in wanted.into_iter().enumerate() {
        let mut found = environments.iter().filter(|environment| environment.is_named(wanted)).peekable();
        if found.peek().is_none() && !environments.is_empty() {
            let known = || environments.iter().map(Environment::name);
            let mut diagnostic =
                Diagnostic::error(Code::MissingEnvironment, format!("no ApigeeEnvironment `{wanted}` is in the input"))
                    .at(at.index(index))
                    .help(format!("known: {}", known().collect::<Vec<_>>().join(", ")));
            if let Some(near) = nearest(wanted, known()) {
                diagnostic = diagnostic.propose(near);
            }
            report.push(diagnostic);
        }
        for environment in found {
            if !selected.iter().any(|known| std::ptr::eq(*known, environment)) {
                selected.push(environment);
            }
        }
    }
    selected
}

/// The fields that the specs of both kinds share.
struct Written<'s> {
    kind: BundleKind,
    name: Option<&'s str>,
    files: Option<&'s SpecFiles>,
    bundle: Option<&'s BundleSource>,
    deploy: &'s Deploy,
    generate: Box<Generate<'s>>,
}

/// Generates a bundle with a name.
type Generate<'s> = dyn Fn(&str, ReadFile<'_>, &mut Report<'_>) -> Option<Generated> + 's;

impl<'s> Written<'s> {
    fn of(spec: &'s Spec) -> Option<Self> {
        match spec {
            Spec::ApigeeProxy(spec) => Some(Self {
                kind: BundleKind::Proxy,
                name: spec.name.as_deref(),
                files: spec.files.as_ref(),
                bundle: spec.bundle.as_ref(),
                deploy: &spec.deploy,
                generate: Box::new(|name, read, report| generate(name, spec, read, report)),
            }),
            Spec::ApigeeSharedFlow(spec) => Some(Self {
                kind: BundleKind::SharedFlow,
                name: spec.name.as_deref(),
                files: spec.files.as_ref(),
                bundle: spec.bundle.as_ref(),
                deploy: &spec.deploy,
                generate: Box::new(|name, read, report| generate_shared_flow(name, spec, read, report)),
            }),
            Spec::ApigeeEnvironment(_)
            | Spec::ApigeeProfile(_)
            | Spec::CheckApigee(_)
            | Spec::ExpandApigee(_)
            | Spec::Configuration(_) => None,
        }
    }
}

/// The bundle: the raw bundle of the spec, or one generated from the spec.
fn bundle<'r>(
    resource: &'r Resource,
    spec: &Written<'_>,
    read_file: ReadFile<'_>,
    input: &Input<'_>,
    options: &ExpandOptions<'_>,
    environments: Vec<&'r Environment<'r>>,
    report: &mut Report<'_>,
) -> Option<BundleResource<'r>> {
    let kind = spec.kind;
    let name = spec.name.unwrap_or(&resource.subject.name);
    let made = (spec.generate)(name, read_file, report);
    let (files, requires, base_paths, google_auth, class, origins) = match (spec.bundle, made) {
        (Some(source), _) => {
            let files = raw_bundle::read(resource, source, input, options, report)?;
            let found = inspect(kind, name, &files, report);
            (files, found.requires, found.base_paths, found.google_auth, found.class, Origins::default())
        }
        (None, Some(made)) => (made.files, made.requires, made.base_paths, made.google_auth, made.class, made.origins),
        (None, None) => return None,
    };
    let origin = |policy: &str| origins.policy(policy).map(|origin| origin.at.to_string());
    if spec.deploy.allow_extensible == Some(false) {
        class.forbid_extensible(&origin, report);
    } else if options.classes {
        class.tell(&origin, report);
    }
    settings::check(spec.deploy, kind, &base_paths, &environments, report);
    if google_auth && spec.deploy.service_account.is_none() {
        let message = format!(
            "the {} sends a Google token to a target, a log or a model, but has no service account to get the token for",
            kind.noun()
        );
        report.push(
            Diagnostic::warning(Code::MissingField, message)
                .at(FieldPath::of(&["spec", "deploy", "serviceAccount"]))
                .help("set it to the email address of a Google service account that may call them"),
        );
    }
    Some(BundleResource {
        resource,
        kind,
        name: name.to_owned(),
        deploy: spec.deploy.clone(),
        files,
        requires,
        base_paths,
        environments,
        has_successor: false,
    })
}
