//! The desired state of each environment, for comparison with the actual state in Apigee.

use std::collections::{BTreeMap, BTreeSet};

use super::bundle_resource::BundleResource;
use super::configuration::{self, ConfigurationResource};
use super::environment::Environment;
use super::known_places::KeptNamespace;
use super::{ExpandOptions, Renderer, called_flows, known_places, successors};
use crate::k8s::ResourceOwner;
use crate::spec::environment::Mode;
use apigee_flux_configuration::{Document, Id, Scope};
use apigee_flux_model::bundle::{BundleKind, DeploySettings, Digest, Files, Removal};
use apigee_flux_model::diag::{Code, Diagnostic, has_errors, nearest};
use apigee_flux_model::krm::Input;

/// An environment and its desired state.
#[derive(Debug, Clone)]
pub struct DesiredEnvironment {
    /// The Apigee organization.
    pub organization: String,
    /// The environment's name in Apigee.
    pub name: String,
    /// The management API's endpoint, if the spec names one.
    pub endpoint: Option<String>,
    /// Sorted by kind and name.
    pub bundles: Vec<DesiredBundle>,
    /// The configuration of the environment. Its owner is also that of the bundles.
    pub configuration: DesiredConfiguration,
    /// The configuration of the organization; `None` if another environment of the organization is responsible for it.
    pub of_organization: Option<DesiredConfiguration>,
    /// What the reconciler does with resources that were removed from Git.
    pub removals: Removals,
}

/// The configuration of an environment or of its organization.
#[derive(Debug, Clone)]
pub struct DesiredConfiguration {
    /// The entries.
    pub document: Document,
    /// The namespace of each entry whose namespace is known.
    pub namespaces: BTreeMap<Id, String>,
    /// The owner of everything in this place.
    pub owner: DesiredOwner,
}

/// The owner of the resources of an environment or an organization. It may depend on the namespace of the Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredOwner {
    /// `spec.owner` of the ApigeeEnvironment.
    pub named: Option<String>,
    /// The part of the default owner after the namespace.
    pub default: String,
    /// The namespaces of the input that have resources in this place. Empty if the input does not say them: kustomize may set
    /// them later.
    pub namespaces: BTreeSet<String>,
    /// Those of them from which specs may move to others.
    pub origins: BTreeSet<String>,
}

impl DesiredOwner {
    /// The owner of what a Job in a namespace applies; `None` if it depends on a namespace that is not known.
    pub fn in_namespace(&self, namespace: Option<&str>) -> Option<String> {
        self.named.clone().or_else(|| namespace.map(|namespace| format!("{namespace}/{}", self.default)))
    }
}

/// What the reconciler does with resources that were removed from Git and have another `deletionPolicy` than `Orphan`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removals {
    /// It removes them from Apigee, unless there are more than this number.
    UpTo(usize),
    /// It keeps them, because of this setting of the ApigeeEnvironment.
    Never(&'static str),
}

/// A proxy or shared flow of an environment.
#[derive(Debug, Clone)]
pub struct DesiredBundle {
    /// Proxy or shared flow.
    pub kind: BundleKind,
    /// The name in Apigee.
    pub name: String,
    /// The namespace of its Job, if it is known.
    pub namespace: Option<String>,
    /// The base paths of a proxy.
    pub base_paths: Vec<String>,
    /// The files below the kind's root folder.
    pub files: Files,
    /// The digest of the files, see [`Digest::of_files`].
    pub digest: Digest,
    /// The deployment settings.
    pub settings: DeploySettings,
    /// How it is removed from Apigee, if its desired state is absent.
    pub removal: Option<Removal>,
}

/// The desired state of the environments of an input, sorted by organization and name. Empty if the findings include an error; an input
/// without an environment is an error.
pub fn desired(input: &Input<'_>, options: &ExpandOptions<'_>) -> (Vec<DesiredEnvironment>, Vec<Diagnostic>) {
    let mut run = Renderer::new(input, options);
    let resources = run.read(input.items());
    let environments = run.environments(&resources);
    run.check_environments(&resources, &environments);
    let mut bundles = run.bundles(&resources, &environments);
    let configuration = run.configuration(&resources, &environments);
    successors::find(&mut bundles, &mut run.diagnostics);
    run.check_names(&bundles);
    called_flows::check(&bundles, &mut run.diagnostics);
    configuration::check(&configuration, &bundles, &mut run.diagnostics);
    let selected: Vec<&Environment<'_>> = environments
        .iter()
        .filter(|environment| options.environment.is_none_or(|only| environment.is_named(only)))
        .collect();
    if selected.is_empty() && !has_errors(&run.diagnostics) {
        run.diagnostics.push(not_found(options.environment, &environments));
    }
    if has_errors(&run.diagnostics) {
        return (Vec::new(), run.diagnostics);
    }
    let kept = known_places::all(input, options, &environments);
    let input = Expanded { environments: &environments, bundles: &bundles, configuration: &configuration, kept };
    let mut found: Vec<DesiredEnvironment> =
        selected.into_iter().map(|environment| input.environment(environment)).collect();
    found.sort_by(|a, b| (&a.organization, &a.name).cmp(&(&b.organization, &b.name)));
    (found, run.diagnostics)
}

fn not_found(wanted: Option<&str>, known: &[Environment<'_>]) -> Diagnostic {
    let Some(wanted) = wanted.filter(|_| !known.is_empty()) else {
        return Diagnostic::error(Code::MissingEnvironment, "no ApigeeEnvironment is in the input")
            .help("pass the file or the folder that contains it too");
    };
    let names = || known.iter().map(Environment::name);
    let diagnostic =
        Diagnostic::error(Code::MissingEnvironment, format!("no ApigeeEnvironment `{wanted}` is in the input"))
            .help(format!("known: {}", names().collect::<Vec<_>>().join(", ")));
    match nearest(wanted, names()) {
        Some(near) => diagnostic.propose(near),
        None => diagnostic,
    }
}

/// Everything that the input defines.
struct Expanded<'x, 'r> {
    environments: &'x [Environment<'r>],
    bundles: &'x [BundleResource<'r>],
    configuration: &'x [ConfigurationResource<'r>],
    /// The namespaces that keep their reconciler although no spec is left in them.
    kept: Vec<KeptNamespace<'x>>,
}

impl<'r> Expanded<'_, 'r> {
    fn environment(&self, environment: &Environment<'r>) -> DesiredEnvironment {
        let mut bundles: Vec<DesiredBundle> =
            self.bundles_of(environment).map(|bundle| of_bundle(bundle, environment)).collect();
        bundles.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        let of_same = |other: &&Environment<'_>| other.organization() == environment.organization();
        let is_first = self.environments.iter().filter(of_same).all(|other| environment.name() <= other.name());
        DesiredEnvironment {
            organization: environment.organization().to_owned(),
            name: environment.name().to_owned(),
            endpoint: environment.endpoint.clone(),
            bundles,
            configuration: self.configuration_of(environment, Scope::Environment),
            of_organization: is_first.then(|| self.configuration_of(environment, Scope::Organization)),
            removals: removals(environment),
        }
    }

    fn bundles_of(&self, environment: &Environment<'r>) -> impl Iterator<Item = &BundleResource<'r>> {
        let is_here = |known: &Environment<'r>| std::ptr::eq(known, environment);
        self.bundles.iter().filter(move |bundle| bundle.environments.iter().any(|known| is_here(known)))
    }

    fn configuration_of(&self, environment: &Environment<'r>, scope: Scope) -> DesiredConfiguration {
        let here = |one: &&ConfigurationResource<'_>| one.scope == scope && std::ptr::eq(one.environment, environment);
        let here: Vec<&ConfigurationResource<'_>> = self.configuration.iter().filter(here).collect();
        let namespaces = here.iter().filter(|one| !one.namespace().is_empty());
        let (named, default) = match configuration::owner(environment, scope) {
            ResourceOwner::Named(named) => (Some(named.to_owned()), String::new()),
            ResourceOwner::OfNamespace(default) => (None, default.to_owned()),
        };
        DesiredConfiguration {
            namespaces: namespaces.map(|one| (one.entry.id.clone(), one.namespace().to_owned())).collect(),
            owner: DesiredOwner {
                named,
                default,
                namespaces: self.namespaces(environment, scope, Which::All),
                origins: self.namespaces(environment, scope, Which::Origins),
            },
            document: configuration::document(here.into_iter().map(|one| one.entry.clone()).collect()),
        }
    }

    /// The namespaces whose Jobs and reconcilers act in this environment, or in its organization.
    fn namespaces(&self, environment: &Environment<'r>, scope: Scope, which: Which) -> BTreeSet<String> {
        let is_meant = |other: &Environment<'_>| match scope {
            Scope::Environment => std::ptr::eq(other, environment),
            Scope::Organization => other.organization() == environment.organization(),
        };
        let environments: Vec<&Environment<'r>> = self.environments.iter().filter(|other| is_meant(other)).collect();
        let own = environments.iter().filter_map(|environment| environment.resource.namespace());
        let own = own.filter(|_| which == Which::All);
        let of_bundles = environments.iter().flat_map(|environment| {
            self.bundles_of(environment).filter_map(|bundle| namespace_of(bundle, environment))
        });
        let of_entries =
            self.configuration.iter().filter(|one| is_meant(one.environment)).map(ConfigurationResource::namespace);
        let kept =
            self.kept.iter().filter(|kept| is_meant(kept.environment) && (kept.is_origin || which == Which::All));
        let kept = kept.map(|kept| kept.namespace.as_str());
        let all = own.chain(kept).chain(of_bundles).chain(of_entries).filter(|namespace| !namespace.is_empty());
        all.map(str::to_owned).collect()
    }
}

/// Which namespaces are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// All in which something is rendered.
    All,
    /// Those from which specs may move to others.
    Origins,
}

fn namespace_of<'n>(bundle: &'n BundleResource<'_>, environment: &'n Environment<'_>) -> Option<&'n str> {
    bundle.resource.namespace().or_else(|| environment.resource.namespace())
}

fn of_bundle(bundle: &BundleResource<'_>, environment: &Environment<'_>) -> DesiredBundle {
    DesiredBundle {
        kind: bundle.kind,
        name: bundle.name.clone(),
        namespace: namespace_of(bundle, environment).map(str::to_owned),
        base_paths: bundle.base_paths.clone(),
        files: bundle.files.clone(),
        digest: Digest::of_files(&bundle.files),
        settings: bundle.settings(environment),
        removal: bundle.removal(),
    }
}

fn removals(environment: &Environment<'_>) -> Removals {
    match environment.spec.reconcile() {
        None => Removals::Never("reconcile: none"),
        Some(reconcile) if !reconcile.prune => Removals::Never("reconcile.prune: false"),
        Some(reconcile) if reconcile.mode == Mode::Report => Removals::Never("reconcile.mode: report"),
        Some(reconcile) => Removals::UpTo(usize::try_from(reconcile.max_deletes).unwrap_or(usize::MAX)),
    }
}
