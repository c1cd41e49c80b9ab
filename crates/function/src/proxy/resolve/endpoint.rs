//! What one proxy endpoint does: the fields at the top level of the spec, or those with the endpoint's own fields over
//! them.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::super::base_path;
use super::contract::Contract;
use super::names;
use crate::proxy::model::fault_handling::FaultRule;
use crate::proxy::model::flow::{ConditionalFlow, Flow};
use crate::proxy::model::proxy_endpoint::ProxyEndpoint;
use crate::spec::ApigeeProxySpec;
use crate::spec::ai::Ai;
use crate::spec::cors::Cors;
use crate::spec::endpoint::Endpoint;
use crate::spec::faults::Faults;
use crate::spec::graphql::GraphQl;
use crate::spec::logging::Logging;
use crate::spec::route::Route;
use crate::spec::security::{HeadersWord, Mechanism, Security};
use crate::spec::threats::Threats;
use crate::spec::traffic::{Quota, QuotaWord, SpikeArrest, Traffic};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::yaml::word_or::{Off, WordOr};

/// The name of the endpoint that the top level of the spec describes.
pub(super) const DEFAULT: &str = "default";

/// A value, its field, and whether the endpoint sets it itself.
#[derive(Debug, Clone)]
pub(super) struct Given<'s, T> {
    pub(super) value: &'s T,
    pub(super) at: FieldPath,
    pub(super) own: bool,
}

/// A kind of credential, its field, and whether the endpoint sets it itself.
#[derive(Debug, Clone)]
pub(super) struct Credential<'s> {
    pub(super) mechanism: Mechanism<'s>,
    pub(super) at: FieldPath,
    pub(super) own: bool,
}

/// What an endpoint does.
#[derive(Debug)]
pub(super) struct Intent<'s> {
    pub(super) name: String,
    pub(super) base_path: String,
    pub(super) at: FieldPath,
    pub(super) cors: Option<Given<'s, Cors>>,
    pub(super) credentials: Vec<Credential<'s>>,
    /// Whether the endpoint sets its own credentials instead of those at the top level of the spec, or `none`.
    pub(super) own_credentials: bool,
    pub(super) threats: Option<Given<'s, WordOr<Off, Threats>>>,
    pub(super) headers: Option<Given<'s, WordOr<HeadersWord, IndexMap<String, String>>>>,
    pub(super) spike_arrest: Option<Given<'s, WordOr<String, SpikeArrest>>>,
    pub(super) quota: Option<Given<'s, WordOr<QuotaWord, Quota>>>,
    /// Whether there is a quota by default: not with `traffic: none`, and not with a token quota, which makes a quota
    /// of requests unnecessary.
    pub(super) default_quota: bool,
    pub(super) graphql: Option<Given<'s, GraphQl>>,
    pub(super) ai: Option<Given<'s, Ai>>,
    pub(super) logging: Option<Given<'s, Logging>>,
    pub(super) routes: Option<Given<'s, Vec<Route>>>,
    pub(super) faults: Option<&'s Faults>,
}

impl Intent<'_> {
    /// A policy's name: with `Default` if the endpoint uses the top level of the spec, otherwise with the endpoint's
    /// own name, so that a change to one endpoint does not change the files of the others.
    pub(super) fn policy_name(&self, prefix: &str, word: &str, own: bool) -> String {
        match (own, word) {
            (false, word) => format!("{prefix}-{word}"),
            (true, "Default") => format!("{prefix}-{}", self.name),
            (true, word) => format!("{prefix}-{word}-{}", self.name),
        }
    }
}

/// What all endpoints of a proxy share.
pub(super) struct Shared {
    /// The OpenAPI document.
    pub(super) contract: Option<Contract>,
    /// The flows of its operations.
    pub(super) operations: Vec<ConditionalFlow>,
    /// The conditions of the requests that need no credential.
    pub(super) public: Vec<String>,
    /// The user's own steps.
    pub(super) steps: Flow,
    /// The user's own fault rules.
    pub(super) fault_rules: Vec<FaultRule>,
}

/// An endpoint that is being built, and what the earlier features have determined.
pub(super) struct Draft<'s> {
    pub(super) intent: Intent<'s>,
    pub(super) endpoint: ProxyEndpoint,
    /// The OpenAPI document.
    pub(super) contract: Option<&'s Contract>,
    /// The user's own steps.
    pub(super) steps: Flow,
    /// The user's own fault rules.
    pub(super) fault_rules: Vec<FaultRule>,
    /// The credential of the caller's app, if one was verified.
    pub(super) verified: Option<Verified>,
    /// The variables that together identify a caller, so that the data of different callers does not mix.
    pub(super) identities: Vec<CallerVariable>,
    /// The conditions of the requests that need no credential.
    pub(super) public: Vec<String>,
}

/// A variable that identifies a caller, so that the data of different callers does not mix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallerVariable {
    /// The name of the variable.
    pub(super) variable: String,
    /// Whether it is set for every authenticated caller.
    pub(super) certain: bool,
}

/// A credential that was verified.
pub(super) struct Verified {
    /// The policy.
    pub(super) policy: String,
    /// The variable that holds the consumer's identity, for which a quota counts.
    pub(super) consumer: String,
    /// Whether the credential is for an API product (an API key, an access token that Apigee issued), whose quota can
    /// be applied.
    pub(super) product: bool,
}

impl<'s> Draft<'s> {
    pub(super) fn new(intent: Intent<'s>, shared: &'s Shared) -> Self {
        let endpoint = ProxyEndpoint {
            name: intent.name.clone(),
            base_path: intent.base_path.clone(),
            flows: shared.operations.clone(),
            ..ProxyEndpoint::default()
        };
        Self {
            intent,
            endpoint,
            contract: shared.contract.as_ref(),
            steps: shared.steps.clone(),
            fault_rules: shared.fault_rules.clone(),
            verified: None,
            identities: Vec::new(),
            public: shared.public.clone(),
        }
    }
}

/// The endpoint's field if it is set, otherwise the one at the top level; `None` if the endpoint sets `none` for the
/// whole mapping.
fn pick<'s, S, T>(
    top: Option<&'s WordOr<Off, S>>,
    own: Option<&'s WordOr<Off, S>>,
    at: [&FieldPath; 2],
    key: &str,
    field: impl Fn(&'s S) -> Option<&'s T>,
) -> Option<Given<'s, T>> {
    let given = |value, path: &FieldPath, own| Given { value, at: path.key(key), own };
    match own {
        Some(WordOr::Word(Off::None)) => return None,
        Some(WordOr::Value(value)) => {
            if let Some(value) = field(value) {
                return Some(given(value, at[1], true));
            }
        }
        None => {}
    }
    top.and_then(WordOr::on).and_then(field).map(|value| given(value, at[0], false))
}

/// A whole mapping: the endpoint's if it is set, otherwise the one at the top level; `None` if it is switched off.
fn whole<'s, T>(
    top: Option<&'s WordOr<Off, T>>,
    own: Option<&'s WordOr<Off, T>>,
    at: [&FieldPath; 2],
    key: &str,
) -> Option<Given<'s, T>> {
    let (word, at, own) = match own {
        Some(word) => (word, at[1], true),
        None => (top?, at[0], false),
    };
    word.on().map(|value| Given { value, at: at.key(key), own })
}

/// The endpoint's credentials if it sets any, otherwise those at the top level, and whether they are its own. Its own
/// replace the others: requiring one more kind of credential would not open the endpoint to other callers, but close it
/// to all.
fn credentials<'s>(
    top: Option<&'s WordOr<Off, Security>>,
    own: Option<&'s WordOr<Off, Security>>,
    at: [&FieldPath; 2],
) -> (Vec<Credential<'s>>, bool) {
    let of = |security: &'s Security, path: &FieldPath, own| -> Vec<Credential<'s>> {
        let mechanisms = security.mechanisms().into_iter();
        mechanisms.map(|mechanism| Credential { mechanism, at: path.key(mechanism.key()), own }).collect()
    };
    match own {
        Some(WordOr::Word(Off::None)) => return (Vec::new(), true),
        Some(WordOr::Value(security)) => {
            let credentials = of(security, at[1], true);
            if !credentials.is_empty() {
                return (credentials, true);
            }
        }
        None => {}
    }
    (top.and_then(WordOr::on).map_or_else(Vec::new, |security| of(security, at[0], false)), false)
}

fn intent<'s>(
    spec: &'s ApigeeProxySpec,
    base_path: &str,
    own: Option<&'s Endpoint>,
    top: &FieldPath,
    at: &FieldPath,
) -> Intent<'s> {
    let security = (spec.security.as_ref(), own.and_then(|own| own.security.as_ref()));
    let traffic = (spec.traffic.as_ref(), own.and_then(|own| own.traffic.as_ref()));
    let (top_security, own_security) = (top.key("security"), at.key("security"));
    let (top_traffic, own_traffic) = (top.key("traffic"), at.key("traffic"));
    let security_paths = [&top_security, &own_security];
    let traffic_paths = [&top_traffic, &own_traffic];
    let paths = [top, at];
    let ai = whole(spec.ai.as_ref(), own.and_then(|own| own.ai.as_ref()), paths, "ai");
    let token_quota = ai.as_ref().is_some_and(|ai| ai.value.token_quota.is_some());
    let (credentials, own_credentials) = credentials(security.0, security.1, security_paths);
    let routes = match own.and_then(|own| own.routes.as_ref()) {
        Some(routes) => Some((routes, at, true)),
        None => spec.routes.as_ref().map(|routes| (routes, top, false)),
    };
    Intent {
        name: own.map_or(DEFAULT, |own| &own.name).to_owned(),
        base_path: own.map_or(base_path, |own| &own.base_path).to_owned(),
        at: at.clone(),
        cors: whole(spec.cors.as_ref(), own.and_then(|own| own.cors.as_ref()), paths, "cors"),
        credentials,
        own_credentials,
        threats: pick(security.0, security.1, security_paths, "threats", |s: &Security| s.threats.as_ref()),
        headers: pick(security.0, security.1, security_paths, "headers", |s: &Security| s.headers.as_ref()),
        spike_arrest: pick(traffic.0, traffic.1, traffic_paths, "spikeArrest", |t: &Traffic| t.spike_arrest.as_ref()),
        quota: pick(traffic.0, traffic.1, traffic_paths, "quota", |t: &Traffic| t.quota.as_ref()),
        default_quota: !token_quota && !matches!(traffic.1.or(traffic.0), Some(WordOr::Word(Off::None))),
        graphql: whole(spec.graphql.as_ref(), own.and_then(|own| own.graphql.as_ref()), paths, "graphql"),
        ai,
        logging: whole(spec.logging.as_ref(), own.and_then(|own| own.logging.as_ref()), paths, "logging"),
        routes: routes.map(|(value, path, own)| Given { value, at: path.key("routes"), own }),
        faults: spec.faults.as_ref(),
    }
}

/// The endpoints of a proxy: `default`, then the others in the order written.
pub(super) fn intents<'s>(
    spec: &'s ApigeeProxySpec,
    base_path: Option<&str>,
    report: &mut Report<'_>,
    at: &FieldPath,
) -> Vec<Intent<'s>> {
    let top = base_path.unwrap_or_default();
    let mut intents = vec![intent(spec, top, None, at, at)];
    let mut names = BTreeSet::from([DEFAULT.to_owned()]);
    for (index, endpoint) in spec.endpoints.iter().enumerate() {
        let at_endpoint = at.key("endpoints").index(index);
        let name = &endpoint.name;
        names::check_file_name("endpoint", name, &at_endpoint.key("name"), report);
        if !names.insert(name.to_lowercase()) {
            report.push(
                Diagnostic::error(
                    Code::NameCollision,
                    format!("the proxy endpoint `{name}` is defined more than once"),
                )
                .at(at_endpoint.key("name"))
                .help("`default` is the endpoint at the top level of the spec; endpoint names are not case-sensitive"),
            );
        }
        intents.push(intent(spec, top, Some(endpoint), at, &at_endpoint));
    }
    let mut paths = BTreeSet::new();
    for intent in intents.iter().filter(|intent| intent.name != DEFAULT || base_path.is_some()) {
        let at = intent.at.key("basePath");
        if let Some((message, help)) = base_path::fault(&intent.base_path) {
            report.push(Diagnostic::error(Code::InvalidValue, message).at(at).help(help));
        } else if !paths.insert(&intent.base_path) {
            report.push(
                Diagnostic::error(
                    Code::DuplicateBasePath,
                    format!("more than one endpoint of the proxy has the base path `{}`", intent.base_path),
                )
                .at(at)
                .help("give each endpoint its own base path"),
            );
        }
    }
    intents
}
