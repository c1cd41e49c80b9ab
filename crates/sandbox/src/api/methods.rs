//! The table of all methods that the sandbox implements.

use super::method::{Method, Verb};
use crate::state::{
    attachment, config, deployments, environment, environment_group, operation, organization, revisions, routing,
};

/// The methods of each concept, declared next to their handlers.
pub(crate) const METHODS: &[&[Method]] = &[
    organization::METHODS,
    operation::METHODS,
    environment::METHODS,
    environment_group::METHODS,
    attachment::METHODS,
    revisions::METHODS,
    deployments::METHODS,
    routing::METHODS,
    config::target_server::METHODS,
    config::key_value_map::METHODS,
    config::key_value_entry::METHODS,
    config::resource_file::METHODS,
    config::reference::METHODS,
    config::keystore::METHODS,
    config::alias::METHODS,
    config::flow_hook::METHODS,
    config::debug_mask::METHODS,
    config::trace_config::METHODS,
    config::data_collector::METHODS,
    config::api_product::METHODS,
    config::api_product::ATTRIBUTE_METHODS,
    config::rate_plan::METHODS,
    config::developer::METHODS,
    config::developer::ATTRIBUTE_METHODS,
    config::app_group::METHODS,
    config::app::METHODS,
    config::app::ATTRIBUTE_METHODS,
    config::app_key::METHODS,
    config::organization_app::METHODS,
    config::api_doc::METHODS,
];

/// Methods of the API that the sandbox does not implement, although it implements others with the same path.
pub(crate) const NOT_IMPLEMENTED: [(Verb, &str); 4] = [
    (Verb::Post, "/v1/organizations"),
    (Verb::Delete, "/v1/organizations/{org}"),
    (Verb::Patch, "/v1/organizations/{org}/environments/{env}"),
    (Verb::Put, "/v1/organizations/{org}"),
];
