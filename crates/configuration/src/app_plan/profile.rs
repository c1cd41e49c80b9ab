//! The profile of an app and its status.

use serde_json::{Map, Value, json};

use super::{AppPlan, AppsOf, PROFILE, action};
use crate::call::{Body, Change, Request, Verb};
use crate::collection::{differences, field_names};
use crate::developer::status_to_set;

impl AppPlan<'_> {
    /// The body of an update, which never contains products.
    fn profile_body(&self) -> Map<String, Value> {
        let mut profile = Map::new();
        profile.insert("name".to_owned(), json!(self.name));
        for field in ["attributes", "callbackUrl"] {
            if let Some(value) = self.body.get(field) {
                profile.insert(field.to_owned(), value.clone());
            }
        }
        profile
    }

    pub(super) fn create(&self, generated: bool) -> Change {
        let mut body = self.profile_body();
        if generated {
            for (field, name) in [("products", "apiProducts"), ("scopes", "scopes")] {
                body.extend(
                    self.body.get(field).filter(|list| *list != &json!([])).map(|list| (name.to_owned(), list.clone())),
                );
            }
            if let Some(seconds) = self.body.get("keyExpiresInSeconds").and_then(Value::as_u64) {
                let time = match self.owner {
                    AppsOf::Developer => seconds.saturating_mul(1000),
                    AppsOf::Group => seconds,
                };
                body.insert("keyExpiresIn".to_owned(), json!(time.to_string()));
            }
        }
        let mut path = self.path.clone();
        path.pop();
        let fields = body.iter().filter(|(field, _)| *field != "name");
        let fields =
            fields.map(|(field, value)| Self::field(format!("{}/{field}", self.pointer), None, Some(value.clone())));
        Change {
            what: self.what("create"),
            fields: fields.collect(),
            request: Request::new(Verb::Post, path, Body::Json(Value::Object(body)), &self.needs("create")),
        }
    }

    pub(super) fn profile(&self, live: &Value) -> Option<Change> {
        let mut wanted = self.profile_body();
        if !wanted.contains_key("callbackUrl") && live.get("callbackUrl").is_some() {
            // It is not documented whether a field that is left out is kept or removed.
            wanted.insert("callbackUrl".to_owned(), json!(""));
        }
        let wanted = Value::Object(wanted);
        let of = |field: &str| (field.to_owned(), live.get(field).cloned().unwrap_or_default());
        let live = Value::Object(
            ["attributes", "callbackUrl"].map(of).into_iter().chain([("name".to_owned(), json!(self.name))]).collect(),
        );
        let mut fields = Vec::new();
        let (shown, has) = (PROFILE.canonical(&wanted), PROFILE.canonical(&live));
        differences(&shown, &has, "", &|_| false, &mut fields);
        if fields.is_empty() {
            return None;
        }
        let what = self.what(&format!("update {}", field_names(&fields)));
        for field in &mut fields {
            field.at = format!("{}{}", self.pointer, field.at);
        }
        let request = Request::new(Verb::Put, self.path.clone(), Body::Json(wanted), &self.needs("manage"));
        Some(Change { what, request, fields })
    }

    pub(super) fn status(&self, live: &Value) -> Option<Change> {
        let (status, mut field) = status_to_set(self.body, live, "approved")?;
        field.at = format!("{}{}", self.pointer, field.at);
        let verb = match self.owner {
            AppsOf::Developer => Verb::Post,
            AppsOf::Group => Verb::Put,
        };
        let action = action(status);
        let request = Request::new(verb, self.path.clone(), Body::Empty, &self.needs("manage")).with("action", action);
        Some(Change { what: self.what(action), request, fields: vec![field] })
    }
}
