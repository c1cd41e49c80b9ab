//! Whether a pattern matches a text, covers another pattern or overlaps with it.

use super::{PathPattern, Piece};

/// The maximum product of the lengths of two compared patterns: Apigee accepts no request line that long, and a comparison must not take
/// seconds.
const MOST_STEPS: usize = 1 << 24;

impl PathPattern {
    /// True if the pattern matches a text.
    pub fn matches(&self, text: &str) -> bool {
        let steps = text.chars().map(MatchStep::Char);
        run(&self.pieces, steps)
    }

    /// True if this pattern certainly matches every text that the other pattern matches.
    pub fn covers(&self, narrow: &Self) -> bool {
        covers(&self.pieces, &narrow.pieces)
    }

    /// False if certainly no text matches both patterns.
    pub fn overlaps(&self, other: &Self) -> bool {
        overlaps(&self.pieces, &other.pieces)
    }
}

/// The next thing to match.
#[derive(Clone, Copy)]
enum MatchStep {
    /// This character.
    Char(char),
    /// One character of any kind.
    One,
    /// Any number of characters other than `/`.
    Any,
    /// Any number of characters.
    All,
}

impl Piece {
    /// True if the piece matches everything that a step stands for.
    fn absorbs(self, step: MatchStep) -> bool {
        match step {
            MatchStep::Char(character) => self.takes(character),
            MatchStep::One => !matches!(self, Self::Char(_)),
            MatchStep::Any => self.is_run(),
            MatchStep::All => self == Self::All,
        }
    }
}

/// True if the pieces match all steps. All reachable places of the pattern are followed simultaneously.
fn run(pieces: &[Piece], steps: impl Iterator<Item = MatchStep>) -> bool {
    let mut reached = Places::new(pieces);
    let mut next = Places::new(pieces);
    reached.add(0);
    for step in steps {
        next.clear();
        for &place in &reached.list {
            let Some(piece) = pieces.get(place) else { continue };
            if piece.absorbs(step) {
                next.add(if piece.is_run() { place } else { place + 1 });
            }
        }
        std::mem::swap(&mut reached, &mut next);
        if reached.list.is_empty() {
            return false;
        }
    }
    reached.has(pieces.len())
}

/// Places of a pattern: before a piece, or at its end.
struct Places<'p> {
    pieces: &'p [Piece],
    is_in: Vec<bool>,
    list: Vec<usize>,
}

impl<'p> Places<'p> {
    fn new(pieces: &'p [Piece]) -> Self {
        Self { pieces, is_in: vec![false; pieces.len() + 1], list: Vec::new() }
    }

    /// Adds a place and the places that can be reached from it without a character.
    fn add(&mut self, mut place: usize) {
        while !self.is_in[place] {
            self.is_in[place] = true;
            self.list.push(place);
            if !self.pieces.get(place).is_some_and(|piece| piece.is_run()) {
                return;
            }
            place += 1;
        }
    }

    fn has(&self, place: usize) -> bool {
        self.is_in[place]
    }

    fn clear(&mut self) {
        for place in self.list.drain(..) {
            self.is_in[place] = false;
        }
    }
}

/// True if the wide pattern covers the narrow one. A wildcard of the narrow pattern stands for any character, and a run for any number of
/// them, so only a wildcard of the wide pattern matches it.
pub(super) fn covers(wide: &[Piece], narrow: &[Piece]) -> bool {
    if wide == narrow {
        return true;
    }
    if wide.len().saturating_mul(narrow.len()) > MOST_STEPS {
        return false;
    }
    let steps = narrow.iter().map(|piece| match piece {
        Piece::Char(character) => MatchStep::Char(*character),
        Piece::One => MatchStep::One,
        Piece::Any => MatchStep::Any,
        Piece::All => MatchStep::All,
    });
    run(wide, steps)
}

/// False if no text matches both. Follows the pairs of places that one text can reach in both patterns.
pub(super) fn overlaps(a: &[Piece], b: &[Piece]) -> bool {
    if differ(a.iter().zip(b)) || differ(a.iter().rev().zip(b.iter().rev())) {
        return false;
    }
    let width = b.len() + 1;
    if (a.len() + 1).saturating_mul(width) > MOST_STEPS {
        return true;
    }
    let mut seen = vec![false; (a.len() + 1) * width];
    let mut open = vec![(0, 0)];
    while let Some((i, j)) = open.pop() {
        if std::mem::replace(&mut seen[i * width + j], true) {
            continue;
        }
        let (x, y) = (a.get(i).copied(), b.get(j).copied());
        if x.is_none() && y.is_none() {
            return true;
        }
        // A run may end.
        if x.is_some_and(Piece::is_run) {
            open.push((i + 1, j));
        }
        if y.is_some_and(Piece::is_run) {
            open.push((i, j + 1));
        }
        if let (Some(x), Some(y)) = (x, y)
            && share(x, y)
        {
            open.push((if x.is_run() { i } else { i + 1 }, if y.is_run() { j } else { j + 1 }));
        }
    }
    false
}

/// True if two patterns have different characters before the first wildcard of either.
fn differ<'p>(pairs: impl Iterator<Item = (&'p Piece, &'p Piece)>) -> bool {
    let both = |(a, b): &(&Piece, &Piece)| matches!((a, b), (Piece::Char(_), Piece::Char(_)));
    pairs.take_while(both).any(|(a, b)| a != b)
}

/// True if both pieces match a common character.
fn share(x: Piece, y: Piece) -> bool {
    match (x, y) {
        (Piece::Char(character), other) | (other, Piece::Char(character)) => other.takes(character),
        _ => true,
    }
}
