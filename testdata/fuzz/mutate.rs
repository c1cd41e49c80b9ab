//! Inputs made from others: cut, copied, repeated, spliced, nested, and with tokens of the language inserted.

/// Generates inputs, the same ones for the same seed.
pub(crate) struct Mutator<'s> {
    state: u64,
    seeds: &'s [Vec<u8>],
    words: &'static [&'static str],
    longest: usize,
}

impl<'s> Mutator<'s> {
    pub(crate) fn new(seed: u64, seeds: &'s [Vec<u8>], words: &'static [&'static str], longest: usize) -> Self {
        Self { state: seed, seeds, words, longest }
    }

    /// SplitMix64.
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % bound.max(1) as u64).unwrap()
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        // Mostly short pieces: long ones destroy the structure.
        let most = if self.below(4) == 0 { length - start } else { (length - start).min(40) };
        start..start + self.below(most + 1)
    }

    /// The next input.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let mut bytes = self.seeds[self.below(self.seeds.len())].clone();
        for _ in 0..=self.below(6) {
            self.mutate(&mut bytes);
            bytes.truncate(self.longest);
        }
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len() + 1);
        match self.below(10) {
            0 if !bytes.is_empty() => {
                let at = at.min(bytes.len() - 1);
                bytes[at] ^= 1 << self.below(8);
            }
            1 => {
                let range = self.range(bytes.len());
                bytes.drain(range);
            }
            2 => {
                let piece = bytes[self.range(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => {
                // Repetition can make a parser slow.
                let piece = bytes[self.range(bytes.len())].to_vec();
                let times = self.below(200);
                bytes.splice(at..at, piece.repeat(times));
            }
            4 => {
                let other = self.below(self.seeds.len());
                let piece = self.seeds[other][self.range(self.seeds[other].len())].to_vec();
                bytes.splice(at..at, piece);
            }
            5 => {
                const ODD: [&[u8]; 12] = [
                    b"\0",
                    b"\xff",
                    b"\xef\xbb\xbf",
                    b"\r",
                    b"\r\n",
                    b"\t",
                    b"\xe2\x80\xa8",
                    b"\x1b[2J",
                    "\u{10ffff}".as_bytes(),
                    b"\xc3",
                    b" ",
                    b"\n",
                ];
                bytes.splice(at..at, ODD[self.below(ODD.len())].iter().copied());
            }
            6 => {
                // Depth can overflow the stack.
                const PAIRS: [(&str, &str); 6] =
                    [("[", "]"), ("{a: ", "}"), ("(", ")"), ("<a>", "</a>"), ("- ", ""), ("not ", "")];
                let (open, close) = PAIRS[self.below(PAIRS.len())];
                let depth = self.below(3000);
                let range = self.range(bytes.len());
                bytes.splice(range.end..range.end, close.repeat(depth).into_bytes());
                bytes.splice(range.start..range.start, open.repeat(depth).into_bytes());
            }
            _ => {
                let word = self.words[self.below(self.words.len())];
                if self.below(2) == 0 {
                    let range = self.range(bytes.len());
                    bytes.splice(range, word.bytes());
                } else {
                    bytes.splice(at..at, word.bytes());
                }
            }
        }
    }
}
