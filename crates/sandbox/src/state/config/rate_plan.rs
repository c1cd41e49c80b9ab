//! Rate plans of API products: `organizations.apiproducts.rateplans`. The server generates the names, so a repeated creation
//! creates a second rate plan.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ConfigState;
use super::api_product::product;
use super::collection::{find, find_mut, take};
use super::stamp::{set_created, set_modified};
use crate::api::Handler::Configuration;
use crate::api::message::{require, set, text};
use crate::api::{ApiError, ApiRequest, ApiResponse, Message, Method, Object, Parameter, Parameters, Type, limits};
use apigee_flux_model::limits::texts;

pub(crate) const METHODS: &[Method] = &[
    Method::get("apiproducts/{product}/rateplans", Configuration(list)).query(LISTING),
    Method::post("apiproducts/{product}/rateplans", Configuration(create)).json(&RATE_PLAN),
    Method::get("apiproducts/{product}/rateplans/{plan}", Configuration(get)),
    Method::put("apiproducts/{product}/rateplans/{plan}", Configuration(update)).json(&RATE_PLAN),
    Method::delete("apiproducts/{product}/rateplans/{plan}", Configuration(delete)),
];

/// The parameters of a list.
const LISTING: Parameters = &[
    ("count", Parameter::Int32),
    ("expand", Parameter::Bool),
    ("orderBy", Parameter::Text),
    ("startKey", Parameter::Text),
    ("state", Parameter::OneOf(&["STATE_UNSPECIFIED", "DRAFT", "PUBLISHED"])),
];

const MONEY: Message =
    Message { name: "money", fields: &[("currencyCode", Type::Text), ("units", Type::Int64), ("nanos", Type::Int32)] };

const RATE_RANGE: Message = Message {
    name: "rate_range",
    fields: &[("start", Type::Int64), ("end", Type::Int64), ("fee", Type::Nested(&MONEY))],
};

const REVENUE_SHARE: Message = Message {
    name: "revenue_share_range",
    fields: &[("start", Type::Int64), ("end", Type::Int64), ("sharePercentage", Type::Float)],
};

const RATE_PLAN: Message = Message {
    name: "rate_plan",
    fields: &[
        ("name", Type::Output),
        ("apiproduct", Type::Text),
        ("displayName", Type::Text),
        ("description", Type::Text),
        ("billingPeriod", Type::Enum(&["BILLING_PERIOD_UNSPECIFIED", "WEEKLY", "MONTHLY"])),
        ("paymentFundingModel", Type::Enum(&["PAYMENT_FUNDING_MODEL_UNSPECIFIED", "PREPAID", "POSTPAID"])),
        ("currencyCode", Type::Text),
        ("setupFee", Type::Nested(&MONEY)),
        ("fixedRecurringFee", Type::Nested(&MONEY)),
        ("fixedFeeFrequency", Type::Int32),
        (
            "consumptionPricingType",
            Type::Enum(&["CONSUMPTION_PRICING_TYPE_UNSPECIFIED", "FIXED_PER_UNIT", "BANDED", "TIERED", "STAIRSTEP"]),
        ),
        ("consumptionPricingRates", Type::List(&Type::Nested(&RATE_RANGE))),
        ("revenueShareType", Type::Enum(&["REVENUE_SHARE_TYPE_UNSPECIFIED", "FIXED", "VOLUME_BANDED"])),
        ("revenueShareRates", Type::List(&Type::Nested(&REVENUE_SHARE))),
        ("state", Type::Enum(&["STATE_UNSPECIFIED", "DRAFT", "PUBLISHED"])),
        ("startTime", Type::Int64),
        ("endTime", Type::Int64),
        ("createdAt", Type::Output),
        ("lastModifiedAt", Type::Output),
    ],
};

/// The name that stands for all products: "Use `organizations/{org}/apiproducts/-` to return rate plans for all API products within the
/// organization" (discovery document, `organizations.apiproducts.rateplans.list`).
const ALL_PRODUCTS: &str = "-";

fn list(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let expand = request.flag("expand");
    let all: BTreeMap<String, Object>;
    let plans = if request.parameter("product") == ALL_PRODUCTS {
        all = config.products.values().flat_map(|product| product.rate_plans.clone()).collect();
        &all
    } else {
        &product(config, request)?.rate_plans
    };
    let page = request.page_by_key(plans, 100)?;
    let next = page.last().and_then(|(last, _)| {
        let after = (std::ops::Bound::Excluded((*last).clone()), std::ops::Bound::Unbounded);
        plans.range(after).next().map(|(name, _)| name.clone())
    });
    let list: Vec<Value> = page
        .into_iter()
        .filter(|(_, plan)| request.query("state").is_none_or(|state| state == text(plan, "state")))
        .map(|(name, plan)| if expand { Value::Object(plan.clone()) } else { json!({ "name": name }) })
        .collect();
    Ok(ApiResponse::value(json!({"ratePlans": list, "nextStartKey": next})))
}

fn create(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let mut plan = request.read(&RATE_PLAN)?;
    require(&plan, "rate_plan", &["displayName"])?;
    limits::check_field(&texts::CURRENCY, "rate_plan", &plan, "currencyCode")?;
    product(config, request)?;
    let name = config.fresh_uuid(request);
    set(&mut plan, "name", name.as_str());
    set(&mut plan, "apiproduct", request.parameter("product"));
    if !plan.contains_key("state") {
        set(&mut plan, "state", "DRAFT");
    }
    set_created(&mut plan, request);
    let response = ApiResponse::message(&plan);
    product(config, request)?.rate_plans.insert(name, plan);
    Ok(response)
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let plans = &product(config, request)?.rate_plans;
    Ok(ApiResponse::message(find(plans, request, "rateplans", request.parameter("plan"))?))
}

fn update(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let mut new = request.read(&RATE_PLAN)?;
    require(&new, "rate_plan", &["displayName"])?;
    limits::check_field(&texts::CURRENCY, "rate_plan", &new, "currencyCode")?;
    let name = request.parameter("plan");
    let stored = find_mut(&mut product(config, request)?.rate_plans, request, "rateplans", name)?;
    set(&mut new, "name", name);
    set(&mut new, "apiproduct", request.parameter("product"));
    set(&mut new, "createdAt", text(stored, "createdAt"));
    set_modified(&mut new, request);
    *stored = new;
    Ok(ApiResponse::message(stored))
}

fn delete(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let plans = &mut product(config, request)?.rate_plans;
    Ok(ApiResponse::message(&take(plans, request, "rateplans", request.parameter("plan"))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_names_a_plan() {
        let mut config = ConfigState::default();
        config.products.insert("p".to_owned(), super::super::api_product::Product::default());
        let request = ApiRequest::to("organizations/o/apiproducts/p/rateplans", &[("product", "p")]);
        let body = json!({"name": "mine", "displayName": "P", "startTime": 5, "setupFee": {"units": "3", "currencyCode": "EUR"}});
        let request = request.json(&body);
        let ApiResponse::Json(one) = create(&mut config, &request).unwrap() else { panic!() };
        let ApiResponse::Json(two) = create(&mut config, &request).unwrap() else { panic!() };
        assert_ne!(one["name"], two["name"]);
        assert_eq!((&one["state"], &one["startTime"], &one["apiproduct"]), (&json!("DRAFT"), &json!("5"), &json!("p")));
        config.products.insert("q".to_owned(), super::super::api_product::Product::default());
        let all = ApiRequest::to("organizations/o/apiproducts/-/rateplans", &[("product", "-")]).with("expand", "true");
        let ApiResponse::Json(all) = list(&mut config, &all).unwrap() else { panic!() };
        assert_eq!((all["ratePlans"].as_array().unwrap().len(), &all["ratePlans"][0]["apiproduct"]), (2, &json!("p")));
        let ApiResponse::Json(listed) = list(&mut config, &request.with("count", "1")).unwrap() else { panic!() };
        assert_eq!(listed["ratePlans"].as_array().unwrap().len(), 1);
        assert!(listed["nextStartKey"].is_string());
    }
}
