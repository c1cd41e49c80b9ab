//! The kinds of configuration that belong to the organization, except key value maps.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::git::Use;
use super::kinds::{Generator, State, Thing};
use crate::closed_loop::Apigee;

/// The Secret with the keys of apps.
const SECRET: &str = "app-keys";

/// The portal.
const SITE: &str = "acme-portal";

/// The Secrets of the cluster: a key and its secret for each app that a developer may have.
pub(crate) fn secrets() -> BTreeMap<String, BTreeMap<String, String>> {
    let names = |generator: &Generator| {
        let kind = generator.kind.to_lowercase();
        (0..generator.most).map(move |number| format!("{kind}-{number}"))
    };
    let all = names(&DEVELOPER).flat_map(|developer| names(&APP).map(move |app| key_name(&developer, &app)));
    let keys = all
        .flat_map(|name| [(format!("{name}.key"), key(&name)), (format!("{name}.secret"), format!("secret-{name}"))]);
    BTreeMap::from([(SECRET.to_owned(), keys.collect())])
}

/// Consumer keys are unique in Apigee, so an app of another developer has another key.
fn key_name(developer: &str, app: &str) -> String {
    format!("{developer}.{app}").replace('.', "-of-")
}

fn key(name: &str) -> String {
    format!("key-of-{name}")
}

fn own_key(thing: &Thing<'_>) -> String {
    key_name(thing.named("ApigeeDeveloper").unwrap(), thing.name)
}

fn description(thing: &Thing<'_>) -> String {
    format!("Number {}", thing.item.content)
}

pub(crate) const DATA_COLLECTOR: Generator = Generator {
    kind: "ApigeeDataCollector",
    most: 4,
    uses: &[],
    spec: |thing| json!({"name": collector(thing), "type": data_type(thing), "description": description(thing)}),
    expected: |thing, state| {
        let value = json!({"type": data_type(thing), "description": description(thing)});
        state.insert(format!("datacollectors/{}", collector(thing)), value);
    },
    hands: |thing| {
        let path = format!("datacollectors/{}", collector(thing));
        let other = json!({"type": data_type(thing), "description": "by hand"});
        vec![
            (Method::DELETE, path.clone(), None),
            (Method::PATCH, format!("{path}?updateMask=description"), Some(other)),
        ]
    },
};

fn collector(thing: &Thing<'_>) -> String {
    format!("dc_{}", thing.name.replace('-', "_"))
}

fn data_type(thing: &Thing<'_>) -> &'static str {
    if thing.fixed(2) == 0 { "STRING" } else { "INTEGER" }
}

pub(crate) const PRODUCT: Generator = Generator {
    kind: "ApigeeProduct",
    most: 5,
    uses: &[Use::May("ApigeeProxy")],
    spec: |thing| {
        let mut spec = json!({
            "description": description(thing),
            "availableIn": ["prod", "test"],
            "quota": {"limit": 1 + thing.item.content, "per": "day"},
            "attributes": {"number": thing.item.content.to_string()},
            "ratePlans": plans(thing),
        });
        match thing.named("ApigeeProxy") {
            Some(proxy) => spec["proxies"] = json!([proxy]),
            None => spec["allProxies"] = json!(true),
        }
        spec
    },
    expected: |thing, state| {
        let mut value = product(thing);
        value["ratePlans"] = plans(thing).as_object().unwrap().keys().cloned().collect();
        state.insert(format!("apiproducts/{}", thing.name), value);
    },
    hands: |thing| {
        let path = format!("apiproducts/{}", thing.name);
        let mut other = product(thing);
        other["quota"] = json!("7");
        other["name"] = json!(thing.name);
        vec![(Method::DELETE, path.clone(), None), (Method::PUT, path, Some(other))]
    },
};

fn plans(thing: &Thing<'_>) -> Value {
    let plan = |number| (format!("Plan {number}"), json!({"currency": "EUR"}));
    (0..thing.one_of(3)).map(plan).collect::<Map<String, Value>>().into()
}

fn product(thing: &Thing<'_>) -> Value {
    json!({
        "displayName": thing.name,
        "description": description(thing),
        "approvalType": "auto",
        "environments": ["prod", "test"],
        "proxies": thing.named("ApigeeProxy").into_iter().collect::<Vec<_>>(),
        "quota": (1 + thing.item.content).to_string(),
        "quotaInterval": "1",
        "quotaTimeUnit": "day",
        "attributes": [{"name": "number", "value": thing.item.content.to_string()}],
    })
}

pub(crate) const DEVELOPER: Generator = Generator {
    kind: "ApigeeDeveloper",
    most: 4,
    uses: &[],
    spec: |thing| json!({"email": email(thing.name), "firstName": description(thing), "lastName": "Lee"}),
    expected: |thing, state| {
        state.insert(format!("developers/{}", email(thing.name)), developer(thing));
    },
    hands: |thing| {
        let path = format!("developers/{}", email(thing.name));
        let mut other = developer(thing);
        other["lastName"] = json!("by hand");
        // Their apps are deleted with them.
        vec![(Method::DELETE, path.clone(), None), (Method::PUT, path, Some(other))]
    },
};

fn email(name: &str) -> String {
    format!("{name}@example.com")
}

fn developer(thing: &Thing<'_>) -> Value {
    let email = email(thing.name);
    json!({"email": email, "userName": email, "firstName": description(thing), "lastName": "Lee"})
}

pub(crate) const APP: Generator = Generator {
    kind: "ApigeeApp",
    most: 4,
    uses: &[Use::Needs("ApigeeDeveloper"), Use::Needs("ApigeeProduct")],
    spec: |thing| {
        let mut spec = json!({
            "developer": email(thing.named("ApigeeDeveloper").unwrap()),
            "products": [thing.named("ApigeeProduct")],
            "attributes": {"number": thing.item.content.to_string()},
        });
        if has_key(thing) {
            let at = |what: &str| json!({"valueFrom": {"secretKeyRef": {"name": SECRET, "key": format!("{}.{what}", own_key(thing))}}});
            spec["keys"] = json!({"main": {"consumerKey": at("key"), "consumerSecret": at("secret")}});
        }
        spec
    },
    expected: |thing, state| {
        let own = if has_key(thing) { key(&own_key(thing)) } else { GENERATED.to_owned() };
        let value = json!({
            "attributes": [{"name": "number", "value": thing.item.content.to_string()}],
            "credentials": [{"key": own, "products": [thing.named("ApigeeProduct")]}],
        });
        state.insert(app_path(thing), value);
    },
    hands: |thing| {
        let path = app_path(thing);
        let other = json!({"name": thing.name, "attributes": [{"name": "number", "value": "by hand"}]});
        let mut calls = vec![(Method::DELETE, path.clone(), None), (Method::PUT, path.clone(), Some(other))];
        if has_key(thing) {
            calls.push((Method::DELETE, format!("{path}/keys/{}", key(&own_key(thing))), None));
        }
        calls
    },
};

/// A placeholder for a key that Apigee generated.
const GENERATED: &str = "generated";

fn has_key(thing: &Thing<'_>) -> bool {
    thing.fixed(2) == 0
}

fn app_path(thing: &Thing<'_>) -> String {
    format!("developers/{}/apps/{}", email(thing.named("ApigeeDeveloper").unwrap()), thing.name)
}

pub(crate) const APP_GROUP: Generator = Generator {
    kind: "ApigeeAppGroup",
    most: 3,
    uses: &[Use::Needs("ApigeeProduct")],
    spec: |thing| {
        let mut apps = json!({});
        for app in group_apps(thing) {
            apps[app] = json!({"products": [thing.named("ApigeeProduct")]});
        }
        json!({"displayName": description(thing), "apps": apps})
    },
    expected: |thing, state| {
        let path = format!("appgroups/{}", thing.name);
        state.insert(path.clone(), json!({"displayName": description(thing)}));
        for app in group_apps(thing) {
            let credentials = json!([{"key": GENERATED, "products": [thing.named("ApigeeProduct")]}]);
            state.insert(format!("{path}/apps/{app}"), json!({"credentials": credentials}));
        }
    },
    hands: |thing| vec![(Method::DELETE, format!("appgroups/{}/apps/app-0", thing.name), None)],
};

fn group_apps(thing: &Thing<'_>) -> Vec<String> {
    (0..thing.one_of(3)).map(|number| format!("app-{number}")).collect()
}

pub(crate) const API_DOC: Generator = Generator {
    kind: "ApigeeApiDoc",
    most: 3,
    uses: &[Use::NeedsAlone("ApigeeProduct")],
    spec: |thing| {
        json!({
            "site": SITE,
            "product": thing.named("ApigeeProduct"),
            "title": description(thing),
            "published": thing.one_of(2) == 0,
        })
    },
    expected: |thing, state| {
        let value = json!({"title": description(thing), "published": thing.one_of(2) == 0});
        state.insert(format!("sites/{SITE}/apidocs/{}", thing.named("ApigeeProduct").unwrap()), value);
    },
    hands: |_| Vec::new(),
};

/// The fields that the model has.
fn only(value: &Value, fields: &[&str]) -> Value {
    fields.iter().map(|field| ((*field).to_owned(), value[*field].clone())).collect::<Map<String, Value>>().into()
}

/// The keys of an app with their products.
fn credentials(app: &Value) -> Value {
    let list = app["credentials"].as_array().cloned().unwrap_or_default();
    let products = |credential: &Value| -> Value {
        let list = credential["apiProducts"].as_array().cloned().unwrap_or_default();
        list.iter().map(|product| product["apiproduct"].clone()).collect()
    };
    let of = |credential: &Value| {
        let key = credential["consumerKey"].as_str().unwrap();
        let key = if key.starts_with("key-of-") { key } else { GENERATED };
        json!({"key": key, "products": products(credential)})
    };
    list.iter().map(of).collect()
}

/// The items of a list, by one of their fields.
async fn list(apigee: &Apigee, path: &str, items: &str, name: &str) -> Vec<(String, Value)> {
    let list = apigee.try_by_hand(Method::GET, path, None).await.unwrap_or_default();
    let list = list[items].as_array().cloned().unwrap_or_default();
    list.into_iter().map(|item| (item[name].as_str().unwrap().to_owned(), item)).collect()
}

/// The actual state of the organization.
pub(crate) async fn read(apigee: &Apigee, state: &mut State) {
    for (name, item) in list(apigee, "datacollectors", "dataCollectors", "name").await {
        state.insert(format!("datacollectors/{name}"), only(&item, &["type", "description"]));
    }
    for (name, item) in list(apigee, "apiproducts?expand=true", "apiProduct", "name").await {
        let path = format!("apiproducts/{name}");
        let mut fields = ["displayName", "description", "approvalType", "environments", "proxies", "quota"].to_vec();
        fields.extend(["quotaInterval", "quotaTimeUnit", "attributes"]);
        let mut value = only(&item, &fields);
        let plans = list(apigee, &format!("{path}/rateplans?expand=true"), "ratePlans", "displayName").await;
        let mut plans: Vec<String> = plans.into_iter().map(|(name, _)| name).collect();
        plans.sort();
        value["ratePlans"] = json!(plans);
        state.insert(path, value);
    }
    for (email, item) in list(apigee, "developers?expand=true", "developer", "email").await {
        let path = format!("developers/{email}");
        state.insert(path.clone(), only(&item, &["email", "userName", "firstName", "lastName"]));
        for (name, app) in list(apigee, &format!("{path}/apps?expand=true"), "app", "name").await {
            let value = json!({"attributes": app["attributes"], "credentials": credentials(&app)});
            state.insert(format!("{path}/apps/{name}"), value);
        }
    }
    for (group, item) in list(apigee, "appgroups", "appGroups", "name").await {
        let path = format!("appgroups/{group}");
        state.insert(path.clone(), only(&item, &["displayName"]));
        for (name, app) in list(apigee, &format!("{path}/apps"), "appGroupApps", "name").await {
            state.insert(format!("{path}/apps/{name}"), json!({"credentials": credentials(&app)}));
        }
    }
    for (product, item) in list(apigee, &format!("sites/{SITE}/apidocs?pageSize=100"), "data", "apiProductName").await {
        let path = format!("sites/{SITE}/apidocs/{product}");
        // A product must not have two items.
        assert!(
            state.insert(path.clone(), only(&item, &["title", "published"])).is_none(),
            "{path} is listed more than once"
        );
    }
}
