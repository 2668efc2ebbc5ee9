//! Bytes, taken for decisions. Where none are left, all is zero: every input is a case.

/// What is left of an input.
#[derive(Clone, Debug)]
pub struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    /// All of it.
    pub fn new(bytes: &'a [u8]) -> Source<'a> {
        Source(bytes)
    }

    /// Is nothing left?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// One of two.
    pub fn coin(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number below `bound`, and 0 if there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        let word = u16::from_le_bytes([self.byte(), self.byte()]);
        usize::from(word).checked_rem(bound).unwrap_or(0)
    }

    /// One of these.
    ///
    /// # Panics
    ///
    /// If there are none.
    pub fn one_of<'b, T>(&mut self, all: &'b [T]) -> &'b T {
        &all[self.below(all.len())]
    }

    /// A number: mostly a small one, sometimes one from the end of the range or from anywhere.
    pub fn number(&mut self) -> u64 {
        let kind = self.byte();
        let small = u64::from(self.byte() % 12);
        match kind {
            0..=239 => small,
            240..=247 => u64::MAX - small,
            _ => u64::from_le_bytes(std::array::from_fn(|_| self.byte())),
        }
    }

    /// The next bytes, as many as asked for if they are there.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// How often to change something: mostly once, so that the rest is what it was.
    fn changes(&mut self) -> usize {
        *self.one_of(&[1, 1, 1, 1, 2, 3, 5])
    }

    /// Changes `bytes` here and there: bits, bytes, numbers, pieces that are cut out, doubled, or come from elsewhere.
    pub fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..self.changes() {
            let at = self.below(bytes.len());
            let end = bytes.len().min(at + self.below(40));
            match self.byte() % 8 {
                _ if bytes.is_empty() => bytes.extend(self.bytes(16)),
                0 | 1 => bytes[at] ^= 1 << (self.byte() % 8),
                2 => bytes[at] = self.byte(),
                3 => bytes[at] = *self.one_of(&[0, 1, 0x7f, 0x80, 0xff]),
                4 => _ = bytes.drain(at..end),
                5 => {
                    let piece = bytes[at..end].to_vec();
                    let to = self.below(bytes.len());
                    bytes.splice(to..to, piece);
                }
                6 => {
                    let count = self.below(12);
                    let piece = self.bytes(count);
                    bytes.splice(at..at, piece.iter().copied());
                }
                _ => bytes.truncate(at),
            }
        }
    }

    /// Changes text here and there, by lines and by characters.
    pub fn mutate_text(&mut self, text: &str) -> String {
        if !self.byte().is_multiple_of(4) {
            let mut bytes = text.as_bytes().to_vec();
            self.mutate(&mut bytes);
            return String::from_utf8_lossy(&bytes).into_owned();
        }
        let mut lines: Vec<&str> = text.split('\n').collect();
        for _ in 0..self.changes() {
            let (at, other) = (self.below(lines.len()), self.below(lines.len()));
            match self.byte() % 4 {
                _ if lines.is_empty() => break,
                0 => _ = lines.remove(at),
                1 => lines.insert(at, lines[other]),
                2 => lines.swap(at, other),
                _ => lines.truncate(at),
            }
        }
        lines.join("\n")
    }
}
