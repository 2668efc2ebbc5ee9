//! States that may be new, and how the search came to them.

use crate::records::State;

/// How a state was reached, in one number: the step's place in its row, the place of its actor, whether that actor
/// changed. The place after all actors is that of the ambient, whose steps are messages to nobody that are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Via(pub u32);

/// Something to report: where a step leads, from where, and which step. Of several, the one with the lowest
/// fingerprint is kept, so that it does not matter who was first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    pub print: u64,
    pub parent: u32,
    pub via: Via,
}

/// A candidate for a new state.
#[derive(Clone, Copy)]
pub(crate) struct Candidate<const W: usize> {
    pub print: u64,
    /// Under symmetry, a second fingerprint.
    pub check: u64,
    pub state: State<W>,
    pub parent: u32,
    pub via: Via,
}

impl Via {
    const STEP_BITS: u32 = 22;
    const PANIC: usize = (1 << Via::STEP_BITS) - 1;

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a row of four million steps would not fit, and a place is below 256"
    )]
    pub fn new(place: usize, step: usize, turned: bool) -> Via {
        debug_assert!(step < 1 << Via::STEP_BITS, "more steps of one actor than there are numbers");
        Via(u32::from(turned) << 31 | (place as u32) << Via::STEP_BITS | step as u32)
    }

    /// The event at which the code of the actor at `place` panics.
    pub fn panic(place: usize) -> Via {
        Via::new(place, Via::PANIC, false)
    }

    pub fn is_panic(self) -> bool {
        self.step() == Via::PANIC
    }

    pub fn place(self) -> usize {
        (self.0 << 1 >> 1 >> Via::STEP_BITS) as usize
    }

    pub fn step(self) -> usize {
        (self.0 & ((1 << Via::STEP_BITS) - 1)) as usize
    }

    pub fn turned(self) -> bool {
        self.0 >> 31 == 1
    }
}

impl<const W: usize> Candidate<W> {
    /// What is kept of it, if there is something to report.
    pub fn found(&self) -> Found {
        Found { print: self.print, parent: self.parent, via: self.via }
    }
}
