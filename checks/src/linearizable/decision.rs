//! Whether the operations on one key have an order: what times alone say, then the search, and the proof of a yes.

use std::collections::HashMap;
use std::time::Instant;

use super::register::{ABSENT, Op};
use super::search::Search;
use super::sources::resolve;

/// How much a search may take.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// When it has to end, if at all.
    pub deadline: Option<Instant>,
    /// How many situations it may remember.
    pub states_max: usize,
}

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The operations in a possible order, by their `id`. What may not have taken effect may be missing.
    Order(Vec<usize>),
    /// There is none.
    None,
    /// The time ran out.
    OutOfTime,
    /// There are more situations than may be remembered.
    OutOfStates,
}

/// Looks for an order of these operations.
///
/// # Panics
///
/// If it finds one that is none: a bug.
pub fn decide(ops: &[Op], budget: Budget) -> Decision {
    let mut resolved = ops.to_vec();
    if resolve(&mut resolved).is_err() {
        return Decision::None;
    }
    let decision = Search::new(&resolved).run(budget);
    if let Decision::Order(order) = &decision {
        assert!(certify(ops, order), "the order that was found is possible");
    }
    decision
}

/// Is this an order of all operations that took effect, in which each observes what is there, and none comes behind one
/// that started after it had ended?
pub fn certify(ops: &[Op], order: &[usize]) -> bool {
    let mut left: HashMap<usize, &Op> = ops.iter().map(|op| (op.id, op)).collect();
    let (mut value, mut latest_start) = (ABSENT, 0);
    for id in order {
        let Some(op) = left.remove(id) else { return false };
        latest_start = op.start.max(latest_start);
        if op.end < latest_start || op.observes.is_some_and(|observed| observed != value) {
            return false;
        }
        value = op.writes.unwrap_or(value);
    }
    left.values().all(|op| !op.is_required)
}
