//! Numbers for contents: equal contents, equal numbers.

use std::hash::Hasher;

use hashbrown::HashTable;

use crate::chunks::Chunks;
use crate::hash::mix;
use crate::sync::{AtomicU32, Mutex, OnceLock, Ordering};

const SHARDS: usize = 64;

type Numbers = HashTable<(u32, u32)>;

/// Gives each content a number, by its 128-bit hash. Numbers are a process's own, in the order of first sight.
pub(crate) struct Interner<T> {
    /// A part of the hash, to tell most contents apart without a look at them, and the number.
    shards: Box<[Mutex<Numbers>]>,
    next: AtomicU32,
    items: Chunks<OnceLock<(u128, T)>>,
}

impl<T> Interner<T> {
    pub fn new() -> Interner<T> {
        Interner {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            next: AtomicU32::new(0),
            items: Chunks::new(),
        }
    }

    /// The number of the content whose hash is `key`, which is made by `make` if it is new; and whether it is.
    pub fn intern(&self, key: u128, make: impl FnOnce() -> T) -> (u32, bool) {
        self.intern_at(key, |_| make())
    }

    /// The same, where making the content needs its number.
    #[expect(clippy::cast_possible_truncation, reason = "parts of a hash")]
    pub fn intern_at(&self, key: u128, make: impl FnOnce(u32) -> T) -> (u32, bool) {
        let (part, hash) = (key as u32, |part: u32| mix(u64::from(part)));
        let shard = self.shards[(key >> 64) as usize % SHARDS].lock();
        let mut shard = shard.unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_same = |&(other, number): &(u32, u32)| other == part && self.key(number) == key;
        if let Some(&(_, number)) = shard.find(hash(part), is_same) {
            return (number, false);
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let item = make(number);
        // The number leaves this function only after the content is in its place.
        let _ = self.items.make(number).set((key, item));
        shard.insert_unique(hash(part), (part, number), |&(part, _)| hash(part));
        (number, true)
    }

    #[inline]
    fn item(&self, number: u32) -> &(u128, T) {
        self.items.get(number).get().expect("a number that was given")
    }

    /// The content of a number that [`Interner::intern`] gave.
    #[inline]
    pub fn get(&self, number: u32) -> &T {
        &self.item(number).1
    }

    /// The hash of the content of a number.
    #[inline]
    pub fn key(&self, number: u32) -> u128 {
        self.item(number).0
    }

    /// Makes the next contents take numbers from here on, whatever numbers were given. For contents that had numbers in
    /// another process.
    pub fn number_from(&self, next: u32) {
        self.next.store(next, Ordering::Relaxed);
    }

    /// The content of a number, unless it is being made just now.
    pub fn try_get(&self, number: u32) -> Option<&T> {
        self.items.make(number).get().map(|(_, item)| item)
    }

    /// How many contents there are.
    pub fn len(&self) -> u32 {
        self.next.load(Ordering::Relaxed)
    }

    /// Bytes for numbers and places, without what contents own elsewhere.
    pub fn bytes(&self) -> usize {
        let of_shard = |shard: &Mutex<Numbers>| shard.lock().map_or(0, |shard| shard.allocation_size());
        self.items.bytes() + self.shards.iter().map(of_shard).sum::<usize>()
    }
}

/// A hasher for keys that are hashes, or few.
#[derive(Default)]
pub(crate) struct Taken(u64);

impl Hasher for Taken {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = mix(key);
    }
}
