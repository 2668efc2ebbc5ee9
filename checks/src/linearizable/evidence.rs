//! Why a history is not linearizable, in as few of its operations as show it.
//!
//! Nothing is left out that could make an impossible history of a possible one: if the rest has no order, the whole has
//! none. What ends after some moment may be taken for something that is under way there. A read can always go. A write
//! can go if nobody who stays can have seen it, by the times alone; and for the reader's sake, if somebody observes its
//! value, another write of it stays that is nearer. And what a swap observed can be forgotten, as if it had been a put.
//! What is left is judged anew each time.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use super::decision::{Budget, Decision, decide};
use super::picture;
use super::register::{ABSENT, NEVER, Op, Value};
use super::sources::{Overwriting, resolve};
use crate::history::{Action, Operation, Outcome};

/// How often what is left is judged, at most.
const TESTS_MAX: usize = 4_000;

/// How many situations each of these searches may remember. One that needs more shows nothing to a person.
const STATES_MAX: usize = 20_000;

/// Operations on one key of which no order is possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// They, in the order of their starts.
    pub operations: Vec<Operation>,
    /// What is wrong with them, in a sentence.
    pub why: String,
    /// Is each of them needed? If not, the search for fewer came to its limit.
    pub is_least: bool,
}

impl Evidence {
    /// The evidence that `ops`, which are `operations` as the search sees them, have no order.
    pub(super) fn of(operations: &[&Operation], ops: &[Op]) -> Evidence {
        let mut shrinking = Shrinking { tests_left: TESTS_MAX };
        let mut least = shrinking.shrink(ops);
        least.sort_by_key(|op| (op.start, op.end, op.id));
        Evidence {
            operations: least.iter().map(|op| operations[op.id].clone()).collect(),
            why: why(operations, ops, &least),
            is_least: shrinking.tests_left > 0,
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.why)?;
        f.write_str(&picture::draw(&self.operations))?;
        match (self.is_least, self.operations.len()) {
            (true, 2..) => writeln!(f, "each of them is needed: the others alone have an order"),
            _ => Ok(()),
        }
    }
}

struct Shrinking {
    tests_left: usize,
}

impl Shrinking {
    /// `ops` have no order.
    fn shrink(&mut self, ops: &[Op]) -> Vec<Op> {
        let mut ops = match by_times(ops) {
            Some(few) if self.is_impossible(&few) => few,
            _ => self.cut_end(ops),
        };
        let mut size = ops.len().div_ceil(2);
        loop {
            let mut is_changed = self.leave_out(&mut ops, size);
            if size <= 1 {
                is_changed |= self.forget(&mut ops);
                if !is_changed {
                    return ops;
                }
            }
            size = size.div_ceil(2);
        }
    }

    fn is_impossible(&mut self, ops: &[Op]) -> bool {
        let Some(left) = self.tests_left.checked_sub(1) else { return false };
        self.tests_left = left;
        decide(ops, Budget { deadline: None, states_max: STATES_MAX }) == Decision::None
    }

    /// Leaves out what comes after the first end at which there is no order any more.
    fn cut_end(&mut self, ops: &[Op]) -> Vec<Op> {
        let mut ends: Vec<u64> = ops.iter().filter(|op| op.is_required).map(|op| op.end).collect();
        ends.sort_unstable();
        ends.dedup();
        let (mut possible, mut impossible) = (0, ends.len());
        let mut least = ops.to_vec();
        while possible < impossible {
            let middle = usize::midpoint(possible, impossible);
            let cut = until(ops, ends[middle]);
            if self.is_impossible(&cut) {
                (impossible, least) = (middle, cut);
            } else {
                possible = middle + 1;
            }
        }
        least
    }

    /// Leaves out, `size` at a time, all that can go.
    fn leave_out(&mut self, ops: &mut Vec<Op>, size: usize) -> bool {
        let before = ops.len();
        let mut at = 0;
        while at < ops.len() {
            let chunk = at..ops.len().min(at + size);
            match without(ops, chunk) {
                Some(fewer) if self.is_impossible(&fewer) => *ops = fewer,
                _ => at += size,
            }
        }
        ops.len() != before
    }

    /// Forgets what swaps observed, where that changes nothing.
    fn forget(&mut self, ops: &mut [Op]) -> bool {
        let mut is_changed = false;
        for at in 0..ops.len() {
            let op = ops[at];
            if op.swaps_out().is_some() {
                ops[at].observes = None;
                if self.is_impossible(ops) {
                    is_changed = true;
                } else {
                    ops[at] = op;
                }
            }
        }
        is_changed
    }
}

/// Where times alone say that somebody observed what he cannot have: he, the nearest write of it, and one that lies
/// between the two. None of the others comes nearer.
fn by_times(ops: &[Op]) -> Option<Vec<Op>> {
    let failed = resolve(&mut ops.to_vec()).err()?;
    let observer = *ops.iter().find(|op| op.id == failed)?;
    let writes = || ops.iter().filter(|op| op.writes == observer.observes && op.id != failed);
    let in_time = writes().filter(|op| op.start <= observer.end);
    let nearest = in_time.max_by_key(|op| op.end).or_else(|| writes().min_by_key(|op| op.start));
    let is_between = |op: &&Op| {
        let is_behind = nearest.is_none_or(|nearest| op.start > nearest.end);
        op.is_required && !op.is_read() && is_behind && op.end < observer.start
    };
    let between = ops.iter().filter(is_between).max_by_key(|op| op.end);
    // Who wrote did so, whatever was there before.
    let wrote = |op: &Op| Op { observes: None, ..*op };
    let reader = Op { writes: None, ..observer };
    Some(nearest.map(wrote).into_iter().chain(between.map(wrote)).chain([reader]).collect())
}

/// What was known at that moment.
fn until(ops: &[Op], moment: u64) -> Vec<Op> {
    let known = |op: &Op| match op {
        op if op.start > moment => None,
        op if op.end <= moment => Some(*op),
        op if op.is_read() => None,
        op => Some(Op { end: NEVER, is_required: false, ..*op }),
    };
    ops.iter().filter_map(known).collect()
}

/// These operations without those of the chunk that can go; `None` if none can.
fn without(ops: &[Op], chunk: Range<usize>) -> Option<Vec<Op>> {
    let mut goes: Vec<bool> = (0..ops.len()).map(|at| chunk.contains(&at)).collect();
    loop {
        let stays: Vec<Op> = ops.iter().zip(&goes).filter(|(_, goes)| !**goes).map(|(op, _)| *op).collect();
        let staying = Staying::new(&stays);
        let needed: Vec<usize> = chunk.clone().filter(|at| goes[*at] && staying.needs(&ops[*at])).collect();
        if needed.is_empty() {
            return (stays.len() < ops.len()).then_some(stays);
        }
        for at in needed {
            goes[at] = false;
        }
    }
}

/// What stays, by value.
struct Staying<'a> {
    overwriting: Overwriting,
    observers: HashMap<Value, Vec<&'a Op>>,
    writers: HashMap<Value, Vec<&'a Op>>,
}

impl<'a> Staying<'a> {
    fn new(stays: &'a [Op]) -> Staying<'a> {
        let (mut observers, mut writers) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for op in stays {
            if let Some(value) = op.observes {
                observers.entry(value).or_default().push(op);
            }
            if let Some(value) = op.writes {
                writers.entry(value).or_default().push(op);
            }
        }
        Staying { overwriting: Overwriting::by(stays), observers, writers }
    }

    /// Can somebody who stays have seen this write, or would nobody understand what he observed without it?
    fn needs(&self, write: &Op) -> bool {
        let Some(value) = write.writes else { return false };
        let mut observers = self.observers.get(&value).into_iter().flatten();
        let others = self.writers.get(&value).map_or(&[][..], Vec::as_slice);
        let is_nearer = |other: &Op, observer: &Op| {
            if write.start <= observer.end {
                other.start <= observer.end && other.end >= write.end
            } else {
                other.start <= write.start
            }
        };
        let explains =
            |observer: &Op| value == ABSENT || others.iter().any(|other| is_nearer(other, observer));
        observers.any(|observer| self.overwriting.leaves(write, observer) || !explains(observer))
    }
}

/// What is wrong, in a sentence; `all` are the operations on this key, `least` those that are shown.
fn why(operations: &[&Operation], all: &[Op], least: &[Op]) -> String {
    let observer = resolve(&mut least.to_vec()).err();
    let observer = observer.and_then(|id| all.iter().find(|op| op.id == id));
    let Some((observer, value)) = observer.and_then(|op| Some((op, op.observes?))) else {
        return "in no order of these operations could each have come to what it did".into();
    };
    let operation = operations[observer.id];
    let is_contradiction = matches!((&operation.action, &operation.outcome),
        (Action::Cas { expected, .. }, Outcome::Unequal(seen)) if expected == seen);
    let writes = || all.iter().filter(|op| op.writes == Some(value));
    let says = if is_contradiction {
        "what it found is what it expected"
    } else if writes().next().is_none() && value != ABSENT {
        "nobody wrote what it observed"
    } else if writes().all(|op| op.start > observer.end) && value != ABSENT {
        "what it observed was written only after it had ended"
    } else {
        "what it observed was gone before it started"
    };
    format!("c{}'s {operation}: {says}", operation.client)
}
