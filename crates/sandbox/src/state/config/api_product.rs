//! API products: `organizations.apiproducts`.
//!
//! Empty `proxies` allow every API of the organization and empty `environments` every environment; both are stored as given. Not
//! documented, chosen here: names of proxies and environments are not checked, a product that a key refers to cannot be deleted (as in
//! Apigee Edge, <https://github.com/apigee/apigee-config-maven-plugin/issues/46>); its rate plans are deleted with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ConfigState;
use super::attributes::{self, attribute_methods};
use super::collection::{find, find_mut, take, vacant};
use super::stamp::{set_created, set_modified};
use crate::api::Handler::Configuration;
use crate::api::message::{ATTRIBUTE, ATTRIBUTES, LIST, require, set, text, texts};
use crate::api::{
    ApiError, ApiRequest, ApiResponse, Message, Method, Object, Parameter, Parameters, Type, Violation, limits,
};
use apigee_flux_model::limits::{counts, texts};

pub(crate) const METHODS: &[Method] = &[
    Method::get("apiproducts", Configuration(list)).query(LISTING),
    Method::post("apiproducts", Configuration(create)).json(&API_PRODUCT),
    Method::get("apiproducts/{product}", Configuration(get)),
    Method::put("apiproducts/{product}", Configuration(update)).json(&API_PRODUCT),
    Method::delete("apiproducts/{product}", Configuration(delete)),
];

pub(crate) const ATTRIBUTE_METHODS: &[Method] = attribute_methods!("apiproducts/{product}", profile);

/// The parameters of a list.
const LISTING: Parameters = &[
    ("attributename", Parameter::Text),
    ("attributevalue", Parameter::Text),
    ("count", Parameter::Int64),
    ("expand", Parameter::Bool),
    ("space", Parameter::Text),
    ("startKey", Parameter::Text),
];

/// A product and its rate plans.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Product {
    /// `GoogleCloudApigeeV1ApiProduct`.
    pub(crate) profile: Object,
    /// The rate plans by name; the server generates the names.
    pub(crate) rate_plans: BTreeMap<String, Object>,
}

const QUOTA: Message =
    Message { name: "quota", fields: &[("limit", Type::Text), ("interval", Type::Text), ("timeUnit", Type::Text)] };

const OPERATION: Message = Message { name: "operation", fields: &[("resource", Type::Text), ("methods", LIST)] };

const OPERATION_CONFIG: Message = Message {
    name: "operation_config",
    fields: &[
        ("apiSource", Type::Text),
        ("operations", Type::List(&Type::Nested(&OPERATION))),
        ("quota", Type::Nested(&QUOTA)),
        ("attributes", ATTRIBUTES),
    ],
};

const OPERATION_GROUP: Message = Message {
    name: "operation_group",
    fields: &[("operationConfigs", Type::List(&Type::Nested(&OPERATION_CONFIG))), ("operationConfigType", Type::Text)],
};

const GRAPHQL_OPERATION: Message =
    Message { name: "operation", fields: &[("operationTypes", LIST), ("operation", Type::Text)] };

const GRAPHQL_CONFIG: Message = Message {
    name: "operation_config",
    fields: &[
        ("apiSource", Type::Text),
        ("operations", Type::List(&Type::Nested(&GRAPHQL_OPERATION))),
        ("quota", Type::Nested(&QUOTA)),
        ("attributes", ATTRIBUTES),
    ],
};

const GRAPHQL_GROUP: Message = Message {
    name: "graphql_operation_group",
    fields: &[("operationConfigs", Type::List(&Type::Nested(&GRAPHQL_CONFIG))), ("operationConfigType", Type::Text)],
};

const GRPC_CONFIG: Message = Message {
    name: "operation_config",
    fields: &[
        ("apiSource", Type::Text),
        ("service", Type::Text),
        ("methods", LIST),
        ("quota", Type::Nested(&QUOTA)),
        ("attributes", ATTRIBUTES),
    ],
};

const GRPC_GROUP: Message =
    Message { name: "grpc_operation_group", fields: &[("operationConfigs", Type::List(&Type::Nested(&GRPC_CONFIG)))] };

const LLM_OPERATION: Message =
    Message { name: "llm_operation", fields: &[("resource", Type::Text), ("methods", LIST), ("model", Type::Text)] };

const LLM_CONFIG: Message = Message {
    name: "operation_config",
    fields: &[
        ("apiSource", Type::Text),
        ("llmOperations", Type::List(&Type::Nested(&LLM_OPERATION))),
        ("llmTokenQuota", Type::Nested(&QUOTA)),
        ("attributes", ATTRIBUTES),
    ],
};

const LLM_GROUP: Message =
    Message { name: "llm_operation_group", fields: &[("operationConfigs", Type::List(&Type::Nested(&LLM_CONFIG)))] };

const PAYLOAD_OPERATION: Message = Message { name: "operation", fields: &[("operation", Type::Text)] };

const PAYLOAD_CONFIG: Message = Message {
    name: "operation_config",
    fields: &[
        ("apiSource", Type::Text),
        ("operations", Type::List(&Type::Nested(&PAYLOAD_OPERATION))),
        ("quota", Type::Nested(&QUOTA)),
        ("attributes", ATTRIBUTES),
    ],
};

const PAYLOAD_GROUP: Message = Message {
    name: "payload_operation_group",
    fields: &[("operationConfigs", Type::List(&Type::Nested(&PAYLOAD_CONFIG)))],
};

const API_PRODUCT: Message = Message {
    name: "api_product",
    fields: &[
        ("name", Type::Text),
        ("displayName", Type::Text),
        ("description", Type::Text),
        ("approvalType", Type::Text),
        ("attributes", ATTRIBUTES),
        ("apiResources", LIST),
        ("environments", LIST),
        ("proxies", LIST),
        ("scopes", LIST),
        ("quota", Type::Text),
        ("quotaInterval", Type::Text),
        ("quotaTimeUnit", Type::Text),
        ("quotaCounterScope", Type::Enum(&["QUOTA_COUNTER_SCOPE_UNSPECIFIED", "PROXY", "OPERATION", "PRODUCT"])),
        ("operationGroup", Type::Nested(&OPERATION_GROUP)),
        ("graphqlOperationGroup", Type::Nested(&GRAPHQL_GROUP)),
        ("grpcOperationGroup", Type::Nested(&GRPC_GROUP)),
        ("llmOperationGroup", Type::Nested(&LLM_GROUP)),
        ("payloadOperationGroup", Type::Nested(&PAYLOAD_GROUP)),
        ("llmQuota", Type::Text),
        ("llmQuotaInterval", Type::Text),
        ("llmQuotaTimeUnit", Type::Text),
        ("space", Type::Text),
        ("createdAt", Type::Output),
        ("lastModifiedAt", Type::Output),
    ],
};

/// The product in the path of a request.
pub(crate) fn product<'a>(config: &'a mut ConfigState, request: &ApiRequest) -> Result<&'a mut Product, ApiError> {
    find_mut(&mut config.products, request, "apiproducts", request.parameter("product"))
}

fn profile<'a>(config: &'a mut ConfigState, request: &ApiRequest) -> Result<&'a mut Object, ApiError> {
    product(config, request).map(|product| &mut product.profile)
}

/// 400 unless all products exist.
pub(crate) fn exist(config: &ConfigState, names: &[String]) -> Result<(), ApiError> {
    match names.iter().find(|name| !config.products.contains_key(*name)) {
        Some(name) => {
            let error =
                ApiError::invalid_argument(format!("the API product \"{name}\" does not exist: create it first"));
            Err(error.or_status(404))
        }
        None => Ok(()),
    }
}

/// Whether keys for the product are approved manually.
pub(crate) fn is_manual(config: &ConfigState, name: &str) -> bool {
    config.products.get(name).is_some_and(|product| text(&product.profile, "approvalType") == "manual")
}

fn list(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let expand = request.flag("expand");
    let wanted = request.query("attributename").map(|name| (name, request.query("attributevalue")));
    let page = request.page_by_key(&config.products, 1000)?;
    let list: Vec<Value> = page
        .into_iter()
        .filter(|(_, product)| {
            wanted.is_none_or(|(name, value)| {
                let found = attributes::value(&product.profile, name);
                found.is_some_and(|found| value.is_none_or(|value| value == found))
            })
        })
        .map(|(name, product)| if expand { Value::Object(product.profile.clone()) } else { json!({ "name": name }) })
        .collect();
    Ok(ApiResponse::value(json!({ "apiProduct": list })))
}

fn create(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (name, mut profile) = request.read_named(&API_PRODUCT, "", &texts::PRODUCT)?;
    check(&mut profile, request)?;
    vacant(&config.products, request, "apiproducts", &name)?;
    set_created(&mut profile, request);
    let response = ApiResponse::message(&profile);
    config.products.insert(name, Product { profile, rate_plans: BTreeMap::new() });
    Ok(response)
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::message(profile(config, request)?))
}

/// Replaces the product: fields that the request omits are removed.
fn update(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let mut new = request.read_same_name(&API_PRODUCT, request.parameter("product"))?;
    let stored = profile(config, request)?;
    check(&mut new, request)?;
    set(&mut new, "createdAt", text(stored, "createdAt"));
    set_modified(&mut new, request);
    *stored = new;
    Ok(ApiResponse::message(stored))
}

fn delete(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let name = request.parameter("product");
    find(&config.products, request, "apiproducts", name)?;
    let owners = config.developers.iter().chain(&config.app_groups);
    let apps = owners.flat_map(|(owner, held)| held.apps.iter().map(move |(app, held)| (owner, app, held)));
    let violations: Vec<Violation> = apps
        .filter(|(_, _, app)| app.credentials.iter().any(|key| key.products.iter().any(|of| of.apiproduct == name)))
        .map(|(owner, app, _)| Violation {
            kind: "WOULD_BREAK_DEPENDENT",
            subject: format!("{owner}/apps/{app}"),
            description: format!(
                "A key of the app {app} of {owner} is for the API product {name}: remove it there first."
            ),
        })
        .collect();
    if !violations.is_empty() {
        let error = ApiError::failed_precondition(format!("the API product {name} is used by apps"), &violations);
        return Err(error.or_status(409));
    }
    Ok(ApiResponse::message(&take(&mut config.products, request, "apiproducts", name)?.profile))
}

/// Fills in the default and validates the fields. "The `api_resources` setting cannot be specified for both the API product
/// and operation group; otherwise the call will fail." "Currently, you can specify only a single resource/method pair."
fn check(profile: &mut Object, request: &ApiRequest) -> Result<(), ApiError> {
    require(profile, "api_product", &["displayName"])?;
    attributes::check(profile)?;
    check_limits(profile, request)?;
    if text(profile, "approvalType").is_empty() {
        set(profile, "approvalType", "auto");
    }
    let approval = text(profile, "approvalType");
    if !["auto", "manual"].contains(&approval) {
        return Err(ApiError::invalid_argument(format!(
            "api_product.approvalType is \"{approval}\"; use auto or manual"
        )));
    }
    if !texts(profile, "apiResources").is_empty() && profile.contains_key("operationGroup") {
        return Err(ApiError::invalid_argument(
            "api_product has both apiResources and operationGroup: write the paths into the operation group only",
        ));
    }
    let of_one = [
        ("operationGroup", "operations"),
        ("graphqlOperationGroup", "operations"),
        ("llmOperationGroup", "llmOperations"),
    ];
    for (group, operations) in of_one {
        let configs = profile.get(group).and_then(|group| group.get("operationConfigs")?.as_array());
        let count = |config: &Value| config.get(operations).and_then(Value::as_array).map_or(0, Vec::len);
        if configs.into_iter().flatten().any(|config| count(config) > 1) {
            return Err(ApiError::invalid_argument(format!(
                "an operation_config of api_product.{group} has several {operations}: put one into each operation_config"
            )));
        }
    }
    for prefix in ["quota", "llmQuota"] {
        let unit = text(profile, &format!("{prefix}TimeUnit"));
        if !unit.is_empty() && !["minute", "hour", "day", "month"].contains(&unit) {
            return Err(ApiError::invalid_argument(format!(
                "api_product.{prefix}TimeUnit is \"{unit}\"; use minute, hour, day or month"
            )));
        }
    }
    Ok(())
}

/// Checks the limits of [`apigee_flux_model::limits`].
fn check_limits(profile: &Object, request: &ApiRequest) -> Result<(), ApiError> {
    let display = format!("{}@@@{}", request.organization(), text(profile, "displayName"));
    limits::check(&texts::PRODUCT_DISPLAY, "api_product.displayName", &display)?;
    for (most, field) in [
        (&counts::PRODUCT_ENVIRONMENTS, "environments"),
        (&counts::PRODUCT_PROXIES, "proxies"),
        (&counts::PRODUCT_PATHS, "apiResources"),
    ] {
        limits::check_count(most, field, limits::count(profile, field))?;
    }
    for (rule, field) in [(&texts::ENVIRONMENT, "environments"), (&texts::BUNDLE, "proxies"), (&texts::SCOPE, "scopes")]
    {
        limits::check_list(rule, "api_product", profile, field)?;
    }
    let groups = profile.values().filter_map(|group| group.get("operationConfigs")?.as_array());
    let configs: Vec<&Object> = groups.flatten().filter_map(Value::as_object).collect();
    limits::check_count(&counts::PRODUCT_OPERATIONS, "operationConfigs", configs.len())?;
    for config in configs {
        limits::check_count(
            &counts::OPERATION_ATTRIBUTES,
            "operation_config.attributes",
            limits::count(config, "attributes"),
        )?;
        limits::check_field(&texts::BUNDLE, "operation_config", config, "apiSource")?;
        for operations in ["operations", "llmOperations"] {
            let list = config.get(operations).and_then(Value::as_array).into_iter().flatten();
            for operation in list.filter_map(Value::as_object) {
                limits::check_list(&texts::METHOD, "operation", operation, "methods")?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(product: &str) -> ApiRequest {
        ApiRequest::to("organizations/o/apiproducts", &[("product", product)])
    }

    #[test]
    fn an_update_is_the_whole_product() {
        let mut config = ConfigState::default();
        let body = json!({"name": "gold", "displayName": "Gold", "proxies": [], "quota": "5", "quotaTimeUnit": "day"});
        create(&mut config, &at("").json(&body)).unwrap();
        assert_eq!(create(&mut config, &at("").json(&body)).unwrap_err().code, 409);
        assert_eq!(update(&mut config, &at("gold").json(&json!({"description": "d"}))).unwrap_err().code, 400);
        update(&mut config, &at("gold").json(&json!({"displayName": "G"}))).unwrap();
        let expected = json!({"displayName": "G", "name": "gold", "approvalType": "auto", "createdAt": "1000", "lastModifiedAt": "1000"});
        assert_eq!(get(&mut config, &at("gold")).unwrap(), ApiResponse::Json(expected));
    }

    #[test]
    fn paths_stand_in_one_place() {
        let body =
            json!({"name": "p", "displayName": "P", "apiResources": ["/"], "operationGroup": {"operationConfigs": []}});
        assert_eq!(create(&mut ConfigState::default(), &at("").json(&body)).unwrap_err().code, 400);
    }

    #[test]
    fn an_operation_config_has_one_operation() {
        let operations = json!([{"resource": "/a"}, {"resource": "/b"}]);
        let configs = json!([{"apiSource": "a", "operations": operations}]);
        let body = json!({"name": "p", "displayName": "P", "operationGroup": {"operationConfigs": configs}});
        assert_eq!(create(&mut ConfigState::default(), &at("").json(&body)).unwrap_err().code, 400);
    }

    #[test]
    fn lists_start_at_a_key() {
        let mut config = ConfigState::default();
        for name in ["a", "b", "c"] {
            let attributes = json!([{"name": "access", "value": if name == "c" { "private" } else { "public" }}]);
            let body = json!({"name": name, "displayName": name, "attributes": attributes});
            create(&mut config, &at("").json(&body)).unwrap();
        }
        let two = list(&mut config, &at("").with("startKey", "b").with("count", "2")).unwrap();
        assert_eq!(two, ApiResponse::Json(json!({"apiProduct": [{"name": "b"}, {"name": "c"}]})));
        let private =
            list(&mut config, &at("").with("attributename", "access").with("attributevalue", "private")).unwrap();
        assert_eq!(private, ApiResponse::Json(json!({"apiProduct": [{"name": "c"}]})));
    }
}
