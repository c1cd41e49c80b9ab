//! The kinds of configuration: one line for each in the list below.

use std::sync::{Arc, LazyLock};

use apigee_flux_model::yaml::YamlNode;
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
    /// The name of the kind, as in `kind:`.
    pub name: &'static str,
    /// The description of the kind, for the documentation.
    pub doc: &'static str,
    /// The JSON schema of its `spec`, computed once.
    pub schema: fn() -> &'static Schema,
    /// Reads a `spec`.
    pub decode: fn(&YamlNode) -> Result<Configured, DecodeError>,
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

fn decoded<T: ConfigurationSpec>(node: &YamlNode) -> Result<Configured, DecodeError> {
    let (common, own) = common::split(node);
    Ok(Configured { common: decode::decode(&common)?, spec: Arc::new(decode::decode::<T>(&own)?) })
}

kinds! {
    /// A keystore of an environment, with keys and certificates.
    ApigeeKeystore(keystore::Keystore),
    /// A reference to a keystore, which can be switched to another keystore: target servers and proxies refer to it
    /// as `ref://NAME`.
    ApigeeReference(reference::Reference),
    /// A target server: a backend of an environment, which proxies refer to by name instead of by host.
    ApigeeTargetServer(target_server::TargetServer),
    /// A key value map: pairs of keys and values that proxies read at run time. Apigee stores them encrypted.
    ApigeeKeyValueMap(key_value_map::KeyValueMap),
    /// A resource file: a script, stylesheet, schema or library that the proxies of an environment share. Apigee
    /// allows 100 resource files in an environment.
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

/// The kind with a name.
pub fn kind(name: &str) -> Option<&'static ConfigurationKind> {
    KINDS.iter().find(|kind| kind.name == name)
}
