//! The objects of all bundles, the objects that each namespace shares, and the files to which kpt writes them.

use std::collections::{BTreeMap, BTreeSet};

use super::ExpandOptions;
use super::batch::{self, Member};
use super::bundle_resource::BundleResource;
use super::configuration::{self, ConfigurationResource};
use super::environment::Environment;
use super::job_with_document::JobWithDocument;
use super::known_places::KeptNamespace;
use super::owners;
use super::reconciler::Reconciler;
use crate::k8s::{
    self, BundleMaps, DeployerIdentity, Deployment, Intent, InventoryMaps, Layer, Metadata, Object, PackedNames,
    Payload,
};
use crate::spec::Resource;
use crate::spec::environment::{Batch, Identity, ReportTo};
use apigee_flux_configuration::inventory::{self, Index, Inventory, InventoryBundle, Named, NamedResource, Names};
use apigee_flux_configuration::{Entry, Scope};
use apigee_flux_model::bundle::{BatchEntry, BundleKind, DeploySettings, Digest, Manifest, Removal};
use apigee_flux_model::diag::{Code, Diagnostic, Subject};
use apigee_flux_model::krm::{Id, Item, annotation};
use apigee_flux_model::names::endpoint::Endpoint;
use apigee_flux_model::names::kubernetes::applies;
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

/// A namespace, and an environment by its organization and name.
type PlaceId = (String, String, String);

/// What the Jobs with a document apply: the text of `applies`, and the digest of the document.
type Intents = BTreeMap<PlaceId, BTreeMap<String, Digest>>;

/// All objects of the output.
pub(super) struct Outputs<'r> {
    provenance: Option<&'r Provenance>,
    /// All environments of the input, also those that are not rendered.
    environments: &'r [Environment<'r>],
    /// Whether only one environment is rendered.
    is_alone: bool,
    config_maps: Vec<Output<'r>>,
    /// Bundles that are rendered already: equal bundles are shared.
    bundles: BTreeMap<BundleId, BundleMaps>,
    /// The environments whose Jobs run in a namespace.
    namespaces: BTreeMap<String, Vec<&'r Environment<'r>>>,
    /// Namespaces with an organization and environment: specs may move from them to others.
    origins: BTreeSet<(String, &'r str, &'r str)>,
    /// Jobs that are rendered last: the identities of their namespace are known only after all bundles.
    pending: Vec<Pending<'r>>,
    /// By namespace, scope, organization and environment.
    configurations: BTreeMap<(String, Scope, String, String), Configurations<'r>>,
}

/// The configuration of one environment or organization.
struct Configurations<'r> {
    environment: &'r Environment<'r>,
    scope: Scope,
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
    /// Whether the bundle is defined in an environment.
    fn is_in(&self, environment: &Environment<'_>) -> bool {
        self.removal.is_none() && std::ptr::eq(self.environment, environment)
    }

    /// A removal is not part of a batch: it runs once, and then its spec is removed.
    fn is_batched(&self) -> bool {
        self.environment.spec.batch == Batch::Environment && self.removal.is_none()
    }
}

impl<'r> Outputs<'r> {
    pub(super) fn new(provenance: Option<&'r Provenance>, environments: &'r [Environment<'r>], is_alone: bool) -> Self {
        Self {
            provenance,
            environments,
            is_alone,
            config_maps: Vec::new(),
            bundles: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            origins: BTreeSet::new(),
            pending: Vec::new(),
            configurations: BTreeMap::new(),
        }
    }

    /// Adds a resource to the configuration of its environment or organization.
    pub(super) fn add_configuration(&mut self, made: &ConfigurationResource<'r>) {
        let (namespace, environment) = (made.namespace().to_owned(), made.environment);
        self.serve(&namespace, environment);
        let key = (namespace, made.scope, environment.organization().to_owned(), environment.name().to_owned());
        let place = self.configurations.entry(key).or_insert(Configurations {
            environment,
            scope: made.scope,
            entries: Vec::new(),
        });
        place.entries.push(made.entry.clone());
    }

    /// Renders the inventory and the reconciler of an environment in a namespace, even if no spec is left there: without them, the last
    /// resource that was removed from Git would stay in Apigee.
    pub(super) fn keep(&mut self, kept: &KeptNamespace<'r>) {
        self.know(&kept.namespace, kept.environment);
        if kept.is_origin {
            self.serve(&kept.namespace, kept.environment);
        }
    }

    /// Records that a namespace has specs of an environment.
    fn serve(&mut self, namespace: &str, environment: &'r Environment<'r>) {
        self.know(namespace, environment);
        self.origins.insert((namespace.to_owned(), environment.organization(), environment.name()));
    }

    fn know(&mut self, namespace: &str, environment: &'r Environment<'r>) {
        let known = self.namespaces.entry(namespace.to_owned()).or_default();
        if !known.iter().any(|other| std::ptr::eq(*other, environment)) {
            known.push(environment);
        }
    }

    /// An ApigeeEnvironment without a namespace, which is set after rendering, has a reconciler even if no spec uses it. If its specs have
    /// namespaces, it needs none of its own.
    pub(super) fn know_rest(&mut self, options: &ExpandOptions<'_>) {
        for environment in self.environments {
            let serves = self.namespaces.values().flatten().any(|known| std::ptr::eq(*known, environment));
            let is_wanted = options.environment.is_none_or(|only| environment.is_named(only));
            if !serves && is_wanted && environment.spec.reconcile().is_some() {
                self.know("", environment);
            }
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
            self.serve(namespace, environment);
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
        // Whether a spec or an earlier output names an environment first must not show.
        for environments in self.namespaces.values_mut() {
            environments.sort_by_key(|environment| (environment.organization(), environment.name()));
        }
        for namespace in self.namespaces.keys() {
            match self.shared(namespace, &foreign) {
                Ok(shared) => outputs.extend(shared),
                Err(why) => diagnostics.push(Diagnostic::error(Code::Internal, why)),
            }
        }
        outputs.append(&mut self.config_maps);
        let mut intents = Intents::new();
        self.configurations(&mut outputs, &mut intents, diagnostics);
        self.batches(&mut outputs, &mut intents, diagnostics);
        for pending in self.pending.iter().filter(|pending| !pending.is_batched()) {
            match self.job(pending) {
                Ok(object) => outputs.push(Output::new(object, pending.resource)),
                Err(why) => diagnostics.push(Diagnostic::error(Code::Internal, why).of(&pending.resource.subject)),
            }
        }
        owners::check(
            self.environments,
            self.configurations.values().map(|one| (one.scope, one.environment)),
            diagnostics,
        );
        self.inventories(&mut outputs, &intents, diagnostics);
        self.reconcilers(&mut outputs);
        self.access(&mut outputs, diagnostics);
        check_names(&outputs, &foreign, diagnostics);
        check_sizes(&outputs, diagnostics);
        place(outputs)
    }

    /// For each namespace and each environment or organization with configuration: the ConfigMap and the Job.
    fn configurations(&self, outputs: &mut Vec<Output<'r>>, intents: &mut Intents, diagnostics: &mut Vec<Diagnostic>) {
        for ((namespace, scope, ..), Configurations { environment, entries, .. }) in &self.configurations {
            let deployer = self.deployer(namespace, environment);
            let document = configuration::document(entries.clone());
            let made =
                configuration::objects(environment, *scope, some(namespace), &deployer, self.provenance, &document);
            let layer = match scope {
                Scope::Environment => Layer::Configuration,
                Scope::Organization => Layer::Organization,
            };
            match made {
                Ok(made) => add(made, namespace, environment, layer, outputs, intents),
                Err(diagnostic) => diagnostics.push(diagnostic),
            }
        }
    }

    /// For each namespace with pods that call the API of the cluster: the access that they need.
    fn access(&self, outputs: &mut Vec<Output<'r>>, diagnostics: &mut Vec<Diagnostic>) {
        for (namespace, environments) in &self.namespaces {
            let Some(first) = environments.first() else { continue };
            let here =
                || outputs.iter().map(|output| &output.object).filter(|object| object.id.namespace == *namespace);
            let report = k8s::report_access(here(), &shared_metadata(namespace, "report")).unwrap_or_else(|why| {
                diagnostics.push(Diagnostic::error(Code::Internal, why));
                Vec::new()
            });
            let reconcile = k8s::reconcile_access(here(), &shared_metadata(namespace, "reconcile-access"));
            let secrets = k8s::secret_access(here(), &shared_metadata(namespace, "secret-access"));
            let access: Vec<Object> =
                report.into_iter().chain([reconcile, secrets].into_iter().flatten().flatten()).collect();
            outputs.extend(access.into_iter().map(|object| Output::new(object, first.resource)));
        }
    }

    /// For each namespace and environment in batch mode: the ConfigMap and the Job.
    fn batches(&self, outputs: &mut Vec<Output<'r>>, intents: &mut Intents, diagnostics: &mut Vec<Diagnostic>) {
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
                    Ok(parts) => {
                        for part in parts {
                            add(part, namespace, environment, Layer::Proxies, outputs, intents);
                        }
                    }
                    Err(diagnostic) => diagnostics.push(diagnostic),
                }
            }
        }
    }

    /// For each namespace and environment: the inventory, which the Jobs and the reconciler read.
    fn inventories(&self, outputs: &mut Vec<Output<'r>>, intents: &Intents, diagnostics: &mut Vec<Diagnostic>) {
        let mut all_names: BTreeMap<(&str, &str), PackedNames> = BTreeMap::new();
        for environment in self.environments {
            match PackedNames::new(&self.names(environment)) {
                Ok(names) => drop(all_names.insert((environment.organization(), environment.name()), names)),
                Err(why) => diagnostics.push(Diagnostic::error(Code::Internal, why)),
            }
        }
        for (namespace, environments) in &self.namespaces {
            for environment in environments {
                let Some(names) = all_names.get(&(environment.organization(), environment.name())) else { continue };
                let label = environment.resource.subject.label();
                let metadata = Metadata {
                    namespace: some(namespace),
                    owner: &label,
                    role: "inventory",
                    bundle: None,
                    component: "reconciler",
                };
                let index = Index {
                    schema_version: inventory::SCHEMA_VERSION,
                    organization: environment.organization().to_owned(),
                    environment: environment.name().to_owned(),
                    provenance: self.provenance.cloned().unwrap_or_default(),
                    owners: self.owners(environment),
                    organization_owners: self.organization_owners(environment.organization()),
                    parts: Vec::new(),
                    names: Vec::new(),
                    documents: intents.get(&place_of(namespace, environment)).cloned().unwrap_or_default(),
                };
                let whole = environment.spec.reconcile().map(|_| self.inventory(namespace, environment));
                let name = k8s::inventory_name(environment.resource_name());
                match InventoryMaps::new(index, names, whole, &name, &metadata) {
                    Ok(InventoryMaps { objects }) => {
                        outputs.extend(objects.into_iter().map(|object| Output::new(object, environment.resource)));
                    }
                    Err(why) => {
                        diagnostics.push(Diagnostic::error(Code::Internal, why).of(&environment.resource.subject));
                    }
                }
            }
        }
    }

    /// The desired state of an environment, as one namespace defines it.
    fn inventory(&self, namespace: &str, environment: &Environment<'r>) -> Inventory {
        let here = |pending: &&Pending<'r>| pending.bundle.0 == namespace && pending.is_in(environment);
        let mut bundles: Vec<InventoryBundle> = self
            .pending
            .iter()
            .filter(here)
            .filter_map(|pending| self.member(pending))
            .map(|Member { entry, maps, .. }| InventoryBundle { entry, content: maps.content.clone() })
            .collect();
        bundles.sort_by(|a, b| (a.entry.kind, &a.entry.name).cmp(&(b.entry.kind, &b.entry.name)));
        let of = |scope| self.configuration_of(namespace, scope, environment);
        // If the last resource of an organization is removed, it must still be pruned, so one reconciler of a namespace always handles the
        // organization.
        let organization =
            of(Scope::Organization).or_else(|| self.handles_organization(namespace, environment).then(Vec::new));
        Inventory {
            schema_version: inventory::SCHEMA_VERSION,
            bundles,
            environment: of(Scope::Environment).unwrap_or_default(),
            organization,
        }
    }

    fn configuration_of(&self, namespace: &str, scope: Scope, environment: &Environment<'_>) -> Option<Vec<Entry>> {
        let place = (environment.organization().to_owned(), environment.name().to_owned());
        let found = self.configurations.get(&(namespace.to_owned(), scope, place.0, place.1))?;
        Some(configuration::document(found.entries.clone()).resources)
    }

    /// Whether the reconciler of an environment is the one of its namespace that handles the organization: that of the first environment with the
    /// same owner. Other namespaces have their own, since a record belongs to one namespace.
    fn handles_organization(&self, namespace: &str, environment: &Environment<'r>) -> bool {
        let same = |other: &&Environment<'_>| {
            other.organization() == environment.organization() && other.spec.owner == environment.spec.owner
        };
        let first = |names: &mut dyn Iterator<Item = &'r str>| names.min();
        let here = self.namespaces.get(namespace).into_iter().flatten().copied().filter(same);
        // If one environment is rendered alone, the resources of the organization are not in this output unless they are reached through it.
        let is_rendered =
            |other: &Environment<'_>| self.namespaces.values().flatten().any(|known| std::ptr::eq(*known, other));
        let left_out = self.environments.iter().filter(same).filter(|other| self.is_alone && !is_rendered(other));
        first(&mut here.chain(left_out).map(Environment::name)) == Some(environment.name())
    }

    /// The owners of an environment's resources, by namespace. A namespace that is set after rendering is not known.
    fn owners(&self, environment: &Environment<'r>) -> BTreeMap<String, String> {
        let owner = configuration::owner(environment, Scope::Environment);
        let serving = self.namespaces.iter().filter(|(namespace, environments)| {
            let key = ((*namespace).clone(), environment.organization(), environment.name());
            !namespace.is_empty()
                && environments.iter().any(|known| std::ptr::eq(*known, environment))
                && self.origins.contains(&key)
        });
        serving.map(|(namespace, _)| (namespace.clone(), owner.in_namespace(namespace))).collect()
    }

    /// The owners of an organization's resources, by namespace. One organization has one owner in a namespace, which is checked.
    fn organization_owners(&self, organization: &str) -> BTreeMap<String, String> {
        let named = self.namespaces.iter().filter(|(namespace, _)| !namespace.is_empty());
        let owner = |(namespace, environments): (&String, &Vec<&'r Environment<'r>>)| {
            let environment = environments.iter().find(|environment| {
                let key = (namespace.clone(), environment.organization(), environment.name());
                environment.organization() == organization && self.origins.contains(&key)
            })?;
            let owner = configuration::owner(environment, Scope::Organization);
            Some((namespace.clone(), owner.in_namespace(namespace)))
        };
        named.filter_map(owner).collect()
    }

    /// Everything that the input defines in an environment and its organization.
    fn names(&self, environment: &Environment<'r>) -> Names {
        let bundles = self.pending.iter().filter(|pending| pending.is_in(environment)).map(|pending| {
            let (namespace, kind, name, digest) = &pending.bundle;
            let id = configuration_id(kind.resource_kind(), name);
            let named = Named::new(namespace, *digest);
            (NamedResource { of_organization: false, id }, named)
        });
        let entries = self.configurations.iter().filter(|((_, scope, organization, name), _)| {
            organization == environment.organization() && (*scope == Scope::Organization || name == environment.name())
        });
        let entries = entries.flat_map(|((namespace, scope, ..), here)| {
            here.entries.iter().map(move |entry| {
                let of_organization = *scope == Scope::Organization;
                let resource = NamedResource { of_organization, id: entry.id.clone() };
                (resource, Named::new(namespace, entry.digest()))
            })
        });
        Names(bundles.chain(entries).collect())
    }

    /// For each namespace and environment: the CronJob.
    fn reconcilers(&self, outputs: &mut Vec<Output<'r>>) {
        for (namespace, environments) in &self.namespaces {
            for environment in environments {
                let Some(how) = environment.spec.reconcile() else { continue };
                let entries = [Scope::Environment, Scope::Organization]
                    .into_iter()
                    .filter_map(|scope| self.configuration_of(namespace, scope, environment));
                let reconciler = Reconciler {
                    environment,
                    namespace: some(namespace),
                    deployer: &self.deployer(namespace, environment),
                    provenance: self.provenance,
                    how: &how,
                    configuration: &configuration::document(entries.flatten().collect()),
                };
                let cron_job = reconciler.cron_job().in_layer(Layer::Reconcile);
                outputs.push(Output::new(cron_job, environment.resource));
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
        let (payload, digest, desired, sources) = if let Some(removal) = pending.removal {
            // The Job of a removal runs again when the type of removal changes, but not when the bundle changes.
            let digest = Digest::of_bytes(format!("{removal:?}").as_bytes());
            (Payload::Removal { kind: *kind, name, removal }, digest, digest, Default::default())
        } else {
            let Member { entry, maps, .. } = self.member(pending).ok_or("the bundle of a Job is missing")?;
            let payload = Payload::Bundle { kind: *kind, name, settings: &pending.settings };
            (payload, maps.digest, entry.desired(), maps.sources.as_slice())
        };
        let what = format!("{} {name}", kind.resource_kind());
        let applies = applies(environment.organization(), Some(environment.name()), &what);
        let owner = configuration::owner(environment, Scope::Environment);
        let deployment = Deployment {
            sources,
            intent: Some(Intent { applies, desired }),
            digest: Some(digest),
            ..environment.deployment(payload, owner, &deployer, self.provenance)
        };
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
        let mut entries =
            self.configurations.iter().filter(|((at, ..), _)| at == namespace).map(|(_, here)| &here.entries);
        let creates = entries.any(|entries| configuration::creates_secrets(entries));
        let ports: BTreeSet<u16> = environments
            .iter()
            .filter_map(|environment| environment.endpoint.as_ref()?.parse::<Endpoint>().ok())
            .map(|endpoint| endpoint.port())
            .chain([443])
            .chain(
                (environments.iter().any(|environment| calls_cluster(environment)) || creates)
                    .then_some(API_SERVER_PORT),
            )
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

/// Whether pods of an environment call the API of their cluster.
fn calls_cluster(environment: &Environment<'_>) -> bool {
    environment.spec.deployer.report == ReportTo::Job || environment.spec.reconcile().is_some()
}

/// Adds a Job and its document.
fn add<'r>(
    made: JobWithDocument,
    namespace: &str,
    environment: &'r Environment<'r>,
    layer: Layer,
    outputs: &mut Vec<Output<'r>>,
    intents: &mut Intents,
) {
    let JobWithDocument { maps, stem, job, intent } = made;
    outputs.extend(maps.into_iter().map(|map| Output {
        object: map.in_layer(layer),
        from: environment.resource,
        stem: Some(stem.clone()),
    }));
    outputs.push(Output::new(job.in_layer(layer), environment.resource));
    intents.entry(place_of(namespace, environment)).or_default().insert(intent.applies, intent.desired);
}

fn place_of(namespace: &str, environment: &Environment<'_>) -> PlaceId {
    (namespace.to_owned(), environment.organization().to_owned(), environment.name().to_owned())
}

fn configuration_id(kind: &str, name: &str) -> apigee_flux_configuration::Id {
    apigee_flux_configuration::Id { kind: kind.to_owned(), parent: None, name: name.to_owned() }
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

/// Reports objects that a client-side apply cannot store. Immutable ConfigMaps are filled up to a limit below that.
fn check_sizes(outputs: &[Output<'_>], diagnostics: &mut Vec<Diagnostic>) {
    for Output { object, from, .. } in outputs.iter().filter(|output| !output.object.is_immutable()) {
        let too_large = match k8s::json_bytes(object) {
            Ok(size) if size <= k8s::MAX_BYTES => continue,
            Ok(size) => Diagnostic::error(
                Code::ObjectTooLarge,
                format!(
                    "the {} `{}` has {size} bytes as JSON; a client-side apply can store {}",
                    object.id.kind,
                    object.id.name,
                    k8s::MAX_BYTES
                ),
            )
            .help(what_grows(&object.id.kind)),
            Err(why) => Diagnostic::error(Code::Internal, why),
        };
        diagnostics.push(too_large.of(&from.subject));
    }
}

/// What cannot be split in an object of a kind, and what to do about it.
fn what_grows(kind: &str) -> &'static str {
    match kind {
        "ConfigMap" => {
            "the list of the namespaces that have specs of the environment is what grows: put the specs into fewer namespaces, or into several \
             inputs with an ApigeeEnvironment each"
        }
        "Role" | "RoleBinding" => {
            "the list of environments and their ServiceAccounts is what grows: put the ApigeeEnvironments into several namespaces"
        }
        _ => {
            "the list of Secrets is what grows: take more keys from one Secret or from files of `spec.deployer.secretProviderClass`, or put the \
             resources into several namespaces, each with its own Jobs"
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
