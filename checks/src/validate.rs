//! What a run of real processes proves: the journals of all its servers are replayed through the core, and whatever
//! differs is said; then the properties of the model are judged of what they did together.
//!
//! Replays answer whether a process did what the core does. They are taken in the order of true time, which all
//! processes of one machine share, so that at each step there is a whole cluster to be looked at: cores, disks and
//! what was applied, as in the model ([`Observed`](raftlab_model::Observed)). `properties.rs` says which of the model's
//! properties are judged, and when.
//!
//! # Between journals
//!
//! Three things are held against each other besides. A life begins with what the disk of the one before can hold: all
//! that it had confirmed, and a beginning of what it was writing. What a server received its sender had sent. And all
//! servers that took part have journals, each from its first start on and to its end: whatever is not whole is an
//! error, and proves nothing.
//!
//! # What is not proved
//!
//! That a client was told the truth is for its history to say. A journal whose end was cut off between two records is
//! as good as that of a process that was killed there, if it is said that it was killed: it is found out only if
//! somebody received what it sent later, or its next life knows of it.

mod figures;
mod journals;
mod ledger;
mod machine;
mod properties;
mod recorder;
mod report;
mod run;
mod server;
mod together;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use raftlab_core::{NodeId, Rule};
use raftlab_node::journal::Record;

pub use self::figures::{Commit, Figures, ServerFigures};
pub use self::journals::{InputError, LifeId};
pub use self::properties::{Judged, When, when};
pub use self::recorder::Recorder;
pub use self::report::{Finding, Kind, Report, Totals};
use self::run::Run;

/// What is known of a run besides its journals.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Lives that were killed: their journals have no end.
    pub killed: BTreeSet<LifeId>,
    /// Servers were told of other founders than at their first start, and were to start so: what comes of that is what is
    /// to be found.
    pub has_other_founders: bool,
    /// Hosts are known to lie: what a disk said that it holds is not held against what is found on it, nor what was sent
    /// against what was received. It is to be seen what comes of that.
    pub has_lying_hosts: bool,
    /// The core that replays has this rule switched off: to see what a process did that had it switched off too.
    pub without: Option<Rule>,
}

/// Replays the journals in a directory, and judges them. Never panics, whatever is in them.
pub fn validate(dir: &Path, options: &Options) -> Report {
    judge(|| Run::open(dir, options))
}

/// The same of journals that were kept in memory ([`Recorder`]): the lives of each server, in order. None of them needs
/// an end.
pub fn replay(lives: BTreeMap<NodeId, Vec<Vec<Record>>>, options: &Options) -> Report {
    judge(|| Run::of_records(lives, options))
}

fn judge(open: impl FnOnce() -> Result<Run, InputError>) -> Report {
    let started = Instant::now();
    let mut run = match open() {
        Ok(run) => run,
        Err(error) => return Report::refused(&error, started.elapsed()),
    };
    let stopped = run.replay().err();
    run.report(stopped, started.elapsed())
}
