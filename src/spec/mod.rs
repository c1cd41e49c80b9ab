//! The specs that users write: one file for each kind, one line for each kind in the list below.
//!
//! The schema, the documentation, the suggestions for unknown fields and the dispatch derive from [`KINDS`].

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

/// The version of the kinds.
pub const VERSION: &str = "v1alpha1";

/// One kind of `apigeeflux.dev`.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// The name of the kind, as in `kind:`.
    pub name: &'static str,
    /// The description of the kind, for the documentation.
    pub doc: &'static str,
    /// The JSON schema of its `spec`, computed once.
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
        /// The decoded `spec` of a resource.
        #[derive(Debug, Clone)]
        pub enum Spec {
            $( $(#[doc = $doc])+ $name(Box<$spec>), )+
            /// Any kind of configuration.
            Configuration(configuration::Configured),
        }

        /// All kinds. Configuration kinds are in the order of their dependencies: a kind comes after the kinds that it
        /// refers to.
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
    configuration {
        /// A keystore of an environment, with keys and certificates.
        ApigeeKeystore(keystore::Keystore),
        /// A reference to a keystore, which can be switched to another keystore: target servers and proxies refer to it
        /// as `ref://NAME`.
        ApigeeReference(reference::Reference),
        /// A target server: a backend of an environment, which proxies refer to by name instead of by host.
        ApigeeTargetServer(target_server::TargetServer),
        /// A key value map: pairs of keys and values that proxies read at run time. Apigee stores them encrypted.
        ApigeeKeyValueMap(key_value_map::KeyValueMap),
        /// A resource file: a script, stylesheet, schema or library that the proxies of an environment share. One
        /// ConfigMap contains all configuration of an environment, so its total size is limited to 1 MiB: put larger
        /// files into a bundle. Apigee allows 100 resource files in an environment.
        ApigeeResourceFile(resource_file::ResourceFile),
        /// A data collector: a column of analytics that DataCapture policies fill. Its name starts with `dc_`: set
        /// `spec.name`, because `metadata.name` cannot contain `_`.
        ApigeeDataCollector(data_collector::DataCollector),
        /// A flow hook: a shared flow that runs for every proxy of an environment.
        ApigeeFlowHook(flow_hook::FlowHook),
        /// The debug mask of an environment: the data that debug sessions hide. An environment has one mask; data that
        /// is not listed in it is visible.
        ApigeeDebugMask(debug_mask::DebugMask),
        /// An API product: the operations that an app with a key for it may call, its quota and its price.
        ApigeeProduct(product::Product),
        /// A developer, who owns apps that call proxies.
        ApigeeDeveloper(developer::Developer),
        /// An app of a developer, with its keys.
        ApigeeApp(app::App),
        /// A group of apps with several owners, with the keys of the apps.
        ApigeeAppGroup(app_group::AppGroup),
        /// A catalog item of a developer portal, which presents an API product.
        ApigeeApiDoc(api_doc::ApiDoc),
    }
}

/// The kind with a name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}
