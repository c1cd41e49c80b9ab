//! A state of Git, and what commits do to it.

use std::collections::BTreeMap;

use crate::kinds::{GENERATORS, Generator};
use crate::pick;
use crate::random::Random;

/// A kind and a name.
pub(crate) type Key = (&'static str, String);

/// What stands in Git, by kind and name.
pub(crate) type Git = BTreeMap<Key, Item>;

/// One resource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    /// Its content follows from this number.
    pub(crate) content: u64,
    /// What it names, by kind.
    pub(crate) uses: BTreeMap<&'static str, String>,
}

/// What a kind names.
#[derive(Clone, Copy)]
pub(crate) enum Use {
    /// It always names one.
    Needs(&'static str),
    /// It may name one.
    May(&'static str),
}

/// Never deleted, so that no state of Git is empty.
fn anchor() -> Key {
    ("ApigeeTargetServer", "apigeetargetserver-0".to_owned())
}

/// What the first commit has.
pub(crate) fn first() -> Git {
    Git::from([(anchor(), Item { content: 0, uses: BTreeMap::new() })])
}

fn generator(kind: &str) -> &'static Generator {
    GENERATORS.iter().find(|generator| generator.kind == kind).unwrap()
}

/// Makes a commit: what was done, in a word for the count and in words for people.
pub(crate) fn change(git: &mut Git, history: &[Git], about: usize, random: &mut Random) -> Vec<(&'static str, String)> {
    if history.len() > 5 && random.below(8) == 0 {
        let to = usize::try_from(random.below(history.len() as u64)).unwrap();
        git.clone_from(&history[to]);
        return vec![("reverts", format!("back to commit {}", to + 1))];
    }
    let mut done = Vec::new();
    for _ in 0..1 + random.below(4) {
        let keys: Vec<Key> = git.keys().filter(|key| **key != anchor()).cloned().collect();
        // The fuller it is, the more goes.
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
        let (Use::Needs(kind) | Use::May(kind)) = *wanted;
        if matches!(wanted, Use::Needs(_)) || random.below(2) == 0 {
            choose(git, &key, kind, random);
        }
    }
    Some(key)
}

/// A name of a kind that is not taken; few names, so that they come again.
fn free_name(git: &Git, kind: &'static str, random: &mut Random) -> Option<String> {
    let name = |number: usize| format!("{}-{number}", kind.to_lowercase());
    let free: Vec<String> =
        (0..generator(kind).most).map(name).filter(|name| !git.contains_key(&(kind, name.clone()))).collect();
    if free.is_empty() { None } else { Some(pick(&free, random).clone()) }
}

/// Lets a resource name another one of a kind.
fn choose(git: &mut Git, key: &Key, kind: &'static str, random: &mut Random) {
    let names: Vec<String> = git.keys().filter(|(known, _)| *known == kind).map(|(_, name)| name.clone()).collect();
    if let Some(item) = git.get_mut(key).filter(|_| !names.is_empty()) {
        item.uses.insert(kind, pick(&names, random).clone());
    }
}

/// Makes each name one of something that is there. What needs a thing that there is none of goes.
fn mend(git: &mut Git, random: &mut Random) {
    loop {
        let before = git.clone();
        for key in before.keys() {
            for wanted in generator(key.0).uses {
                let (Use::Needs(kind) | Use::May(kind)) = *wanted;
                let Some(item) = git.get_mut(key) else { continue };
                let named = item.uses.get(kind).map(|name| (kind, name.clone()));
                if named.as_ref().is_some_and(|named| before.contains_key(named)) {
                    continue;
                }
                item.uses.remove(kind);
                if matches!(wanted, Use::Needs(_)) {
                    choose(git, key, kind, random);
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
