//! The operations on one key, as the search sees them: what each observes, what it writes, and between which moments.

use std::collections::HashMap;

use crate::history::{Action, Operation, Outcome};

/// A value, by a number that stands for it among the operations on one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(pub u32);

/// No value: what every key has at first.
pub const ABSENT: Value = Value(0);

/// The end of what may still take effect.
pub const NEVER: u64 = u64::MAX;

/// An operation: at one moment between its start and its end it observes what is there and writes what is to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op {
    /// Which one it is of those that the history has for this key.
    pub id: usize,
    /// What has to be there, if that is not all the same.
    pub observes: Option<Value>,
    /// What is there afterwards, if it is not what was there before.
    pub writes: Option<Value>,
    /// The moment from which on it may take effect.
    pub start: u64,
    /// The moment up to which it may; [`NEVER`] if there is none.
    pub end: u64,
    /// Has it taken effect? If not, it may have, or may not.
    pub is_required: bool,
}

impl Value {
    /// As an index into a table of all values.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl Op {
    /// Does it leave everything as it was?
    pub fn is_read(&self) -> bool {
        self.writes.is_none()
    }

    /// The value that it observes, if it writes another one in its place.
    pub fn swaps_out(&self) -> Option<Value> {
        self.observes.filter(|_| self.writes.is_some())
    }

    /// What it does: two that do the same are told apart by their times alone.
    pub fn effect(&self) -> (Option<Value>, Option<Value>) {
        (self.observes, self.writes)
    }
}

/// What the operations on one key come to. What failed is left out.
pub fn ops(operations: &[&Operation]) -> Vec<Op> {
    let mut names = Names::default();
    let mut ops = Vec::with_capacity(operations.len());
    for (id, operation) in operations.iter().enumerate() {
        let Some((observes, writes)) = names.effect(operation) else { continue };
        let is_required = operation.is_done();
        let end = operation.end_us.filter(|_| is_required).unwrap_or(NEVER);
        ops.push(Op { id, observes, writes, start: operation.start_us, end, is_required });
    }
    ops
}

/// How many values there are among these operations, none of them above.
pub fn values(ops: &[Op]) -> usize {
    let all = ops.iter().flat_map(|op| [op.observes, op.writes]).flatten();
    all.max().map_or(1, |value| value.index() + 1)
}

/// Numbers for values.
#[derive(Default)]
struct Names<'a> {
    known: HashMap<&'a str, Value>,
    count: u32,
}

impl<'a> Names<'a> {
    /// What it observes and what it writes; `None` for what failed.
    fn effect(&mut self, operation: &'a Operation) -> Option<(Option<Value>, Option<Value>)> {
        match (&operation.action, &operation.outcome) {
            (_, Outcome::Failed) => None,
            (_, Outcome::Read(value)) => Some((Some(self.value(value.as_deref())), None)),
            (Action::Cas { expected, .. }, Outcome::Unequal(seen)) if expected == seen => {
                // It cannot have been refused for that: nobody ever wrote what it observed.
                Some((Some(self.fresh()), None))
            }
            (_, Outcome::Unequal(seen)) => Some((Some(self.value(seen.as_deref())), None)),
            (Action::Put(value), _) => Some((None, Some(self.value(Some(value))))),
            (Action::Delete, _) => Some((None, Some(ABSENT))),
            (Action::Get, _) => Some((None, None)),
            (Action::Cas { expected, value }, _) => {
                let (expected, value) = (self.value(expected.as_deref()), self.value(value.as_deref()));
                // What puts a value in its own place is a read.
                Some((Some(expected), Some(value).filter(|value| *value != expected)))
            }
        }
    }

    fn value(&mut self, value: Option<&'a str>) -> Value {
        let Some(text) = value else { return ABSENT };
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        let fresh = self.fresh();
        self.known.insert(text, fresh);
        fresh
    }

    fn fresh(&mut self) -> Value {
        self.count += 1;
        Value(self.count)
    }
}
