//! Names of operations, which are used as names of flows and in names of policies.

use std::collections::{HashMap, HashSet};

/// The name of a policy may have 255 characters, including a prefix and a number.
const LONGEST: usize = 200;

/// The flow for requests that match no operation; no operation has this name.
pub const UNKNOWN_OPERATION: &str = "unknown-operation";

/// Flows that apigee-flux generates: no operation may have their names.
const RESERVED: [&str; 1] = [UNKNOWN_OPERATION];

/// Assigns a unique name to each operation, from its `operationId`, or from method and path if it has none. A valid
/// `operationId` is always kept; other names get a number if they would collide, in the order of the document.
pub(super) fn assign<'d>(operations: &[(Option<&'d str>, &'d str, &'d str)]) -> Vec<String> {
    let legal = |id: &str| cleaned(id) == id && !RESERVED.contains(&id);
    let mut taken: HashSet<String> = RESERVED.into_iter().map(str::to_owned).collect();
    taken.extend(operations.iter().filter_map(|(id, ..)| *id).filter(|id| legal(id)).map(str::to_owned));
    let mut names = Vec::with_capacity(operations.len());
    // The next number for a base name: thousands of operations may share one.
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for (id, method, path) in operations {
        if let Some(id) = id.filter(|id| legal(id)) {
            names.push(id.to_owned());
            continue;
        }
        let base = id.map(cleaned).filter(|name| !name.is_empty());
        let base = base.unwrap_or_else(|| cleaned(&format!("{}-{}", method.to_lowercase(), joined(path))));
        let mut name = base.clone();
        while !taken.insert(name.clone()) {
            let number = numbers.entry(base.clone()).or_insert(1);
            *number += 1;
            name = format!("{base}-{number}");
        }
        names.push(name);
    }
    names
}

/// The words of a path: `/orders/{id}` becomes `orders-id`.
fn joined(path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric() && !"._".contains(c)).filter(|word| !word.is_empty());
    let joined = words.collect::<Vec<_>>().join("-");
    if joined.is_empty() { "root".to_owned() } else { joined }
}

/// The text with `-` in place of every character that is not allowed in a name.
fn cleaned(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || " ._-".contains(c);
    let name: String = text.chars().map(|c| if allowed(c) { c } else { '-' }).take(LONGEST).collect();
    name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_legal_unique_and_those_of_the_author_where_they_can_be() {
        let operations = [
            (Some("repos/get"), "GET", "/repos/{owner}"),
            (Some("repos-get"), "GET", "/a"),
            (Some("_list"), "GET", "/b"),
            (None, "GET", "/orders/{id}/items"),
            (None, "GET", "/orders/id/items"),
            (None, "POST", "/"),
            (Some("é"), "GET", "/c"),
            (Some("get orders "), "GET", "/d"),
            (Some("unknown-operation"), "GET", "/e"),
        ];
        let expected = [
            "repos-get-2",
            "repos-get",
            "list",
            "get-orders-id-items",
            "get-orders-id-items-2",
            "post-root",
            "get-c",
            "get orders",
            "unknown-operation-2",
        ];
        assert_eq!(assign(&operations), expected);
    }
}
