//! What a thread has at hand: of cells, the little that is needed to walk them; and what became of cells that were sent
//! something. Both are copies of what the machine knows, each thread's own, and grow with it up to a bound.

use crate::machine::{Machine, UNKNOWN};
use crate::row::Step;
use crate::system::System;

/// Places at first, and at most: of cells, and of cells that were sent something.
const CELLS: (usize, usize) = (1 << 10, 1 << 18);
const ADDED: (usize, usize) = (1 << 12, 1 << 19);
/// Places for ambients that were turned.
const TURNED: usize = 1 << 12;

/// A cell, as far as walking it needs.
#[derive(Clone, Copy)]
pub(crate) struct Hot<'m> {
    /// What it adds to a fingerprint.
    pub print: u64,
    pub steps: &'m [Step],
    /// Its number, to know whose place this is.
    number: u32,
    /// The number of its summary, below its flags.
    summary: u32,
    /// As in its [`Row`](crate::row::Row).
    pub echoes_from: u32,
    pub echoes: u32,
}

/// An ambient after a step.
#[derive(Clone, Copy)]
pub(crate) struct Turned {
    /// The ambient before, and the effect.
    key: u64,
    /// Its number, or [`UNKNOWN`].
    pub ambient: u32,
    /// What there is to report of it.
    pub notes: u32,
    /// What it adds to a fingerprint.
    pub print: u64,
}

/// What a thread has at hand.
pub(crate) struct AtHand<'m, S: System> {
    machine: &'m Machine<'m, S>,
    cells: Box<[Hot<'m>]>,
    /// For a cell and a bundle of messages: the cell that comes of it, and what that adds to a fingerprint.
    added: Box<[(u64, u32, u64)]>,
    turned: Box<[Turned]>,
}

impl Hot<'_> {
    const SPECIAL: u32 = 1 << 31;
    const CRASHED: u32 = 1 << 30;
    const NONE: Hot<'static> =
        Hot { print: 0, steps: &[], number: u32::MAX, summary: 0, echoes_from: 0, echoes: 0 };

    /// Are there steps that only send?
    #[inline]
    pub fn has_echoes(&self) -> bool {
        (self.echoes_from as usize) < self.steps.len()
    }

    /// The number of its summary.
    #[inline]
    pub fn summary(&self) -> u32 {
        self.summary & (Hot::CRASHED - 1)
    }

    /// Is there more to its summary than can be multiplied by the number of visits?
    #[inline]
    pub fn is_special(&self) -> bool {
        self.summary & Hot::SPECIAL != 0
    }

    #[inline]
    pub fn is_crashed(&self) -> bool {
        self.summary & Hot::CRASHED != 0
    }
}

impl<'m, S: System> AtHand<'m, S> {
    pub fn new(machine: &'m Machine<'m, S>) -> Self {
        let (cells, added) = (vec![Hot::NONE; CELLS.0].into(), vec![(u64::MAX, 0, 0); ADDED.0].into());
        let none = Turned { key: u64::MAX, ambient: UNKNOWN, notes: 0, print: 0 };
        AtHand { machine, cells, added, turned: vec![none; TURNED].into() }
    }

    /// Makes room for as many cells as there are. What was at hand is fetched again when it is needed.
    pub fn make_room(&mut self) {
        let cells = self.machine.cells.len() as usize;
        let places = |(least, most): (usize, usize)| cells.next_power_of_two().clamp(least, most);
        if self.cells.len() < places(CELLS) {
            self.cells = vec![Hot::NONE; places(CELLS)].into();
        }
        if self.added.len() < 2 * places(CELLS).min(ADDED.1) {
            self.added = vec![(u64::MAX, 0, 0); (2 * places(CELLS)).clamp(ADDED.0, ADDED.1)].into();
        }
    }

    pub fn bytes(&self) -> usize {
        size_of_val(&*self.cells) + size_of_val(&*self.added) + size_of_val(&*self.turned)
    }

    /// A cell. What it can do is found out, if nobody did.
    #[inline]
    pub fn cell(&mut self, number: u32) -> Hot<'m> {
        let place = number as usize & (self.cells.len() - 1);
        if self.cells[place].number != number {
            self.cells[place] = self.fetch(number);
        }
        self.cells[place]
    }

    #[cold]
    fn fetch(&self, number: u32) -> Hot<'m> {
        let cell = self.machine.cells.get(number);
        let row = self.machine.row_of(number, cell);
        let flag = |is_set: bool, flag: u32| if is_set { flag } else { 0 };
        let flags = flag(row.is_special, Hot::SPECIAL) | flag(cell.crashed, Hot::CRASHED);
        assert!(row.summary < Hot::CRASHED, "more summaries than there are numbers");
        Hot {
            print: cell.print,
            steps: &row.steps,
            number,
            summary: row.summary | flags,
            echoes_from: row.echoes_from,
            echoes: row.echoes,
        }
    }

    /// The cell that `cell` becomes with a bundle of messages more, and what it adds to a fingerprint.
    #[inline]
    pub fn add(&mut self, cell: u32, bundle: u32) -> (u32, u64) {
        let key = u64::from(cell) << 32 | u64::from(bundle);
        let place = spread(key) & (self.added.len() - 1);
        let known = &mut self.added[place];
        if known.0 != key {
            let cell = self.machine.add(cell, bundle);
            *known = (key, cell, self.machine.cells.get(cell).print);
        }
        (known.1, known.2)
    }

    /// `ambient` after a step with `effect`; none if the budget that the step would spend from is empty.
    #[inline]
    pub fn turn(&mut self, ambient: u32, effect: u32) -> Option<Turned> {
        let key = u64::from(ambient) << 32 | u64::from(effect);
        let place = spread(key) % TURNED;
        if self.turned[place].key != key {
            self.turned[place] = self.fetch_turned(key, ambient, effect);
        }
        Some(self.turned[place]).filter(|turned| turned.ambient != UNKNOWN)
    }

    #[cold]
    fn fetch_turned(&self, key: u64, ambient: u32, effect: u32) -> Turned {
        let ambient = self.machine.turn(ambient, effect);
        if ambient == UNKNOWN {
            return Turned { key, ambient, notes: 0, print: 0 };
        }
        let notes = self.machine.ambients.get(ambient).notes;
        Turned { key, ambient, notes, print: self.machine.ambient_print(ambient) }
    }
}

#[inline]
fn spread(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize
}
