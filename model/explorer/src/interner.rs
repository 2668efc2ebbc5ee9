//! Numbers for contents: equal contents, equal numbers.

use crate::chunks::Chunks;
use crate::sync::{AtomicU32, Mutex, OnceLock, Ordering};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

const SHARDS: usize = 64;

/// Numbers by content hash.
type Numbers = HashMap<u128, u32, BuildHasherDefault<Taken>>;

/// Gives each content a number, by its 128-bit hash. Numbers are a process's own, in the order of first sight.
pub(crate) struct Interner<T> {
    shards: Box<[Mutex<Numbers>]>,
    next: AtomicU32,
    items: Chunks<OnceLock<T>>,
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
    pub fn intern_at(&self, key: u128, make: impl FnOnce(u32) -> T) -> (u32, bool) {
        let mut shard = self.shards[shard(key)].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(&number) = shard.get(&key) {
            return (number, false);
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let item = make(number);
        // The number leaves this function only after the content is in its place.
        let _ = self.items.make(number).set(item);
        shard.insert(key, number);
        (number, true)
    }

    /// The content of a number that [`Interner::intern`] gave.
    #[inline]
    pub fn get(&self, number: u32) -> &T {
        self.items.get(number).get().expect("a number that was given")
    }

    /// Makes the next contents take numbers from here on, whatever numbers were given. For contents that had numbers in
    /// another process.
    pub fn number_from(&self, next: u32) {
        self.next.store(next, Ordering::Relaxed);
    }

    /// The content of a number, unless it is being made just now.
    pub fn try_get(&self, number: u32) -> Option<&T> {
        self.items.make(number).get()
    }

    /// How many contents there are.
    pub fn len(&self) -> u32 {
        self.next.load(Ordering::Relaxed)
    }

    /// Bytes for numbers and places, without what contents own elsewhere.
    pub fn bytes(&self) -> usize {
        // A map entry is a key and a number, at a load of 7/8 to 7/16.
        self.items.bytes() + self.len() as usize * 48
    }
}

#[expect(clippy::cast_possible_truncation, reason = "any bits of a hash are a hash")]
fn shard(key: u128) -> usize {
    (key >> 64) as usize % SHARDS
}

/// A hasher for keys that are hashes.
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

    #[expect(clippy::cast_possible_truncation, reason = "any 64 bits of a hash are a hash")]
    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = crate::hash::mix(key);
    }
}
