//! A small growing array of words that are filled in while others read: for each message, what an actor does with it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The first lane has 2^FIRST places, each next twice as many.
const FIRST: u32 = 4;
const LANES: usize = 14;

/// Words by place; 0 where none was set.
pub(crate) struct Lanes(Box<[OnceLock<Box<[AtomicU32]>>; LANES]>);

impl Lanes {
    pub fn new() -> Lanes {
        Lanes(Box::new([const { OnceLock::new() }; LANES]))
    }

    #[inline]
    fn place(&self, at: u32) -> &AtomicU32 {
        let shifted = at + (1 << FIRST);
        let log = shifted.ilog2();
        let make = || (0..1u32 << log).map(|_| AtomicU32::new(0)).collect();
        &self.0[(log - FIRST) as usize].get_or_init(make)[(shifted - (1 << log)) as usize]
    }

    /// The number at a place, if one was set.
    #[inline]
    pub fn get(&self, at: u32) -> Option<u32> {
        self.bits(at).checked_sub(1)
    }

    /// Sets the number of a place, unless another thread was first. Returns what is there then.
    pub fn set(&self, at: u32, number: u32) -> u32 {
        // With 1 added, so that what is 0 is unset.
        match self.place(at).compare_exchange(0, number + 1, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => number,
            Err(other) => other - 1,
        }
    }

    /// The word at a place, as bits.
    #[inline]
    pub fn bits(&self, at: u32) -> u32 {
        self.place(at).load(Ordering::Acquire)
    }

    /// Sets bits of the word at a place.
    pub fn add(&self, at: u32, bits: u32) {
        self.place(at).fetch_or(bits, Ordering::AcqRel);
    }
}
