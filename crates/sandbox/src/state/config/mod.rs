//! Apigee's configuration: the resources of an environment or an organization other than bundles.
//!
//! One file for each kind, with its messages, its routes and the handler of each call; [`KINDS`] is the registry. The code is pure: [`Call`]
//! has the request and the time, [`ConfigState`] is the stored state, and only [`router`] depends on a server.
//!
//! Every portal and space exists, and so does every environment unless the sandbox was started with a list of environments. Secrets (entries
//! of key value maps, consumer secrets) are stored and returned only where Apigee returns them; a private key is validated and not stored,
//! since no method returns it.

// A table has one type of function, so a handler that cannot fail returns a Result too.
#![allow(clippy::unnecessary_wraps)]

mod alias;
mod api_doc;
mod api_product;
mod app;
mod app_group;
mod app_key;
mod apply;
mod attributes;
mod call;
mod certificate;
mod credential;
mod data_collector;
mod debug_mask;
mod developer;
mod flow_hook;
mod key_value_entry;
mod key_value_map;
mod keystore;
mod limits;
mod organization_app;
mod rate_plan;
mod reference;
mod resource_file;
mod router;
mod target_server;
mod trace_config;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub(super) use call::{Answer, Bundles, Call};
pub(super) use router::routes;

use super::fault::Fault;
use super::message::{self, Message, Object};
use super::method::{Method, Payload, Verb};
use super::parameter::{self, Parameters};

/// A handler: runs a call on the configuration of its organization.
pub(super) type Handler = fn(&mut ConfigState, &Call) -> Result<Answer, Fault>;

/// A method below an organization, and its handler.
pub(super) struct Route {
    verb: Verb,
    /// The path below `/v1/organizations/{org}/`.
    path: &'static str,
    query: Parameters,
    payload: Payload,
    handler: Handler,
}

impl Route {
    const fn new(verb: Verb, path: &'static str, handler: Handler) -> Self {
        Self { verb, path, query: &[], payload: Payload::Nothing, handler }
    }

    const fn get(path: &'static str, handler: Handler) -> Self {
        Self::new(Verb::Get, path, handler)
    }

    const fn post(path: &'static str, handler: Handler) -> Self {
        Self::new(Verb::Post, path, handler)
    }

    const fn put(path: &'static str, handler: Handler) -> Self {
        Self::new(Verb::Put, path, handler)
    }

    const fn patch(path: &'static str, handler: Handler) -> Self {
        Self::new(Verb::Patch, path, handler)
    }

    const fn delete(path: &'static str, handler: Handler) -> Self {
        Self::new(Verb::Delete, path, handler)
    }

    /// Adds query parameters.
    const fn query(self, query: Parameters) -> Self {
        Self { query, ..self }
    }

    /// Sets a message as the body.
    const fn json(self, message: &'static Message) -> Self {
        Self { payload: Payload::Json(message), ..self }
    }

    /// Sets a file as the body.
    const fn file(self) -> Self {
        Self { payload: Payload::File, ..self }
    }

    /// The definition of the method.
    fn method(&self) -> Method {
        let path = format!("/v1/organizations/{{org}}/{}", self.path);
        Method { verb: self.verb, path, query: self.query, payload: self.payload }
    }
}

/// The routes of each kind.
const KINDS: &[&[Route]] = &[
    target_server::ROUTES,
    key_value_map::ROUTES,
    key_value_entry::ROUTES,
    resource_file::ROUTES,
    reference::ROUTES,
    keystore::ROUTES,
    alias::ROUTES,
    flow_hook::ROUTES,
    debug_mask::ROUTES,
    trace_config::ROUTES,
    data_collector::ROUTES,
    api_product::ROUTES,
    rate_plan::ROUTES,
    developer::ROUTES,
    app_group::ROUTES,
    app::ROUTES,
    app_key::ROUTES,
    organization_app::ROUTES,
    api_doc::ROUTES,
];

/// The configuration of an organization.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ConfigState {
    environments: BTreeMap<String, Environment>,
    /// The maps of each scope; see [`key_value_map`].
    key_value_maps: BTreeMap<String, BTreeMap<String, key_value_map::KeyValueMap>>,
    data_collectors: BTreeMap<String, Object>,
    products: BTreeMap<String, api_product::Product>,
    /// The developers by email.
    developers: BTreeMap<String, app::Owner>,
    app_groups: BTreeMap<String, app::Owner>,
    /// The catalog items of each portal.
    sites: BTreeMap<String, BTreeMap<String, api_doc::Item>>,
    /// The last number that was used for a generated name.
    sequence: u64,
}

/// The configuration of an environment.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Environment {
    target_servers: BTreeMap<String, Object>,
    /// The resource files by type and name, in base64.
    resource_files: BTreeMap<String, BTreeMap<String, String>>,
    references: BTreeMap<String, Object>,
    /// The aliases of each keystore.
    keystores: BTreeMap<String, BTreeMap<String, alias::Alias>>,
    /// The flow hooks by their point in the flow.
    flow_hooks: BTreeMap<String, Object>,
    debug_mask: Object,
    trace_config: Object,
    trace_overrides: BTreeMap<String, Object>,
}

impl ConfigState {
    /// The environment in the path of a call.
    fn environment(&mut self, call: &Call) -> &mut Environment {
        self.environments.entry(call.parameter("env").to_owned()).or_default()
    }

    /// The points of an environment with their attached shared flows: Apigee refuses to undeploy an attached shared flow
    /// (<https://github.com/hashicorp/terraform-provider-google/issues/14530>).
    pub(super) fn flow_hooks(&self, environment: &str) -> impl Iterator<Item = (&str, &str)> {
        let hooks = self.environments.get(environment).map(|environment| &environment.flow_hooks);
        hooks.into_iter().flatten().map(|(point, hook)| (point.as_str(), message::text(hook, "sharedFlow")))
    }

    /// A new name of 64 hexadecimal digits. It is not random, so that a run is reproducible: a sandbox has nothing to protect.
    fn fresh(&mut self, call: &Call) -> String {
        self.sequence += 1;
        let digest = Sha256::digest(format!("{}/{}/{}", call.organization(), self.sequence, call.now));
        digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    /// A new name in the form of a UUID.
    fn fresh_uuid(&mut self, call: &Call) -> String {
        let digits = self.fresh(call);
        format!("{}-{}-4{}-a{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..32])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_route_stands_twice() {
        let mut routes: Vec<_> = KINDS
            .iter()
            .flat_map(|routes| routes.iter())
            .map(|route| (format!("{:?}", route.verb), route.path))
            .collect();
        let count = routes.len();
        routes.sort();
        routes.dedup();
        assert_eq!(routes.len(), count);
    }

    #[test]
    fn fresh_names_differ_and_are_uuids() {
        let (mut config, call) = (ConfigState::default(), Call::to("x", &[]));
        let (one, two) = (config.fresh_uuid(&call), config.fresh_uuid(&call));
        assert_ne!(one, two);
        assert_eq!(one.len(), 36);
    }
}
