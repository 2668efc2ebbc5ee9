//! One search of one world, and what it honestly came to.
//!
//! Several engines search: the project's own explorer, and stateright's. What is asked of them and what they come to is
//! said here once, so that a verdict means the same whoever found it; how each is driven stands in its own file.

mod explorer;
mod stateright;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use raftlab_explorer::{Cluster, Distribution, Mode, Spilled};
use raftlab_model::{Action, Bounds, Kind, Property, RaftModel, Setup, World};
use tracing::{info, info_span};

use crate::console::grouped;
use crate::story::Story;
use crate::verdict::Verdict;

/// Which engine searches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// The project's own: breadth first, on all cores; counterexamples are shortest on any number of threads.
    #[default]
    Explorer,
    /// stateright's, breadth first: with one thread, counterexamples are shortest.
    StaterightBfs,
    /// stateright's, depth first.
    StaterightDfs,
    /// Random walks of stateright's own. Never complete, and not portable; `check random` is both better.
    StaterightSimulation,
}

/// How a search is to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The engine.
    pub engine: Engine,
    /// Threads, at least 1. With more than one a counterexample of stateright's is not known to be shortest.
    pub threads: usize,
    /// Is of states that differ by the names of servers only one searched?
    pub symmetry: bool,
    /// How the explorer tells states apart.
    pub mode: Mode,
    /// States so many steps from the initial one are judged, and not expanded.
    pub max_depth: Option<u32>,
    /// Distinct states at most.
    pub max_states: Option<u64>,
    /// Time at most.
    pub timeout: Option<Duration>,
    /// Memory at most, in bytes: of the explorer's tables, or of this process with another engine.
    pub max_memory: Option<u64>,
    /// Where the search is kept, now and then and when a limit ends it.
    pub checkpoint: Option<PathBuf>,
    /// Where a search was kept that this one goes on from.
    pub resume: Option<PathBuf>,
    /// Where what does not fit into memory goes, instead of ending the search.
    pub spill: Option<PathBuf>,
    /// The processes that search together, if there are several.
    pub cluster: Option<Cluster>,
    /// The seed of a simulation.
    pub seed: u64,
}

/// What stopped a search before its queue was empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `--max-states`.
    States,
    /// `--max-depth`.
    Depth,
    /// `--timeout`.
    Time,
    /// `--max-memory`.
    Memory,
    /// Ctrl-C.
    Interrupt,
    /// Random walks do not know what they have not seen.
    Sampling,
}

/// How far a search has come, while it runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Distinct states; of symmetric ones, one.
    pub states: u64,
    /// States generated, duplicates included.
    pub generated: u64,
    /// States found and not yet expanded.
    pub frontier: u64,
    /// Steps to the deepest.
    pub depth: u32,
    /// Since the start.
    pub elapsed: Duration,
    /// What the engine knows of its own tables, if it does.
    pub tables: Option<Tables>,
}

/// What the explorer holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tables {
    /// Bytes in all.
    pub bytes: u64,
    /// Different states of one server.
    pub locals: u32,
    /// Different messages with sender and receiver.
    pub messages: u32,
    /// Different servers with messages in flight to them.
    pub cells: u32,
}

/// What a search came to.
#[derive(Debug)]
pub struct Outcome {
    /// The engine.
    pub engine: Engine,
    /// The last progress.
    pub progress: Progress,
    /// The number of states that the searched ones stand for: more than were searched under symmetry.
    pub states_full: u64,
    /// The number of renamings under which states were taken for one: 1 is no symmetry.
    pub symmetry: usize,
    /// Was a state told from another by all that it is, and not by a fingerprint?
    pub exact: bool,
    /// What stopped it early, if something did.
    pub limit: Option<Limit>,
    /// The property that broke first, and the way there, replayed and judged again.
    pub violation: Option<Violation>,
    /// What was judged.
    pub judged: Vec<&'static Property>,
    /// For each witness of the setup, the depth at which it was first seen.
    pub witnesses: Vec<(&'static str, Option<u32>)>,
    /// Each kind of action that the bounds allow.
    pub coverage: Vec<Coverage>,
    /// Level by level, where the engine goes by levels.
    pub levels: Vec<Level>,
    /// Bytes at most so far: of the explorer's tables, or of this process with another engine.
    pub peak_bytes: u64,
    /// States expected to be lost because a fingerprint made them look like others.
    pub missed_states_expected: f64,
    /// What went to disk, if something might.
    pub spilled: Option<Spilled>,
    /// How it was shared, if several processes searched.
    pub distribution: Option<Distribution>,
}

/// What was seen of one kind of action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The kind.
    pub kind: Kind,
    /// How often one was possible.
    pub enabled: u64,
    /// How often one was taken.
    pub taken: u64,
    /// The depth of the first state that one led to, where the engine tells.
    pub first_depth: Option<u32>,
}

/// One level of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Steps from the initial state.
    pub depth: u32,
    /// New states.
    pub states: u64,
    /// Steps that led there.
    pub generated: u64,
}

/// A broken property and the way there.
#[derive(Debug)]
pub struct Violation {
    /// What broke.
    pub property: &'static Property,
    /// The way there.
    pub story: Story,
    /// What was seen in its last state.
    pub why: String,
    /// Is no way known to be shorter?
    pub shortest: bool,
}

/// A search that broke: a bug of the model or of the engine.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The engine, or the model's code outside of the core, panicked.
    #[error("the search itself failed: {0}")]
    Engine(String),
    /// The explorer refused to go on.
    #[error("the search itself failed: {0}")]
    Explorer(#[from] raftlab_explorer::Error),
    /// The engine reports a path that the core does not walk, or that breaks nothing.
    #[error("the engine reports a violation of `{0}` that a replay does not show")]
    Unconfirmed(&'static str),
}

/// Set by Ctrl-C: every search stops as soon as it looks.
pub static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Searches the world of `setup` for the check or rule `name`, telling `watch` how it goes.
///
/// # Errors
///
/// If the engine failed, or its counterexample does not hold up.
pub fn search(
    name: &str,
    setup: Setup,
    plan: &Plan,
    watch: &(dyn Fn(&Progress) + Sync),
) -> Result<Outcome, SearchError> {
    let _check = info_span!("check", name, bounds = %setup.bounds, without = ?setup.way).entered();
    match plan.engine {
        Engine::Explorer => explorer::search(setup, plan, watch),
        Engine::StaterightBfs | Engine::StaterightDfs | Engine::StaterightSimulation => {
            stateright::search(setup, plan, watch)
        }
    }
}

/// Logs each level that the search has entered since it was at `level`.
fn log_levels(level: u32, progress: &Progress) -> u32 {
    for depth in level + 1..=progress.depth {
        let Progress { states, generated, frontier, .. } = progress;
        info_span!("level", depth).in_scope(|| info!(states, generated, frontier, "entered"));
    }
    level.max(progress.depth)
}

/// The violation of `property` at the end of `actions`: walked again through the core, and judged again.
fn violation(
    model: &RaftModel,
    property: &'static Property,
    actions: Vec<Action>,
    shortest: bool,
) -> Result<Violation, SearchError> {
    let story = Story::of(model, actions).ok_or(SearchError::Unconfirmed(property.name))?;
    let why = judge(property, story.last()).ok_or(SearchError::Unconfirmed(property.name))?;
    Ok(Violation { property, story, why, shortest })
}

/// What breaks `property` in `world`, if something does.
pub fn judge(property: &Property, world: &World) -> Option<String> {
    property.holds(&world.servers()).err()
}

/// The kinds of action that the bounds allow, each with what was seen of it.
fn coverage(bounds: &Bounds, seen: impl Fn(Kind) -> Coverage) -> Vec<Coverage> {
    Kind::ALL.into_iter().filter(|kind| kind.is_allowed_by(bounds)).map(seen).collect()
}

impl Default for Plan {
    /// The explorer on one thread, with symmetry, comparing states, without limits.
    fn default() -> Plan {
        Plan {
            engine: Engine::default(),
            threads: 1,
            symmetry: true,
            mode: Mode::Exact,
            max_depth: None,
            max_states: None,
            timeout: None,
            max_memory: None,
            checkpoint: None,
            resume: None,
            spill: None,
            cluster: None,
            seed: 0,
        }
    }
}

impl Outcome {
    /// The verdict.
    pub fn verdict(&self) -> Verdict {
        if self.violation.is_some() {
            Verdict::Violated
        } else if self.limit.is_some() {
            Verdict::Incomplete
        } else if self.missing_witnesses().next().is_some() || self.never_taken().next().is_some() {
            Verdict::Vacuous
        } else {
            Verdict::Verified
        }
    }

    /// `391 states (2,311 in full)`: those that were searched, and those that they stand for where these are more.
    pub fn counted(&self) -> String {
        let (states, full) = (self.progress.states, self.states_full);
        let in_full = if full == states { String::new() } else { format!(" ({} in full)", grouped(full)) };
        format!("{} states{in_full}", grouped(states))
    }

    /// Witnesses that were never seen.
    pub fn missing_witnesses(&self) -> impl Iterator<Item = &'static str> {
        self.witnesses.iter().filter(|(_, depth)| depth.is_none()).map(|(name, _)| *name)
    }

    /// Kinds of action that the bounds allow and that never led to a state.
    pub fn never_taken(&self) -> impl Iterator<Item = &Coverage> {
        self.coverage.iter().filter(|kind| kind.taken == 0)
    }
}

impl Limit {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Limit::States => "states",
            Limit::Depth => "depth",
            Limit::Time => "time",
            Limit::Memory => "memory",
            Limit::Interrupt => "interrupt",
            Limit::Sampling => "sampling",
        }
    }

    /// What happened, for a person.
    pub fn says(self) -> &'static str {
        match self {
            Limit::States => "stopped at --max-states",
            Limit::Depth => "stopped at --max-depth",
            Limit::Time => "stopped at --timeout",
            Limit::Memory => "stopped at --max-memory, or at three quarters of the memory that was free",
            Limit::Interrupt => "stopped by Ctrl-C",
            Limit::Sampling => "random walks never know what they have not seen",
        }
    }
}

impl Engine {
    /// Its name in tables and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Explorer => "explorer",
            Engine::StaterightBfs => "stateright-bfs",
            Engine::StaterightDfs => "stateright-dfs",
            Engine::StaterightSimulation => "stateright-simulation",
        }
    }

    /// What it is, for a person.
    pub fn says(self) -> &'static str {
        match self {
            Engine::Explorer => "explorer, breadth first",
            _ => self.name(),
        }
    }
}

impl Progress {
    /// States a second.
    pub fn rate(&self) -> u64 {
        let millis = u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        self.states.saturating_mul(1000) / millis
    }
}
