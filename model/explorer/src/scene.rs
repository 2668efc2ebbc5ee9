//! Whole states one after another, as stateright has them: of each, only what is not as in the one before is built.
//!
//! A property that reads the whole state wants one for every state that is new, and a boundary one for every candidate.
//! Such states mostly differ in one actor and a few messages from the one that was shown before.

use std::sync::Arc;

use stateright::actor::{ActorModelState, Envelope, Network};

use crate::machine::Machine;
use crate::system::{Msg, System};

/// A state that becomes the next one that is wanted.
pub(crate) struct Scene<S: System> {
    /// The cells and the ambient of which `shown` is the state.
    numbers: Vec<u32>,
    shown: Option<ActorModelState<S::Actor, S::History>>,
}

impl<S: System> Scene<S> {
    pub fn new() -> Self {
        Scene { numbers: Vec::new(), shown: None }
    }

    /// The state of these cells and this ambient.
    pub fn show(&mut self, machine: &Machine<S>, state: &[u32]) -> &ActorModelState<S::Actor, S::History> {
        // Should a clone of the model's own types panic, nothing half changed is left.
        let world = match self.shown.take() {
            Some(mut world) => {
                self.change(machine, state, &mut world);
                world
            }
            None => machine.world(state),
        };
        self.numbers.clear();
        self.numbers.extend_from_slice(state);
        self.shown.insert(world)
    }

    fn change(&self, machine: &Machine<S>, state: &[u32], world: &mut ActorModelState<S::Actor, S::History>) {
        let actors = machine.actors;
        for (place, (&old, &new)) in self.numbers[..actors].iter().zip(state).enumerate() {
            if old != new {
                let (old, new) = (machine.cells.get(old), machine.cells.get(new));
                if old.local != new.local {
                    let was = &machine.locals.get(old.local).local;
                    let local = &machine.locals.get(new.local).local;
                    world.actor_states[place] = Arc::clone(&local.state);
                    if was.timers != local.timers {
                        world.timers_set[place] = local.timers_set();
                    }
                    if was.choices != local.choices {
                        world.random_choices[place] = local.random_choices();
                    }
                    world.crashed[place] = local.crashed;
                    world.actor_storages[place].clone_from(&local.storage);
                }
                exchange(machine, &mut world.network, &machine.letters(old), &machine.letters(new));
            }
        }
        let (old, new) = (self.numbers[actors], state[actors]);
        if old != new {
            let (old, new) = (machine.ambients.get(old), machine.ambients.get(new));
            world.history.clone_from(&new.history);
            exchange(machine, &mut world.network, &old.nobody, &new.nobody);
            if let Network::UnorderedDuplicating(_, last) = &mut world.network
                && old.last != new.last
            {
                *last = new.last.map(|at| machine.envelopes.get(at).envelope.clone());
            }
        }
    }
}

/// Takes what is only in `old` out of the network, and puts what is only in `new` in.
fn exchange<S: System>(machine: &Machine<S>, network: &mut Network<Msg<S>>, old: &[u32], new: &[u32]) {
    let envelope = |at: u32| &machine.envelopes.get(at).envelope;
    if let Network::Ordered(queues) = network {
        if old != new {
            let flow = |at: u32| (envelope(at).src, envelope(at).dst);
            for &at in old {
                queues.remove(&flow(at));
            }
            for &at in new {
                queues.entry(flow(at)).or_default().push_back(envelope(at).msg.clone());
            }
        }
        return;
    }
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        match (old.peek().copied(), new.peek().copied()) {
            (Some(&gone), come) if come.is_none_or(|&come| gone < come) => {
                old.next();
                take(network, envelope(gone));
            }
            (gone, Some(&come)) if gone.is_none_or(|&gone| come < gone) => {
                new.next();
                put(network, envelope(come));
            }
            (None, None) => return,
            _ => {
                old.next();
                new.next();
            }
        }
    }
}

fn take<M: Clone + Eq + std::hash::Hash>(network: &mut Network<M>, envelope: &Envelope<M>) {
    match network {
        Network::UnorderedDuplicating(set, _) => drop(set.remove(envelope)),
        Network::UnorderedNonDuplicating(bag) => match bag.get_mut(envelope) {
            Some(copies) if *copies > 1 => *copies -= 1,
            _ => drop(bag.remove(envelope)),
        },
        Network::Ordered(_) => unreachable!("queues are replaced whole"),
    }
}

fn put<M: Clone + Eq + std::hash::Hash>(network: &mut Network<M>, envelope: &Envelope<M>) {
    match network {
        Network::UnorderedDuplicating(set, _) => drop(set.insert(envelope.clone())),
        Network::UnorderedNonDuplicating(bag) => match bag.get_mut(envelope) {
            Some(copies) => *copies += 1,
            None => drop(bag.insert(envelope.clone(), 1)),
        },
        Network::Ordered(_) => unreachable!("queues are replaced whole"),
    }
}
