//! The kinds of configuration: one line for each in the list below.

use std::sync::{Arc, LazyLock};

use apigee_flux_model::yaml::Node;
use apigee_flux_model::yaml::decode::{self, DecodeError};
use schemars::Schema;

use crate::common::{self, Configured};
use crate::{
    ConfigurationSpec, Crud, api_doc, app, app_group, data_collector, debug_mask, developer, flow_hook, key_value_map,
    keystore, product, reference, resource_file, target_server,
};

/// One kind of configuration.
#[derive(Debug, Clone, Copy)]
pub struct ConfigurationKind {
    /// As in `kind:`.
    pub name: &'static str,
    /// What it is, for the documentation.
    pub doc: &'static str,
    /// The JSON schema of its `spec`, made once.
    pub schema: fn() -> &'static Schema,
    /// Reads a `spec`.
    pub decode: fn(&Node) -> Result<Configured, DecodeError>,
    /// The calls to Apigee.
    pub crud: &'static dyn Crud,
}

macro_rules! kinds {
    ( $( $(#[doc = $doc:literal])+ $name:ident($spec:ty), )+ ) => {
        /// All kinds, in the order in which they depend on each other: a kind comes after those that it names.
        pub const KINDS: &[ConfigurationKind] = &[
            $( ConfigurationKind {
                name: stringify!($name),
                doc: concat!($($doc),+),
                schema: || {
                    static SCHEMA: LazyLock<Schema> = LazyLock::new(common::schema::<$spec>);
                    &SCHEMA
                },
                decode: decoded::<$spec>,
                crud: <$spec as ConfigurationSpec>::CRUD,
            }, )+
        ];
    };
}

fn decoded<T: ConfigurationSpec>(node: &Node) -> Result<Configured, DecodeError> {
    let (common, own) = common::split(node);
    Ok(Configured { common: decode::decode(&common)?, spec: Arc::new(decode::decode::<T>(&own)?) })
}

kinds! {
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

/// The kind of a name.
pub fn kind(name: &str) -> Option<&'static ConfigurationKind> {
    KINDS.iter().find(|kind| kind.name == name)
}
