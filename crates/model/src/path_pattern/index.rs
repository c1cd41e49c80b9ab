//! An index of patterns by their segments. It finds the related patterns without comparing with each of them.

use indexmap::IndexMap;

use super::compare::{covers, overlaps};
use super::{PathPattern, Piece};

/// How the patterns to find relate to a given pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// They match everything that it matches.
    Covering,
    /// They match at least one text that it matches.
    Overlapping,
}

/// The total number of steps that may be taken.
#[derive(Debug, Clone)]
pub struct ComparisonBudget {
    left: usize,
    taken: usize,
}

impl ComparisonBudget {
    /// A budget for a number of patterns: each may be compared with about a hundred others.
    pub fn of(patterns: usize) -> Self {
        Self { left: patterns.saturating_mul(128).saturating_add(1 << 16), taken: 0 }
    }

    /// Takes steps; `None` if not enough steps are left.
    pub fn take(&mut self, steps: usize) -> Option<()> {
        self.left = self.left.checked_sub(steps)?;
        self.taken += steps;
        Some(())
    }

    /// The number of steps that were taken.
    pub fn taken(&self) -> usize {
        self.taken
    }
}

/// Values by patterns.
#[derive(Debug)]
pub struct PatternIndex<T> {
    /// The nodes of the tree; the first is the root.
    nodes: Vec<PatternNode<T>>,
    /// Patterns whose `**` is not at their end.
    others: Vec<(PathPattern, T)>,
}

#[derive(Debug)]
struct PatternNode<T> {
    /// Values of the patterns that end here.
    here: Vec<T>,
    /// Values of the patterns that end in `**` after this segment.
    below: Vec<T>,
    /// The segments without wildcards that follow.
    texts: IndexMap<Box<[Piece]>, usize>,
    /// The segments with wildcards that follow.
    wild: IndexMap<Box<[Piece]>, usize>,
}

impl<T> Default for PatternNode<T> {
    fn default() -> Self {
        Self { here: Vec::new(), below: Vec::new(), texts: IndexMap::new(), wild: IndexMap::new() }
    }
}

impl<T> Default for PatternIndex<T> {
    fn default() -> Self {
        Self { nodes: vec![PatternNode::default()], others: Vec::new() }
    }
}

fn is_text(segment: &[Piece]) -> bool {
    segment.iter().all(|piece| matches!(piece, Piece::Char(_)))
}

impl<T: Copy> PatternIndex<T> {
    /// Adds a value.
    pub fn add(&mut self, pattern: &PathPattern, value: T) {
        let (last, before) = match pattern.pieces.split_last() {
            Some((Piece::All, before)) if before.last().is_none_or(|piece| *piece == Piece::Char('/')) => {
                (true, before)
            }
            _ => (false, pattern.pieces.as_slice()),
        };
        if before.contains(&Piece::All) {
            self.others.push((pattern.clone(), value));
            return;
        }
        let mut at = 0;
        let mut segments = before.split(|piece| *piece == Piece::Char('/')).peekable();
        while let Some(segment) = segments.next() {
            if last && segments.peek().is_none() {
                break;
            }
            let next = self.nodes.len();
            let node = &mut self.nodes[at];
            let children = if is_text(segment) { &mut node.texts } else { &mut node.wild };
            at = *children.entry(segment.into()).or_insert(next);
            if at == next {
                self.nodes.push(PatternNode::default());
            }
        }
        let node = &mut self.nodes[at];
        if last { node.below.push(value) } else { node.here.push(value) }
    }

    /// The values whose patterns have this relation to a pattern, in any order; `None` if the budget is exhausted.
    pub fn find(&self, pattern: &PathPattern, relation: Relation, budget: &mut ComparisonBudget) -> Option<Vec<T>> {
        let relates = |other: &[Piece], own: &[Piece]| match relation {
            Relation::Covering => covers(other, own),
            Relation::Overlapping => overlaps(other, own),
        };
        let mut found = Vec::new();
        for (other, value) in &self.others {
            budget.take(1 + other.pieces.len())?;
            if relates(&other.pieces, &pattern.pieces) {
                found.push(*value);
            }
        }
        let segments: Vec<&[Piece]> = pattern.segments().collect();
        let mut open = vec![(0, 0)];
        while let Some((at, depth)) = open.pop() {
            budget.take(1)?;
            let node = &self.nodes[at];
            let Some(segment) = segments.get(depth) else {
                found.extend(&node.here);
                continue;
            };
            found.extend(&node.below);
            if segment.contains(&Piece::All) {
                if relation == Relation::Overlapping {
                    self.below(at, &mut found, budget)?;
                }
                continue;
            }
            if is_text(segment) {
                open.extend(node.texts.get(*segment).map(|child| (*child, depth + 1)));
            } else if relation == Relation::Overlapping {
                for (other, child) in &node.texts {
                    budget.take(1)?;
                    if overlaps(other, segment) {
                        open.push((*child, depth + 1));
                    }
                }
            }
            for (other, child) in &node.wild {
                budget.take(1)?;
                if relates(other, segment) {
                    open.push((*child, depth + 1));
                }
            }
        }
        budget.take(found.len())?;
        Some(found)
    }

    /// All values below a node.
    fn below(&self, at: usize, found: &mut Vec<T>, budget: &mut ComparisonBudget) -> Option<()> {
        let children =
            |node: &PatternNode<T>| node.texts.values().chain(node.wild.values()).copied().collect::<Vec<_>>();
        let mut open = children(&self.nodes[at]);
        while let Some(at) = open.pop() {
            budget.take(1)?;
            let node = &self.nodes[at];
            found.extend(node.here.iter().chain(&node.below));
            open.extend(children(node));
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn patterns() -> impl Strategy<Value = Vec<String>> {
        let segment = prop_oneof![Just("a"), Just("b"), Just("*"), Just("a*"), Just("*b"), Just("**"), Just("")];
        let path = proptest::collection::vec(segment, 0..4).prop_map(|segments| format!("/{}", segments.join("/")));
        proptest::collection::vec(path, 1..12)
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_relates(texts in patterns()) {
            let patterns: Vec<_> = texts.iter().map(|text| PathPattern::of_matches_path(text)).collect();
            let mut index = PatternIndex::default();
            for (number, pattern) in patterns.iter().enumerate() {
                index.add(pattern, number);
            }
            for pattern in &patterns {
                let mut found = index.find(pattern, Relation::Covering, &mut ComparisonBudget::of(1000)).unwrap();
                found.sort_unstable();
                // The index must agree with the comparison of whole patterns.
                for (number, other) in patterns.iter().enumerate() {
                    prop_assert!(!other.covers(pattern) || found.contains(&number), "{other:?} {pattern:?}");
                    prop_assert!(!found.contains(&number) || other.covers(pattern), "{other:?} {pattern:?}");
                }
                let found = index.find(pattern, Relation::Overlapping, &mut ComparisonBudget::of(1000)).unwrap();
                for (number, other) in patterns.iter().enumerate() {
                    prop_assert!(!other.overlaps(pattern) || found.contains(&number), "{other:?} {pattern:?}");
                }
            }
        }
    }

    #[test]
    fn fifty_thousand_patterns_take_few_steps_each() {
        let mut index = PatternIndex::default();
        let mut budget = ComparisonBudget::of(50_000);
        for number in 0..50_000 {
            let text = format!("/v{}/things{}/*/parts", number % 7, number);
            let pattern = PathPattern::of_matches_path(&text);
            assert!(index.find(&pattern, Relation::Overlapping, &mut budget).unwrap().is_empty());
            index.add(&pattern, number);
        }
        assert!(budget.taken() < 50_000 * 10, "{}", budget.taken());
    }

    #[test]
    fn a_path_of_many_segments_is_no_burden() {
        let pattern = PathPattern::of_matches_path(&"/a".repeat(200_000));
        let mut index = PatternIndex::default();
        index.add(&pattern, 1);
        assert_eq!(index.find(&pattern, Relation::Overlapping, &mut ComparisonBudget::of(10_000)), Some(vec![1]));
    }
}
