//! What users write: one file for each kind, one line for each kind in the list below.
//!
//! The schema, the documentation, the unknown-field suggestions and the dispatch derive from [`KINDS`].

pub mod ai;
pub mod api_proxy;
pub mod bundle_resource;
pub mod bundle_source;
pub mod cache;
pub mod check_apigee;
pub mod configuration;
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
#[cfg(test)]
mod tests;
pub mod threats;
pub mod traffic;
pub mod word_or;
mod wrong_value;

pub use api_proxy::ApigeeProxySpec;
pub use bundle_source::BundleSource;
pub use resource::Resource;
pub use shared_flow::ApigeeSharedFlowSpec;

use std::sync::LazyLock;

use schemars::{Schema, SchemaGenerator};

use crate::configuration::{
    ConfigurationSpec, Crud, api_doc, app, app_group, data_collector, debug_mask, developer, flow_hook, key_value_map,
    keystore, product, reference, resource_file, target_server,
};
use crate::yaml::decode::DecodeError;
use crate::yaml::{Node, decode};

pub use crate::krm::GROUP;

/// The version of our kinds.
pub const VERSION: &str = "v1alpha1";

/// One kind of ours.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// As in `kind:`.
    pub name: &'static str,
    /// What it is, for the documentation.
    pub doc: &'static str,
    /// The JSON schema of its `spec`, made once.
    pub schema: fn() -> &'static Schema,
    decode: fn(&Node) -> Result<Spec, DecodeError>,
    /// The calls to Apigee, for a kind of configuration.
    pub crud: Option<&'static dyn Crud>,
}

macro_rules! kinds {
    (
        $( $(#[doc = $doc:literal])+ $name:ident($spec:ty), )+
        configuration { $( $(#[doc = $config_doc:literal])+ $config_name:ident($config_spec:ty), )+ }
    ) => {
        /// The decoded `spec` of a resource of ours.
        #[derive(Debug, Clone)]
        pub enum Spec {
            $( $(#[doc = $doc])+ $name(Box<$spec>), )+
            /// Any kind of configuration.
            Configuration(configuration::Configured),
        }

        /// All kinds. Those of configuration stand in the order in which they depend on each other: what is named before what names it.
        pub const KINDS: &[Kind] = &[
            $( Kind {
                name: stringify!($name),
                doc: concat!($($doc),+),
                schema: || {
                    static SCHEMA: LazyLock<Schema> =
                        LazyLock::new(|| SchemaGenerator::default().into_root_schema_for::<$spec>());
                    &SCHEMA
                },
                decode: |node| decode::decode(node).map(|spec| Spec::$name(Box::new(spec))),
                crud: None,
            }, )+
            $( Kind {
                name: stringify!($config_name),
                doc: concat!($($config_doc),+),
                schema: || {
                    static SCHEMA: LazyLock<Schema> = LazyLock::new(configuration::schema::<$config_spec>);
                    &SCHEMA
                },
                decode: configuration::read::<$config_spec>,
                crud: Some(<$config_spec as ConfigurationSpec>::CRUD),
            }, )+
        ];
    };
}

kinds! {
    /// Where to deploy: an environment of an Apigee organization, the deployer's identity and its settings.
    ApigeeEnvironment(environment::EnvironmentSpec),
    /// Defaults for the proxies that it selects by their labels, and steps around theirs.
    ApigeeProfile(profile::ApigeeProfileSpec),
    /// An API proxy, from intent words or from a bundle as it is.
    ApigeeProxy(api_proxy::ApigeeProxySpec),
    /// Steps that proxies share, deployed by themselves: from steps or from a bundle as it is.
    ApigeeSharedFlow(shared_flow::ApigeeSharedFlowSpec),
    /// The function's configuration as a validator, which says what is wrong and makes nothing.
    CheckApigee(check_apigee::CheckApigeeSpec),
    /// The function's own configuration.
    ExpandApigee(expand_apigee::ExpandApigeeSpec),
    configuration {
        /// Keys and certificates of an environment.
        ApigeeKeystore(keystore::Keystore),
        /// A name for a keystore, which can be pointed at another one: target servers and proxies name it as `ref://NAME`.
        ApigeeReference(reference::Reference),
        /// A backend of an environment, which proxies name in place of a host.
        ApigeeTargetServer(target_server::TargetServer),
        /// Pairs of keys and values that proxies read at run time, encrypted in Apigee.
        ApigeeKeyValueMap(key_value_map::KeyValueMap),
        /// A script, stylesheet, schema or library that the proxies of an environment share. All configuration of an environment together has
        /// less than 1 MiB, since one ConfigMap holds it: larger files belong into a bundle. Apigee takes 100 files in an environment.
        ApigeeResourceFile(resource_file::ResourceFile),
        /// A column of analytics, which DataCapture policies fill. Its name begins with `dc_`: set `spec.name`, since `metadata.name` takes
        /// no `_`.
        ApigeeDataCollector(data_collector::DataCollector),
        /// A shared flow that runs for every proxy of an environment.
        ApigeeFlowHook(flow_hook::FlowHook),
        /// What debug sessions of an environment hide. An environment has one; nothing else than what it lists is hidden.
        ApigeeDebugMask(debug_mask::DebugMask),
        /// What an app with a key for it may call, how often, and what it costs.
        ApigeeProduct(product::Product),
        /// Somebody whose apps call proxies.
        ApigeeDeveloper(developer::Developer),
        /// An app of a developer, with its keys.
        ApigeeApp(app::App),
        /// Apps that several people own together, with their keys.
        ApigeeAppGroup(app_group::AppGroup),
        /// What a developer portal shows of an API product.
        ApigeeApiDoc(api_doc::ApiDoc),
    }
}

/// The kind of a name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}
