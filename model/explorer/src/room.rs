//! Room: how full the table is, how it grows, and what is done when it may not.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::error::Error;
use crate::report::Limit;
use crate::search::{Search, split};
use crate::system::System;
use crate::visited::Visited;
use crate::worker::Worker;

/// Places in the table at the start.
const PLACES: usize = 1 << 15;
/// Words that a thread may put into the table between two looks at how full it is.
const IN_HAND: usize = 1024;

impl<S: System, const W: usize> Search<'_, S, W> {
    /// Words in the table.
    pub fn words(&self) -> u64 {
        words(self.claimed.load(Ordering::Relaxed), self.held.load(Ordering::Relaxed))
    }

    pub fn bytes(&self) -> usize {
        self.bytes_to_resolve()
            + self.bytes_of_threads
            + self.machine.bytes()
            + self.records.bytes()
            + Visited::bytes(self.visited.places())
    }

    /// How many words the table may have before it grows: four fifths of its places, less what threads have in hand.
    pub fn claims_max(&self) -> u64 {
        let places = self.explorer.spill.as_ref().map_or(usize::MAX, |spill| spill.places_max);
        let places = places.min(self.visited.places());
        (places / 5 * 4).saturating_sub(self.explorer.threads * IN_HAND) as u64
    }

    /// Grows the table, if it is too full to go on; or puts it on disk, if it may not grow.
    pub fn make_room(&mut self) -> Result<(), Error> {
        self.bytes_of_threads = self.workers.iter().map(Worker::bytes).sum();
        self.peak_bytes = self.peak_bytes.max(self.bytes());
        if self.words() <= self.claims_max() {
            return Ok(());
        }
        let (old, places) = (self.visited.places(), self.next_places());
        let extra = Visited::bytes(places) - if self.exact { Visited::bytes(old) } else { 0 };
        let is_capped = self.explorer.spill.as_ref().is_some_and(|spill| places > spill.places_max);
        if is_capped || self.explorer.max_memory.is_some_and(|max| self.bytes() + extra > max) {
            if self.spills() {
                return self.spill_table();
            }
            self.limit = Some(Limit::Memory);
            return Ok(());
        }
        self.grow();
        Ok(())
    }

    fn next_places(&self) -> usize {
        // Much larger while it is small; later less, as what is allocated and not used is memory too.
        match self.visited.places() {
            old @ 0..=0x4_0000 => old * 8,
            old @ 0x4_0001..=0x3f_ffff => old * 4,
            old @ 0x40_0000..=0x3ff_ffff => old * 2,
            old => old / 2 * 3,
        }
    }

    /// How many places a table may have that leaves an eighth of the memory to what grows beside it.
    pub fn places_that_fit(&self) -> usize {
        let beside = self.bytes() - Visited::bytes(self.visited.places());
        let most = self.explorer.max_memory.unwrap_or(usize::MAX) / 8 * 7;
        let places = most.saturating_sub(beside) / Visited::bytes(1);
        places.clamp(least_places(self.explorer.threads), self.visited.places())
    }

    /// Grows the table.
    pub fn grow(&mut self) {
        let places = self.next_places();
        if self.exact {
            // The states say all that the table knew, so the old one need not stay while the new one is filled.
            self.visited = Visited::new(1);
            self.visited = Visited::new(places);
            self.refill();
        } else {
            let old = std::mem::replace(&mut self.visited, Visited::new(places));
            self.peak_bytes = self.peak_bytes.max(self.bytes() + Visited::bytes(old.places()));
            old.words().for_each(|word| self.visited.put(crate::sums::index(word), word));
        }
    }

    /// Fills an empty table from the states.
    pub fn refill(&self) {
        let now = self.workers.iter().flat_map(|worker| worker.cursor.given());
        let ranges: Vec<Range<u32>> = self.all.iter().cloned().chain(now).collect();
        let units = split(&ranges);
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..self.explorer.threads {
                scope.spawn(|| {
                    while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
                        self.known().refill(self.machine, unit.clone());
                    }
                });
            }
        });
    }
}

/// A table is never smaller: threads have room for what they have in hand.
pub(crate) fn least_places(threads: usize) -> usize {
    PLACES.max(2 * IN_HAND * threads)
}

/// Words in the table. Counts are added by one thread and taken off by another, so that for a moment there may seem
/// to be less than none.
pub(crate) fn words(claimed: u64, held: u64) -> u64 {
    claimed.wrapping_add(held).cast_signed().max(0).cast_unsigned()
}
