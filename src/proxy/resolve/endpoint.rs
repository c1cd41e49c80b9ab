//! What one proxy endpoint is to do: the top of the spec, or that with an endpoint's own words over it.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::super::flow::{ConditionalFlow, Flow};
use super::super::path;
use super::super::proxy_endpoint::ProxyEndpoint;
use super::names;
use super::openapi::Contract;
use crate::diag::{Code, Diagnostic, FieldPath, Report};
use crate::spec::ApigeeProxySpec;
use crate::spec::cors::Cors;
use crate::spec::endpoint::Endpoint;
use crate::spec::faults::Faults;
use crate::spec::route::Route;
use crate::spec::security::{ApiKey, HeadersWord, Security};
use crate::spec::traffic::{Quota, QuotaWord, SpikeArrest, Traffic};
use crate::spec::word_or::{Off, WordOr};

/// The name of the endpoint that the top of the spec describes.
pub(super) const DEFAULT: &str = "default";

/// A value, where it was written, and whether this endpoint wrote it itself.
#[derive(Debug, Clone)]
pub(super) struct Given<'s, T> {
    pub(super) value: &'s T,
    pub(super) at: FieldPath,
    pub(super) own: bool,
}

/// What an endpoint is to do.
#[derive(Debug)]
pub(super) struct Intent<'s> {
    pub(super) name: String,
    pub(super) base_path: String,
    pub(super) at: FieldPath,
    pub(super) cors: Option<Given<'s, Cors>>,
    pub(super) api_key: Option<Given<'s, ApiKey>>,
    pub(super) headers: Option<Given<'s, WordOr<HeadersWord, IndexMap<String, String>>>>,
    pub(super) spike_arrest: Option<Given<'s, WordOr<String, SpikeArrest>>>,
    pub(super) quota: Option<Given<'s, WordOr<QuotaWord, Quota>>>,
    /// False with `traffic: none`: then there is no quota by default either.
    pub(super) default_quota: bool,
    pub(super) routes: Option<Given<'s, Vec<Route>>>,
    pub(super) faults: Faults,
}

impl Intent<'_> {
    /// A policy's name: with `Default` while the endpoint does as the top of the spec says, else with the endpoint's own
    /// name, so that a change of one endpoint leaves the files of the others alone.
    pub(super) fn policy_name(&self, prefix: &str, word: &str, own: bool) -> String {
        match (own, word) {
            (false, word) => format!("{prefix}-{word}"),
            (true, "Default") => format!("{prefix}-{}", self.name),
            (true, word) => format!("{prefix}-{word}-{}", self.name),
        }
    }
}

/// An endpoint in the making, and what the features before have found out.
pub(super) struct Draft<'s> {
    pub(super) intent: Intent<'s>,
    pub(super) endpoint: ProxyEndpoint,
    /// The OpenAPI document.
    pub(super) contract: Option<&'s Contract>,
    /// The user's own steps.
    pub(super) steps: Flow,
    /// The step that verified the caller's credential.
    pub(super) verified: Option<Verified>,
}

/// A credential that was verified.
pub(super) struct Verified {
    /// The policy.
    pub(super) policy: String,
    /// The variable that holds the consumer's identity: what a quota counts and a cache keeps apart.
    pub(super) consumer: String,
    /// Whether the credential is for an API product (an API key, an access token of Apigee), whose quota can be applied.
    pub(super) product: bool,
    /// Whether only this endpoint has it.
    pub(super) own: bool,
}

impl<'s> Draft<'s> {
    pub(super) fn new(
        intent: Intent<'s>,
        operations: &[ConditionalFlow],
        contract: Option<&'s Contract>,
        steps: &Flow,
    ) -> Self {
        let endpoint = ProxyEndpoint {
            name: intent.name.clone(),
            base_path: intent.base_path.clone(),
            flows: operations.to_vec(),
            ..ProxyEndpoint::default()
        };
        Self { intent, endpoint, contract, steps: steps.clone(), verified: None }
    }
}

/// The endpoint's field if it is written, else the one at the top; none if `none` was written for the whole.
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
    let cors = match own.and_then(|own| own.cors.as_ref()) {
        Some(cors) => cors.on().map(|value| (value, at, true)),
        None => spec.cors.as_ref().and_then(WordOr::on).map(|value| (value, top, false)),
    };
    let routes = match own.and_then(|own| own.routes.as_ref()) {
        Some(routes) => Some((routes, at, true)),
        None => spec.routes.as_ref().map(|routes| (routes, top, false)),
    };
    Intent {
        name: own.map_or(DEFAULT, |own| &own.name).to_owned(),
        base_path: own.map_or(base_path, |own| &own.base_path).to_owned(),
        at: at.clone(),
        cors: cors.map(|(value, path, own)| Given { value, at: path.key("cors"), own }),
        api_key: pick(security.0, security.1, security_paths, "apiKey", |s: &Security| s.api_key.as_ref()),
        headers: pick(security.0, security.1, security_paths, "headers", |s: &Security| s.headers.as_ref()),
        spike_arrest: pick(traffic.0, traffic.1, traffic_paths, "spikeArrest", |t: &Traffic| t.spike_arrest.as_ref()),
        quota: pick(traffic.0, traffic.1, traffic_paths, "quota", |t: &Traffic| t.quota.as_ref()),
        default_quota: !matches!(traffic.1.or(traffic.0), Some(WordOr::Word(Off::None))),
        routes: routes.map(|(value, path, own)| Given { value, at: path.key("routes"), own }),
        faults: spec.faults.unwrap_or_default(),
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
                Diagnostic::error(Code::NameCollision, format!("two proxy endpoints have the name `{name}`"))
                    .at(at_endpoint.key("name"))
                    .help("`default` is the one at the top of the spec; upper and lower case count as equal"),
            );
        }
        intents.push(intent(spec, top, Some(endpoint), at, &at_endpoint));
    }
    let mut paths = BTreeSet::new();
    for intent in intents.iter().filter(|intent| intent.name != DEFAULT || base_path.is_some()) {
        let at = intent.at.key("basePath");
        if let Some((message, help)) = path::base_path_fault(&intent.base_path) {
            report.push(Diagnostic::error(Code::InvalidValue, message).at(at).help(help));
        } else if !paths.insert(&intent.base_path) {
            report.push(
                Diagnostic::error(
                    Code::DuplicateBasePath,
                    format!("two endpoints of the proxy serve `{}`", intent.base_path),
                )
                .at(at)
                .help("give each its own path"),
            );
        }
    }
    intents
}
