//! A call: the input of a handler, and its response.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::limits;
use crate::fault::Fault;
use crate::message::{Message, Object};
use crate::method::Payload;
use crate::view;
use apigee_flux_model::limits::Text;

/// A call with its parameters decoded.
#[derive(Debug, Default)]
pub(crate) struct Call {
    /// The path as in Apigee's resource names, for example `organizations/o/environments/e/targetservers`.
    pub(super) path: String,
    /// The path parameters by their names in the routes.
    pub(super) parameters: BTreeMap<String, String>,
    /// The query parameters.
    pub(super) queries: BTreeMap<String, String>,
    /// The body.
    pub(super) body: Body,
    /// The documented type of the method's body.
    pub(super) payload: Payload,
    /// The time in milliseconds since 1970.
    pub(crate) now: u64,
    /// The bundles of the organization.
    pub(crate) bundles: Bundles,
}

/// A request's body.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// The content type in lower case and without parameters, for example `application/json`.
    pub(super) content_type: String,
    /// The whole body, unless it is a form.
    pub(super) bytes: Vec<u8>,
    /// The parts of `multipart/form-data`.
    pub(super) form: BTreeMap<String, Vec<u8>>,
}

/// The bundles that configuration may refer to.
#[derive(Debug, Default)]
pub(crate) struct Bundles {
    /// The names of the API proxies.
    pub(crate) proxies: BTreeSet<String>,
    /// The environment and name of each deployed shared flow.
    pub(crate) deployed_flows: BTreeSet<(String, String)>,
}

/// Some members of a map in their order.
pub(super) type Page<'a, T> = Vec<(&'a String, &'a T)>;

/// The response of a handler.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    /// JSON.
    Json(Value),
    /// A file.
    Bytes(Vec<u8>),
    /// 204.
    Nothing,
}

impl Answer {
    /// A message without its empty fields.
    pub(super) fn message(object: &Object) -> Self {
        Self::Json(view::prune(Value::Object(object.clone())))
    }

    /// The same for a value.
    pub(super) fn value(value: Value) -> Self {
        Self::Json(view::prune(value))
    }

    /// The plain array of names that Apigee returns where the discovery document has no `list`.
    pub(super) fn names<T>(map: &BTreeMap<String, T>) -> Self {
        Self::Json(json!(map.keys().collect::<Vec<_>>()))
    }
}

impl Call {
    /// A path parameter; empty if the route does not have it.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.parameters.get(name).map(String::as_str).unwrap_or_default()
    }

    /// A query parameter, if it is set.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.queries.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }

    /// A boolean query parameter; false if absent.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.query(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Fault::invalid_argument(format!("Invalid value at '{name}' (TYPE_BOOL), \"{other}\""))),
        }
    }

    /// The name of the organization.
    pub(super) fn organization(&self) -> &str {
        self.parameter("org")
    }

    /// The path of a member of a collection in the call's path.
    pub(super) fn member(&self, collection: &str, name: &str) -> String {
        let parts: Vec<&str> = self.path.split('/').collect();
        let end = parts.iter().rposition(|part| *part == collection).unwrap_or(parts.len().saturating_sub(1));
        format!("{}/{name}", parts[..=end].join("/"))
    }

    /// The body as a message.
    pub(super) fn read(&self, message: &Message) -> Result<Object, Fault> {
        let documented = match self.payload {
            Payload::Json(documented) => documented.name,
            Payload::Nothing | Payload::File => message.name,
        };
        debug_assert_eq!(documented, message.name, "the route of {} declares another message", self.path);
        message.read(&self.body.bytes)
    }

    /// The body as a message. Its `name` may also be given in the query, which takes precedence. 400 if the name is missing or does not match
    /// the rule.
    pub(super) fn read_named(&self, message: &Message, query: &str, rule: &Text) -> Result<(String, Object), Fault> {
        let mut object = self.read(message)?;
        if let Some(name) = self.query(query) {
            crate::message::set(&mut object, "name", name);
        }
        crate::message::require(&object, message.name, &["name"])?;
        let name = crate::message::text(&object, "name").to_owned();
        limits::check(rule, &format!("{}.name", message.name), &name)?;
        Ok((name, object))
    }

    /// The body of an update: its `name`, if set, must be that of the path.
    pub(super) fn read_same_name(&self, message: &Message, name: &str) -> Result<Object, Fault> {
        let mut object = self.read(message)?;
        let given = crate::message::text(&object, "name");
        if !given.is_empty() && given != name {
            return Err(Fault::invalid_argument(format!(
                "{}.name is \"{given}\" and the path says \"{name}\"; a name cannot be changed: omit it or use the same name",
                message.name
            )));
        }
        crate::message::set(&mut object, "name", name);
        Ok(object)
    }

    /// A number from 1 to `max` in the query; 400 for any other value, for example `count=0`.
    pub(super) fn count(&self, name: &str, default: usize, max: usize) -> Result<usize, Fault> {
        let Some(text) = self.query(name) else { return Ok(default) };
        match text.parse() {
            Ok(count) if (1..=max).contains(&count) => Ok(count),
            _ => Err(Fault::invalid_argument(format!("{name} is \"{text}\"; use a number from 1 to {max}"))),
        }
    }

    /// A page of a map by `pageSize` and `pageToken`, with the token of the next page. Sizes above the maximum are reduced to it, as
    /// documented in the discovery document. The token is opaque: the first key of the page in base64url.
    pub(super) fn page<'a, T>(
        &self,
        map: &'a BTreeMap<String, T>,
        default: usize,
        max: usize,
    ) -> Result<(Page<'a, T>, String), Fault> {
        let size = match self.query("pageSize") {
            None | Some("0") => default,
            Some(text) => match text.parse::<usize>() {
                Ok(size) => size.min(max),
                Err(_) => {
                    return Err(Fault::invalid_argument(format!("pageSize is \"{text}\"; use a number up to {max}")));
                }
            },
        };
        let start = match self.query("pageToken") {
            None => String::new(),
            Some(token) => {
                URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
                    Fault::invalid_argument("pageToken was not returned by a list: omit it or use nextPageToken")
                })?
            }
        };
        let mut rest = map.range(start..);
        let page: Vec<_> = rest.by_ref().take(size).collect();
        let next = rest.next().map(|(key, _)| URL_SAFE_NO_PAD.encode(key)).unwrap_or_default();
        Ok((page, next))
    }

    /// A page of a map by `count` and `startKey`, which is the first item of the page.
    pub(super) fn page_by_key<'a, T>(
        &self,
        map: &'a BTreeMap<String, T>,
        default: usize,
    ) -> Result<Page<'a, T>, Fault> {
        let count = self.count("count", default, 1000)?;
        let start = self.query("startKey").unwrap_or_default().to_owned();
        Ok(map.range(start..).take(count).collect())
    }
}

/// Finds a member of a collection; 404 if it does not exist.
pub(super) fn find<'a, T>(
    map: &'a BTreeMap<String, T>,
    call: &Call,
    collection: &str,
    name: &str,
) -> Result<&'a T, Fault> {
    map.get(name).ok_or_else(|| missing(call, collection, name))
}

/// The same, for an update.
pub(super) fn find_mut<'a, T>(
    map: &'a mut BTreeMap<String, T>,
    call: &Call,
    collection: &str,
    name: &str,
) -> Result<&'a mut T, Fault> {
    map.get_mut(name).ok_or_else(|| missing(call, collection, name))
}

/// Removes a member from a collection; 404 if it does not exist.
pub(super) fn take<T>(map: &mut BTreeMap<String, T>, call: &Call, collection: &str, name: &str) -> Result<T, Fault> {
    map.remove(name).ok_or_else(|| missing(call, collection, name))
}

/// 409 if a collection already has the member.
pub(super) fn vacant<T>(map: &BTreeMap<String, T>, call: &Call, collection: &str, name: &str) -> Result<(), Fault> {
    if map.contains_key(name) { Err(Fault::resource_exists(&call.member(collection, name))) } else { Ok(()) }
}

/// The error 404 for a member of a collection.
pub(super) fn missing(call: &Call, collection: &str, name: &str) -> Fault {
    Fault::not_found(format!("generic::not_found: {} not found", call.member(collection, name)))
}

#[cfg(test)]
impl Call {
    /// A call for tests, with a path and its parameters.
    pub(super) fn to(path: &str, parameters: &[(&str, &str)]) -> Self {
        let parameters = [("org", "o"), ("env", "e")].iter().chain(parameters);
        Self {
            path: path.to_owned(),
            parameters: parameters.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            now: 1_000,
            ..Self::default()
        }
    }

    /// Sets a JSON body.
    pub(super) fn json(mut self, body: &Value) -> Self {
        self.body = Body {
            content_type: "application/json".to_owned(),
            bytes: body.to_string().into_bytes(),
            ..Body::default()
        };
        self
    }

    /// Adds a query parameter.
    pub(super) fn with(mut self, query: &str, value: &str) -> Self {
        self.queries.insert(query.to_owned(), value.to_owned());
        self
    }

    /// Adds a part of a form.
    pub(super) fn part(mut self, name: &str, bytes: &[u8]) -> Self {
        self.body.content_type = "multipart/form-data".to_owned();
        self.body.form.insert(name.to_owned(), bytes.to_vec());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let map: BTreeMap<String, u8> = ["a", "b", "c"].map(|key| (key.to_owned(), 0)).into();
        let first = Call::to("x", &[]).with("pageSize", "2");
        let (page, next) = first.page(&map, 100, 100).unwrap();
        assert_eq!(page.len(), 2);
        let second = Call::to("x", &[]).with("pageSize", "2").with("pageToken", &next);
        let (page, next) = second.page(&map, 100, 100).unwrap();
        assert_eq!((page[0].0.as_str(), next.as_str()), ("c", ""));
        assert!(Call::to("x", &[]).with("pageToken", "*").page(&map, 100, 100).is_err());
    }

    #[test]
    fn a_start_key_is_the_first_of_its_page() {
        let map: BTreeMap<String, u8> = ["a", "b", "c"].map(|key| (key.to_owned(), 0)).into();
        let page = Call::to("x", &[]).with("startKey", "b").with("count", "1").page_by_key(&map, 1000).unwrap();
        assert_eq!(page[0].0, "b");
        assert!(Call::to("x", &[]).with("count", "1001").page_by_key(&map, 1000).is_err());
    }

    #[test]
    fn a_member_is_named_from_its_collection() {
        let call = Call::to("organizations/o/environments/e/keystores/k/aliases", &[]);
        assert_eq!(call.member("keystores", "k"), "organizations/o/environments/e/keystores/k");
        assert_eq!(call.member("aliases", "a"), "organizations/o/environments/e/keystores/k/aliases/a");
    }
}
