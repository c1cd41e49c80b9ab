//! Patterns of paths: what they match, and how two of them relate.
//!
//! There is one representation for all of them: the patterns of the operators `Matches` and `MatchesPath`, and those of operations. Whether a pattern
//! matches a text, covers another pattern or shares a text with it takes at most as many steps as the product of both lengths, whatever the number of
//! wildcards. [`Index`] finds the patterns that relate to one without a comparison with each.

mod apigee;
mod compare;
mod index;
mod java_regex;
mod operation;
mod percent;

pub use apigee::{like, matches_path};
pub use index::{Budget, Index, Relation};
pub use java_regex::without_lookahead;
pub use operation::{Dialect, Fault, OperationPattern};

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
    /// Whether the piece can be passed over without a character.
    const fn is_run(self) -> bool {
        matches!(self, Self::Any | Self::All)
    }

    /// Whether the piece takes a character.
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
    /// The segments: what is between two slashes.
    fn segments(&self) -> impl Iterator<Item = &[Piece]> {
        self.pieces.split(|piece| *piece == Piece::Char('/'))
    }
}
