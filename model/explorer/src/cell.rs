//! Cells: an actor with the messages in flight to it.
//!
//! In a set network an inbox is a set of bits, one for each message that was ever sent to the actor: what is dead to
//! the actor is a mask, and a message that is there already is a bit that is set. Otherwise an inbox is a list.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use smallvec::SmallVec;
use stateright::actor::Envelope;

use crate::chunks::Chunks;
use crate::hash::fold;
use crate::inbox::Carrier;
use crate::local::{Event, KnownLocal};
use crate::machine::Machine;
use crate::row::Row;
use crate::system::System;

/// An actor and the messages in flight to it.
pub(crate) struct Cell {
    /// What it adds to a fingerprint.
    pub print: u64,
    /// What it can do, once somebody asked.
    pub row: OnceLock<Row>,
    pub local: u32,
    pub crashed: bool,
    /// In a set network bits, by the ordinals of messages, in words; otherwise the numbers of messages, as
    /// [`Carrier::put`] orders them.
    pub inbox: Box<[u32]>,
}

/// Numbers of messages, mostly few.
pub(crate) type Letters = SmallVec<[u32; 32]>;

/// All messages to one actor, in the order in which they were first sent.
pub(crate) struct Arrivals {
    count: AtomicU32,
    /// By ordinal, the number of the message.
    messages: Chunks<AtomicU32>,
}

impl Arrivals {
    pub fn new() -> Arrivals {
        Arrivals { count: AtomicU32::new(0), messages: Chunks::new() }
    }

    /// Gives a message that is new its ordinal.
    pub fn add(&self, message: u32) -> u32 {
        let ordinal = self.count.fetch_add(1, Ordering::Relaxed);
        self.messages.make(ordinal).store(message, Ordering::Release);
        ordinal
    }

    #[inline]
    fn message(&self, ordinal: u32) -> u32 {
        self.messages.get(ordinal).load(Ordering::Acquire)
    }
}

/// The places of the bits that are set in a word.
#[inline]
fn bits(mut word: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros();
        word &= word.wrapping_sub(1);
        (bit < u32::BITS).then_some(bit)
    })
}

impl<S: System> Machine<'_, S> {
    /// The messages of a cell, sorted by number, or, of queues, by flow, and then as they came.
    pub fn letters(&self, cell: &Cell) -> Letters {
        if self.carrier != Carrier::Set {
            return cell.inbox.iter().copied().collect();
        }
        let actor = self.locals.get(cell.local).local.actor;
        let mut letters: Letters = self.unpacked(actor, &cell.inbox).collect();
        letters.sort_unstable();
        letters
    }

    fn unpacked<'m>(&'m self, actor: usize, words: &'m [u32]) -> impl Iterator<Item = u32> + 'm {
        let messages = &self.arrivals[actor];
        let of =
            move |(at, &word): (u32, &u32)| bits(word).map(move |bit| messages.message(at * u32::BITS + bit));
        (0..).zip(words).flat_map(of)
    }

    /// An inbox as cells hold it.
    fn packed(&self, letters: &[u32]) -> Box<[u32]> {
        if self.carrier != Carrier::Set {
            return letters.into();
        }
        let mut words = Vec::new();
        for &at in letters {
            self.pack(&mut words, at);
        }
        words.into()
    }

    fn pack(&self, words: &mut Vec<u32>, letter: u32) {
        let ordinal = self.envelopes.get(letter).ordinal;
        let word = (ordinal / u32::BITS) as usize;
        if word >= words.len() {
            words.resize(word + 1, 0);
        }
        words[word] |= 1 << (ordinal % u32::BITS);
    }

    fn holds(&self, cell: &Cell, letter: u32) -> bool {
        let ordinal = self.envelopes.get(letter).ordinal;
        let word = cell.inbox.get((ordinal / u32::BITS) as usize);
        word.is_some_and(|word| word >> (ordinal % u32::BITS) & 1 == 1)
    }

    /// The number of a cell.
    pub fn cell(&self, local: u32, letters: &[u32]) -> u32 {
        let key = self.locals.key(local).wrapping_add(self.inbox_key(letters, 0));
        self.cell_of(key, local, || self.packed(letters))
    }

    /// The number of the cell of this key, the sum of the content hashes of its actor's state and of the messages, or
    /// of their queues. Its inbox is made if it is new.
    fn cell_of(&self, key: u128, local: u32, inbox: impl FnOnce() -> Box<[u32]>) -> u32 {
        let make = |number| {
            let known = self.locals.get(local);
            let (inbox, crashed) = (inbox(), known.local.crashed);
            self.inbox_words.fetch_add(inbox.len() as u64, Ordering::Relaxed);
            let cell = Cell { print: fold(key, self.seed), row: OnceLock::new(), local, crashed, inbox };
            if self.group.len() > 1 {
                let letters = self.letters(&cell);
                self.set_prints(self.cell_prints.make_all(number), |by| match by {
                    0 => key,
                    _ => known.keys[by].wrapping_add(self.inbox_key(&letters, by)),
                });
            }
            cell
        };
        self.cells.intern_at(key, make).0
    }

    /// The cell that `cell` becomes when a bundle of messages is sent to it.
    pub fn add(&self, number: u32, bundle: u32) -> u32 {
        let cell = self.cells.get(number);
        let state = self.locals.get(cell.local);
        let alive = self.bundles.get(bundle).iter().copied().filter(|&at| !self.is_dead(state, at));
        if self.carrier == Carrier::Queues {
            let mut letters = cell.inbox.to_vec();
            alive.for_each(|at| self.carrier.put(&mut letters, at, |at| self.flow(at)));
            return self.cell(cell.local, &letters);
        }
        // What is added to the key is known before anything is built; mostly the cell is known too.
        let mut key = self.cells.key(number);
        let mut fresh = Letters::new();
        for at in alive {
            let is_set = self.carrier == Carrier::Set;
            if !is_set || !self.holds(cell, at) && !fresh.contains(&at) {
                fresh.push(at);
                key = key.wrapping_add(self.envelopes.key(at));
            }
        }
        if fresh.is_empty() {
            return number;
        }
        self.cell_of(key, cell.local, || {
            let mut inbox = cell.inbox.to_vec();
            for &at in &fresh {
                match self.carrier {
                    Carrier::Set => self.pack(&mut inbox, at),
                    _ => self.carrier.put(&mut inbox, at, |at| self.flow(at)),
                }
            }
            inbox.into()
        })
    }

    /// The actor's own cell after `event`: without what was delivered or lost or is dead now, with what it sent to
    /// itself.
    pub fn next_cell(&self, number: u32, cell: &Cell, event: Event, local: u32, to_self: &[u32]) -> u32 {
        let taken = match event {
            Event::Deliver(at) if self.carrier != Carrier::Set => Some(at),
            Event::Drop(at) => Some(at),
            _ => None,
        };
        if local == cell.local && taken.is_none() && to_self.is_empty() {
            return number;
        }
        if self.carrier == Carrier::Set && taken.is_none() && to_self.is_empty() {
            return self.turned_cell(cell, local);
        }
        let letters = || {
            let mut letters = self.letters(cell).into_vec();
            if let Some(at) = taken {
                Carrier::take(&mut letters, at);
            }
            for &at in to_self {
                self.carrier.put(&mut letters, at, |at| self.flow(at));
            }
            letters
        };
        if self.carrier == Carrier::Bag && !self.removes_dead {
            // As in `add`: mostly the cell is known, and its inbox need not be made.
            let of_inbox = self.cells.key(number).wrapping_sub(self.locals.key(cell.local));
            let gone = taken.map_or(0, |at| self.envelopes.key(at));
            let come = to_self.iter().fold(0, |sum: u128, &at| sum.wrapping_add(self.envelopes.key(at)));
            let key = self.locals.key(local).wrapping_add(of_inbox).wrapping_sub(gone).wrapping_add(come);
            return self.cell_of(key, local, || letters().into());
        }
        self.cell(local, &self.alive(local, letters()))
    }

    /// The cell of the same messages and an actor that changed, in a set network.
    fn turned_cell(&self, cell: &Cell, local: u32) -> u32 {
        let receiver = self.locals.get(local);
        let mut key = self.locals.key(local);
        let mut inbox = SmallVec::<[u32; 64]>::new();
        for (at, &word) in (0..).zip(&cell.inbox) {
            let kept = if word == 0 { 0 } else { word & !self.dead(receiver, at, word) };
            for bit in bits(kept) {
                let letter = self.arrivals[receiver.local.actor].message(at * u32::BITS + bit);
                key = key.wrapping_add(self.envelopes.key(letter));
            }
            inbox.push(kept);
        }
        // An inbox has no zeros at its end: equal ones are of equal length.
        while inbox.last() == Some(&0) {
            inbox.pop();
        }
        self.cell_of(key, local, || inbox[..].into())
    }

    /// Are all messages of a mask either in the inbox or dead to the actor? Then sending them changes nothing.
    #[inline]
    pub fn absorbs(&self, cell: &Cell, mask: &[u32]) -> bool {
        (0..).zip(mask).all(|(at, &word)| {
            let missing = word & !cell.inbox.get(at as usize).copied().unwrap_or(0);
            missing == 0 || missing & !self.dead(self.locals.get(cell.local), at, missing) == 0
        })
    }

    /// Which of the messages `wanted`, bits of the word at `at`, are dead to an actor in this state.
    fn dead(&self, receiver: &KnownLocal<S>, at: u32, wanted: u32) -> u32 {
        if !self.removes_dead {
            return 0;
        }
        let unknown = wanted & !receiver.judged.bits(at);
        if unknown != 0 {
            let messages = &self.arrivals[receiver.local.actor];
            let is_dead = |bit: &u32| self.is_dead(receiver, messages.message(at * u32::BITS + bit));
            let found = bits(unknown).filter(is_dead).fold(0, |word, bit| word | 1 << bit);
            receiver.dead.add(at, found);
            receiver.judged.add(at, unknown);
        }
        receiver.dead.bits(at)
    }

    fn is_dead(&self, receiver: &KnownLocal<S>, envelope: u32) -> bool {
        self.removes_dead && {
            let Envelope { src, dst, msg } = &self.envelopes.get(envelope).envelope;
            self.system.is_dead(*dst, &receiver.local.state, *src, msg)
        }
    }

    /// What of an inbox is not dead to an actor in this state.
    pub fn alive(&self, local: u32, mut letters: Vec<u32>) -> Vec<u32> {
        let receiver = self.locals.get(local);
        letters.retain(|&envelope| !self.is_dead(receiver, envelope));
        letters
    }

    /// The messages of a bundle as a mask, for [`Machine::absorbs`].
    pub fn mask(&self, words: &mut Vec<u32>, bundle: u32) {
        for &at in self.bundles.get(bundle) {
            self.pack(words, at);
        }
    }
}
