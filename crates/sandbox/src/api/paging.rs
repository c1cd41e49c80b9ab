//! Paginated lists.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::fault::Fault;
use super::view;

/// "The page size defaults to 25" (discovery document `apigee.v1`, `organizations.envgroups.list`).
const DEFAULT_SIZE: usize = 25;

/// The page that a client requests.
#[derive(Debug, Clone)]
pub(super) struct Paging {
    size: usize,
    /// The last name of the previous page; empty for the first page.
    after: String,
}

impl Paging {
    /// Reads `pageSize` and `pageToken`.
    pub(super) fn parse(queries: &HashMap<String, String>) -> Result<Self, Fault> {
        let size = match queries.get("pageSize").map(String::as_str) {
            None | Some("" | "0") => DEFAULT_SIZE,
            Some(text) => text.parse().map_err(|_| {
                Fault::invalid_argument(format!("Invalid value at 'page_size' (TYPE_INT32), \"{text}\""))
            })?,
        };
        Ok(Self { size, after: queries.get("pageToken").cloned().unwrap_or_default() })
    }
}

/// One page of the named list with the token of the next page. The names are in ascending order.
pub(super) fn page<'a, T>(
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
    view::prune(json!({ field: items, "nextPageToken": next }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(size: &str) -> Vec<Value> {
        let names = ["a", "b", "c", "d", "e"];
        let (mut token, mut pages) = (String::new(), Vec::new());
        loop {
            let queries = HashMap::from([("pageSize".into(), size.into()), ("pageToken".into(), token)]);
            let paging = Paging::parse(&queries).unwrap();
            let answer = page("x", names.iter().map(|name| (*name, name)), &paging, |name| json!(name));
            pages.push(answer["x"].clone());
            match answer.get("nextPageToken") {
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
        assert!(Paging::parse(&HashMap::from([("pageSize".into(), "many".into())])).is_err());
    }
}
