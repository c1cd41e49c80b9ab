//! API products: `organizations.apiproducts`.
//!
//! Empty `proxies` allow every API of the organization and empty `environments` every environment; both are stored as given. Not
//! documented, chosen here: names of proxies and environments are not checked, a product that a key refers to cannot be deleted (as in
//! Apigee Edge, <https://github.com/apigee/apigee-config-maven-plugin/issues/46>); its rate plans are deleted with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::attributes;
use super::call::{Answer, Call, find, find_mut, take, vacant};
use super::message::{ATTRIBUTE, ATTRIBUTES, LIST, Message, Object, Type, require, set, text, texts};
use super::{ConfigState, Route, limits};
use crate::fault::{Fault, Violation};
use crate::parameter::{Parameter, Parameters};
use apigee_flux_model::limits::{counts, texts};

pub(super) const ROUTES: &[Route] = &[
    Route::get("apiproducts", list).query(LISTING),
    Route::post("apiproducts", create).json(&API_PRODUCT),
    Route::get("apiproducts/{product}", get),
    Route::put("apiproducts/{product}", update).json(&API_PRODUCT),
    Route::delete("apiproducts/{product}", delete),
    Route::get("apiproducts/{product}/attributes", |config, call| Ok(attributes::list(profile(config, call)?))),
    Route::post("apiproducts/{product}/attributes", |config, call| attributes::replace(profile(config, call)?, call))
        .json(&attributes::LIST),
    Route::get("apiproducts/{product}/attributes/{attribute}", |config, call| {
        attributes::get(profile(config, call)?, call)
    }),
    Route::post("apiproducts/{product}/attributes/{attribute}", |config, call| {
        attributes::update(profile(config, call)?, call)
    })
    .json(&ATTRIBUTE),
    Route::delete("apiproducts/{product}/attributes/{attribute}", |config, call| {
        attributes::delete(profile(config, call)?, call)
    }),
];

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
pub(super) struct Product {
    /// `GoogleCloudApigeeV1ApiProduct`.
    pub(super) profile: Object,
    /// The rate plans by name; the server generates the names.
    pub(super) rate_plans: BTreeMap<String, Object>,
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

/// The product in the path of a call.
pub(super) fn product<'a>(config: &'a mut ConfigState, call: &Call) -> Result<&'a mut Product, Fault> {
    find_mut(&mut config.products, call, "apiproducts", call.parameter("product"))
}

fn profile<'a>(config: &'a mut ConfigState, call: &Call) -> Result<&'a mut Object, Fault> {
    product(config, call).map(|product| &mut product.profile)
}

/// 400 unless all products exist.
pub(super) fn exist(config: &ConfigState, names: &[String]) -> Result<(), Fault> {
    match names.iter().find(|name| !config.products.contains_key(*name)) {
        Some(name) => {
            let fault = Fault::invalid_argument(format!("the API product \"{name}\" does not exist: create it first"));
            Err(fault.or_status(404))
        }
        None => Ok(()),
    }
}

/// Whether keys for the product are approved manually.
pub(super) fn is_manual(config: &ConfigState, name: &str) -> bool {
    config.products.get(name).is_some_and(|product| text(&product.profile, "approvalType") == "manual")
}

fn list(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let expand = call.flag("expand")?;
    let wanted = call.query("attributename").map(|name| (name, call.query("attributevalue")));
    let page = call.page_by_key(&config.products, 1000)?;
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
    Ok(Answer::value(json!({ "apiProduct": list })))
}

fn create(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (name, mut profile) = call.read_named(&API_PRODUCT, "", &texts::PRODUCT)?;
    check(&mut profile, call)?;
    vacant(&config.products, call, "apiproducts", &name)?;
    set(&mut profile, "createdAt", call.now.to_string());
    set(&mut profile, "lastModifiedAt", call.now.to_string());
    let answer = Answer::message(&profile);
    config.products.insert(name, Product { profile, rate_plans: BTreeMap::new() });
    Ok(answer)
}

fn get(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::message(profile(config, call)?))
}

/// Replaces the product: fields that the request omits are removed.
fn update(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let mut new = call.read_same_name(&API_PRODUCT, call.parameter("product"))?;
    let stored = profile(config, call)?;
    check(&mut new, call)?;
    set(&mut new, "createdAt", text(stored, "createdAt"));
    set(&mut new, "lastModifiedAt", call.now.to_string());
    *stored = new;
    Ok(Answer::message(stored))
}

fn delete(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let name = call.parameter("product");
    find(&config.products, call, "apiproducts", name)?;
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
        let fault = Fault::failed_precondition(format!("the API product {name} is used by apps"), &violations);
        return Err(fault.or_status(409));
    }
    Ok(Answer::message(&take(&mut config.products, call, "apiproducts", name)?.profile))
}

/// Fills in the default and validates the fields. "The `api_resources` setting cannot be specified for both the API product
/// and operation group; otherwise the call will fail." "Currently, you can specify only a single resource/method pair."
fn check(profile: &mut Object, call: &Call) -> Result<(), Fault> {
    require(profile, "api_product", &["displayName"])?;
    attributes::check(profile)?;
    check_limits(profile, call)?;
    if text(profile, "approvalType").is_empty() {
        set(profile, "approvalType", "auto");
    }
    let approval = text(profile, "approvalType");
    if !["auto", "manual"].contains(&approval) {
        return Err(Fault::invalid_argument(format!("api_product.approvalType is \"{approval}\"; use auto or manual")));
    }
    if !texts(profile, "apiResources").is_empty() && profile.contains_key("operationGroup") {
        return Err(Fault::invalid_argument(
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
            return Err(Fault::invalid_argument(format!(
                "an operation_config of api_product.{group} has several {operations}: put one into each operation_config"
            )));
        }
    }
    for prefix in ["quota", "llmQuota"] {
        let unit = text(profile, &format!("{prefix}TimeUnit"));
        if !unit.is_empty() && !["minute", "hour", "day", "month"].contains(&unit) {
            return Err(Fault::invalid_argument(format!(
                "api_product.{prefix}TimeUnit is \"{unit}\"; use minute, hour, day or month"
            )));
        }
    }
    Ok(())
}

/// Checks the limits of [`crate::limits`].
fn check_limits(profile: &Object, call: &Call) -> Result<(), Fault> {
    let display = format!("{}@@@{}", call.organization(), text(profile, "displayName"));
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

    fn at(product: &str) -> Call {
        Call::to("organizations/o/apiproducts", &[("product", product)])
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
        assert_eq!(get(&mut config, &at("gold")).unwrap(), Answer::Json(expected));
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
        assert_eq!(two, Answer::Json(json!({"apiProduct": [{"name": "b"}, {"name": "c"}]})));
        let private =
            list(&mut config, &at("").with("attributename", "access").with("attributevalue", "private")).unwrap();
        assert_eq!(private, Answer::Json(json!({"apiProduct": [{"name": "c"}]})));
    }
}
