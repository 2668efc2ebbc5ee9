//! The naive twin of every engine: breadth first, one thread, whole states in a set that compares them with `==`.
//!
//! Nothing here depends on a hash being complete, so its counts are the truth that stateright and the explorer are
//! held to.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::rc::Rc;

use stateright::Model;

/// How large a space is, in the words of stateright's `Checker`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// States, each counted once: `unique_state_count`.
    pub unique: usize,
    /// Initial states and transitions that stay within the boundary: `state_count`.
    pub generated: usize,
    /// States on the longest of the shortest paths: `max_depth`.
    pub depth: usize,
}

/// The space has more states than the walk was allowed to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

/// Walks all of `model` that has at most `states_max` states.
///
/// # Errors
///
/// [`TooLarge`] if there are more.
pub fn walk<M>(model: &M, states_max: usize) -> Result<Counts, TooLarge>
where
    M: Model,
    M::State: Eq + Hash,
{
    walk_by(model, states_max, |state, action| model.next_state(state, action))
}

/// The same where `next` stands in for [`Model::next_state`]: it may look on, and it may be wrong on purpose.
///
/// # Errors
///
/// [`TooLarge`] if there are more than `states_max` states.
pub fn walk_by<M>(
    model: &M,
    states_max: usize,
    mut next: impl FnMut(&M::State, M::Action) -> Option<M::State>,
) -> Result<Counts, TooLarge>
where
    M: Model,
    M::State: Eq + Hash,
{
    let mut counts = Counts::default();
    let mut seen = HashSet::new();
    let mut pending = VecDeque::new();
    let mut reach = |state: M::State, depth: usize, pending: &mut VecDeque<_>| {
        if !model.within_boundary(&state) {
            return Ok(());
        }
        counts.generated += 1;
        let state = Rc::new(state);
        if seen.insert(Rc::clone(&state)) {
            counts.unique += 1;
            counts.depth = depth;
            pending.push_back((state, depth));
        }
        if counts.unique > states_max { Err(TooLarge) } else { Ok(()) }
    };
    for state in model.init_states() {
        reach(state, 1, &mut pending)?;
    }
    let mut actions = Vec::new();
    while let Some((state, depth)) = pending.pop_front() {
        model.actions(&state, &mut actions);
        for action in actions.drain(..) {
            if let Some(next) = next(&state, action) {
                reach(next, depth + 1, &mut pending)?;
            }
        }
    }
    Ok(counts)
}
