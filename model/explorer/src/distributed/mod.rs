//! One exploration by several processes: *fingerprints travel, states stay*.
//!
//! Every process has the same model. The fingerprint of a state says which process **owns** it, and the owner alone
//! decides which states are new. All walk the first levels alike, without a word; when a level is large enough, each
//! keeps the states of it that it owns. From then on a process expands its own states, and asks the owner of each
//! fingerprint that it has not met before: *is this new?* The owner answers with one bit. The state stays with the
//! one that asked, if the answer was yes; so what is sent is 8 bytes and a bit, and nothing that a user defines is
//! ever serialised.
//!
//! One table holds both what a process owns and what it has asked for: the two are disjoint, as a fingerprint has one
//! owner. So the hot path is that of a single process, with one question more for what is new in the table.
//!
//! | module | what it is for |
//! |---|---|
//! | [`wire`] | sockets that say when the process at the other end is lost |
//! | [`link`] | the dataflow: asks go to owners, answers come back, and it is known when none is on its way |
//! | [`word`] | what processes tell each other when they agree |
//! | [`share`] | what the threads of a process see of all this |
//! | [`round`] | a level, or a part of one: expanded by all, until nothing is on its way anywhere |
//! | [`levels`] | level after level, agreed on; checkpoints |
//! | [`witness`] | the way to a discovery, told to all |
//!
//! # What is agreed on
//!
//! A **round** ends when timely's progress tracking says that no process will ask anything more in it and all answers
//! have arrived. Then every process tells its counts, the lowest fingerprint of what it found, its limit and its
//! fault, and all conclude the same from the same words: whether the level is over, who reports what, whether to
//! stop. A process that reaches a limit, or wants a checkpoint, asks all to rest: the round ends early, and the rest
//! of the level is another one.
//!
//! # What is absent
//!
//! - Nothing is balanced: children stay where their parent was. [`Distribution::imbalance`] says what that costs.
//! - A lost process ends the exploration in all others, with an error. It goes on from the last common checkpoint, by
//!   the same number of processes.
//! - There is no secret and no authentication between processes: they belong on a network of their own.

mod levels;
mod link;
mod round;
mod share;
mod wire;
mod witness;
mod word;

use std::time::Duration;

pub(crate) use share::{Asks, Share};

/// The processes that explore together, and which of them this one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The place of this process in [`Cluster::hosts`].
    pub process: usize,
    /// Where each process listens, as `host:port`. All processes have the same list.
    pub hosts: Vec<String>,
    /// States that a level must have for the processes to part. Before, all walk alike: dividing little work costs
    /// more.
    pub split_at: u64,
    /// How long to wait for the others to be there, at the start.
    pub patience: Duration,
}

impl Cluster {
    /// This process among those that listen at `hosts`, which part at a level of 10,000 states and wait a minute for
    /// each other.
    pub fn new(process: usize, hosts: Vec<String>) -> Cluster {
        Cluster { process, hosts, split_at: 10_000, patience: Duration::from_secs(60) }
    }

    /// The processes part at the first level of so many states.
    #[must_use]
    pub fn split_at(self, states: u64) -> Cluster {
        Cluster { split_at: states, ..self }
    }

    /// Waits so long for the others to be there.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Cluster {
        Cluster { patience, ..self }
    }
}

/// How an exploration was shared by several processes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// How many processes there were.
    pub processes: usize,
    /// The level at which they parted; none if no level was large enough.
    pub split_depth: Option<u32>,
    /// Each level after that.
    pub levels: Vec<SharedLevel>,
    /// Fingerprints that some process asked another for.
    pub asks: u64,
    /// Bytes that processes wrote to each other, all that timely adds included.
    pub bytes: u64,
}

impl Distribution {
    /// How much longer it took than with equal shares, if every state takes as long: in each level, all wait for the
    /// process that has most states.
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    pub fn imbalance(&self) -> f64 {
        let most: u64 = self.levels.iter().map(|level| level.most).sum();
        let all: u64 = self.levels.iter().map(|level| level.states).sum();
        if all == 0 { 1.0 } else { most as f64 * self.processes as f64 / all as f64 }
    }
}

/// How the new states of one level were shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedLevel {
    /// The level's depth.
    pub depth: u32,
    /// All of them.
    pub states: u64,
    /// Those of the process that has most.
    pub most: u64,
}

impl SharedLevel {
    /// The largest share, over the mean.
    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    pub fn imbalance(&self, processes: usize) -> f64 {
        self.most as f64 * processes as f64 / self.states.max(1) as f64
    }
}
