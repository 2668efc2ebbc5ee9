//! Which writes an operation can have seen, by their times alone.
//!
//! A write is the source of what observes its value, if nothing was written in between. That is out of the question if
//! it began after the observation had ended, or if another write that took effect lies, from its beginning to its end,
//! between the two. So each operation has few possible sources, mostly one; and what is known of the one is known of
//! the other.

use super::register::{ABSENT, NEVER, Op, Value, values};

/// How often what was learned is learned from again. What is not found out so, the search finds out.
const ROUNDS_MAX: usize = 16;

/// When what was written is overwritten at the latest.
#[derive(Debug)]
pub struct Overwriting {
    /// Of the writes that took effect, in ascending order: when they started,
    starts: Vec<u64>,
    /// and the first end of this one and all behind it.
    ends: Vec<u64>,
}

/// The writes of each value.
#[derive(Debug)]
pub struct Sources {
    overwriting: Overwriting,
    of: Vec<Writes>,
}

/// The writes of one value, in the order of their ends.
#[derive(Clone, Debug, Default)]
struct Writes {
    ops: Vec<usize>,
    ends: Vec<u64>,
    /// The first start of this one and all behind it.
    starts: Vec<u64>,
}

/// A possible source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nothing was written yet.
    Initial,
    /// This operation wrote it.
    Op(usize),
}

impl Overwriting {
    /// By these operations.
    pub fn by(ops: &[Op]) -> Overwriting {
        let is_sure = |op: &&Op| op.is_required && !op.is_read();
        let mut sure: Vec<(u64, u64)> = ops.iter().filter(is_sure).map(|op| (op.start, op.end)).collect();
        sure.sort_unstable();
        let starts = sure.iter().map(|(start, _)| *start).collect();
        let mut ends: Vec<u64> = sure.iter().map(|(_, end)| *end).collect();
        suffix_min(&mut ends);
        Overwriting { starts, ends }
    }

    /// The moment from which on nothing that took effect before `end` can be observed.
    pub fn of_ended(&self, end: u64) -> u64 {
        let behind = self.starts.partition_point(|start| *start <= end);
        self.ends.get(behind).copied().unwrap_or(NEVER)
    }

    /// The same of what was there at first.
    pub fn of_initial(&self) -> u64 {
        self.ends.first().copied().unwrap_or(NEVER)
    }

    /// Can `write` be the source of what `observer` observes, if that is what it writes?
    pub fn leaves(&self, write: &Op, observer: &Op) -> bool {
        write.start <= observer.end && observer.start <= self.of_ended(write.end)
    }
}

impl Sources {
    /// Those among these operations.
    pub fn among(ops: &[Op]) -> Sources {
        let mut of = vec![Writes::default(); values(ops)];
        let mut order: Vec<usize> = (0..ops.len()).collect();
        order.sort_unstable_by_key(|at| (ops[*at].end, *at));
        for at in order {
            if let Some(value) = ops[at].writes {
                let writes = &mut of[value.index()];
                writes.ops.push(at);
                writes.ends.push(ops[at].end);
                writes.starts.push(ops[at].start);
            }
        }
        for writes in &mut of {
            suffix_min(&mut writes.starts);
        }
        Sources { overwriting: Overwriting::by(ops), of }
    }

    /// The possible sources of `value` where this operation observes it.
    pub fn of<'a>(&'a self, ops: &'a [Op], observer: Op, value: Value) -> impl Iterator<Item = Source> + 'a {
        let initial = value == ABSENT && observer.start <= self.overwriting.of_initial();
        let writes = &self.of[value.index()];
        // What is overwritten before the observer starts is at the beginning.
        let first = writes.ends.partition_point(|end| self.overwriting.of_ended(*end) < observer.start);
        let rest = (first..writes.ops.len()).take_while(move |at| writes.starts[*at] <= observer.end);
        let in_time = rest.map(|at| writes.ops[at]).filter(move |at| ops[*at].start <= observer.end);
        initial.then_some(Source::Initial).into_iter().chain(in_time.map(Source::Op))
    }
}

/// Finds out what times alone say: which of the operations that may have taken effect did, or can be left out because
/// nobody can have seen them, and between which moments an operation and its only source lie.
///
/// # Errors
///
/// An operation that has no possible source: there is no order of them all.
pub fn resolve(ops: &mut Vec<Op>) -> Result<(), usize> {
    for _ in 0..ROUNDS_MAX {
        let mut is_changed = drop_unseen(ops);
        let sources = Sources::among(ops);
        for at in 0..ops.len() {
            let (observer, Some(value)) = (ops[at], ops[at].observes) else { continue };
            if !observer.is_required {
                continue;
            }
            let found = {
                let mut possible = sources.of(ops, observer, value);
                (possible.next(), possible.next())
            };
            match found {
                (None, _) => return Err(observer.id),
                (Some(Source::Op(only)), None) => is_changed |= bind(ops, only, at),
                _ => {}
            }
        }
        if !is_changed {
            break;
        }
    }
    split_values(ops);
    ops.sort_by_key(|op| (op.start, op.end, op.id));
    Ok(())
}

/// Gives other names to equal values that nobody can confuse: writes of one value belong together only if somebody can
/// have observed either, or by way of others. So what is written again and again, as no value is by each delete, is many
/// values, most of them written once.
fn split_values(ops: &mut Vec<Op>) {
    let sources = Sources::among(ops);
    // A place behind all operations stands for what was there at first.
    let initial = ops.len();
    let mut groups = Groups::of(initial + 1);
    let mut observes: Vec<Option<usize>> = vec![None; ops.len()];
    for (at, op) in ops.iter().enumerate() {
        let Some(value) = op.observes else { continue };
        for source in sources.of(ops, *op, value) {
            let source = if let Source::Op(source) = source { source } else { initial };
            groups.join(*observes[at].get_or_insert(source), source);
        }
    }
    let mut names = vec![None; initial + 1];
    names[groups.name(initial)] = Some(ABSENT);
    let mut next = ABSENT.0;
    let mut name = |of: usize| {
        *names[groups.name(of)].get_or_insert_with(|| {
            next += 1;
            Value(next)
        })
    };
    for at in 0..ops.len() {
        ops[at].writes = ops[at].writes.map(|_| name(at));
        // What may have taken effect, and cannot have observed what it needs, did not.
        let is_idle = ops[at].observes.is_some() && observes[at].is_none();
        debug_assert!(!is_idle || !ops[at].is_required, "what took effect has a possible source");
        ops[at].observes = observes[at].map(&mut name);
        ops[at].end = if is_idle { 0 } else { ops[at].end };
    }
    ops.retain(|op| op.is_required || op.end == NEVER);
}

/// Numbers in groups that are joined: union and find.
struct Groups(Vec<usize>);

impl Groups {
    fn of(count: usize) -> Groups {
        Groups((0..count).collect())
    }

    fn name(&mut self, mut at: usize) -> usize {
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.name(one), self.name(other));
        self.0[one.max(other)] = one.min(other);
    }
}

/// The observer saw what its only source wrote: that took effect, before the observer did.
fn bind(ops: &mut [Op], source: usize, observer: usize) -> bool {
    let (before, after) = (ops[source], ops[observer]);
    ops[source].is_required = true;
    ops[source].end = before.end.min(after.end);
    ops[observer].start = after.start.max(before.start);
    (ops[source], ops[observer]) != (before, after)
}

/// Leaves out what may not have taken effect and cannot have been seen by anybody: where there is an order with it,
/// there is one without.
fn drop_unseen(ops: &mut Vec<Op>) -> bool {
    let mut last_seen = vec![None; values(ops)];
    for op in ops.iter() {
        if let Some(value) = op.observes {
            let last = &mut last_seen[value.index()];
            *last = (*last).max(Some(op.end));
        }
    }
    let before = ops.len();
    ops.retain(|op| {
        let seen = op.writes.and_then(|value| last_seen[value.index()]);
        op.is_required || seen.is_some_and(|last| last >= op.start)
    });
    ops.len() != before
}

fn suffix_min(numbers: &mut [u64]) {
    let mut least = NEVER;
    for number in numbers.iter_mut().rev() {
        least = least.min(*number);
        *number = least;
    }
}
