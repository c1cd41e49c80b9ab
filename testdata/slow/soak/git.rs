//! A state of Git, and the commits that change it.

use std::collections::BTreeMap;

use super::kinds::{GENERATORS, generator};
use super::pick;
use crate::random::Random;

/// A kind and a name.
pub(crate) type Key = (&'static str, String);

/// The resources in Git, by kind and name.
pub(crate) type Git = BTreeMap<Key, Item>;

/// One resource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    /// Its content is computed from this number.
    pub(crate) content: u64,
    /// The resources that it names, by kind.
    pub(crate) uses: BTreeMap<&'static str, String>,
}

/// The references of a kind to others.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    /// It always names one.
    Needs(&'static str),
    /// It always names one that no other of its kind names.
    NeedsAlone(&'static str),
    /// It may name one.
    May(&'static str),
}

impl Use {
    fn kind(self) -> &'static str {
        let (Self::Needs(kind) | Self::NeedsAlone(kind) | Self::May(kind)) = self;
        kind
    }
}

/// Never deleted, so that no state of Git is empty.
fn anchor() -> Key {
    ("ApigeeTargetServer", "apigeetargetserver-0".to_owned())
}

/// The resources of the first commit.
pub(crate) fn first() -> Git {
    Git::from([(anchor(), Item { content: 0, uses: BTreeMap::new() })])
}

/// Makes a commit. Returns the changes, each as a word for the count and as text.
pub(crate) fn change(git: &mut Git, history: &[Git], about: usize, random: &mut Random) -> Vec<(&'static str, String)> {
    if history.len() > 5 && random.below(8) == 0 {
        let to = usize::try_from(random.below(history.len() as u64)).unwrap();
        git.clone_from(&history[to]);
        return vec![("reverts", format!("back to commit {}", to + 1))];
    }
    let mut done = Vec::new();
    for _ in 0..=random.below(4) {
        let keys: Vec<Key> = git.keys().filter(|key| **key != anchor()).cloned().collect();
        // The more resources there are, the more are deleted.
        let adds = random.below(2 * about as u64) >= keys.len() as u64;
        if adds || keys.is_empty() {
            if let Some(key) = add(git, random) {
                done.push(("added", format!("add {} {}", key.0, key.1)));
            }
            continue;
        }
        let key = pick(&keys, random).clone();
        match random.below(4) {
            0 | 1 => {
                if let Some(item) = git.get_mut(&key) {
                    item.content = random.below(1000);
                }
                done.push(("changed", format!("change {} {}", key.0, key.1)));
            }
            2 => {
                git.remove(&key);
                done.push(("deleted", format!("delete {} {}", key.0, key.1)));
            }
            _ => {
                let Some(name) = free_name(git, key.0, random) else { continue };
                if let Some(item) = git.remove(&key) {
                    done.push(("renamed", format!("rename {} {} to {name}", key.0, key.1)));
                    git.insert((key.0, name), item);
                }
            }
        }
    }
    mend(git, random);
    done
}

fn add(git: &mut Git, random: &mut Random) -> Option<Key> {
    let generator = pick(GENERATORS, random);
    let name = free_name(git, generator.kind, random)?;
    let key = (generator.kind, name);
    git.insert(key.clone(), Item { content: random.below(1000), uses: BTreeMap::new() });
    for wanted in generator.uses {
        if !matches!(wanted, Use::May(_)) || random.below(2) == 0 {
            choose(git, &key, *wanted, random);
        }
    }
    Some(key)
}

/// An unused name of a kind; there are few names, so that they are reused.
fn free_name(git: &Git, kind: &'static str, random: &mut Random) -> Option<String> {
    let name = |number: usize| format!("{}-{number}", kind.to_lowercase());
    let free: Vec<String> =
        (0..generator(kind).most).map(name).filter(|name| !git.contains_key(&(kind, name.clone()))).collect();
    if free.is_empty() { None } else { Some(pick(&free, random).clone()) }
}

/// Lets a resource name another one.
fn choose(git: &mut Git, key: &Key, wanted: Use, random: &mut Random) {
    let kind = wanted.kind();
    let is_free = |name: &String| !matches!(wanted, Use::NeedsAlone(_)) || !is_named(git, key, kind, name);
    let known = git.keys().filter(|(known, _)| *known == kind).map(|(_, name)| name);
    let names: Vec<String> = known.filter(|name| is_free(name)).cloned().collect();
    if let Some(item) = git.get_mut(key).filter(|_| !names.is_empty()) {
        item.uses.insert(kind, pick(&names, random).clone());
    }
}

/// True if another resource of the kind of `key` names one.
fn is_named(git: &Git, key: &Key, kind: &str, name: &str) -> bool {
    git.iter()
        .any(|(other, item)| other.0 == key.0 && other != key && item.uses.get(kind).is_some_and(|named| named == name))
}

/// Makes each name that of an existing resource. A resource that needs a missing one is deleted.
fn mend(git: &mut Git, random: &mut Random) {
    loop {
        let before = git.clone();
        for key in before.keys() {
            for wanted in generator(key.0).uses {
                let kind = wanted.kind();
                let Some(item) = git.get_mut(key) else { continue };
                let named = item.uses.get(kind).map(|name| (kind, name.clone()));
                if named.as_ref().is_some_and(|named| before.contains_key(named)) {
                    continue;
                }
                item.uses.remove(kind);
                if !matches!(wanted, Use::May(_)) {
                    choose(git, key, *wanted, random);
                    if !git.get(key).is_some_and(|item| item.uses.contains_key(kind)) {
                        git.remove(key);
                    }
                }
            }
        }
        if *git == before {
            return;
        }
    }
}
