//! All apps of an organization by their IDs: `organizations.apps`. Read only.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::ConfigState;
use super::app::App;
use super::collection::find;
use super::credential::status;
use crate::api::Handler::Configuration;
use crate::api::message::text;
use crate::api::{ApiError, ApiRequest, ApiResponse, Method, Parameter, Parameters};

pub(crate) const METHODS: &[Method] =
    &[Method::get("apps", Configuration(list)).query(LISTING), Method::get("apps/{id}", Configuration(get))];

/// The parameters of a list.
const LISTING: Parameters = &[
    ("apiProduct", Parameter::Text),
    ("apptype", Parameter::Text),
    ("expand", Parameter::Bool),
    ("filter", Parameter::Text),
    ("ids", Parameter::Text),
    ("includeCred", Parameter::Bool),
    ("keyStatus", Parameter::Text),
    ("pageSize", Parameter::Int32),
    ("pageToken", Parameter::Text),
    ("rows", Parameter::Int64),
    ("startKey", Parameter::Text),
    ("status", Parameter::Text),
];

/// The default of the filters by status.
const APPROVED: &str = "approved";

/// Each app by its ID, with the email of its developer, if it has one.
fn apps(config: &ConfigState) -> BTreeMap<String, (&App, &str)> {
    let developers = config.developers.iter().map(|(email, owner)| (email.as_str(), owner));
    let groups = config.app_groups.values().map(|owner| ("", owner));
    let owned = developers.chain(groups).flat_map(|(email, owner)| owner.apps.values().map(move |app| (app, email)));
    owned.map(|(app, email)| (text(&app.profile, "appId").to_owned(), (app, email))).collect()
}

/// Only IDs, or with `expand` the apps; their keys only with `includeCred`. Filters by `status`, `apiProduct` and `ids`. "Valid values are
/// `approved` or `revoked`. Defaults to `approved`" (discovery document, `status` and `keyStatus`); chosen here: keys of another status
/// are left out of the apps.
fn list(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (expand, with_keys) = (request.flag("expand"), request.flag("includeCred"));
    let ids: Option<Vec<&str>> = request.query("ids").map(|ids| ids.split(',').collect());
    let mut apps = apps(config);
    apps.retain(|id, (app, _)| {
        let has =
            |product: &str| app.credentials.iter().any(|key| key.products.iter().any(|of| of.apiproduct == product));
        ids.as_ref().is_none_or(|ids| ids.contains(&id.as_str()))
            && request.query("status").unwrap_or(APPROVED) == status(app.is_revoked)
            && request.query("apiProduct").is_none_or(has)
    });
    if let Some(start) = request.query("startKey") {
        apps = apps.split_off(start);
    }
    let total = apps.len();
    let (page, next) = request.page(&apps, 1000, 1000)?;
    let list: Vec<Value> = page
        .into_iter()
        .map(|(id, (app, email))| {
            let mut app = App::clone(app);
            app.credentials.retain(|key| status(key.is_revoked) == request.query("keyStatus").unwrap_or(APPROVED));
            if expand { view(&app, email, with_keys) } else { json!({ "appId": id }) }
        })
        .collect();
    Ok(ApiResponse::value(json!({"app": list, "nextPageToken": next, "totalSize": total})))
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let apps = apps(config);
    let (app, email) = find(&apps, request, "apps", request.parameter("id"))?;
    Ok(ApiResponse::value(view(app, email, true)))
}

/// The app as `GoogleCloudApigeeV1App`.
fn view(app: &App, email: &str, with_keys: bool) -> Value {
    let mut value = app.to_json();
    if let Value::Object(object) = &mut value {
        object.remove("appFamily");
        if !email.is_empty() {
            object.insert("developerEmail".to_owned(), json!(email));
        }
        if !with_keys {
            object.remove("credentials");
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::super::app::tests::with_owners;
    use super::super::credential::Credential;
    use super::*;
    use crate::api::message::set;

    #[test]
    fn keys_are_shown_only_when_asked_for() {
        let mut config = with_owners();
        let mut app = App { credentials: vec![Credential::default()], ..App::default() };
        set(&mut app.profile, "appId", "1");
        config.developers.get_mut("d@x.example").unwrap().apps.insert("a".to_owned(), app);
        let at = || ApiRequest::to("organizations/o/apps", &[("id", "1")]);
        assert_eq!(
            list(&mut config, &at()).unwrap(),
            ApiResponse::Json(json!({"app": [{"appId": "1"}], "totalSize": 1}))
        );
        let ApiResponse::Json(bare) = list(&mut config, &at().with("expand", "true")).unwrap() else { panic!() };
        assert_eq!(
            (bare["app"][0].get("credentials"), &bare["app"][0]["developerEmail"]),
            (None, &json!("d@x.example"))
        );
        let with_keys = at().with("expand", "true").with("includeCred", "true");
        let ApiResponse::Json(full) = list(&mut config, &with_keys).unwrap() else { panic!() };
        assert!(full["app"][0]["credentials"].is_array());
        assert_eq!(list(&mut config, &at().with("status", "revoked")).unwrap(), ApiResponse::Json(json!({})));
        let app = config.developers.get_mut("d@x.example").unwrap().apps.get_mut("a").unwrap();
        app.credentials[0].is_revoked = true;
        let ApiResponse::Json(without) = list(&mut config, &with_keys).unwrap() else { panic!() };
        assert_eq!(without["app"][0].get("credentials"), None);
        config.developers.get_mut("d@x.example").unwrap().apps.get_mut("a").unwrap().is_revoked = true;
        assert_eq!(list(&mut config, &with_keys).unwrap(), ApiResponse::Json(json!({})));
        assert_eq!(get(&mut config, &ApiRequest::to("organizations/o/apps", &[("id", "2")])).unwrap_err().code, 404);
    }
}
