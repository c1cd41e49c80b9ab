//! Lists of the organization whose entries are whole resources, so that one page replaces up to a thousand reads.
//!
//! A kind declares its list in its own file, and [`LISTINGS`] is the registry. Target servers, references, keystores, key value maps and
//! flow hooks have none: their lists are names.
//!
//! An entry is what the resource was when its page was read; that an entry is not in a list proves nothing (Apigee filters lists, pages
//! change while they are read, and the pages end early here). The deployer therefore concludes from a list only that a resource is in
//! sync, and reads everything else by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::call::{Answer, Form, Read};
use super::{app, app_group, data_collector, developer, product, rate_plan};

/// A list whose entries are whole resources.
#[derive(Debug)]
pub struct Listing {
    /// The path below the organization.
    pub path: &'static [&'static str],
    /// The query parameters that make the entries whole.
    pub query: &'static [(&'static str, &'static str)],
    /// The field that holds the entries.
    pub items: &'static str,
    /// How the list is paged.
    pub paging: Paging,
    /// The required permission.
    pub needs: &'static str,
    /// The owner of an entry, if the list may name it by its ID only.
    pub owner: Option<Owner>,
    /// Whether an entry has all fields that a read of the resource has. Another one is not used.
    pub is_whole: fn(&Value) -> bool,
    /// The reads that the list answers.
    pub views: &'static [View],
}

/// How an entry names its owner, and how the owner's own list does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The field with the owner's name, which may be missing.
    pub name: &'static str,
    /// The field with the owner's ID, in both lists.
    pub id: &'static str,
}

/// How a list is paged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// There is only one page; it cannot be combined with paging.
    Once,
    /// By `pageSize` and `pageToken`.
    Tokens {
        /// The maximum number of entries on a page.
        size: usize,
    },
    /// By `count` and `startKey`, which is the key of the first entry of the page.
    Keys {
        /// The maximum number of entries on a page.
        count: usize,
        /// The field of an entry that is its key.
        key: &'static str,
    },
}

/// Reads that a list answers.
#[derive(Debug)]
pub struct View {
    /// The path of such a read below the organization, with `*` for a name.
    pub path: &'static [&'static str],
    /// The fields of an entry that are the names in the path, in the same order.
    pub names: &'static [&'static str],
    /// What the read returns.
    pub returns: Returns,
}

/// What a read returns that a list answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    /// The entry.
    One,
    /// All entries with these names, in this field.
    All(&'static str),
}

/// All lists.
pub const LISTINGS: &[&Listing] = &[
    &product::LISTING,
    &rate_plan::LISTING,
    &developer::LISTING,
    &app::LISTING,
    &app_group::LISTING,
    &data_collector::LISTING,
];

/// Up to so many resources are read one by one.
const FEW: usize = 4;

/// A list may have at most one page for so many needed resources…
const NEEDED_FOR_A_PAGE: usize = 4;

/// …and at most so many entries for each of them, in addition to those of the first page. Otherwise most of it is foreign, and the
/// resources that are not found until then are read one by one.
const ENTRIES_FOR_ONE: usize = 20;

/// What identifies the answer to a read: the view, and the names in the path.
type Key = (usize, Vec<String>);

/// A read that a list may answer, and what identifies it there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListKey {
    /// The position in [`LISTINGS`].
    pub listing: usize,
    key: Key,
}

/// The list that may answer a read.
pub fn list_key(read: &Read) -> Option<ListKey> {
    if !matches!(read.form, Form::Json(_) | Form::Pages(_)) {
        return None;
    }
    let below = read.path.get(2..)?;
    LISTINGS.iter().enumerate().find_map(|(listing, list)| {
        list.views.iter().enumerate().find_map(|(view, View { path, .. })| {
            let fits = |(part, pattern): (&String, &&str)| *pattern == "*" || part == pattern;
            if path.len() != below.len() || !below.iter().zip(*path).all(fits) {
                return None;
            }
            let names = below.iter().zip(*path).filter(|(_, pattern)| **pattern == "*").map(|(part, _)| part.clone());
            Some(ListKey { listing, key: (view, names.collect()) })
        })
    })
}

/// A list that is being read page by page. Only what is needed is kept.
pub struct Pages {
    listing: &'static Listing,
    organization: String,
    needed: BTreeSet<Key>,
    /// The names of owners by their IDs.
    owners: BTreeMap<String, String>,
    found: BTreeMap<Key, Vec<Value>>,
    /// The number of pages and entries so far.
    read: usize,
    entries: usize,
    next: Next,
}

/// The next page.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    First,
    Token(String),
    Key(String),
    /// Nothing more is read.
    End,
}

impl Pages {
    /// `None` if so few resources are needed that they are read one by one.
    pub fn of(organization: &str, listing: usize, needed: &BTreeSet<ListKey>) -> Option<Self> {
        let needed: BTreeSet<Key> =
            needed.iter().filter(|read| read.listing == listing).map(|read| read.key.clone()).collect();
        let listing = LISTINGS.get(listing).filter(|_| needed.len() > FEW)?;
        Some(Self {
            listing,
            organization: organization.to_owned(),
            needed,
            owners: BTreeMap::new(),
            found: BTreeMap::new(),
            read: 0,
            entries: 0,
            next: Next::First,
        })
    }

    /// The names of owners by their IDs, as far as they are known: [`Found::owners`] of other lists.
    #[must_use]
    pub fn with_owners(self, owners: BTreeMap<String, String>) -> Self {
        Self { owners, ..self }
    }

    /// The request for the next page; `None` at the end.
    pub fn next(&self) -> Option<Read> {
        let Listing { path, query, items, paging, needs, .. } = self.listing;
        let mut query: Vec<(&'static str, String)> =
            query.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        match paging {
            Paging::Once => {}
            Paging::Tokens { size } => query.push(("pageSize", size.to_string())),
            Paging::Keys { count, .. } => query.push(("count", count.to_string())),
        }
        match &self.next {
            Next::First => {}
            Next::Token(token) => query.push(("pageToken", token.clone())),
            Next::Key(key) => query.push(("startKey", key.clone())),
            Next::End => return None,
        }
        let path = ["organizations", &self.organization].into_iter().chain(path.iter().copied());
        let path = path.map(str::to_owned).collect();
        Some(Read { path, query, form: Form::Pages(items), needs: (*needs).to_owned() })
    }

    /// The token of the page that [`next`](Self::next) requests.
    pub fn token(&self) -> &str {
        if let Next::Token(token) = &self.next { token } else { "" }
    }

    /// Takes a page: its entries, the token of the next page if there is one, and how many entries the list has if that is known.
    pub fn take(&mut self, entries: Vec<Value>, token: String, total: Option<usize>) {
        self.read += 1;
        self.entries += entries.len();
        let key_of = |entry: &Value, field: &str| entry.get(field).and_then(Value::as_str).map(str::to_owned);
        self.next = match self.listing.paging {
            Paging::Once => Next::End,
            Paging::Tokens { .. } if token.is_empty() => Next::End,
            Paging::Tokens { .. } => Next::Token(token),
            Paging::Keys { count, .. } if entries.len() < count => Next::End,
            // A page of one entry that is the one before, or a server that ignores the key, ends the list.
            Paging::Keys { key, .. } => match entries.last().and_then(|last| key_of(last, key)) {
                Some(last) if self.next != Next::Key(last.clone()) => Next::Key(last),
                _ => Next::End,
            },
        };
        for entry in entries {
            self.keep(&entry);
        }
        if self.is_too_long(total) || self.has_all() {
            self.next = Next::End;
        }
    }

    fn keep(&mut self, entry: &Value) {
        for (view, View { names, returns, .. }) in self.listing.views.iter().enumerate() {
            let names: Option<Vec<String>> = names.iter().map(|name| self.name_in(entry, name)).collect();
            let Some(key) = names.map(|names| (view, names)).filter(|key| self.needed.contains(key)) else { continue };
            let found = self.found.entry(key).or_default();
            match returns {
                Returns::One => found.clear(),
                Returns::All(_) => found.retain(|known| known.get("name") != entry.get("name")),
            }
            // Two pages may have the same entry: the later page is newer.
            found.push(entry.clone());
        }
    }

    fn name_in(&self, entry: &Value, field: &str) -> Option<String> {
        let text = |field: &str| entry.get(field).and_then(Value::as_str);
        if let Some(name) = text(field) {
            return Some(name.to_owned());
        }
        let owner = self.listing.owner.filter(|owner| owner.name == field)?;
        self.owners.get(text(owner.id)?).cloned()
    }

    /// Whether nothing that is needed can be on later pages.
    fn has_all(&self) -> bool {
        let is_one = |view: usize| self.listing.views.get(view).is_some_and(|view| view.returns == Returns::One);
        self.needed.iter().all(|key| is_one(key.0) && self.found.contains_key(key))
    }

    /// Whether the rest of the list costs more than what it can save.
    fn is_too_long(&self, total: Option<usize>) -> bool {
        let size = match self.listing.paging {
            Paging::Once => return false,
            Paging::Tokens { size } => size,
            Paging::Keys { count, .. } => count,
        };
        let (needed, all) = (self.needed.len(), total.unwrap_or_default().max(self.entries));
        let pages = (self.read + 1).max(all.div_ceil(size));
        pages > (needed / NEEDED_FOR_A_PAGE).max(1) || all > size + ENTRIES_FOR_ONE * needed
    }

    /// What was found.
    pub fn into_found(self) -> Found {
        let Self { listing, found, .. } = self;
        let found = found.into_iter().filter(|(_, entries)| entries.iter().all(listing.is_whole)).collect();
        Found { listing, found }
    }
}

/// The needed resources that were found in a list. They may contain secrets, so they are never printed.
pub struct Found {
    listing: &'static Listing,
    found: BTreeMap<Key, Vec<Value>>,
}

impl Found {
    /// The names of what was found by their IDs, if other lists name their owners by them.
    pub fn owners(&self) -> impl Iterator<Item = (String, String)> {
        let ids = LISTINGS.iter().filter_map(|listing| listing.owner).map(|owner| owner.id);
        ids.flat_map(|id| {
            self.found.iter().filter_map(move |((_, names), entries)| {
                let [name] = names.as_slice() else { return None };
                Some((entries.first()?.get(id)?.as_str()?.to_owned(), name.clone()))
            })
        })
    }

    /// The answer to a read; `None` if it must be read by itself.
    pub fn answer(&self, read: &ListKey) -> Option<Answer> {
        let entries = self.found.get(&read.key)?;
        match self.listing.views.get(read.key.0)?.returns {
            Returns::One => entries.first().cloned().map(Answer::Json),
            Returns::All(field) => Some(Answer::Json(json!({ field: entries }))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> Read {
        Read::json(format!("organizations/o/{path}").split('/').map(str::to_owned).collect(), "")
    }

    fn key(path: &str) -> ListKey {
        list_key(&read(path)).unwrap()
    }

    /// A walk for products or others with these names.
    fn pages(collection: &str, names: impl Iterator<Item = usize>) -> Pages {
        let needed: BTreeSet<ListKey> = names.map(|name| key(&format!("{collection}/{}", named(name)))).collect();
        let listing = needed.first().unwrap().listing;
        Pages::of("o", listing, &needed).unwrap()
    }

    fn named(index: usize) -> String {
        format!("p{index:06}")
    }

    fn product(index: usize) -> Value {
        json!({"name": named(index), "displayName": "P", "appGroupId": "1"})
    }

    fn query(pages: &Pages) -> Option<String> {
        let query = pages.next()?.query;
        Some(query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&"))
    }

    /// Reads the list of products with these names, as Apigee pages it; returns the number of pages.
    fn walk(pages: &mut Pages, names: &[usize]) -> usize {
        let mut count = 0;
        while let Some(read) = pages.next() {
            let start = read.query.iter().find(|(name, _)| *name == "startKey").map(|(_, key)| key.clone());
            let rest = names.iter().filter(|name| start.as_ref().is_none_or(|start| named(**name) >= *start));
            pages.take(rest.take(1000).map(|name| product(*name)).collect(), String::new(), None);
            count += 1;
        }
        count
    }

    #[test]
    fn every_read_has_at_most_one_list_and_few_reads_have_none() {
        for listing in LISTINGS {
            for View { path, names, .. } in listing.views {
                assert_eq!(path.iter().filter(|part| **part == "*").count(), names.len(), "{path:?}");
                let fits = |other: &&View| other.path == *path;
                assert_eq!(LISTINGS.iter().flat_map(|listing| listing.views).filter(fits).count(), 1, "{path:?}");
            }
        }
        assert_eq!(list_key(&read("apis/p")), None);
        assert_eq!(list_key(&read("environments/e/targetservers/p")), None);
        assert_eq!(list_key(&Read { form: Form::Bytes, ..read("apiproducts/p") }), None);
        let four: BTreeSet<ListKey> = (0..4).map(|index| key(&format!("apiproducts/{}", named(index)))).collect();
        assert!(Pages::of("o", four.first().unwrap().listing, &four).is_none());
    }

    #[test]
    fn a_list_that_ends_at_the_end_of_a_page_ends() {
        let names: Vec<usize> = (0..1000).collect();
        // One that is needed does not exist.
        let mut missing = pages("apiproducts", 500..1001);
        assert_eq!(query(&missing).unwrap(), "expand=true&count=1000");
        assert_eq!(walk(&mut missing, &names), 2);
        let found = missing.into_found();
        assert_eq!(found.answer(&key("apiproducts/p000999")), Some(Answer::Json(product(999))));
        assert_eq!(found.answer(&key("apiproducts/p001000")), None);
        assert_eq!(found.answer(&key("apiproducts/p000001")), None, "it is not needed, so it is not kept");
        assert_eq!(walk(&mut pages("apiproducts", 500..1000), &names), 1, "everything was found");
        assert_eq!(walk(&mut pages("apiproducts", 500..1001), &names[..999]), 1);
        let more: Vec<usize> = (0..1001).collect();
        assert_eq!(walk(&mut pages("apiproducts", 500..1002), &more), 2);
        assert_eq!(walk(&mut pages("apiproducts", 0..10), &[]), 1);
    }

    #[test]
    fn a_server_that_ignores_the_key_ends_the_list() {
        let mut walking = pages("apiproducts", 5000..6000);
        let mut count = 0;
        while walking.next().is_some() {
            walking.take((0..1000).map(product).collect(), String::new(), None);
            count += 1;
        }
        assert_eq!(count, 2);
    }

    #[test]
    fn the_rest_of_a_long_list_is_not_read() {
        let foreign: Vec<usize> = (0..200_000).collect();
        assert_eq!(walk(&mut pages("apiproducts", 300_000..300_005), &foreign), 1);
        assert_eq!(walk(&mut pages("apiproducts", 300_000..300_008), &foreign), 2);
        let most = walk(&mut pages("apiproducts", 300_000..301_000), &foreign);
        assert!(most <= 22, "{most}");
        // The total is known from the first page.
        let mut groups = pages("appgroups", 0..1000);
        groups.take((0..1000).map(product).collect(), "next".to_owned(), Some(200_000));
        assert_eq!(query(&groups), None);
    }

    #[test]
    fn a_token_leads_to_the_next_page() {
        let mut groups = pages("appgroups", (0..1000).map(|index| index * 2));
        assert_eq!(query(&groups).unwrap(), "pageSize=1000");
        groups.take((0..1000).map(product).collect(), "t".to_owned(), Some(2000));
        assert_eq!((query(&groups).unwrap().as_str(), groups.token()), ("pageSize=1000&pageToken=t", "t"));
        // A page may be empty and not the last one.
        groups.take(Vec::new(), "u".to_owned(), Some(2000));
        assert_eq!(groups.token(), "u");
        groups.take((999..2000).map(product).collect(), String::new(), None);
        assert_eq!(query(&groups), None);
        let found = groups.into_found();
        assert!((0..1000).all(|index| found.answer(&key(&format!("appgroups/{}", named(index * 2)))).is_some()));
    }

    #[test]
    fn what_is_not_whole_is_not_used() {
        let mut walking = pages("apiproducts", 0..10);
        walking.take(
            (0..9).map(|index| json!({"name": named(index)})).chain([product(9)]).collect(),
            String::new(),
            None,
        );
        let found = walking.into_found();
        assert_eq!(found.answer(&key("apiproducts/p000000")), None);
        assert!(found.answer(&key("apiproducts/p000009")).is_some());
    }

    #[test]
    fn an_app_is_known_by_the_id_of_its_developer() {
        let email = |index: usize| format!("d{index}@x.example");
        let needed: BTreeSet<ListKey> = (0..5).map(|index| key(&format!("developers/{}", email(index)))).collect();
        let mut developers = Pages::of("o", needed.first().unwrap().listing, &needed).unwrap();
        assert_eq!(query(&developers).unwrap(), "expand=true");
        let developer = |index| json!({"email": email(index), "firstName": "D", "developerId": format!("id-{index}")});
        developers.take((0..9).map(developer).collect(), String::new(), None);
        assert_eq!(query(&developers), None, "it has one page");
        let owners: BTreeMap<String, String> = developers.into_found().owners().collect();
        assert_eq!(owners.len(), 5);
        let path = |index: usize| format!("developers/{}/apps/a", email(index));
        let needed: BTreeSet<ListKey> = (0..5).map(|index| key(&path(index))).collect();
        let mut apps = Pages::of("o", needed.first().unwrap().listing, &needed).unwrap().with_owners(owners);
        let keys = json!([{"consumerKey": "k", "consumerSecret": "s"}]);
        let app = |index: usize| json!({"name": "a", "developerId": format!("id-{index}"), "credentials": keys});
        apps.take([1, 7].map(app).into(), String::new(), None);
        let found = apps.into_found();
        assert_eq!(found.answer(&key(&path(1))), Some(Answer::Json(app(1))));
        assert_eq!(found.answer(&key(&path(2))), None);
        // It is not an owner of apps itself.
        assert_eq!(found.owners().count(), 0);
    }

    #[test]
    fn the_apps_of_a_group_are_joined() {
        let needed: BTreeSet<ListKey> = (0..5).map(|index| key(&format!("appgroups/g{index}/apps"))).collect();
        let keys = json!([{"consumerKey": "k", "consumerSecret": "s"}]);
        let app = |group: &str, name: &str| json!({"name": name, "appGroup": group, "appId": "1", "credentials": keys});
        let mut apps = Pages::of("o", needed.first().unwrap().listing, &needed).unwrap();
        assert_eq!(query(&apps).unwrap(), "expand=true&includeCred=true&pageSize=1000");
        apps.take(vec![app("g1", "a"), app("other", "a")], "t".to_owned(), Some(4));
        let mut bare = app("g2", "a");
        bare.as_object_mut().unwrap().shift_remove("credentials");
        apps.take(vec![app("g1", "b"), bare, app("g2", "b")], String::new(), Some(4));
        let found = apps.into_found();
        let joined = json!({"appGroupApps": [app("g1", "a"), app("g1", "b")]});
        assert_eq!(found.answer(&key("appgroups/g1/apps")), Some(Answer::Json(joined)));
        assert_eq!(found.answer(&key("appgroups/g2/apps")), None, "one of its apps is not whole");
        assert_eq!(found.answer(&key("appgroups/g0/apps")), None);
    }
}
