//! The search for an order of the operations on one key: Wing and Gong's, with Lowe's memory of where it has been.
//!
//! It goes forward in a possible order, one operation at a time: whichever has started before all others that are left
//! have ended may come next, if what it observes is there. Where none may, it goes back to the last choice. A situation
//! is which operations are left and what value is there; one that led nowhere leads nowhere again.
//!
//! # What need not be tried
//!
//! Each of these is left out only where it cannot change whether there is an order:
//!
//! - A read that may come next does: whatever comes later is as possible behind it.
//! - Of operations that do the same, the one that has to end first goes first: the two can change places.
//! - What may not have taken effect is tried only where somebody waits for what it writes.
//! - Nobody can come back to a value that nobody writes any more. So it is not left while somebody has still to observe
//!   it, and it is not written if somebody who has to come before its last observer could no longer do so.
//! - The *visit* of a value is its write and all who observe it, up to a swap out of it and the visit of what that
//!   writes, and so on. Where a visit is known whole, since nobody else writes these values and all who observe them are
//!   sure to have done so, it can be moved as one piece: to the front, if nobody who is left has to come before a part of
//!   it, and if what is there now is observed by nobody next. Then it is the only choice. So a history in which each
//!   value is written once is decided without a wrong turn.
//!
//! # Memory
//!
//! Of a situation 128 bits are kept, the exclusive or of a random number for each operation that took effect and is not
//! left and one for the value (Zobrist). Two situations out of a thousand million look alike with a probability below
//! 1e-20. An order that is found is walked again without them ([`certify`](super::decision::certify)), and a history that has none is searched
//! again when its evidence is [shrunk](super::evidence), with other numbers. What may not have taken effect is kept as
//! it is, a bit for each.

use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::decision::{Budget, Decision};
use super::links::Links;
use super::memory::{Memory, Used};
use super::register::{ABSENT, NEVER, Op, Value, values};

/// After how many situations the clock is read.
const TICK: usize = 256;

/// How many of the operations that are left do what with a value.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    writers: usize,
    /// Those that are sure to have observed it.
    observers: usize,
    /// Those of them that write another one in its place.
    swaps: usize,
    /// Those that may have done so, or may not.
    unsure_swaps: usize,
}

/// A search that is under way.
pub struct Search<'a> {
    ops: &'a [Op],
    by_start: Links,
    /// Those that took effect.
    by_end: Links,
    left: Vec<Left>,
    required_left: usize,
    is_taken: Vec<bool>,
    /// What observes each value, in the order of starts.
    observers: Vec<Vec<usize>>,
    value: Value,
    key: u128,
    op_keys: Vec<u128>,
    value_keys: Vec<u128>,
    /// The place of each operation that may not have taken effect among those.
    unsure: Vec<usize>,
    used: Used,
    memory: Memory,
    /// What was taken, in order.
    taken: Vec<usize>,
    /// Which values belong to the visit that is looked at: those with its number.
    visits: Vec<u64>,
    visit: u64,
}

/// A situation on the way, to come back to.
struct Situation {
    taken: usize,
    value: Value,
    key: u128,
    used: Used,
    /// What may come next, the last first.
    choices: Vec<usize>,
}

/// What is known of the visit that an operation would begin.
struct Visit {
    /// Is it known whole?
    is_whole: bool,
    /// Can it come now, as far as it is known?
    is_possible: bool,
}

impl<'a> Search<'a> {
    /// A search for an order of these operations, which are in the order of their starts.
    pub fn new(ops: &'a [Op]) -> Search<'a> {
        let mut by_end: Vec<usize> = (0..ops.len()).filter(|at| ops[*at].is_required).collect();
        by_end.sort_by_key(|at| ops[*at].end);
        let mut observers = vec![Vec::new(); values(ops)];
        for (at, op) in ops.iter().enumerate() {
            if let Some(value) = op.observes {
                observers[value.index()].push(at);
            }
        }
        let unsure: Vec<usize> = (0..ops.len()).filter(|at| !ops[*at].is_required).collect();
        // Another seed for another number of operations: see "Memory" above.
        let mut dice = ChaCha8Rng::seed_from_u64(ops.len() as u64);
        let mut key = || u128::from(dice.next_u64()) << 64 | u128::from(dice.next_u64());
        let mut search = Search {
            ops,
            by_start: Links::new(ops.len(), 0..ops.len()),
            by_end: Links::new(ops.len(), by_end),
            left: vec![Left::default(); values(ops)],
            required_left: 0,
            is_taken: vec![false; ops.len()],
            observers,
            value: ABSENT,
            key: 0,
            op_keys: ops.iter().map(|_| key()).collect(),
            value_keys: (0..values(ops)).map(|_| key()).collect(),
            used: vec![0; unsure.len().div_ceil(64)].into(),
            unsure,
            memory: Memory::default(),
            taken: Vec::new(),
            visits: vec![0; values(ops)],
            visit: 0,
        };
        for op in ops {
            search.count(op, true);
        }
        search
    }

    /// Searches.
    pub fn run(mut self, budget: Budget) -> Decision {
        let mut path: Vec<Situation> = Vec::new();
        let mut step = 0;
        loop {
            self.read_all();
            if self.required_left == 0 {
                return Decision::Order(self.taken.iter().map(|at| self.ops[*at].id).collect());
            }
            if step % TICK == 0 && budget.deadline.is_some_and(|end| Instant::now() >= end) {
                return Decision::OutOfTime;
            }
            if path.len() + self.memory.len() >= budget.states_max {
                return Decision::OutOfStates;
            }
            let key = self.key ^ self.value_keys[self.value.index()];
            let choices = if self.memory.holds(key, &self.used) { Vec::new() } else { self.choices() };
            let (taken, value, used) = (self.taken.len(), self.value, self.used.clone());
            path.push(Situation { taken, value, key, used, choices });
            if !self.go_on(&mut path) {
                return Decision::None;
            }
            step += 1;
        }
    }

    /// Takes the next choice, the last one that is left on the way.
    fn go_on(&mut self, path: &mut Vec<Situation>) -> bool {
        while let Some(mut situation) = path.pop() {
            self.go_back(&situation);
            if let Some(choice) = situation.choices.pop() {
                path.push(situation);
                self.take(choice);
                return true;
            }
            self.memory.insert(situation.key, situation.used);
        }
        false
    }

    /// What has to end before all else that is left: what starts later cannot come next.
    fn horizon(&self) -> u64 {
        self.by_end.first().map_or(NEVER, |at| self.ops[at].end)
    }

    /// What may come next, as far as times say.
    fn candidates(&self) -> impl Iterator<Item = (usize, &'a Op)> + '_ {
        let horizon = self.horizon();
        let all = self.by_start.iter().map(|at| (at, &self.ops[at]));
        all.take_while(move |(_, op)| op.start <= horizon)
    }

    /// Lets all reads of the present value come that may.
    fn read_all(&mut self) {
        let mut next = self.by_start.first();
        // What is taken moves the horizon, and only outwards.
        while let Some(at) = next.filter(|at| self.ops[*at].start <= self.horizon()) {
            let op = &self.ops[at];
            next = self.by_start.after(at);
            if op.is_read() && op.observes == Some(self.value) {
                self.take(at);
            }
        }
    }

    fn take(&mut self, at: usize) {
        let op = &self.ops[at];
        self.by_start.take(at);
        if op.is_required {
            self.by_end.take(at);
        }
        self.count(op, false);
        self.turn(at);
        self.value = op.writes.unwrap_or(self.value);
        self.taken.push(at);
    }

    fn go_back(&mut self, to: &Situation) {
        for at in self.taken.split_off(to.taken).into_iter().rev() {
            let op = &self.ops[at];
            self.by_start.put_back(at);
            if op.is_required {
                self.by_end.put_back(at);
            }
            self.count(op, true);
            self.turn(at);
        }
        self.value = to.value;
    }

    /// What was left is taken, or the other way round.
    fn turn(&mut self, at: usize) {
        self.is_taken[at] = !self.is_taken[at];
        if self.ops[at].is_required {
            self.key ^= self.op_keys[at];
        } else if let Ok(bit) = self.unsure.binary_search(&at) {
            self.used[bit / 64] ^= 1 << (bit % 64);
        }
    }

    fn count(&mut self, op: &Op, is_left: bool) {
        let change = |number: &mut usize| if is_left { *number += 1 } else { *number -= 1 };
        if op.is_required {
            change(&mut self.required_left);
        }
        if let Some(value) = op.writes {
            change(&mut self.left[value.index()].writers);
        }
        if let Some(value) = op.observes {
            let left = &mut self.left[value.index()];
            match (op.is_required, op.is_read()) {
                (true, true) => change(&mut left.observers),
                (true, false) => {
                    change(&mut left.observers);
                    change(&mut left.swaps);
                }
                (false, _) => change(&mut left.unsure_swaps),
            }
        }
    }

    /// What is worth a try, the last first. No read of the present value may come next.
    fn choices(&mut self) -> Vec<usize> {
        let here = self.left[self.value.index()];
        let candidates: Vec<(usize, &Op)> = self.candidates().collect();
        let swaps_out = |op: &Op| op.swaps_out() == Some(self.value);
        let is_swap_possible = candidates.iter().any(|(_, op)| swaps_out(op));
        // Nobody comes back here, and somebody has still to observe what is there.
        let is_stuck = here.writers == 0 && here.observers > 0;
        let may_leave = |op: &Op| !is_stuck || here.observers == 1 && op.is_required && swaps_out(op);
        let writes = candidates.iter().filter(|(_, op)| !op.is_read());
        let possible = writes.filter(|(_, op)| op.observes.is_none() || swaps_out(op));
        let possible: Vec<_> = possible.filter(|(_, op)| may_leave(op)).copied().collect();
        let mut choices: Vec<Choice> = Vec::new();
        for (at, op) in possible {
            let is_awaited =
                |(_, other): &(usize, &Op)| other.observes.is_some_and(|value| op.writes == Some(value));
            if !op.is_required && !candidates.iter().any(is_awaited) {
                continue;
            }
            let visit = self.visit(at);
            if visit.is_whole && visit.is_possible && op.is_required && !is_swap_possible {
                return vec![at];
            }
            if visit.is_possible {
                let waiting = candidates.iter().filter(|other| is_awaited(other)).map(|(_, other)| other.end);
                let urgency = waiting.min().unwrap_or(NEVER).min(op.end);
                add(&mut choices, self.ops, (!op.is_required, urgency, at));
            }
        }
        choices.sort_unstable_by(|a, b| b.cmp(a));
        choices.into_iter().map(|(.., at)| at).collect()
    }

    /// How many are left who do what with a value when `first` was taken, but that it still counts as a writer.
    fn left_without(&self, first: usize, value: Value) -> Left {
        let (op, mut left) = (&self.ops[first], self.left[value.index()]);
        if op.observes == Some(value) && op.is_required {
            left.observers -= 1;
            left.swaps -= usize::from(!op.is_read());
        } else if op.observes == Some(value) {
            left.unsure_swaps -= 1;
        }
        left
    }

    /// Looks at the visit that `first` begins.
    fn visit(&mut self, first: usize) -> Visit {
        self.visit += 1;
        let (mut last, mut latest_start) = (first, self.ops[first].start);
        let is_whole = loop {
            let Some(value) = self.ops[last].writes else { break true };
            let left = self.left_without(first, value);
            if left.observers == 0 && left.unsure_swaps == 0 {
                break true;
            }
            if left.writers > 1 || self.visits[value.index()] == self.visit {
                break false;
            }
            if left.swaps > 1 {
                return Visit { is_whole: true, is_possible: false };
            }
            self.visits[value.index()] = self.visit;
            let observers = self.observers[value.index()].iter().rev();
            let is_left = |at: &&usize| !self.is_taken[**at] && **at != first;
            let mut sure = observers.filter(is_left).filter(|at| self.ops[**at].is_required);
            let swap = sure.clone().find(|at| !self.ops[**at].is_read());
            latest_start = sure.next().map_or(latest_start, |at| self.ops[*at].start.max(latest_start));
            match swap {
                _ if left.unsure_swaps > 0 => break false,
                Some(swap) => last = *swap,
                None => break true,
            }
        };
        let belongs = |at: &usize| {
            let observed = self.ops[*at].observes;
            *at == first || observed.is_some_and(|value| self.visits[value.index()] == self.visit)
        };
        let other = self.by_end.iter().find(|at| !belongs(at));
        Visit { is_whole, is_possible: other.is_none_or(|at| self.ops[at].end >= latest_start) }
    }
}

/// What may come next: is it unsure, how soon does it or somebody who waits for it have to come, and which one is it?
type Choice = (bool, u64, usize);

/// Adds a choice, unless one that does the same has to end no later; in place of one that may end later.
fn add(choices: &mut Vec<Choice>, ops: &[Op], choice: Choice) {
    let same = choices.iter_mut().find(|(.., at)| ops[*at].effect() == ops[choice.2].effect());
    match same {
        Some(known) if ops[known.2].end <= ops[choice.2].end => {}
        Some(known) => *known = choice,
        None => choices.push(choice),
    }
}
