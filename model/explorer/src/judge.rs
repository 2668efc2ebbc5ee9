//! Properties of states that are new, each judged once for what it reads.

use std::panic::{AssertUnwindSafe, catch_unwind};

use stateright::actor::Id;

use crate::machine::{Machine, message};
use crate::scene::Scene;
use crate::system::System;

/// Places in a thread's memory of verdicts.
const PLACES: usize = 1 << 14;

/// What a thread remembers of the verdicts that it gave.
pub(crate) struct Judge<S: System> {
    pairs: Vec<((u32, u32), u32)>,
    /// The keys of `tuples`, in slices of as many as there are actors.
    keys: Vec<u32>,
    tuples: Vec<u32>,
    locals: Vec<u32>,
    scene: Scene<S>,
    /// What a property said when it panicked.
    pub panic: Option<String>,
}

impl<S: System> Judge<S> {
    pub fn new(actors: usize) -> Judge<S> {
        Judge {
            pairs: vec![((u32::MAX, u32::MAX), 0); PLACES],
            keys: vec![u32::MAX; PLACES * actors],
            tuples: vec![0; PLACES],
            locals: vec![0; actors],
            scene: Scene::new(),
            panic: None,
        }
    }

    /// What there is to report of the state `cells`, as bits. If only the actor at `turned` is not as in a state that
    /// was judged, then only what reads it is judged.
    pub fn judge(&mut self, machine: &Machine<S>, cells: &[u32], turned: Option<usize>) -> u32 {
        let properties = &machine.properties;
        if properties.pairs.is_empty() && properties.tuples.is_empty() {
            return 0;
        }
        for (local, &cell) in self.locals.iter_mut().zip(cells) {
            *local = machine.cells.get(cell).local;
        }
        let mut notes = 0;
        if !properties.pairs.is_empty() {
            for a in 0..cells.len() {
                for b in a + 1..cells.len() {
                    if turned.is_none_or(|turned| turned == a || turned == b) {
                        notes |= self.pair(machine, a, b);
                    }
                }
            }
        }
        if !properties.tuples.is_empty() {
            notes |= self.tuple(machine);
        }
        notes
    }

    /// What there is to report of the whole state.
    pub fn judge_state(&mut self, machine: &Machine<S>, state: &[u32]) -> u32 {
        if machine.properties.states.is_empty() {
            return 0;
        }
        let (model, scene) = (machine.system.model(), &mut self.scene);
        let judged = || machine.properties.of_state(model, scene.show(machine, state));
        caught(&mut self.panic, "a property", judged)
    }

    /// Is the state within the model's boundary?
    pub fn is_within(&mut self, machine: &Machine<S>, state: &[u32]) -> bool {
        let (model, scene) = (machine.system.model(), &mut self.scene);
        let within = || u32::from((model.within_boundary)(&model.cfg, scene.show(machine, state)));
        caught(&mut self.panic, "the boundary", within) == 1
    }

    fn pair(&mut self, machine: &Machine<S>, a: usize, b: usize) -> u32 {
        let key = (self.locals[a], self.locals[b]);
        let at = place(u64::from(key.0) << 32 | u64::from(key.1));
        if self.pairs[at].0 != key {
            let state = |local| &*machine.locals.get(local).local.state;
            let judged =
                || machine.properties.of_pair((Id::from(a), state(key.0)), (Id::from(b), state(key.1)));
            let notes = caught(&mut self.panic, "a property", judged);
            self.pairs[at] = (key, notes);
        }
        self.pairs[at].1
    }

    fn tuple(&mut self, machine: &Machine<S>) -> u32 {
        let actors = self.locals.len();
        let hash = self.locals.iter().fold(0, |hash, &local| crate::hash::mix(hash ^ u64::from(local)));
        let at = place(hash);
        let keys = at * actors..(at + 1) * actors;
        if self.keys[keys.clone()] != self.locals {
            let states: Vec<_> =
                self.locals.iter().map(|&local| &*machine.locals.get(local).local.state).collect();
            self.tuples[at] = caught(&mut self.panic, "a property", || machine.properties.of_tuple(&states));
            self.keys[keys].copy_from_slice(&self.locals);
        }
        self.tuples[at]
    }
}

/// What `judged` says; nothing if it panics, which is kept.
fn caught(panic: &mut Option<String>, what: &str, judged: impl FnOnce() -> u32) -> u32 {
    catch_unwind(AssertUnwindSafe(judged)).unwrap_or_else(|caught| {
        panic.get_or_insert_with(|| format!("{what} panicked: {}", message(&*caught)));
        0
    })
}

fn place(key: u64) -> usize {
    (crate::hash::mix(key) >> 40) as usize % PLACES
}
