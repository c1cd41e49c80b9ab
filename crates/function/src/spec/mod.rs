//! The specs that users write: one file for each kind, one line for each kind in the list below.
//!
//! The schema, the documentation, the suggestions for unknown fields and the dispatch derive from [`KINDS`].

pub mod ai;
pub mod api_proxy;
pub mod bundle_resource;
pub mod bundle_source;
pub mod cache;
pub mod check_apigee;
pub mod cors;
pub mod credential;
pub mod deploy;
pub mod endpoint;
pub mod environment;
pub mod expand_apigee;
pub mod faults;
pub mod files;
pub mod flow;
pub mod graphql;
pub mod integration;
pub mod logging;
pub mod openapi;
pub mod operation;
pub mod profile;
mod resource;
pub mod route;
pub mod schema;
pub mod secret_ref;
pub mod security;
pub mod selector;
pub mod shared_flow;
pub mod step;
pub mod target;
pub mod target_auth;
#[cfg(test)]
mod tests;
pub mod threats;
pub mod traffic;
mod wrong_value;

pub use api_proxy::ApigeeProxySpec;
pub use bundle_source::BundleSource;
pub use resource::Resource;
pub use shared_flow::ApigeeSharedFlowSpec;

use std::sync::LazyLock;

use schemars::{Schema, SchemaGenerator};

use apigee_flux_configuration::{ConfigurationKind, Configured};
use apigee_flux_model::yaml::decode::DecodeError;
use apigee_flux_model::yaml::{YamlNode, decode};

pub use apigee_flux_model::krm::GROUP;

/// The version of the kinds.
pub const VERSION: &str = "v1alpha1";

/// A kind of the group `apigeeflux.dev`.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// The name of the kind, as in `kind:`.
    pub name: &'static str,
    /// The description of the kind, for the documentation.
    pub doc: &'static str,
    /// The JSON schema of its `spec`, computed once.
    pub schema: fn() -> &'static Schema,
    decode: Decode,
}

#[derive(Debug, Clone, Copy)]
enum Decode {
    Own(fn(&YamlNode) -> Result<Spec, DecodeError>),
    Configuration(&'static ConfigurationKind),
}

impl Kind {
    fn decode(&self, node: &YamlNode) -> Result<Spec, DecodeError> {
        match self.decode {
            Decode::Own(decode) => decode(node),
            Decode::Configuration(kind) => (kind.decode)(node).map(Spec::Configuration),
        }
    }

    /// The same kind in the registry of the configuration, if it is one.
    pub fn configuration(&self) -> Option<&'static ConfigurationKind> {
        match self.decode {
            Decode::Own(_) => None,
            Decode::Configuration(kind) => Some(kind),
        }
    }
}

macro_rules! kinds {
    ( $( $(#[doc = $doc:literal])+ $name:ident($spec:ty), )+ ) => {
        /// The decoded `spec` of a resource of `apigeeflux.dev`.
        #[derive(Debug, Clone)]
        pub enum Spec {
            $( $(#[doc = $doc])+ $name(Box<$spec>), )+
            /// Any kind of configuration.
            Configuration(Configured),
        }

        /// All kinds: those of this list, then those of the configuration in their order.
        pub static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
            let own = [
                $( Kind {
                    name: stringify!($name),
                    doc: concat!($($doc),+),
                    schema: || {
                        static SCHEMA: LazyLock<Schema> =
                            LazyLock::new(|| SchemaGenerator::default().into_root_schema_for::<$spec>());
                        &SCHEMA
                    },
                    decode: Decode::Own(|node| decode::decode(node).map(|spec| Spec::$name(Box::new(spec)))),
                }, )+
            ];
            let configuration = apigee_flux_configuration::KINDS.iter().map(|kind| Kind {
                name: kind.name,
                doc: kind.doc,
                schema: kind.schema,
                decode: Decode::Configuration(kind),
            });
            own.into_iter().chain(configuration).collect()
        });
    };
}

kinds! {
    /// An environment of an Apigee organization to deploy to, with the identity and the settings of the deployer.
    ApigeeEnvironment(environment::EnvironmentSpec),
    /// Defaults for the proxies that match its label selector, and steps that run before and after the steps of these
    /// proxies.
    ApigeeProfile(profile::ApigeeProfileSpec),
    /// An API proxy, generated from the fields of its spec or taken from a bundle.
    ApigeeProxy(api_proxy::ApigeeProxySpec),
    /// A shared flow, which proxies call: generated from steps or taken from a bundle.
    ApigeeSharedFlow(shared_flow::ApigeeSharedFlowSpec),
    /// Configuration of the function `check-apigee`, which validates the input and generates nothing.
    CheckApigee(check_apigee::CheckApigeeSpec),
    /// Configuration of the function `expand-apigee`.
    ExpandApigee(expand_apigee::ExpandApigeeSpec),
}

/// The kind with a name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}
