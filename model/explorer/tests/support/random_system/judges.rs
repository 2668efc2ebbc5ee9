//! What is asked of states: whether they are within the boundary, and whether properties hold.

use std::hash::{DefaultHasher, Hash, Hasher};

use stateright::Expectation::{self, Always, Sometimes};
use stateright::actor::Network;

use super::{Cfg, TableModel, TableModelState};

/// Is `state` within the boundary of `cfg`?
pub fn within_boundary(cfg: &Cfg, state: &TableModelState) -> bool {
    cfg.boundary.as_ref().is_none_or(|boundary| {
        state.network.len() <= boundary.network_max
            && boundary.holes.is_none_or(|one_in| !digest(state).is_multiple_of(one_in))
    })
}

/// A number that depends on every field of a state: who misbuilds one field sees another number.
///
/// Unequal states may share it, as stateright's hash of a set omits its length. Equal states have the same: that is
/// enough.
fn digest(state: &TableModelState) -> u64 {
    let mut hasher = DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

/// A property as a plain function, as users of stateright write it.
pub type Condition = fn(&TableModel, &TableModelState) -> bool;

/// What a system may be checked for: between them the conditions read every field of a state.
pub const PROPERTIES: [(Expectation, &str, Condition); 11] = [
    (Always, "nothing is wrong", |_, _| true),
    (Always, "at most two messages are under way", |_, state| state.network.len() <= 2),
    (Always, "no digest ends in 0", |_, state| !digest(state).is_multiple_of(64)),
    (Always, "history is short", |_, state| state.history.log.len() < 2),
    (Always, "no two timers are set together", |_, state| {
        state.timers_set.iter().all(|timers| timers.iter().count() < 2)
    }),
    (Always, "the last delivery is not of a 2", |_, state| match &state.network {
        Network::UnorderedDuplicating(_, last) => last.is_none_or(|last| last.msg != 2),
        _ => true,
    }),
    (Sometimes, "all actors hold a 2", |model, state| {
        state.actor_states.iter().filter(|state| state.value == 2).count() == model.actors.len()
    }),
    (Sometimes, "an actor is down that saved a 1", |_, state| {
        state.crashed.iter().zip(&state.actor_storages).any(|(down, saved)| *down && *saved == Some(1))
    }),
    (Sometimes, "an actor has a choice and has noted one", |_, state| {
        let noted = state.actor_states.iter().map(|state| !state.notes.is_empty());
        state.random_choices.iter().zip(noted).any(|(choices, noted)| noted && !choices.map.is_empty())
    }),
    (Sometimes, "the network is full", |model, state| {
        model.cfg.boundary.as_ref().is_some_and(|boundary| state.network.len() == boundary.network_max)
    }),
    (Sometimes, "pigs fly", |_, _| false),
];
