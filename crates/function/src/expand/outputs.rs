//! The objects of all bundles, the objects that each namespace shares, and the files to which kpt writes them.

use std::collections::{BTreeMap, BTreeSet};

use super::batch::{self, Member};
use super::bundle_resource::BundleResource;
use super::configuration::{self, ConfigurationResource};
use super::environment::Environment;
use super::reconciler::Reconciler;
use crate::k8s::{self, BundleMaps, DeployerIdentity, Deployment, Layer, Metadata, Object, Payload};
use crate::spec::Resource;
use crate::spec::environment::{Batch, Identity, ReportTo};
use apigee_flux_configuration::{Entry, Scope};
use apigee_flux_model::bundle::{BatchEntry, BundleKind, DeploySettings, Digest, Manifest, Removal};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Subject};
use apigee_flux_model::krm::{Id, Item, annotation};
use apigee_flux_model::names::endpoint::Endpoint;
use apigee_flux_model::provenance::Provenance;

/// The folder, next to the file of a spec, into which kpt writes the outputs.
const FOLDER: &str = "generated";

/// The port of many API servers. A NetworkPolicy applies to the endpoints of a Service, so the port of the Service, 443, is not enough.
const API_SERVER_PORT: u16 = 6443;

/// An object and the resource from which it is rendered.
struct Output<'r> {
    object: Object,
    from: &'r Resource,
    /// The name of its file without the kind, if it is not the name of the object.
    stem: Option<String>,
}

impl<'r> Output<'r> {
    fn new(object: Object, from: &'r Resource) -> Self {
        Self { object, from, stem: None }
    }
}

/// The identity of a bundle: namespace, kind, name and digest.
type BundleId = (String, BundleKind, String, Digest);

/// All objects of the output.
pub(super) struct Outputs<'r> {
    provenance: Option<&'r Provenance>,
    config_maps: Vec<Output<'r>>,
    /// Bundles that are rendered already: equal bundles are shared.
    bundles: BTreeMap<BundleId, BundleMaps>,
    /// The environments whose Jobs run in a namespace.
    namespaces: BTreeMap<String, Vec<&'r Environment<'r>>>,
    /// Jobs that are rendered last: the identities of their namespace are known only after all bundles.
    pending: Vec<Pending<'r>>,
    /// By namespace, scope, organization and environment.
    configurations: BTreeMap<(String, Scope, String, String), Configurations<'r>>,
}

/// The configuration of one environment or organization.
struct Configurations<'r> {
    environment: &'r Environment<'r>,
    entries: Vec<Entry>,
}

struct Pending<'r> {
    resource: &'r Resource,
    /// The shared flows that the bundle calls.
    calls: Vec<String>,
    settings: DeploySettings,
    removal: Option<Removal>,
    environment: &'r Environment<'r>,
    bundle: BundleId,
}

impl Pending<'_> {
    /// A removal is not part of a batch: it runs once, and then its spec is removed.
    fn is_batched(&self) -> bool {
        self.environment.spec.batch == Batch::Environment && self.removal.is_none()
    }
}

impl<'r> Outputs<'r> {
    pub(super) fn new(provenance: Option<&'r Provenance>) -> Self {
        Self {
            provenance,
            config_maps: Vec::new(),
            bundles: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            pending: Vec::new(),
            configurations: BTreeMap::new(),
        }
    }

    /// Adds a resource to the configuration of its environment or organization.
    pub(super) fn add_configuration(&mut self, made: &ConfigurationResource<'r>) {
        let (namespace, environment) = (made.namespace().to_owned(), made.environment);
        self.know(&namespace, environment);
        let key = (namespace, made.scope, environment.organization().to_owned(), environment.name().to_owned());
        let place = self.configurations.entry(key).or_insert(Configurations { environment, entries: Vec::new() });
        place.entries.push(made.entry.clone());
    }

    /// Records that the Jobs of an environment run in a namespace.
    fn know(&mut self, namespace: &str, environment: &'r Environment<'r>) {
        let known = self.namespaces.entry(namespace.to_owned()).or_default();
        if !known.iter().any(|other| std::ptr::eq(*other, environment)) {
            known.push(environment);
        }
    }

    /// Adds a bundle for each of its environments.
    pub(super) fn add(&mut self, made: &BundleResource<'r>) -> Result<(), String> {
        let owner = made.resource.subject.label();
        let manifest = Manifest::new(made.kind, &made.name, &made.files, made.requires.clone());
        for environment in &made.environments {
            let namespace = made.resource.namespace().or_else(|| environment.resource.namespace()).unwrap_or_default();
            let bundle = (namespace.to_owned(), made.kind, made.name.clone(), manifest.digest);
            if made.removal().is_none() && !self.bundles.contains_key(&bundle) {
                let metadata = Metadata {
                    namespace: some(namespace),
                    owner: &owner,
                    role: "bundle",
                    bundle: Some(&made.name),
                    component: k8s::component(made.kind),
                };
                let mut maps = BundleMaps::new(manifest.clone(), &made.files, &metadata)?;
                let objects = std::mem::take(&mut maps.objects);
                // A bundle's ConfigMaps share one file, whose name must not change with the digest.
                let stem = k8s::bundle_stem(made.kind, &made.name);
                let output = |object: Object| {
                    let object = object.in_layer(layer_of(made.kind));
                    Output { object, from: made.resource, stem: Some(stem.clone()) }
                };
                self.config_maps.extend(objects.into_iter().map(output));
                self.bundles.insert(bundle.clone(), maps);
            }
            self.know(namespace, environment);
            self.pending.push(Pending {
                resource: made.resource,
                calls: made.requires.shared_flows.clone(),
                settings: made.settings(environment),
                removal: made.removal(),
                environment,
                bundle,
            });
        }
        Ok(())
    }

    /// All objects in their order, with paths. Reports names that are taken.
    pub(super) fn finish<'i, 'a: 'i>(
        mut self,
        foreign: impl Iterator<Item = &'i Item<'a>>,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Vec<Object> {
        let foreign: BTreeMap<Id, Subject> =
            foreign.map(|item| (item.header.id(), Subject::from(&item.header))).collect();
        let mut outputs = Vec::new();
        for namespace in self.namespaces.keys() {
            match self.shared(namespace, &foreign) {
                Ok(shared) => outputs.extend(shared),
                Err(why) => diagnostics.push(Diagnostic::error(Code::Internal, why)),
            }
        }
        outputs.append(&mut self.config_maps);
        self.configurations(&mut outputs, diagnostics);
        self.batches(&mut outputs, diagnostics);
        for pending in self.pending.iter().filter(|pending| !pending.is_batched()) {
            match self.job(pending) {
                Ok(object) => outputs.push(Output::new(object, pending.resource)),
                Err(why) => diagnostics.push(Diagnostic::error(Code::Internal, why).of(&pending.resource.subject)),
            }
        }
        self.check_owners(diagnostics);
        self.reconcilers(&mut outputs, diagnostics);
        self.report_access(&mut outputs);
        check_names(&outputs, &foreign, diagnostics);
        place(outputs)
    }

    /// For each namespace and each environment or organization with configuration: the ConfigMap and the Job.
    fn configurations(&self, outputs: &mut Vec<Output<'r>>, diagnostics: &mut Vec<Diagnostic>) {
        for ((namespace, scope, ..), Configurations { environment, entries }) in &self.configurations {
            let deployer = self.deployer(namespace, environment);
            let document = configuration::document(entries.clone());
            let made =
                configuration::objects(environment, *scope, some(namespace), &deployer, self.provenance, &document);
            match made {
                Ok([map, job]) => {
                    let layer = match scope {
                        Scope::Environment => Layer::Configuration,
                        Scope::Organization => Layer::Organization,
                    };
                    // The name of the file must not change with the digest.
                    let stem = Some(k8s::configuration_name(environment.resource_name(), *scope));
                    outputs.push(Output { object: map.in_layer(layer), from: environment.resource, stem });
                    outputs.push(Output::new(job.in_layer(layer), environment.resource));
                }
                Err(diagnostic) => diagnostics.push(diagnostic),
            }
        }
    }

    /// For each namespace with Jobs that report to the cluster: the access that they need.
    fn report_access(&self, outputs: &mut Vec<Output<'r>>) {
        for (namespace, environments) in &self.namespaces {
            let Some(first) = environments.iter().find(|environment| reports(environment)) else { continue };
            let here = outputs.iter().map(|output| &output.object).filter(|object| object.id.namespace == *namespace);
            let access = k8s::report_access(here, &shared_metadata(namespace, "report"));
            outputs.extend(access.into_iter().flatten().map(|object| Output::new(object, first.resource)));
        }
    }

    /// For each namespace and environment in batch mode: the ConfigMap and the Job.
    fn batches(&self, outputs: &mut Vec<Output<'r>>, diagnostics: &mut Vec<Diagnostic>) {
        for (namespace, environments) in &self.namespaces {
            for environment in environments.iter().filter(|environment| environment.spec.batch == Batch::Environment) {
                let here = |pending: &&Pending<'r>| {
                    pending.is_batched()
                        && pending.bundle.0 == *namespace
                        && std::ptr::eq(pending.environment, *environment)
                };
                let members: Vec<Member<'_>> =
                    self.pending.iter().filter(here).filter_map(|pending| self.member(pending)).collect();
                if members.is_empty() {
                    continue;
                }
                let deployer = self.deployer(namespace, environment);
                match batch::objects(environment, some(namespace), &deployer, self.provenance, members) {
                    Ok([map, job]) => {
                        // The name of the file must not change with the digest.
                        let stem = Some(k8s::batch_name(environment.name()));
                        let map = map.in_layer(Layer::Proxies);
                        outputs.push(Output { object: map, from: environment.resource, stem });
                        outputs.push(Output::new(job.in_layer(Layer::Proxies), environment.resource));
                    }
                    Err(diagnostic) => diagnostics.push(diagnostic),
                }
            }
        }
    }

    /// Reports an owner that several namespaces share: each has its own inventory, and would prune the resources that are not in it.
    fn check_owners(&self, diagnostics: &mut Vec<Diagnostic>) {
        let mut namespaces: BTreeMap<(&str, &str, &str), (&Environment<'r>, Vec<&str>)> = BTreeMap::new();
        for (namespace, environments) in &self.namespaces {
            for environment in environments.iter().filter(|environment| prunes(environment)) {
                let Some(owner) = &environment.spec.owner else { continue };
                let place = (owner.as_str(), environment.organization(), environment.name());
                namespaces.entry(place).or_insert_with(|| (environment, Vec::new())).1.push(namespace);
            }
        }
        for ((owner, ..), (environment, places)) in namespaces.iter().filter(|(_, (_, places))| places.len() > 1) {
            let message = format!(
                "the namespaces {} share the owner `{owner}`, so the reconciler of each would remove the resources of the others",
                places.join(", ")
            );
            diagnostics.push(
                Diagnostic::error(Code::ConflictingFields, message)
                    .of(&environment.resource.subject)
                    .at(FieldPath::of(&["spec", "owner"]))
                    .help("remove `owner`, so that each namespace gets its own, or create an ApigeeEnvironment with its own `owner` for each"),
            );
        }
    }

    /// For each namespace and environment: the inventory, and the CronJob that reads it.
    fn reconcilers(&self, outputs: &mut Vec<Output<'r>>, diagnostics: &mut Vec<Diagnostic>) {
        for (namespace, environments) in &self.namespaces {
            for environment in environments {
                let Some(how) = environment.spec.reconcile() else { continue };
                let here = |pending: &&Pending<'r>| {
                    pending.removal.is_none()
                        && pending.bundle.0 == *namespace
                        && std::ptr::eq(pending.environment, *environment)
                };
                let wanted = self.pending.iter().filter(here);
                let members: Vec<Member<'_>> = wanted.filter_map(|pending| self.member(pending)).collect();
                let of = |scope| {
                    let place = environment.organization().to_owned();
                    let key = (namespace.clone(), scope, place, environment.name().to_owned());
                    self.configurations.get(&key).map(|here| configuration::document(here.entries.clone()).resources)
                };
                // If the last resource of an organization is removed, it must still be pruned, so one reconciler always handles the organization.
                let is_here = |other: &&String| environment.spec.owner.is_some() || *other == namespace;
                let owners = self.namespaces.iter().filter(|(other, _)| is_here(other)).flat_map(|(_, others)| others);
                let place = |of: &Environment<'_>| (of.organization().to_owned(), of.spec.owner.clone());
                let equals = owners.filter(|other| place(other) == place(environment));
                let is_first = equals.map(|other| other.name()).min() == Some(environment.name());
                let organization = of(Scope::Organization).or_else(|| is_first.then(Vec::new));
                let reconciler = Reconciler {
                    environment,
                    namespace: some(namespace),
                    deployer: &self.deployer(namespace, environment),
                    provenance: self.provenance,
                    how: &how,
                    members,
                    configuration: of(Scope::Environment).unwrap_or_default(),
                    organization,
                };
                match reconciler.objects() {
                    Ok([map, cron_job]) => {
                        let stem = Some(k8s::environment_name(environment.resource_name(), "inventory"));
                        let map = map.in_layer(Layer::Reconcile);
                        outputs.push(Output { object: map, from: environment.resource, stem });
                        outputs.push(Output::new(cron_job.in_layer(Layer::Reconcile), environment.resource));
                    }
                    Err(diagnostic) => diagnostics.push(diagnostic),
                }
            }
        }
    }

    fn member<'o>(&'o self, pending: &'o Pending<'r>) -> Option<Member<'o>> {
        let (_, kind, name, digest) = &pending.bundle;
        // A name in Apigee is a single path segment.
        let folder = format!("{}/{name}", kind.collection());
        let entry =
            BatchEntry { kind: *kind, name: name.clone(), folder, digest: *digest, settings: pending.settings.clone() };
        Some(Member { entry, calls: &pending.calls, maps: self.bundles.get(&pending.bundle)? })
    }

    fn job(&self, pending: &Pending<'r>) -> Result<Object, String> {
        let environment = pending.environment;
        let (namespace, kind, name, _) = &pending.bundle;
        let deployer = self.deployer(namespace, environment);
        let (payload, digest, sources) = if let Some(removal) = pending.removal {
            // The Job of a removal runs again when the type of removal changes, but not when the bundle changes.
            let digest = Digest::of_bytes(format!("{removal:?}").as_bytes());
            (Payload::Removal { kind: *kind, name, removal }, digest, Default::default())
        } else {
            let maps = self.bundles.get(&pending.bundle).ok_or("the bundle of a Job is missing")?;
            let payload = Payload::Bundle { kind: *kind, name, settings: &pending.settings };
            (payload, maps.digest, maps.sources.as_slice())
        };
        let deployment = Deployment { sources, ..environment.deployment(payload, digest, &deployer, self.provenance) };
        let metadata = Metadata {
            namespace: some(namespace),
            owner: &pending.resource.subject.label(),
            role: "deploy",
            bundle: Some(name),
            component: k8s::component(*kind),
        };
        Ok(k8s::job(&deployment, &metadata).in_layer(layer_of(*kind)))
    }

    /// One ServiceAccount serves a namespace; environments with different identities get one each.
    fn deployer(&self, namespace: &str, environment: &Environment<'_>) -> DeployerIdentity {
        let own =
            |identity: &Option<Identity>| identity.clone().filter(|i| !matches!(i, Identity::ServiceAccountName(_)));
        let identities = self.namespaces.get(namespace).into_iter().flatten().filter_map(|e| own(&e.spec.identity));
        let distinct = identities.fold(Vec::new(), |mut distinct: Vec<Identity>, identity| {
            if !distinct.contains(&identity) {
                distinct.push(identity);
            }
            distinct
        });
        let suffix = (distinct.len() > 1).then(|| k8s::slug(environment.name()));
        DeployerIdentity::new(environment.spec.identity.as_ref(), suffix.as_deref())
    }

    fn shared(&self, namespace: &str, foreign: &BTreeMap<Id, Subject>) -> Result<Vec<Output<'r>>, String> {
        let environments = self.namespaces.get(namespace).map(Vec::as_slice).unwrap_or_default();
        let Some(first) = environments.first() else { return Ok(Vec::new()) };
        let metadata = |role| shared_metadata(namespace, role);
        let mut outputs = Vec::new();
        let mut seen = BTreeSet::new();
        for environment in environments {
            let default = environment.spec.identity.is_none();
            for object in self.deployer(namespace, environment).objects(&metadata("identity"))? {
                // Without `identity`, an existing ServiceAccount of the namespace is used unchanged.
                let given = default && foreign.contains_key(&object.id);
                if !given && seen.insert(object.id.clone()) {
                    outputs.push(Output::new(object, environment.resource));
                }
            }
        }
        let ports: BTreeSet<u16> = environments
            .iter()
            .filter_map(|environment| environment.endpoint.as_ref()?.parse::<Endpoint>().ok())
            .map(|endpoint| endpoint.port())
            .chain([443])
            .chain(environments.iter().any(|environment| reports(environment)).then_some(API_SERVER_PORT))
            .collect();
        let ports: Vec<u16> = ports.into_iter().collect();
        outputs.push(Output::new(k8s::network_policy(&ports, &metadata("network")), first.resource));
        if let Some(provenance) = self.provenance {
            outputs.push(Output::new(k8s::provenance(provenance, &metadata("provenance"))?, first.resource));
        }
        Ok(outputs)
    }
}

/// The layer of a bundle and of the Job that deploys it.
fn layer_of(kind: BundleKind) -> Layer {
    match kind {
        BundleKind::Proxy => Layer::Proxies,
        BundleKind::SharedFlow => Layer::SharedFlows,
    }
}

fn reports(environment: &Environment<'_>) -> bool {
    environment.spec.deployer.report == ReportTo::Job
}

/// The metadata of objects that belong to a whole namespace.
fn shared_metadata<'m>(namespace: &'m str, role: &'m str) -> Metadata<'m> {
    Metadata { namespace: some(namespace), owner: "apigee-flux", role, bundle: None, component: "deployer" }
}

fn some(namespace: &str) -> Option<&str> {
    Some(namespace).filter(|namespace| !namespace.is_empty())
}

/// The labels that say what a Job deploys, and where.
const TARGET_LABELS: [&str; 4] =
    ["apigeeflux.dev/organization", "apigeeflux.dev/environment", "apigeeflux.dev/proxy", "apigeeflux.dev/sharedflow"];

/// True if resources that were removed from Git are pruned from an environment.
fn prunes(environment: &Environment<'_>) -> bool {
    environment.spec.reconcile().is_some_and(|reconcile| reconcile.prune)
}

/// Reports rendered objects whose name is taken by another resource, or by another rendered object.
fn check_names(outputs: &[Output<'_>], foreign: &BTreeMap<Id, Subject>, diagnostics: &mut Vec<Diagnostic>) {
    let mut made: BTreeMap<&Id, &Output<'_>> = BTreeMap::new();
    for output in outputs {
        let id = &output.object.id;
        let name = format!("{} `{}`", id.kind, id.name);
        if let Some(subject) = foreign.get(id) {
            let place = subject.file.as_ref().map(|file| format!(" in {file}")).unwrap_or_default();
            diagnostics.push(
                Diagnostic::error(
                    Code::NameTaken,
                    format!("the {name}{place} is not managed by apigee-flux, but has the name of an object to render"),
                )
                .of(&output.from.subject)
                .help("rename it; if an earlier run rendered it and it lost its annotations, delete it"),
            );
        }
        // Two Jobs for the same proxy or shared flow in one environment have been reported already.
        let target = |object: &Object| TARGET_LABELS.map(|key| object.label(key).map(str::to_owned));
        let other = made.insert(id, output).filter(|other| target(&other.object) != target(&output.object));
        if let Some(other) = other {
            diagnostics.push(
                Diagnostic::error(
                    Code::NameCollision,
                    format!("the {name} is also defined by {}", other.from.subject.label()),
                )
                .of(&output.from.subject)
                .help("set another `spec.name`"),
            );
        }
    }
}

/// Sets the files to which kpt writes the objects: next to the file of their spec, one file each, the same in every run.
fn place(outputs: Vec<Output<'_>>) -> Vec<Object> {
    let mut objects = Vec::with_capacity(outputs.len());
    let mut next: BTreeMap<String, usize> = BTreeMap::new();
    for Output { mut object, from, stem } in outputs {
        if let Some(file) = &from.subject.file {
            let folder = file.rsplit_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
            // The namespace may contain any characters of the input, a path must not.
            let namespace = some(&object.id.namespace).map(|name| format!("{}/", k8s::slug(name))).unwrap_or_default();
            let kind = object.id.kind.to_lowercase();
            let name = stem.unwrap_or_else(|| object.id.name.clone());
            let path = format!("{folder}{FOLDER}/{namespace}{kind}_{name}.yaml");
            let index = next.entry(path.clone()).or_default();
            object.annotate(annotation::INDEX, &index.to_string());
            object.annotate(annotation::PATH, &path);
            *index += 1;
            if let Some(package) = &from.package_path {
                object.annotate(annotation::PACKAGE_PATH, package);
            }
        }
        objects.push(object);
    }
    objects
}
