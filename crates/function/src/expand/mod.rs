//! The function: renders the resources of the input to the objects that deploy them.
//!
//! Pure: the same input gives the same bytes, independent of the order of the items. Every stage runs to its end and reports all
//! findings; if one of them is an error, no output is used.

mod batch;
mod bundle_resource;
mod called_flows;
mod configuration;
mod cron;
mod desired;
mod environment;
mod function_config;
mod job_with_document;
mod known_places;
mod outputs;
mod overlay;
mod owners;
mod pod_settings;
mod profiles;
mod raw_bundle;
mod reconciler;
mod resolve;
mod settings;
mod spec_files;
mod successors;

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use crate::k8s::Object;
use crate::parallel;
use crate::spec::check_apigee::FailOn;
use crate::spec::{GROUP, KINDS, Resource, Spec, VERSION};
use apigee_flux_model::bundle::{BundleKind, Files};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report, Severity, Subject, has_errors, limited, nearest};
use apigee_flux_model::krm::{Id, Input, Item, ItemChange};
use apigee_flux_model::names::served_path;
use apigee_flux_model::provenance::Provenance;
use apigee_flux_model::yaml::YamlNode;

pub use desired::{DesiredBundle, DesiredConfiguration, DesiredEnvironment, DesiredOwner, Removals, desired};
pub use known_places::{KnownPlace, known_place};
pub use raw_bundle::check as check_files;

use bundle_resource::BundleResource;
use configuration::ConfigurationResource;
use environment::Environment;
use outputs::Outputs;
use profiles::Profiles;

/// The maximum size of the objects of one run: a few kilobytes of specs, rendered for each of many environments, could fill a disk.
const MAX_OUTPUT_BYTES: usize = 256 << 20;

/// Reads files to which a spec refers by a path relative to the file of the spec. The function itself reads no files.
pub trait ReadBeside: Sync {
    /// The bundle in a folder or a zip file. The error says why it cannot be read.
    fn bundle(&self, subject: &Subject, path: &str) -> Result<Files, String>;

    /// The bytes of a file. The error says why it cannot be read.
    fn file(&self, subject: &Subject, path: &str) -> Result<Vec<u8>, String>;

    /// The findings that were made while the input was read.
    fn findings(&self) -> Vec<Diagnostic>;
}

/// What the caller provides in addition to the resources.
#[derive(Default, Clone, Copy)]
pub struct ExpandOptions<'a> {
    /// Where this state of Git comes from. It overrides the provenance in the functionConfig.
    pub provenance: Option<&'a Provenance>,
    /// If set, only this environment is rendered.
    pub environment: Option<&'a str>,
    /// Reads the files next to the specs.
    pub beside: Option<&'a dyn ReadBeside>,
    /// Whether to report the class of each proxy, standard or extensible.
    pub classes: bool,
    /// Where earlier runs, whose outputs are not in the input, rendered an inventory. An environment of the input keeps its reconciler there.
    pub known: &'a [KnownPlace],
    /// The number of threads, which never shows in the result; by default one for each processor.
    pub threads: Option<NonZeroUsize>,
}

/// The result of rendering an input.
#[derive(Debug, Default)]
pub struct Expansion {
    /// Changes to items, by index.
    pub changes: BTreeMap<usize, ItemChange>,
    /// New objects, in the order of the output.
    pub objects: Vec<Object>,
    /// The findings. If one of them is an error, the other fields are empty.
    pub diagnostics: Vec<Diagnostic>,
}

/// The bundle of the only proxy or shared flow of an input, or of the one with the given name. An environment is needed only for its
/// values.
pub fn bundle(
    input: &Input<'_>,
    options: &ExpandOptions<'_>,
    name: Option<&str>,
) -> (Option<MadeBundle>, Vec<Diagnostic>) {
    let mut run = Renderer::new(input, options);
    let bundle = run.bundle(name);
    let diagnostics = limited(run.diagnostics);
    (bundle.filter(|_| !has_errors(&diagnostics)), diagnostics)
}

/// Renders the specs of an input. With a `CheckApigee` as functionConfig, it only returns the findings.
pub fn expand(input: &Input<'_>, options: &ExpandOptions<'_>) -> Expansion {
    let mut run = Renderer::new(input, options);
    let expansion = run.expand();
    let mut diagnostics = limited(run.diagnostics);
    let is_check = function_config::is_check(input);
    if is_check && run.fail_on == FailOn::Warning {
        let warnings = diagnostics.iter_mut().filter(|diagnostic| diagnostic.severity == Severity::Warning);
        warnings.for_each(|warning| warning.severity = Severity::Error);
    }
    if has_errors(&diagnostics) || is_check {
        return Expansion { diagnostics, ..Expansion::default() };
    }
    Expansion { diagnostics, ..expansion }
}

/// The text of each object. An object is dropped soon after it is written as text: keeping both would double the memory.
pub fn texts(mut objects: Vec<Object>, threads: Option<NonZeroUsize>) -> Result<Vec<String>, String> {
    /// Enough to keep all threads busy, and few enough not to matter.
    const AT_ONCE: usize = 512;
    let threads = parallel::threads(threads, objects.len());
    let mut all = Vec::with_capacity(objects.len());
    objects.reverse();
    while !objects.is_empty() {
        let rest = objects.len().saturating_sub(AT_ONCE);
        let mut some = objects.split_off(rest);
        some.reverse();
        for text in parallel::map(threads, &some, Object::to_yaml) {
            all.push(text?);
        }
    }
    Ok(all)
}

/// A bundle generated from a spec, without the objects that deploy it.
#[derive(Debug, Clone)]
pub struct MadeBundle {
    /// Proxy or shared flow.
    pub kind: BundleKind,
    /// The name in Apigee.
    pub name: String,
    /// The files below the kind's root folder.
    pub files: Files,
}

impl From<BundleResource<'_>> for MadeBundle {
    fn from(bundle: BundleResource<'_>) -> Self {
        Self { kind: bundle.kind, name: bundle.name, files: bundle.files }
    }
}

/// The bundles of an input, which does not need an ApigeeEnvironment. Empty if the findings include an error.
pub fn bundles(input: &Input<'_>, options: &ExpandOptions<'_>) -> (Vec<MadeBundle>, Vec<Diagnostic>) {
    let mut run = Renderer::new(input, options);
    let resources = run.read(input.items());
    let environments = run.environments(&resources);
    let mut bundles = run.bundles(&resources, &environments);
    successors::find(&mut bundles, &mut run.diagnostics);
    run.check_names(&bundles);
    called_flows::check(&bundles, &mut run.diagnostics);
    let diagnostics = limited(run.diagnostics);
    if has_errors(&diagnostics) {
        return (Vec::new(), diagnostics);
    }
    (bundles.into_iter().map(MadeBundle::from).collect(), diagnostics)
}

struct Renderer<'i, 'a> {
    input: &'i Input<'a>,
    options: &'i ExpandOptions<'i>,
    diagnostics: Vec<Diagnostic>,
    /// The severity at which a `CheckApigee` fails.
    fail_on: FailOn,
    known: Reported,
    /// The approximate size of all bundles in the output so far.
    output: usize,
}

/// The findings that were made before, so that none is reported twice.
#[derive(Default)]
struct Reported {
    /// How many of the run's findings are in the sets.
    read: usize,
    all: HashSet<Diagnostic>,
    credentials: HashSet<(Option<Subject>, FieldPath)>,
}

impl<'i, 'a> Renderer<'i, 'a> {
    fn new(input: &'i Input<'a>, options: &'i ExpandOptions<'i>) -> Self {
        let diagnostics = options.beside.map(ReadBeside::findings).unwrap_or_default();
        Self { input, options, diagnostics, fail_on: FailOn::default(), known: Reported::default(), output: 0 }
    }
}

impl Renderer<'_, '_> {
    fn expand(&mut self) -> Expansion {
        let items = self.input.items();
        self.check_groups(items);
        let outputs = items.iter().any(|item| item.header.is_output());
        let ours = items.iter().any(|item| is_ours(item));
        if !ours && matches!(self.input, Input::Stream(_)) {
            self.nothing_to_expand(outputs);
            return Expansion::default();
        }
        let changes = items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| {
                let change = if item.header.is_output() {
                    ItemChange::Drop
                } else if is_ours(item) {
                    ItemChange::MarkLocal
                } else {
                    return None;
                };
                Some((index, change))
            })
            .collect();
        self.check_identities(items);
        self.check_metadata(items);
        let provenance = function_config::provenance(self.input, &mut self.diagnostics);
        let resources = self.read(items);
        let provenance = self.options.provenance.cloned().or(provenance).or_else(|| self.configured(&resources));
        // An empty ConfigMap would still change the package.
        let provenance = provenance.filter(|provenance| *provenance != Provenance::default()).map(Provenance::plain);
        let environments = self.environments(&resources);
        self.check_environments(&resources, &environments);
        let mut bundles = self.bundles(&resources, &environments);
        let configuration = self.configuration(&resources, &environments);
        if resources.is_empty() && !has_errors(&self.diagnostics) {
            self.nothing_to_expand(outputs);
        }
        if bundles.is_empty() && configuration.is_empty() && !resources.is_empty() && !has_errors(&self.diagnostics) {
            self.nothing_to_deploy(&resources, &environments);
        }
        successors::find(&mut bundles, &mut self.diagnostics);
        self.check_names(&bundles);
        called_flows::check(&bundles, &mut self.diagnostics);
        configuration::check(&configuration, &bundles, &mut self.diagnostics);
        let mut made = Outputs::new(provenance.as_ref(), &environments, self.options.environment.is_some());
        for kept in known_places::all(self.input, self.options, &environments) {
            made.keep(&kept);
        }
        for one in &configuration {
            made.add_configuration(one);
        }
        // The files of a bundle are dropped as soon as they are in ConfigMaps.
        for bundle in bundles {
            if let Err(why) = made.add(&bundle) {
                self.diagnostics.push(Diagnostic::error(Code::Internal, why).of(&bundle.resource.subject));
            }
        }
        made.know_rest(self.options);
        let foreign = items.iter().filter(|item| !item.header.is_output() && !is_ours(item));
        let objects = made.finish(foreign, &mut self.diagnostics);
        Expansion { changes, objects, diagnostics: Vec::new() }
    }

    fn bundle(&mut self, name: Option<&str>) -> Option<MadeBundle> {
        let resources = self.read(self.input.items());
        let resource = self.only(&resources, name)?;
        // Findings on environments are irrelevant for a bundle that does not use their values.
        let needs_values = resources.iter().any(|resource| resolve::needs_values(resource.spec()));
        let environments = if needs_values { self.environments(&resources) } else { Vec::new() };
        let mut bundles = self.bundles_of(std::slice::from_ref(&resource), &resources, &environments);
        if let [_, _, ..] = bundles.as_slice() {
            let of = |bundle: &BundleResource<'_>| {
                bundle.environments.iter().map(|environment| environment.name().to_owned()).collect::<Vec<_>>()
            };
            let names: Vec<String> = bundles.iter().flat_map(of).collect();
            self.diagnostics.push(
                Diagnostic::error(Code::MissingEnvironment, "each environment has its own bundle")
                    .of(&resource.subject)
                    .help(format!("choose one with `--environment`: {}", names.join(", "))),
            );
        }
        bundles.pop().map(MadeBundle::from)
    }

    /// The only proxy or shared flow, or the one with the given name.
    fn only<'r>(&mut self, resources: &'r [Resource], name: Option<&str>) -> Option<&'r Resource> {
        let candidates: Vec<&Resource> = resources.iter().filter(|resource| makes_a_bundle(resource)).collect();
        let own_name = |resource: &'r Resource| {
            let written = resource.spec().get("name").and_then(YamlNode::as_str);
            written.unwrap_or(&resource.subject.name)
        };
        let fits = |resource: &&&'r Resource| {
            let known = |name: &str| own_name(resource) == name || resource.names.iter().any(|known| known == name);
            name.is_none_or(known)
        };
        let names = || candidates.iter().map(|resource| own_name(resource)).collect::<Vec<_>>().join(", ");
        let error = match (candidates.iter().filter(fits).collect::<Vec<_>>().as_slice(), name) {
            ([resource], _) => return Some(*resource),
            // A resource that could not be read has been reported already.
            ([], _) if has_errors(&self.diagnostics) => return None,
            ([], _) if candidates.is_empty() => {
                Diagnostic::error(Code::NothingToExpand, "no ApigeeProxy or ApigeeSharedFlow is in the input")
            }
            ([], name) => {
                let name = name.unwrap_or_default();
                Diagnostic::error(Code::NothingToExpand, format!("no proxy or shared flow `{name}` is in the input"))
                    .help(format!("there are {}", names()))
            }
            (_, None) => Diagnostic::error(Code::NothingToExpand, "several proxies and shared flows are in the input")
                .help(format!("choose one with `--name`: {}", names())),
            (several, Some(name)) => {
                let message = format!("{} resources have the name `{name}`", several.len());
                Diagnostic::error(Code::NothingToExpand, message).help("pass only the file of one of them")
            }
        };
        self.diagnostics.push(error);
        None
    }

    fn nothing_to_expand(&mut self, outputs: bool) {
        self.diagnostics.push(if self.input.items().is_empty() && matches!(self.input, Input::Stream(_)) {
            Diagnostic::error(Code::NothingToExpand, "the input is empty")
                .help("check the command before the pipe: an empty deployment is always a mistake")
        } else if outputs && matches!(self.input, Input::Stream(_)) {
            Diagnostic::warning(Code::AlreadyRendered, "the input is already rendered and is passed through unchanged")
        } else if outputs {
            Diagnostic::warning(Code::NothingToExpand, "no spec is in the input: the objects of earlier runs are removed")
        } else {
            Diagnostic::warning(Code::NothingToExpand, format!("no resource of {GROUP} is in the input"))
                .help("after `kustomize build`, remove `config.kubernetes.io/local-config` from the specs: kustomize drops resources that have it")
        });
    }

    /// Reports specs that deploy nothing, for example only an ApigeeEnvironment.
    fn nothing_to_deploy(&mut self, resources: &[Resource], environments: &[Environment<'_>]) {
        let Some(first) =
            resources.iter().find(|resource| resource.kind.name == "ApigeeEnvironment").or(resources.first())
        else {
            return;
        };
        let message = "nothing is deployed: the input has no proxy, no shared flow and no configuration";
        // A generator without output is a mistake; a package may be filled later.
        let is_generator = matches!(self.input, Input::List(_)) && self.input.items().is_empty();
        self.diagnostics.push(if is_generator {
            Diagnostic::error(Code::NothingToDeploy, message).of(&first.subject).help(
                "a kustomize generator reads only its own file: list the function under `transformers:` and the specs under `resources:`",
            )
        } else {
            let prunes = environments.iter().any(|environment| environment.spec.reconcile().is_some_and(|how| how.prune));
            let rest = if prunes {
                "; the reconciler removes from Apigee what was removed from Git, as its `deletionPolicy` says"
            } else {
                ""
            };
            Diagnostic::warning(Code::NothingToDeploy, format!("{message}{rest}"))
                .of(&first.subject)
                .help(format!("if that is not intended, add an ApigeeProxy or another spec of {GROUP} to the input"))
        });
    }

    /// Reports a kind of `apigeeflux.dev` in the core group or in a group with a similar name: such a spec would be ignored. Other groups have
    /// kinds with the same names, for example Config Connector's group.
    fn check_groups(&mut self, items: &[Item<'_>]) {
        let others = items.iter().filter(|item| !is_ours(item) && !item.header.is_output());
        for item in others.filter(|item| KINDS.iter().any(|kind| kind.name == item.header.kind)) {
            let group = item.header.group();
            if group.is_empty() || nearest(group, [GROUP]).is_some() {
                let message = format!("`{}` has no kind `{}`", item.header.api_version, item.header.kind);
                self.diagnostics.push(
                    Diagnostic::error(Code::UnknownVersion, message)
                        .of(&Subject::from(&item.header))
                        .at(FieldPath::of(&["apiVersion"]))
                        .help(format!("write `apiVersion: {GROUP}/{VERSION}`")),
                );
            }
        }
    }

    /// The annotation that keeps a spec out of the cluster must not be added to another resource.
    fn check_metadata(&mut self, items: &[Item<'_>]) {
        for item in self.input.shared_metadata().into_iter().filter_map(|index| items.get(index)) {
            self.diagnostics.push(
                Diagnostic::error(Code::SharedMetadata, "another resource uses the metadata of this spec through a YAML alias")
                    .of(&Subject::from(&item.header))
                    .at(FieldPath::of(&["metadata"]))
                    .help("write the metadata of both out in full: this spec is marked as local, and the other resource must not be"),
            );
        }
    }

    /// In a list, every item must be a resource: otherwise the orchestrator would fail later, with a less helpful message.
    fn check_identities(&mut self, items: &[Item<'_>]) {
        for (index, item) in items.iter().enumerate() {
            let missing = match &item.header {
                header if header.api_version.is_empty() => "apiVersion",
                header if header.kind.is_empty() => "kind",
                _ => continue,
            };
            let mut subject = Subject::from(&item.header);
            subject.index.get_or_insert(index);
            self.diagnostics.push(
                Diagnostic::error(Code::MissingIdentity, format!("item {index} of the list has no `{missing}`"))
                    .of(&subject)
                    .help("every item must be a Kubernetes resource"),
            );
        }
    }

    fn read(&mut self, items: &[Item<'_>]) -> Vec<Resource> {
        let mut seen: BTreeMap<Id, Subject> = BTreeMap::new();
        let mut resources = Vec::new();
        // A functionConfig of `apigeeflux.dev` that is also an item is read once.
        let config = self
            .input
            .function_config()
            .filter(|config| is_ours(config) && !items.iter().any(|item| item.header.id() == config.header.id()));
        for item in items.iter().chain(config) {
            if !is_ours(item) || item.header.is_output() {
                continue;
            }
            let subject = Subject::from(&item.header);
            if let Some(first) = seen.insert(item.header.id(), subject.clone()) {
                let place = first.file.map(|file| format!("; first definition: {file}")).unwrap_or_default();
                self.diagnostics.push(
                    Diagnostic::error(
                        Code::DuplicateResource,
                        format!("{} is defined more than once{place}", subject.label()),
                    )
                    .of(&subject)
                    .help("rename or remove one of them"),
                );
                continue;
            }
            let (resource, found) = Resource::read(self.input, item);
            self.diagnostics.extend(found);
            resources.extend(resource);
        }
        // The output must not depend on the order of the items.
        resources.sort_by(|a, b| {
            (&a.subject.kind, a.namespace(), &a.subject.name).cmp(&(&b.subject.kind, b.namespace(), &b.subject.name))
        });
        resources
    }

    /// The provenance of an `ExpandApigee`. Also reads the severity at which a `CheckApigee` fails.
    fn configured(&mut self, resources: &[Resource]) -> Option<Provenance> {
        let mut provenance = None;
        let is_config = |resource: &&Resource| matches!(resource.kind.name, "ExpandApigee" | "CheckApigee");
        for resource in resources.iter().filter(is_config) {
            let mut report = Report::new(&resource.subject);
            match resource.decode(resource.spec(), &mut report) {
                Some(Spec::ExpandApigee(spec)) => provenance = spec.provenance,
                Some(Spec::CheckApigee(spec)) => self.fail_on = spec.fail_on,
                _ => {}
            }
            self.diagnostics.extend(report.into_diagnostics());
        }
        provenance
    }

    fn environments<'r>(&mut self, resources: &'r [Resource]) -> Vec<Environment<'r>> {
        let mut environments: Vec<Environment<'r>> = Vec::new();
        for resource in resources.iter().filter(|resource| resource.kind.name == "ApigeeEnvironment") {
            let mut report = Report::new(&resource.subject);
            let spec = resolve::resolve(resource.spec(), self.input, None, &mut report);
            if let Some(Spec::ApigeeEnvironment(spec)) = resource.decode(&spec, &mut report) {
                let environment = Environment::new(resource, *spec, &mut report);
                let same = |other: &&Environment<'_>| {
                    other.organization() == environment.organization() && other.name() == environment.name()
                };
                if let Some(other) = environments.iter().find(same) {
                    let (name, organization) = (environment.name(), environment.organization());
                    let message = format!(
                        "{} also defines the environment `{name}` of `{organization}`",
                        other.resource.subject.label()
                    );
                    report.push(Diagnostic::error(Code::NameCollision, message).help(
                        "set `spec.environment`, or remove one of them: one ApigeeEnvironment serves all namespaces",
                    ));
                } else {
                    environments.push(environment);
                }
            }
            self.diagnostics.extend(report.into_diagnostics());
        }
        environments
    }

    fn bundles<'r>(
        &mut self,
        resources: &'r [Resource],
        environments: &'r [Environment<'r>],
    ) -> Vec<BundleResource<'r>> {
        let all: Vec<&Resource> = resources.iter().filter(|resource| makes_a_bundle(resource)).collect();
        self.bundles_of(&all, resources, environments)
    }

    /// The bundles of some of the resources.
    fn bundles_of<'r>(
        &mut self,
        wanted: &[&'r Resource],
        resources: &'r [Resource],
        environments: &'r [Environment<'r>],
    ) -> Vec<BundleResource<'r>> {
        let profiles = Profiles::read(resources, self.input, self.options, &mut self.diagnostics);
        let threads = parallel::threads(self.options.threads, wanted.len());
        let (before, known) = (self.input.mark(), self.diagnostics.len());
        let mut bundles = self.bundles_in(threads, wanted, &profiles, environments);
        if threads > 1 && self.input.is_budget_exceeded() {
            // Which bundle finds the budget of the input empty depends on what the other threads do. One after the other, it is always the same.
            self.input.rewind(&before);
            self.diagnostics.truncate(known);
            self.known = Reported::default();
            self.output = 0;
            drop(bundles);
            bundles = self.bundles_in(1, wanted, &profiles, environments);
        }
        // A proxy that cannot be read cannot be selected.
        if wanted.len() == resources.iter().filter(|resource| makes_a_bundle(resource)).count()
            && !has_errors(&self.diagnostics)
        {
            profiles.check_unused(&mut self.diagnostics);
        }
        bundles
    }

    fn bundles_in<'r>(
        &mut self,
        threads: usize,
        wanted: &[&'r Resource],
        profiles: &Profiles<'_>,
        environments: &'r [Environment<'r>],
    ) -> Vec<BundleResource<'r>> {
        let mut bundles = Vec::new();
        let mut of_profiles: HashSet<Diagnostic> = HashSet::new();
        let (input, options) = (self.input, self.options);
        let expand = |resource: &&'r Resource| {
            let mut report = Report::new(&resource.subject);
            let made = bundle_resource::expand(resource, profiles, input, options, environments, &mut report);
            (*resource, made, report.into_diagnostics())
        };
        parallel::ordered(threads, wanted, expand, |(resource, made, found)| {
            self.output += made.iter().map(BundleResource::output_bytes).sum::<usize>();
            if self.output > MAX_OUTPUT_BYTES {
                let message = format!("the output would be larger than {MAX_OUTPUT_BYTES} bytes");
                self.diagnostics.push(
                    Diagnostic::error(Code::InputTooLarge, message)
                        .of(&resource.subject)
                        .help("render fewer proxies or environments at a time"),
                );
                bundles.clear();
                return ControlFlow::Break(());
            }
            bundles.extend(made);
            for mut diagnostic in found {
                if self.is_known(&diagnostic) || of_profiles.contains(&diagnostic) {
                    continue;
                }
                // A field of a profile may be valid for one proxy and invalid for another.
                if diagnostic.subject.as_ref() != Some(&resource.subject) {
                    of_profiles.insert(diagnostic.clone());
                    diagnostic.message = format!("{} (in {})", diagnostic.message, resource.subject.label());
                }
                self.diagnostics.push(diagnostic);
            }
            ControlFlow::Continue(())
        });
        bundles
    }

    fn configuration<'r>(
        &mut self,
        resources: &'r [Resource],
        environments: &'r [Environment<'r>],
    ) -> Vec<ConfigurationResource<'r>> {
        let mut all = Vec::new();
        for resource in resources.iter().filter(|resource| resource.kind.configuration().is_some()) {
            let mut report = Report::new(&resource.subject);
            all.extend(configuration::expand(
                resource,
                self.input,
                self.options.environment,
                environments,
                &mut report,
            ));
            for diagnostic in report.into_diagnostics() {
                if !self.is_known(&diagnostic) {
                    self.diagnostics.push(diagnostic);
                }
            }
        }
        all
    }

    /// Reports an input without an environment to deploy to.
    fn check_environments(&mut self, resources: &[Resource], environments: &[Environment<'_>]) {
        // An invalid environment has been reported already.
        let given = self.input.items().iter().any(|item| is_ours(item) && item.header.kind == "ApigeeEnvironment");
        if let Some(first) =
            resources.iter().find(|resource| needs_a_place(resource)).filter(|_| environments.is_empty() && !given)
        {
            self.diagnostics.push(
                Diagnostic::error(Code::MissingEnvironment, "no ApigeeEnvironment is in the input")
                    .of(&first.subject)
                    .help(
                        "add one next to the proxies; with kustomize, use `transformers:`, since a generator reads only its own \
                        file",
                    ),
            );
        }
    }

    /// True if a finding was made before. A spec that is read once for each environment may cause the same finding each time, and a credential
    /// may be found both by its form and by its field.
    fn is_known(&mut self, found: &Diagnostic) -> bool {
        for made in self.diagnostics.get(self.known.read..).unwrap_or_default() {
            if made.code == Code::InlineCredential {
                self.known.credentials.insert((made.subject.clone(), made.field.clone()));
            }
            self.known.all.insert(made.clone());
        }
        self.known.read = self.diagnostics.len();
        let place = || (found.subject.clone(), found.field.clone());
        self.known.all.contains(found)
            || (found.code == Code::InlineCredential && self.known.credentials.contains(&place()))
    }

    /// Reports names and base paths that are used twice. An Apigee environment has one proxy and one shared flow with a name, and one proxy at
    /// a base path: Apigee would reject the second after the first was deployed.
    fn check_names(&mut self, bundles: &[BundleResource<'_>]) {
        let mut names: BTreeMap<(BundleKind, &str, &str, &str), &Subject> = BTreeMap::new();
        let mut paths: BTreeMap<(&str, &str, &str), &Subject> = BTreeMap::new();
        for bundle in bundles {
            let subject = &bundle.resource.subject;
            let mut name_told = false;
            let mut paths_told: Vec<&str> = Vec::new();
            for environment in &bundle.environments {
                let (organization, place) = (environment.organization(), environment.name());
                let key = (bundle.kind, organization, place, bundle.name.as_str());
                if let Some(other) = names.insert(key, subject).filter(|_| !name_told) {
                    name_told = true;
                    let message = format!(
                        "the {} `{}` of environment `{}` is also defined by {}",
                        bundle.kind.noun(),
                        bundle.name,
                        environment.name(),
                        other.label()
                    );
                    self.diagnostics.push(
                        Diagnostic::error(Code::NameCollision, message)
                            .of(subject)
                            .help("set another `spec.name`, or restrict one of them with `spec.environments`"),
                    );
                }
                // The path of a removed proxy is free for another one.
                for path in bundle.base_paths.iter().filter(|_| !bundle.is_absent()) {
                    let Some(other) = paths.insert((organization, place, served_path(path)), subject) else { continue };
                    if name_told || paths_told.contains(&path.as_str()) {
                        continue;
                    }
                    paths_told.push(path);
                    let message = format!(
                        "the base path `{path}` is also used by {} in environment `{}`",
                        other.label(),
                        environment.name()
                    );
                    self.diagnostics.push(
                        Diagnostic::error(Code::DuplicateBasePath, message)
                            .of(subject)
                            .at(FieldPath::of(&["spec", "basePath"]))
                            .help("choose another path, or restrict one of them with `spec.environments`"),
                    );
                }
            }
        }
    }
}

/// Whether the kind of a resource is rendered to a bundle.
fn makes_a_bundle(resource: &Resource) -> bool {
    BundleKind::ALL.into_iter().any(|kind| kind.resource_kind() == resource.kind.name)
}

/// Whether a resource is deployed to an environment or an organization.
fn needs_a_place(resource: &Resource) -> bool {
    makes_a_bundle(resource) || resource.kind.configuration().is_some()
}

fn is_ours(item: &Item<'_>) -> bool {
    item.header.is_managed()
}
