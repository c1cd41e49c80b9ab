//! Paginated lists. The token of a page of environment groups, attachments and operations is the last name of the previous page; that of a
//! page of configuration is its own first key, in base64url.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::error::ApiError;
use super::request::ApiRequest;
use super::response::prune;

/// "The page size defaults to 25" (discovery document `apigee.v1`, `organizations.envgroups.list`).
const DEFAULT_SIZE: usize = 25;

/// The page that a client requests.
#[derive(Debug, Clone)]
pub(crate) struct Paging {
    size: usize,
    /// The last name of the previous page; empty for the first page.
    after: String,
}

impl Paging {
    /// Reads `pageSize` and `pageToken`.
    pub(crate) fn parse(request: &ApiRequest) -> Result<Self, ApiError> {
        let size = match request.query("pageSize") {
            None | Some("0") => DEFAULT_SIZE,
            Some(text) => text.parse().map_err(|_| {
                ApiError::invalid_argument(format!("Invalid value at 'page_size' (TYPE_INT32), \"{text}\""))
            })?,
        };
        Ok(Self { size, after: request.query_text("pageToken").to_owned() })
    }
}

/// One page of the named list with the token of the next page. The names are in ascending order.
pub(crate) fn page<'a, T>(
    field: &str,
    all: impl Iterator<Item = (&'a str, T)>,
    paging: &Paging,
    show: impl Fn(T) -> Value,
) -> Value {
    let mut rest = all.peekable();
    if !paging.after.is_empty() {
        // The resource of that name may have been deleted since: continue after its position.
        while rest.next_if(|(name, _)| *name <= paging.after.as_str()).is_some() {}
    }
    let (mut items, mut last) = (Vec::new(), "");
    while items.len() < paging.size
        && let Some((name, item)) = rest.next()
    {
        items.push(show(item));
        last = name;
    }
    let next = if rest.peek().is_some() { last } else { "" };
    prune(json!({ field: items, "nextPageToken": next }))
}

/// Some members of a map in their order.
pub(crate) type Page<'a, T> = Vec<(&'a String, &'a T)>;

impl ApiRequest {
    /// A number from 1 to `max` in the query; 400 for any other value, for example `count=0`.
    pub(crate) fn count(&self, name: &str, default: usize, max: usize) -> Result<usize, ApiError> {
        let Some(text) = self.query(name) else { return Ok(default) };
        match text.parse() {
            Ok(count) if (1..=max).contains(&count) => Ok(count),
            _ => Err(ApiError::invalid_argument(format!("{name} is \"{text}\"; use a number from 1 to {max}"))),
        }
    }

    /// A page of a map by `pageSize` and `pageToken`, with the token of the next page. Sizes above the maximum are reduced to it, as
    /// documented in the discovery document. The token is opaque: the first key of the page in base64url.
    pub(crate) fn page<'a, T>(
        &self,
        map: &'a BTreeMap<String, T>,
        default: usize,
        max: usize,
    ) -> Result<(Page<'a, T>, String), ApiError> {
        let size = match self.query("pageSize") {
            None | Some("0") => default,
            Some(text) => match text.parse::<usize>() {
                Ok(size) => size.min(max),
                Err(_) => {
                    return Err(ApiError::invalid_argument(format!(
                        "pageSize is \"{text}\"; use a number up to {max}"
                    )));
                }
            },
        };
        let start = match self.query("pageToken") {
            None => String::new(),
            Some(token) => {
                URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
                    ApiError::invalid_argument("pageToken was not returned by a list: omit it or use nextPageToken")
                })?
            }
        };
        let mut rest = map.range(start..);
        let page: Vec<_> = rest.by_ref().take(size).collect();
        let next = rest.next().map(|(key, _)| URL_SAFE_NO_PAD.encode(key)).unwrap_or_default();
        Ok((page, next))
    }

    /// A page of a map by `count` and `startKey`, which is the first item of the page.
    pub(crate) fn page_by_key<'a, T>(
        &self,
        map: &'a BTreeMap<String, T>,
        default: usize,
    ) -> Result<Page<'a, T>, ApiError> {
        let count = self.count("count", default, 1000)?;
        let start = self.query("startKey").unwrap_or_default().to_owned();
        Ok(map.range(start..).take(count).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(size: &str) -> Vec<Value> {
        let names = ["a", "b", "c", "d", "e"];
        let (mut token, mut pages) = (String::new(), Vec::new());
        loop {
            let request = ApiRequest::to("x", &[]).with("pageSize", size).with("pageToken", &token);
            let paging = Paging::parse(&request).unwrap();
            let response = page("x", names.iter().map(|name| (*name, name)), &paging, |name| json!(name));
            pages.push(response["x"].clone());
            match response.get("nextPageToken") {
                Some(next) => token = next.as_str().unwrap().to_owned(),
                None => return pages,
            }
        }
    }

    #[test]
    fn pages_hold_everything_once() {
        assert_eq!(pages("2"), [json!(["a", "b"]), json!(["c", "d"]), json!(["e"])]);
        assert_eq!(pages("5"), [json!(["a", "b", "c", "d", "e"])]);
        assert_eq!(pages("0").len(), 1);
        assert!(Paging::parse(&ApiRequest::to("x", &[]).with("pageSize", "many")).is_err());
    }

    #[test]
    fn pages_follow_each_other() {
        let map: BTreeMap<String, u8> = ["a", "b", "c"].map(|key| (key.to_owned(), 0)).into();
        let first = ApiRequest::to("x", &[]).with("pageSize", "2");
        let (page, next) = first.page(&map, 100, 100).unwrap();
        assert_eq!(page.len(), 2);
        let second = ApiRequest::to("x", &[]).with("pageSize", "2").with("pageToken", &next);
        let (page, next) = second.page(&map, 100, 100).unwrap();
        assert_eq!((page[0].0.as_str(), next.as_str()), ("c", ""));
        assert!(ApiRequest::to("x", &[]).with("pageToken", "*").page(&map, 100, 100).is_err());
    }

    #[test]
    fn a_start_key_is_the_first_of_its_page() {
        let map: BTreeMap<String, u8> = ["a", "b", "c"].map(|key| (key.to_owned(), 0)).into();
        let page = ApiRequest::to("x", &[]).with("startKey", "b").with("count", "1").page_by_key(&map, 1000).unwrap();
        assert_eq!(page[0].0, "b");
        assert!(ApiRequest::to("x", &[]).with("count", "1001").page_by_key(&map, 1000).is_err());
    }
}
