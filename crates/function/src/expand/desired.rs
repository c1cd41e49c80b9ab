//! The desired state of each environment, for comparison with the actual state in Apigee.

use super::bundle_resource::BundleResource;
use super::configuration::{self, ConfigurationResource};
use super::environment::Environment;
use super::{ExpandOptions, Renderer, called_flows};
use apigee_flux_configuration::{Document, Scope};
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
    /// The configuration of the environment.
    pub configuration: Document,
    /// The configuration of the organization, if it is reached through this environment.
    pub of_organization: Document,
}

/// A proxy or shared flow of an environment.
#[derive(Debug, Clone)]
pub struct DesiredBundle {
    /// Proxy or shared flow.
    pub kind: BundleKind,
    /// The name in Apigee.
    pub name: String,
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
    let bundles = run.bundles(&resources, &environments);
    let configuration = run.configuration(&resources, &environments);
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
    let mut found: Vec<DesiredEnvironment> =
        selected.into_iter().map(|environment| of_environment(environment, &bundles, &configuration)).collect();
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

fn of_environment(
    environment: &Environment<'_>,
    bundles: &[BundleResource<'_>],
    configuration: &[ConfigurationResource<'_>],
) -> DesiredEnvironment {
    let document = |scope| {
        let here = |one: &&ConfigurationResource<'_>| one.scope == scope && std::ptr::eq(one.environment, environment);
        configuration::document(configuration.iter().filter(here).map(|one| one.entry.clone()).collect())
    };
    let here = bundles
        .iter()
        .filter(|bundle| bundle.environments.iter().any(|known| std::ptr::eq(*known, environment)))
        .map(|bundle| DesiredBundle {
            kind: bundle.kind,
            name: bundle.name.clone(),
            files: bundle.files.clone(),
            digest: Digest::of_files(&bundle.files),
            settings: bundle.settings(environment),
            removal: bundle.removal(),
        });
    let mut bundles: Vec<DesiredBundle> = here.collect();
    bundles.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    DesiredEnvironment {
        organization: environment.organization().to_owned(),
        name: environment.name().to_owned(),
        endpoint: environment.endpoint.clone(),
        bundles,
        configuration: document(Scope::Environment),
        of_organization: document(Scope::Organization),
    }
}
