//! The configuration kinds: renders resources to one document for each environment and organization.

use std::collections::{BTreeMap, BTreeSet};

use super::bundle_resource::{self, BundleResource};
use super::environment::Environment;
use super::job_with_document::JobWithDocument;
use super::resolve::{needs_values, resolve};
use crate::k8s::{
    self, DeployerIdentity, Deployment, DocumentMaps, Intent, Metadata, Payload, ROOM_BYTES, ResourceOwner, text_bytes,
};
use crate::spec::{KINDS, Resource, Spec};
use apigee_flux_configuration::Configured;
use apigee_flux_configuration::document::{Document, Entry, FILE_NAME, Id, SCHEMA_VERSION};
use apigee_flux_configuration::new_secret;
use apigee_flux_configuration::secret::{self, SecretKeyRef, ValueFrom};
use apigee_flux_configuration::{Place, ResourceReference, Scope, secret_folder};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report, nearest};
use apigee_flux_model::krm::Input;
use apigee_flux_model::limits::{CountLimit, counts};
use apigee_flux_model::names::kubernetes::applies;
use apigee_flux_model::names::kubernetes_rules;
use apigee_flux_model::provenance::Provenance;
use apigee_flux_model::stable_parts;
use apigee_flux_model::yaml::YamlNode;

/// A configuration resource in one environment or organization.
pub(super) struct ConfigurationResource<'r> {
    pub resource: &'r Resource,
    /// The entry for the document.
    pub entry: Entry,
    pub scope: Scope,
    /// The environment of the resource; for a resource of an organization, the organization's first environment, whose settings are used to
    /// reach it.
    pub environment: &'r Environment<'r>,
    /// Whether the name in Apigee cannot be chosen.
    has_fixed_name: bool,
    references: Vec<ResourceReference>,
    external: Vec<String>,
}

impl ConfigurationResource<'_> {
    /// Its environment or organization in Apigee.
    pub(super) fn place(&self) -> Place<'_> {
        place(self.scope, self.environment)
    }

    /// The namespace of its Job.
    pub(super) fn namespace(&self) -> &str {
        self.resource.namespace().or_else(|| self.environment.resource.namespace()).unwrap_or_default()
    }
}

/// The environment, or its organization, depending on the scope.
pub(super) fn place<'e>(scope: Scope, environment: &'e Environment<'_>) -> Place<'e> {
    Place {
        organization: environment.organization(),
        environment: (scope == Scope::Environment).then(|| environment.name()),
    }
}

/// The resource in all its environments or organizations.
pub(super) fn expand<'r>(
    resource: &'r Resource,
    input: &Input<'_>,
    only: Option<&str>,
    known: &'r [Environment<'r>],
    report: &mut Report<'_>,
) -> Vec<ConfigurationResource<'r>> {
    let selected = bundle_resource::environments(resource.spec(), known, report);
    if !needs_values(resource.spec()) {
        let Some(configured) = read(resource, input, None, report) else { return Vec::new() };
        let environments = environments(&configured, &selected, known, only, report);
        let organizations: BTreeSet<&str> = environments.iter().map(|environment| environment.organization()).collect();
        for organization in organizations {
            configured.spec.check_in(organization, name(resource, &configured), report);
        }
        let all: Vec<_> =
            environments.into_iter().map(|environment| made(resource, &configured, environment)).collect();
        check_secrets(&all, report);
        return all;
    }
    let mut all = Vec::new();
    for environment in selected.into_iter().filter(|environment| only.is_none_or(|only| environment.is_named(only))) {
        let Some(configured) = read(resource, input, Some(environment), report) else { continue };
        if configured.spec.scope() == Scope::Organization {
            report.push(
                Diagnostic::error(
                    Code::UnknownValue,
                    "a resource of an organization cannot use the values of an environment",
                )
                .help("write the value itself, which then applies to all environments"),
            );
            return Vec::new();
        }
        all.push(made(resource, &configured, environment));
    }
    check_secrets(&all, report);
    all
}

fn read(
    resource: &Resource,
    input: &Input<'_>,
    environment: Option<&Environment<'_>>,
    report: &mut Report<'_>,
) -> Option<Configured> {
    let before = report.errors();
    let spec = resolve(resource.spec(), input, environment, report);
    if report.errors() > before {
        return None;
    }
    let Spec::Configuration(configured) = resource.decode(&spec, report)? else { return None };
    if let (Some(fixed), Some(_)) = (configured.spec.fixed_name(), &configured.common.name) {
        let message = format!("`name` is not allowed: the name in Apigee is always `{fixed}`; remove `name`");
        report.error(Code::ConflictingFields, FieldPath::of(&["spec", "name"]), message);
    }
    configured.spec.check(name(resource, &configured), report);
    Some(configured)
}

fn name<'n>(resource: &'n Resource, configured: &'n Configured) -> &'n str {
    let chosen = configured.common.name.as_deref().unwrap_or(&resource.subject.name);
    configured.spec.fixed_name().unwrap_or(chosen)
}

/// The environments of a resource; for an organization, the environment through which it is reached.
fn environments<'r>(
    configured: &Configured,
    selected: &[&'r Environment<'r>],
    known: &'r [Environment<'r>],
    only: Option<&str>,
    report: &mut Report<'_>,
) -> Vec<&'r Environment<'r>> {
    let at = |field: &str| FieldPath::of(&["spec", field]);
    let wanted = |environment: &&Environment<'_>| only.is_none_or(|only| environment.is_named(only));
    let common = &configured.common;
    match configured.spec.scope() {
        Scope::Environment => {
            if !common.organizations.is_empty() {
                let message = "this kind belongs to environments, not to organizations: use `environments`";
                report.error(Code::ConflictingFields, at("organizations"), message);
            }
            selected.iter().copied().filter(wanted).collect()
        }
        Scope::Organization => {
            if !common.environments.is_empty() {
                let message =
                    "this kind belongs to the organization, which all environments share: use `organizations`";
                report.error(Code::ConflictingFields, at("environments"), message);
            }
            let mut first: BTreeMap<&str, &'r Environment<'r>> = BTreeMap::new();
            for environment in known {
                let host = first.entry(environment.organization()).or_insert(environment);
                if environment.name() < host.name() {
                    *host = environment;
                }
            }
            for (index, organization) in common.organizations.iter().enumerate() {
                if !first.contains_key(organization.as_str()) && !first.is_empty() {
                    let names: Vec<&str> = first.keys().copied().collect();
                    report.push(
                        Diagnostic::error(
                            Code::MissingEnvironment,
                            format!("no ApigeeEnvironment of the organization `{organization}` is in the input"),
                        )
                        .at(at("organizations").index(index))
                        .help(format!("known: {}", names.join(", "))),
                    );
                }
            }
            let asked = |organization: &str| {
                common.organizations.is_empty() || common.organizations.iter().any(|wanted| wanted == organization)
            };
            first
                .into_iter()
                .filter(|(organization, _)| asked(organization))
                .map(|(_, environment)| environment)
                .filter(wanted)
                .collect()
        }
    }
}

fn made<'r>(
    resource: &'r Resource,
    configured: &Configured,
    environment: &'r Environment<'r>,
) -> ConfigurationResource<'r> {
    let name = name(resource, configured);
    ConfigurationResource {
        resource,
        entry: Entry {
            id: Id {
                kind: resource.kind.name.to_owned(),
                parent: configured.spec.parent().map(str::to_owned),
                name: name.to_owned(),
            },
            deletion_policy: configured.common.deletion_policy,
            adopt: configured.common.adopt,
            body: configured.spec.body(name),
        },
        scope: configured.spec.scope(),
        environment,
        has_fixed_name: configured.spec.fixed_name().is_some(),
        references: configured.spec.references(),
        external: configured.common.external.clone(),
    }
}

/// Reports two resources that are the same object in Apigee, and references to resources that are not in the input.
pub(super) fn check(
    made: &[ConfigurationResource<'_>],
    bundles: &[BundleResource<'_>],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut seen: BTreeMap<(&str, Option<&str>, &Id), &ConfigurationResource<'_>> = BTreeMap::new();
    let mut names: BTreeSet<(&str, &str)> =
        bundles.iter().map(|bundle| (bundle.resource.kind.name, bundle.name.as_str())).collect();
    names.extend(made.iter().map(|one| (one.entry.id.kind.as_str(), one.entry.id.name.as_str())));
    let mut new_secrets: BTreeMap<(&str, &str), &ConfigurationResource<'_>> = BTreeMap::new();
    let mut counted: BTreeMap<(&str, Option<&str>, &str), usize> = BTreeMap::new();
    for one in made {
        let (place, id) = (one.place(), &one.entry.id);
        if let Some(other) = seen.insert((place.organization, place.environment, id), one) {
            let message = format!("the {id} of {place} is also defined by {}", other.resource.subject.label());
            let help = if one.has_fixed_name {
                "Apigee has only one: merge both into one resource, or restrict one of them with `spec.environments`"
            } else {
                "set another `spec.name`, or restrict one of them with `spec.environments`"
            };
            diagnostics.push(Diagnostic::error(Code::NameCollision, message).of(&one.resource.subject).help(help));
        }
        for name in new_secret::names(&one.entry.body) {
            if let Some(other) = new_secrets.insert((one.namespace(), name), one) {
                let message = format!("the Secret `{name}` is already created for {}", other.resource.subject.label());
                let help = "the second key would be in no Secret: set another `keySecretName`";
                diagnostics.push(Diagnostic::error(Code::NameCollision, message).of(&one.resource.subject).help(help));
            }
        }
        let count = counted.entry((place.organization, place.environment, id.kind.as_str())).or_insert(0);
        *count += 1;
        let most = most(&id.kind).filter(|most| *count == most.max + 1);
        if let Some(Err(why)) = most.map(|most| most.check(*count)) {
            let message = format!("{place}: {why} or more");
            diagnostics.push(
                Diagnostic::error(Code::LimitExceeded, message)
                    .of(&one.resource.subject)
                    .help("restrict some of them with `spec.environments`, or remove some"),
            );
        }
        for reference in &one.references {
            let ResourceReference { kind, name, at } = reference;
            if names.contains(&(kind, name)) || one.external.contains(name) {
                continue;
            }
            let of_kind = || names.iter().filter(|(known, _)| known == kind).map(|(_, name)| *name);
            let mut diagnostic = Diagnostic::error(Code::UnknownName, format!("no {kind} `{name}` is in the input"))
                .of(&one.resource.subject)
                .at(at.clone())
                .help(format!("add it, or set `external: [{name}]` if it is created elsewhere"));
            if let Some(near) = nearest(name, of_kind()) {
                diagnostic = diagnostic.propose(near);
            }
            if !diagnostics.contains(&diagnostic) {
                diagnostics.push(diagnostic);
            }
        }
    }
}

/// Apigee's limit for the number of resources of a kind in one environment or organization.
fn most(kind: &str) -> Option<&'static CountLimit> {
    match kind {
        "ApigeeKeystore" => Some(&counts::KEYSTORES),
        "ApigeeResourceFile" => Some(&counts::RESOURCE_FILES),
        _ => None,
    }
}

/// The document of an environment or organization.
pub(super) fn document(mut entries: Vec<Entry>) -> Document {
    let rank = |kind: &str| KINDS.iter().position(|known| known.name == kind);
    entries.sort_by(|a, b| (rank(&a.id.kind), &a.id).cmp(&(rank(&b.id.kind), &b.id)));
    Document { schema_version: SCHEMA_VERSION, resources: entries }
}

/// The keys of Secrets that a document needs.
pub(super) fn secrets(document: &Document) -> BTreeSet<SecretKeyRef> {
    let bodies = document.resources.iter().flat_map(secrets_of);
    bodies
        .filter_map(|(_, place)| match place {
            ValueFrom::SecretKeyRef(secret) => Some(secret),
            ValueFrom::File(_) => None,
        })
        .collect()
}

/// Whether one of the resources creates a Secret.
pub(super) fn creates_secrets(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| new_secret::names(&entry.body).next().is_some())
}

/// The secrets of an entry: the fields, and where the values are stored.
fn secrets_of(entry: &Entry) -> Vec<(String, ValueFrom)> {
    let declared = apigee_flux_configuration::kind(&entry.id.kind).map(|kind| kind.crud.secrets()).unwrap_or_default();
    secret::all(&entry.body, declared)
}

/// Reports files of the pod that are not in a folder for secrets, and invalid names and keys of Secrets.
fn check_secrets(made: &[ConfigurationResource<'_>], report: &mut Report<'_>) {
    let at_of = |one: &ConfigurationResource<'_>, field: &str, value: &str| {
        let top = FieldPath::of(&["spec"]);
        find(one.resource.spec(), field, value, &top).unwrap_or(top)
    };
    for one in made {
        for (_, place) in secrets_of(&one.entry) {
            let file = match place {
                ValueFrom::File(file) => file,
                ValueFrom::SecretKeyRef(SecretKeyRef { name, key }) => {
                    let found = [
                        ("name", &name, kubernetes_rules::object_name(&name)),
                        ("key", &key, kubernetes_rules::data_key(&key)),
                    ];
                    for (field, value, found) in found {
                        if let Err(why) = found {
                            report.error(Code::InvalidName, at_of(one, field, value), why);
                        }
                    }
                    continue;
                }
            };
            let listed = one.environment.spec.deployer.secret_folders.iter();
            // A folder that cannot be listed has been reported already.
            let listed: Vec<String> =
                listed.filter(|folder| secret_folder::check_folder(folder).is_ok()).cloned().collect();
            let Err(why) = secret_folder::folder_of(&file, &listed) else { continue };
            let help = format!(
                "put the secret into one of them, or list its folder in `spec.deployer.secretFolders` of {}",
                one.environment.resource.subject.label()
            );
            report.push(Diagnostic::error(Code::SecretOutside, why).at(at_of(one, "file", &file)).help(help));
        }
    }
}

/// The path in the spec of a field of a secret's reference with a value. `None` if the value comes from elsewhere.
fn find(node: &YamlNode, field: &str, value: &str, at: &FieldPath) -> Option<FieldPath> {
    if let Some(place) = node.get("valueFrom") {
        let at = at.key("valueFrom");
        let reference = place.get("secretKeyRef").map(|reference| (reference, at.key("secretKeyRef")));
        let mut places = [Some((place, at)), reference].into_iter().flatten();
        let found = places.find(|(place, _)| place.get(field).and_then(YamlNode::as_str) == Some(value));
        if let Some((_, at)) = found {
            return Some(at.key(field));
        }
    }
    let mut entries = node.entries().iter();
    let mut elements = node.elements().iter().enumerate();
    entries
        .find_map(|entry| find(&entry.value, field, value, &at.key(&entry.key)))
        .or_else(|| elements.find_map(|(index, element)| find(element, field, value, &at.index(index))))
}

/// The owner of the resources of an environment or organization. The owner of an organization does not depend on the environment through
/// which it is reached.
pub(super) fn owner<'e>(environment: &'e Environment<'_>, scope: Scope) -> ResourceOwner<'e> {
    match (&environment.spec.owner, scope) {
        (Some(owner), _) => ResourceOwner::Named(owner),
        (None, Scope::Environment) => ResourceOwner::OfNamespace(environment.resource_name()),
        (None, Scope::Organization) => ResourceOwner::OfNamespace(environment.organization()),
    }
}

/// The ConfigMaps and the Job of an environment or organization.
pub(super) fn objects(
    environment: &Environment<'_>,
    scope: Scope,
    namespace: Option<&str>,
    deployer: &DeployerIdentity,
    provenance: Option<&Provenance>,
    document: &Document,
) -> Result<JobWithDocument, Diagnostic> {
    let internal = |why| Diagnostic::error(Code::Internal, why).of(&environment.resource.subject);
    let place = place(scope, environment);
    let label = environment.resource.subject.label();
    let metadata = |role| Metadata { namespace, owner: &label, role, bundle: None, component: "configuration" };
    let stem = k8s::configuration_name(environment.resource_name(), scope);
    let parts = parts(document).map_err(internal)?;
    let maps = DocumentMaps::new(&parts, FILE_NAME, &stem, &metadata("configuration")).map_err(internal)?;
    let payload = Payload::Configuration {
        document: &maps,
        place,
        secrets: &secrets(document),
        creates_secrets: creates_secrets(&document.resources),
    };
    let intent =
        Intent { applies: applies(place.organization, place.environment, "configuration"), desired: maps.digest };
    let deployment = Deployment {
        intent: Some(intent.clone()),
        digest: Some(maps.digest),
        turns: turns(document.resources.len(), environment.timeout_seconds),
        ..environment.deployment(payload, owner(environment, scope), deployer, provenance)
    };
    let job = k8s::job(&deployment, &metadata("deploy"));
    Ok(JobWithDocument { maps: maps.objects, stem, job, intent })
}

/// Splits a document that is too large for one ConfigMap. The part of a resource depends on its identity only, so that a change of one changes
/// one ConfigMap.
fn parts(document: &Document) -> Result<Vec<Document>, String> {
    let size = |entry: &Entry| {
        let text = serde_json::to_string_pretty(entry).map_err(|error| error.to_string())?;
        // The lines of an entry are indented by four blanks, and a comma follows.
        Ok::<_, String>([text_bytes(&text) + 4 * text.lines().count() + 2])
    };
    let parts = stable_parts::split(document.resources.clone(), |entry| entry.id.to_string(), size, PART_BYTES)?;
    let parts: Vec<Document> = parts
        .into_iter()
        .filter(|resources| !resources.is_empty())
        .map(|resources| Document { schema_version: document.schema_version, resources })
        .collect();
    // A document without resources says so.
    Ok(if parts.is_empty() { vec![document.clone()] } else { parts })
}

/// How much text of resources a part may have, as JSON in bytes: what a ConfigMap takes, without the frame of the document.
const PART_BYTES: usize = ROOM_BYTES - 256;

/// The time in which one resource is created if other Jobs use most of the organization's quota of requests, in milliseconds: about six requests,
/// 20 a second.
const MILLISECONDS_EACH: u64 = 300;

/// The timeout of the Job as a multiple of the timeout of one resource.
fn turns(resources: usize, timeout_seconds: u64) -> u64 {
    let work = u64::try_from(resources).unwrap_or(u64::MAX).saturating_mul(MILLISECONDS_EACH) / 1000;
    1 + work / timeout_seconds.max(1)
}
