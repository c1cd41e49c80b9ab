//! Path patterns: what they match, and how two of them relate.
//!
//! All patterns have one representation: those of the operators `Matches` and `MatchesPath`, and those of operations. Checking whether a
//! pattern matches a text, covers another pattern or overlaps with it takes at most as many steps as the product of both lengths, for any
//! number of wildcards. [`PatternIndex`] finds the related patterns without comparing with each of them.

mod apigee;
mod compare;
mod index;
mod java_regex;
mod operation;
mod percent;

pub use apigee::{like, matches_path};
pub use index::{ComparisonBudget, PatternIndex, Relation};
pub use java_regex::without_lookahead;
pub use operation::{Dialect, OperationPattern, PathSyntaxError};

/// A part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Piece {
    /// This character.
    Char(char),
    /// One character other than `/`.
    One,
    /// Any number of characters other than `/`.
    Any,
    /// Any number of any characters.
    All,
}

impl Piece {
    /// True if the piece matches the empty text.
    const fn is_run(self) -> bool {
        matches!(self, Self::Any | Self::All)
    }

    /// True if the piece matches a character.
    fn takes(self, character: char) -> bool {
        match self {
            Self::Char(own) => own == character,
            Self::One | Self::Any => character != '/',
            Self::All => true,
        }
    }
}

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PathPattern {
    pieces: Vec<Piece>,
}

impl PathPattern {
    /// The segments: the pieces between slashes.
    fn segments(&self) -> impl Iterator<Item = &[Piece]> {
        self.pieces.split(|piece| *piece == Piece::Char('/'))
    }
}
