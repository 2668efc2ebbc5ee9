//! Is there an order of all that clients asked for, one after the other, in which each was told what is true, and in
//! which nothing comes before what had ended when it began? That is linearizability (Herlihy and Wing 1990), and what
//! the cluster promises.
//!
//! [`judge`] says yes, no or *undecided*: the question is NP-complete, so some histories take longer than anybody
//! waits. Keys are independent of each other (it is enough that each alone has an order; Herlihy and Wing's locality),
//! and are judged beside each other; each is a register with four operations, put, get, cas and delete, that is absent
//! at first.
//!
//! | what a client knows | what is made of it |
//! |---|---|
//! | done | it took effect at one moment between its start and its end |
//! | failed | it never did, and is left out |
//! | unknown | it may have at any moment since its start, may still do, or never: none of them is held against anybody |
//!
//! What begins in the very microsecond in which another one ends is taken to be beside it, for nobody knows better.
//!
//! A *no* comes with [`Evidence`]: the few operations that cannot all be true, and a picture of them.
//!
//! | module | subject |
//! |---|---|
//! | `register` | what each operation observes and writes |
//! | `sources` | what times alone say: who can have seen what |
//! | `decision` | both put together, and the proof of a yes |
//! | `search`, `memory`, `links` | the search for an order |
//! | `evidence`, `picture` | why there is none |
//!
//! # Why not a library
//!
//! Of those there are, stateright's `LinearizabilityTester` keeps no memory of where it was, knows no time limit, and
//! recurses once for each operation: right for the few operations of a model, and not for thousands. `todc-utils` 0.1.1
//! has no operations without an answer, no limit and no third verdict, and its last release is of 2023.
//! `porcupine-rs` 0.3.0 has a limit, but no operation that may never take effect; its cache holds a bit for each
//! operation in each situation, which for long histories is quadratic; with evidence asked for it says *illegal* of
//! what it only had no time for; and it brings `criterion`, `regex` and the unmaintained `paste` into every build.
//! None of them knows what a read of a value says when each value is written once, which is what makes long histories
//! of many clients decidable.

mod decision;
mod evidence;
mod links;
mod memory;
mod picture;
mod register;
mod search;
mod sources;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use self::decision::{Budget, Decision, decide};
pub use self::evidence::Evidence;
use self::register::Op;
use crate::history::{History, Operation};
use crate::verdict::exit;

/// How much a judgement may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long, for all keys together. The evidence of a violation comes on top, and has a limit of its own.
    pub time_max: Duration,
    /// How many situations are remembered for each key; each takes about 100 bytes.
    pub states_max: usize,
}

/// What a history is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Each key's operations have an order.
    Linearizable,
    /// Those of this key, the first such one, have none.
    NotLinearizable {
        /// The key.
        key: String,
        /// The operations that show it.
        evidence: Evidence,
    },
    /// No key is known to have none, and of this one, the first such, it is not known.
    Undecided {
        /// The key.
        key: String,
        /// Which limit was met.
        why: &'static str,
    },
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { time_max: Duration::from_secs(60), states_max: 8_000_000 }
    }
}

impl Verdict {
    /// The exit code: 0, 23 or 25.
    pub fn exit(&self) -> u8 {
        match self {
            Verdict::Linearizable => exit::OK,
            Verdict::NotLinearizable { .. } => exit::NOT_LINEARIZABLE,
            Verdict::Undecided { .. } => exit::UNDECIDED,
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Verdict::Linearizable => f.write_str("linearizable"),
            Verdict::NotLinearizable { key, evidence } => {
                write!(f, "not linearizable: key {key:?}\n{evidence}")
            }
            Verdict::Undecided { key, why } => write!(f, "undecided: key {key:?}: {why}"),
        }
    }
}

/// Judges a history.
pub fn judge(history: &History, limits: Limits) -> Verdict {
    let deadline = Instant::now().checked_add(limits.time_max);
    let budget = Budget { deadline, states_max: limits.states_max };
    let mut by_key: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in history.operations() {
        by_key.entry(&operation.key).or_default().push(operation);
    }
    let judged: Vec<(&str, Vec<&Operation>, Vec<Op>, Decision)> = by_key
        .into_par_iter()
        .map(|(key, operations)| {
            let ops = register::ops(&operations);
            let decision = decide(&ops, budget);
            (key, operations, ops, decision)
        })
        .collect();
    let none = judged.iter().find(|(.., decision)| *decision == Decision::None);
    if let Some((key, operations, ops, _)) = none {
        let evidence = Evidence::of(operations, ops);
        return Verdict::NotLinearizable { key: (*key).into(), evidence };
    }
    let undecided = judged.iter().find_map(|(key, .., decision)| match decision {
        Decision::Order(_) | Decision::None => None,
        Decision::OutOfTime => Some((key, "the time that was given is over")),
        Decision::OutOfStates => Some((key, "more has to be remembered than was allowed")),
    });
    match undecided {
        Some((key, why)) => Verdict::Undecided { key: (*key).into(), why },
        None => Verdict::Linearizable,
    }
}
