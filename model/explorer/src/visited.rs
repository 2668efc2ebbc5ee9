//! Which states were seen: a table of 64-bit words that threads fill together, without locks.
//!
//! A bucket is a cache line of eight words; a word that finds its bucket full goes to the next one. Nothing is ever
//! taken out, so a search for a word ends at the first empty place, and two threads that bring one state meet in one
//! place.

use crate::sync::{AtomicU64, Ordering};

const WORDS: usize = 8;

/// One cache line.
#[derive(Default)]
#[repr(align(64))]
struct Bucket([AtomicU64; WORDS]);

/// The table. Words are never 0.
pub(crate) struct Visited {
    buckets: Box<[Bucket]>,
}

impl Visited {
    /// An empty table with at least this many places.
    pub fn new(places: usize) -> Visited {
        let buckets = places.div_ceil(WORDS).max(1);
        Visited { buckets: (0..buckets).map(|_| Bucket::default()).collect() }
    }

    /// How many words it can hold.
    pub fn places(&self) -> usize {
        self.buckets.len() * WORDS
    }

    /// Bytes of a table with this many places.
    pub fn bytes(places: usize) -> usize {
        places * size_of::<u64>()
    }

    /// The bucket at which the search for `print` starts. Any number of buckets will do: the high half of a product
    /// spreads a uniform `print` over all of them.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the high half of the product is below the number of buckets"
    )]
    fn home(&self, print: u64) -> usize {
        ((u128::from(print) * self.buckets.len() as u128) >> 64) as usize
    }

    /// Reads where `print` would be. A loop over many of these brings their cache lines in together; one at a time,
    /// each would be waited for.
    #[inline]
    pub fn touch(&self, print: u64) -> u64 {
        self.buckets[self.home(print)].0[0].load(Ordering::Relaxed)
    }

    /// Puts `word` in, unless a word is there that `is_same`. Returns that one, if there is.
    ///
    /// What the thread wrote before is visible to whoever meets the word, and what `write` does is: that is called,
    /// once or more often, only if it seems that the word is not there.
    #[inline]
    pub fn insert(
        &self,
        print: u64,
        word: u64,
        write: impl Fn(),
        is_same: impl Fn(u64) -> bool,
    ) -> Option<u64> {
        let home = self.home(print);
        let mut at = home;
        loop {
            for place in &self.buckets[at].0 {
                let mut there = place.load(Ordering::Acquire);
                if there == 0 {
                    write();
                    match place.compare_exchange(0, word, Ordering::AcqRel, Ordering::Acquire) {
                        Ok(_) => return None,
                        Err(other) => there = other,
                    }
                }
                if is_same(there) {
                    return Some(there);
                }
            }
            at = if at + 1 == self.buckets.len() { 0 } else { at + 1 };
            assert!(at != home, "the table is full: it was to grow before");
        }
    }

    /// Is a word there that `is_same`?
    #[inline]
    pub fn find(&self, print: u64, is_same: impl Fn(u64) -> bool) -> bool {
        let buckets = self.buckets.len();
        let home = self.home(print);
        let places = (home..buckets).chain(0..home).flat_map(|at| &self.buckets[at].0);
        let words = places.map(|place| place.load(Ordering::Acquire)).take_while(|&there| there != 0);
        words.into_iter().any(is_same)
    }

    /// Puts in a word that is known not to be there.
    #[inline]
    pub fn put(&self, print: u64, word: u64) {
        self.insert(print, word, || (), |_| false);
    }

    /// All words, sorted by what `key` makes of them, by which they were put in.
    ///
    /// The search for a word passes only full buckets. So all words that belong into a stretch of buckets that ends
    /// with one that is not full are in that stretch; but those that found no place at the end of the table are at
    /// its start.
    pub fn words_in_order(&self, key: impl Fn(u64) -> u64) -> impl Iterator<Item = u64> {
        let buckets = self.buckets.len();
        let stretch = move |from: usize| {
            let mut words = Vec::new();
            let mut end = from;
            while end < buckets {
                let before = words.len();
                words.extend(self.words_of(end));
                end += 1;
                if words.len() - before < WORDS {
                    break;
                }
            }
            (words, end)
        };
        let (first, mut at) = stretch(0);
        let (mut start, mut overflown): (Vec<_>, Vec<_>) =
            first.into_iter().partition(|&word| self.home(key(word)) < at);
        start.sort_unstable_by_key(|&word| key(word));
        let rest = std::iter::from_fn(move || {
            let (mut words, end) = stretch(at);
            let is_over = at == buckets;
            at = end;
            if at == buckets {
                words.append(&mut overflown);
            }
            words.sort_unstable_by_key(|&word| key(word));
            (!is_over).then_some(words)
        });
        start.into_iter().chain(rest.flatten())
    }

    fn words_of(&self, bucket: usize) -> impl Iterator<Item = u64> {
        self.buckets[bucket].0.iter().map(|place| place.load(Ordering::Relaxed)).filter(|&word| word != 0)
    }

    /// Forgets all words. The table has so many places then.
    pub fn clear(&mut self, places: usize) {
        if places.div_ceil(WORDS) == self.buckets.len() {
            for place in self.buckets.iter().flat_map(|bucket| &bucket.0) {
                place.store(0, Ordering::Relaxed);
            }
        } else {
            *self = Visited::new(1);
            *self = Visited::new(places);
        }
    }

    /// All words.
    pub fn words(&self) -> impl Iterator<Item = u64> {
        let words = self.buckets.iter().flat_map(|bucket| &bucket.0);
        words.map(|place| place.load(Ordering::Relaxed)).filter(|&word| word != 0)
    }
}
