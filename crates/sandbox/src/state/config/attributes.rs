//! Attributes of products, developers and apps: `…/attributes` and `…/attributes/{attribute}`.

use serde_json::{Value, json};

use super::collection::missing;
use crate::api::message::{ATTRIBUTE, ATTRIBUTES, require, set, text};
use crate::api::{ApiError, ApiRequest, ApiResponse, Message, Object, limits};
use apigee_flux_model::limits::{counts, texts};

pub(crate) const LIST: Message = Message { name: "attributes", fields: &[("attribute", ATTRIBUTES)] };

/// The methods of the attributes of one resource. The function finds the message that has them: it gets the configuration and the request.
macro_rules! attribute_methods {
    ($resource:literal, $find:ident) => {
        &[
            Method::get(
                concat!($resource, "/attributes"),
                Configuration(|config, request| Ok(attributes::list($find(config, request)?))),
            ),
            Method::post(
                concat!($resource, "/attributes"),
                Configuration(|config, request| attributes::replace($find(config, request)?, request)),
            )
            .json(&attributes::LIST),
            Method::get(
                concat!($resource, "/attributes/{attribute}"),
                Configuration(|config, request| attributes::get($find(config, request)?, request)),
            ),
            Method::post(
                concat!($resource, "/attributes/{attribute}"),
                Configuration(|config, request| attributes::update($find(config, request)?, request)),
            )
            .json(&ATTRIBUTE),
            Method::delete(
                concat!($resource, "/attributes/{attribute}"),
                Configuration(|config, request| attributes::delete($find(config, request)?, request)),
            ),
        ]
    };
}

pub(crate) use attribute_methods;

/// 400 if there are too many attributes, or a name or value that Apigee does not accept.
pub(crate) fn check(object: &Object) -> Result<(), ApiError> {
    limits::check_count(&counts::ATTRIBUTES, "attributes", limits::count(object, "attributes"))?;
    let list = object.get("attributes").and_then(Value::as_array).into_iter().flatten();
    for attribute in list.filter_map(Value::as_object) {
        limits::check(&texts::ATTRIBUTE_NAME, "attribute.name", text(attribute, "name"))?;
        limits::check_field(&texts::ATTRIBUTE_VALUE, "attribute", attribute, "value")?;
    }
    Ok(())
}

fn of(object: &Object) -> Vec<Value> {
    object.get("attributes").and_then(Value::as_array).cloned().unwrap_or_default()
}

/// Lists all attributes.
pub(crate) fn list(object: &Object) -> ApiResponse {
    ApiResponse::value(json!({"attribute": of(object)}))
}

/// Replaces all attributes.
pub(crate) fn replace(object: &mut Object, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let mut body = request.read(&LIST)?;
    let mut new = Object::new();
    set(&mut new, "attributes", body.remove("attribute").unwrap_or_default());
    check(&new)?;
    object.extend(new);
    Ok(list(object))
}

/// The value of a named attribute.
pub(crate) fn value<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    let list = object.get("attributes").and_then(Value::as_array);
    let found = list.into_iter().flatten().filter_map(Value::as_object).find(|other| text(other, "name") == name);
    found.map(|found| text(found, "value"))
}

/// Reads one attribute.
pub(crate) fn get(object: &Object, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let name = request.parameter("attribute");
    let value = value(object, name).ok_or_else(|| missing(request, "attributes", name))?;
    Ok(ApiResponse::value(json!({"name": name, "value": value})))
}

/// Creates or updates one attribute.
pub(crate) fn update(object: &mut Object, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let name = request.parameter("attribute");
    let body = request.read_same_name(&ATTRIBUTE, name)?;
    require(&body, "attribute", &["value"])?;
    let mut new = object.clone();
    let mut list = of(object);
    list.retain(|other| other["name"] != name);
    list.push(Value::Object(body.clone()));
    set(&mut new, "attributes", list);
    check(&new)?;
    *object = new;
    Ok(ApiResponse::message(&body))
}

/// Deletes one attribute.
pub(crate) fn delete(object: &mut Object, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let response = get(object, request)?;
    let mut list = of(object);
    list.retain(|other| other["name"] != request.parameter("attribute"));
    set(object, "attributes", list);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_set_and_all_are_replaced() {
        let mut object = Object::new();
        let at = |name: &str| ApiRequest::to("x/attributes", &[("attribute", name)]);
        update(&mut object, &at("a").json(&json!({"value": "1"}))).unwrap();
        update(&mut object, &at("a").json(&json!({"name": "a", "value": "2"}))).unwrap();
        assert_eq!(value(&object, "a"), Some("2"));
        assert_eq!(get(&object, &at("b")).unwrap_err().code, 404);
        let all = json!({"attribute": [{"name": "b", "value": "3"}]});
        assert_eq!(replace(&mut object, &at("").json(&all)).unwrap(), ApiResponse::Json(all));
        assert_eq!(value(&object, "a"), None);
        delete(&mut object, &at("b")).unwrap();
        assert_eq!(list(&object), ApiResponse::Json(json!({})));
        let many: Vec<Value> = (0..19).map(|index| json!({"name": index.to_string(), "value": "v"})).collect();
        assert_eq!(replace(&mut object, &at("").json(&json!({"attribute": many}))).unwrap_err().code, 400);
    }
}
