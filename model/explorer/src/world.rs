//! From numbers back to what they stand for: whole states, actions, and paths that are taken again.

use std::sync::Arc;

use stateright::actor::{ActorModelAction, ActorModelState, Network};

use crate::candidate::Via;
use crate::inbox::Carrier;
use crate::machine::Machine;
use crate::system::{Action, System};

impl<S: System> Machine<'_, S> {
    /// The state of these cells and this ambient, as stateright has it.
    pub fn world(&self, state: &[u32]) -> ActorModelState<S::Actor, S::History> {
        let cells: Vec<_> = state[..self.actors].iter().map(|&cell| self.cells.get(cell)).collect();
        let locals: Vec<_> = cells.iter().map(|cell| &self.locals.get(cell.local).local).collect();
        let ambient = self.ambients.get(state[self.actors]);
        let letters = cells.iter().flat_map(|cell| self.letters(cell));
        let numbers = letters.chain(ambient.nobody.iter().copied());
        let envelopes = numbers.map(|at| self.envelopes.get(at).envelope.clone());
        let network = match self.carrier {
            Carrier::Set => {
                let last = ambient.last.map(|at| self.envelopes.get(at).envelope.clone());
                Network::new_unordered_duplicating_with_last_msg(envelopes, last)
            }
            Carrier::Bag => Network::new_unordered_nonduplicating(envelopes),
            Carrier::Queues => Network::new_ordered(envelopes),
        };
        ActorModelState {
            actor_states: locals.iter().map(|local| Arc::clone(&local.state)).collect(),
            network,
            timers_set: locals.iter().map(|local| local.timers_set()).collect(),
            random_choices: locals.iter().map(|local| local.random_choices()).collect(),
            crashed: locals.iter().map(|local| local.crashed).collect(),
            history: ambient.history.clone(),
            actor_storages: locals.iter().map(|local| local.storage.clone()).collect(),
        }
    }

    /// The action of a step of `state`.
    pub fn taken(&self, state: &[u32], via: Via) -> Action<S> {
        if via.place() == self.actors {
            let (lost, ..) = self.losses(state[self.actors])[via.step()];
            return ActorModelAction::Drop(self.envelopes.get(lost).envelope.clone());
        }
        let cell = state[via.place()];
        let row = self.row(cell);
        let reaction = match self.summaries.get(row.summary).panic {
            Some(panic) if via.is_panic() => panic,
            _ => row.steps[via.step()].reaction(),
        };
        self.action(self.cells.get(cell).local, self.reaction(reaction).event)
    }

    /// The kind under which a step of `state` is counted.
    pub fn kind(&self, state: &[u32], via: Via) -> u8 {
        if via.place() == self.actors {
            return self.losses(state[self.actors])[via.step()].2;
        }
        self.reaction(self.row(state[via.place()]).steps[via.step()].reaction()).kind
    }

    /// Every step that can be taken in `state`, and where it leads.
    pub fn steps(&self, state: &[u32]) -> Vec<(Via, Vec<u32>)> {
        let ambient = state[self.actors];
        let mut steps = Vec::new();
        let cells: Vec<_> = state[..self.actors].iter().map(|&cell| self.cells.get(cell)).collect();
        let may_crash = self.may_crash(&cells);
        for place in 0..self.actors {
            let row = self.row(state[place]);
            for (index, step) in row.steps.iter().enumerate() {
                let reaction = self.reaction(step.reaction());
                let turned = self.turn(ambient, reaction.effect);
                if turned == crate::machine::UNKNOWN || reaction.is_crash && !may_crash {
                    continue;
                }
                let mut next = state.to_vec();
                next[place] = step.cell;
                next[self.actors] = turned;
                for &(to, bundle) in &reaction.sends {
                    next[to as usize] = self.add(state[to as usize], bundle);
                }
                steps.push((Via::new(place, index, reaction.turned), next));
            }
        }
        for (index, (_, effect, ..)) in self.losses(ambient).into_iter().enumerate() {
            let turned = self.turn(ambient, effect);
            if turned != crate::machine::UNKNOWN {
                let mut next = state.to_vec();
                next[self.actors] = turned;
                steps.push((Via::new(self.actors, index, false), next));
            }
        }
        steps
    }
}
