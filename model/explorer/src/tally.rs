//! What a thread counts: states, steps, and actions of each kind.

use crate::row::Summary;

/// What a thread counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub generated: u64,
    pub fresh: u64,
    /// Full-state equivalents of the fresh states.
    pub full: u64,
    /// Actions of each kind that stateright lists, and that are no steps.
    pub idle: Vec<u64>,
    /// Steps of each kind.
    pub taken: Vec<u64>,
}

impl Tally {
    /// Nothing, of so many kinds.
    pub fn new(kinds: usize) -> Tally {
        Tally { idle: vec![0; kinds], taken: vec![0; kinds], ..Tally::default() }
    }

    /// Adds what another one counted, which is left with nothing.
    pub fn absorb(&mut self, other: &mut Tally) {
        let none = Tally::new(other.taken.len());
        let Tally { generated, fresh, full, idle, taken } = std::mem::replace(other, none);
        self.generated += generated;
        self.fresh += fresh;
        self.full += full;
        self.idle.iter_mut().zip(idle).for_each(|(sum, count)| *sum += count);
        self.taken.iter_mut().zip(taken).for_each(|(sum, count)| *sum = sum.wrapping_add(count));
    }

    /// One step of this kind.
    #[inline]
    pub fn took(&mut self, kind: u8) {
        let taken = &mut self.taken[usize::from(kind)];
        *taken = taken.wrapping_add(1);
    }

    /// A step of this kind was counted that is none. It may be counted later than it is taken back.
    pub fn took_not(&mut self, kind: u8) {
        let taken = &mut self.taken[usize::from(kind)];
        *taken = taken.wrapping_sub(1);
    }

    /// Counts a summary so many times; `listed` says of which causes there is something left.
    pub fn count(&mut self, summary: &Summary, times: u64, listed: impl Fn(Option<u8>) -> bool) {
        self.generated += times * u64::from(summary.still);
        for &(kind, count) in &summary.free {
            let taken = &mut self.taken[usize::from(kind)];
            *taken = taken.wrapping_add(times * u64::from(count));
        }
        for &(kind, cause, count) in &summary.idle {
            let count = if listed(cause) { times * u64::from(count) } else { 0 };
            self.idle[usize::from(kind)] += count;
        }
    }
}
