//! Attributes of products, developers and apps: `…/attributes` and `…/attributes/{attribute}`.

use serde_json::{Value, json};

use super::call::{Answer, Call, missing};
use super::limits;
use super::message::{ATTRIBUTE, ATTRIBUTES, Message, Object, require, set, text};
use crate::fault::Fault;
use apigee_flux_model::limits::{counts, texts};

pub(super) const LIST: Message = Message { name: "attributes", fields: &[("attribute", ATTRIBUTES)] };

/// 400 if there are too many attributes, or a name or value that Apigee does not accept.
pub(super) fn check(object: &Object) -> Result<(), Fault> {
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
pub(super) fn list(object: &Object) -> Answer {
    Answer::value(json!({"attribute": of(object)}))
}

/// Replaces all attributes.
pub(super) fn replace(object: &mut Object, call: &Call) -> Result<Answer, Fault> {
    let mut body = call.read(&LIST)?;
    let mut new = Object::new();
    set(&mut new, "attributes", body.remove("attribute").unwrap_or_default());
    check(&new)?;
    object.extend(new);
    Ok(list(object))
}

/// The value of a named attribute.
pub(super) fn value<'a>(object: &'a Object, name: &str) -> Option<&'a str> {
    let list = object.get("attributes").and_then(Value::as_array);
    let found = list.into_iter().flatten().filter_map(Value::as_object).find(|other| text(other, "name") == name);
    found.map(|found| text(found, "value"))
}

/// Reads one attribute.
pub(super) fn get(object: &Object, call: &Call) -> Result<Answer, Fault> {
    let name = call.parameter("attribute");
    let value = value(object, name).ok_or_else(|| missing(call, "attributes", name))?;
    Ok(Answer::value(json!({"name": name, "value": value})))
}

/// Creates or updates one attribute.
pub(super) fn update(object: &mut Object, call: &Call) -> Result<Answer, Fault> {
    let name = call.parameter("attribute");
    let body = call.read_same_name(&ATTRIBUTE, name)?;
    require(&body, "attribute", &["value"])?;
    let mut new = object.clone();
    let mut list = of(object);
    list.retain(|other| other["name"] != name);
    list.push(Value::Object(body.clone()));
    set(&mut new, "attributes", list);
    check(&new)?;
    *object = new;
    Ok(Answer::message(&body))
}

/// Deletes one attribute.
pub(super) fn delete(object: &mut Object, call: &Call) -> Result<Answer, Fault> {
    let answer = get(object, call)?;
    let mut list = of(object);
    list.retain(|other| other["name"] != call.parameter("attribute"));
    set(object, "attributes", list);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_set_and_all_are_replaced() {
        let mut object = Object::new();
        let at = |name: &str| Call::to("x/attributes", &[("attribute", name)]);
        update(&mut object, &at("a").json(&json!({"value": "1"}))).unwrap();
        update(&mut object, &at("a").json(&json!({"name": "a", "value": "2"}))).unwrap();
        assert_eq!(value(&object, "a"), Some("2"));
        assert_eq!(get(&object, &at("b")).unwrap_err().code, 404);
        let all = json!({"attribute": [{"name": "b", "value": "3"}]});
        assert_eq!(replace(&mut object, &at("").json(&all)).unwrap(), Answer::Json(all));
        assert_eq!(value(&object, "a"), None);
        delete(&mut object, &at("b")).unwrap();
        assert_eq!(list(&object), Answer::Json(json!({})));
        let many: Vec<Value> = (0..19).map(|index| json!({"name": index.to_string(), "value": "v"})).collect();
        assert_eq!(replace(&mut object, &at("").json(&json!({"attribute": many}))).unwrap_err().code, 400);
    }
}
