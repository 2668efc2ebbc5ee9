//! Which states are known: the words of the table, and what tells the states behind them apart.

use std::ops::Range;

use crate::machine::Machine;
use crate::records::{Records, State};
use crate::sums::{Sums, index};
use crate::system::System;
use crate::visited::Visited;

/// The table, and what it is compared by.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a, const W: usize> {
    pub visited: &'a Visited,
    pub records: &'a Records<W>,
    /// Are states compared, or only their fingerprints?
    pub exact: bool,
    pub symmetric: bool,
}

/// In exact mode the high half of a product chooses the bucket; the low half of the fingerprint tells states in it
/// apart, before they are compared.
#[inline]
fn tag(print: u64) -> u64 {
    print << 32
}

impl<const W: usize> Known<'_, W> {
    /// Puts the state `at` into the table. False if it is there already.
    #[inline]
    pub fn claim(&self, print: u64, check: u64, state: &State<W>, at: u32) -> bool {
        // Most candidates are known. What is written for one that is not is there before its word is.
        let write = || self.records.write(at, state, check);
        let known = if self.exact {
            // No number is NONE, so no word is 0.
            let word = tag(print) | u64::from(at + 1);
            self.visited.insert(index(print), word, write, |there| self.is_same(there, print, check, state))
        } else {
            let word = print.max(1);
            self.visited.insert(index(print), word, write, |there| there == word)
        };
        known.is_none()
    }

    /// Is the state in the table?
    pub fn holds(&self, print: u64, check: u64, state: &State<W>) -> bool {
        if self.exact {
            self.visited.find(index(print), |there| self.is_same(there, print, check, state))
        } else {
            self.visited.find(index(print), |there| there == print.max(1))
        }
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the low half is the number")]
    fn is_same(&self, there: u64, print: u64, check: u64, state: &State<W>) -> bool {
        let other = there as u32 - 1;
        (there ^ tag(print)) >> 32 == 0
            && if self.symmetric { self.records.check(other) == check } else { self.records.is(other, state) }
    }

    /// In exact mode, puts states that are all different into an empty table.
    pub fn refill<S: System>(&self, machine: &Machine<S>, range: Range<u32>) {
        let mut sums = Sums::new(machine);
        let mut words = Vec::with_capacity(range.len());
        for at in range {
            let print = sums.print(machine, &self.records.read(at));
            words.push((index(print), tag(print) | u64::from(at + 1)));
        }
        let touched = words.iter().fold(0, |touched, &(print, _)| touched ^ self.visited.touch(print));
        std::hint::black_box(touched);
        for (print, word) in words {
            self.visited.put(print, word);
        }
    }
}
