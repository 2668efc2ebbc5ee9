//! What belongs to no actor: the history, what is spent of the budgets, the message that was delivered last, and
//! messages to nobody.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::Mutex;

use stateright::actor::{Envelope, Id};

use crate::interner::Taken;
use crate::system::System;

/// The rest of a state, beside its actors.
pub(crate) struct Ambient<S: System> {
    pub history: S::History,
    /// Of each budget, how much is spent.
    pub spent: Box<[u32]>,
    /// The envelope that was delivered last, where that is remembered.
    pub last: Option<u32>,
    /// Envelopes to actors that there are not. They can only be lost.
    pub nobody: Box<[u32]>,
    /// What there is to report of the history.
    pub notes: u32,
    pub origin: AmbientOrigin,
    /// What came before it has a lower one.
    pub born: u32,
}

/// How an [`Ambient`] came to be known: enough to make it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AmbientOrigin {
    /// It is there at the start.
    Start,
    /// An effect made it, of the one of this number.
    Turn(u32, u32),
}

/// What a step does to an [`Ambient`]: steps that do the same have the same number, and 0 does nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Effect {
    /// The budget that is spent from.
    pub cause: Option<usize>,
    /// What it makes known to all.
    pub news: Option<u32>,
    /// The envelope that was delivered, if the history is told.
    pub heard: Option<u32>,
    /// The envelopes that were sent, if the history is told.
    pub said: Vec<u32>,
    /// The envelope that is now the last, if that is remembered.
    pub last: Option<u32>,
    /// Envelopes that were sent to nobody.
    pub to_nobody: Vec<u32>,
    /// The envelope to nobody that was lost.
    pub lost: Option<u32>,
}

/// Values by two numbers in one.
type Values<V> = HashMap<u64, V, BuildHasherDefault<Taken>>;

/// A map from two numbers, filled while it is read.
pub(crate) struct Memo<V> {
    shards: Box<[Mutex<Values<V>>]>,
}

impl<V: Clone> Memo<V> {
    pub fn new() -> Memo<V> {
        Memo { shards: (0..32).map(|_| Mutex::default()).collect() }
    }

    /// The value of `(a, b)`; computed outside of any lock, so perhaps twice.
    pub fn get(&self, a: u32, b: u32, compute: impl FnOnce() -> V) -> V {
        let key = u64::from(a) << 32 | u64::from(b);
        let shard = &self.shards[(a ^ b.rotate_left(7)) as usize % self.shards.len()];
        if let Some(known) = lock(shard).get(&key) {
            return known.clone();
        }
        let value = compute();
        lock(shard).entry(key).or_insert(value).clone()
    }

    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }
}

/// A lock whose holder may have panicked: what it guards is whole between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl<S: System> Ambient<S> {
    /// What is not known before it has its place among the others.
    pub fn unknown(history: &S::History) -> Ambient<S> {
        let (spent, nobody) = (Box::default(), Box::default());
        let history = history.clone();
        Ambient { history, spent, last: None, nobody, notes: 0, origin: AmbientOrigin::Start, born: 0 }
    }

    /// The history after `effect`, as stateright records it: what was heard, then what was said.
    pub fn history_after<'e>(
        &self,
        system: &S,
        effect: &Effect,
        envelope: impl Fn(u32) -> &'e Envelope<crate::system::Msg<S>>,
    ) -> S::History
    where
        S: 'e,
    {
        let model = system.model();
        let heard = effect.heard.iter().map(|&at| (model.record_msg_in, at));
        let said = effect.said.iter().map(|&at| (model.record_msg_out, at));
        heard.chain(said).fold(self.history.clone(), |history, (record, at)| {
            let Envelope { src, dst, msg } = envelope(at);
            record(&model.cfg, &history, Envelope { src: *src, dst: *dst, msg }).unwrap_or(history)
        })
    }
}

/// The receiver of an envelope, if there is one of that name.
pub(crate) fn place(id: Id, actors: usize) -> Option<usize> {
    Some(usize::from(id)).filter(|&place| place < actors)
}
