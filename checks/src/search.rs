//! One search of one world by one of stateright's engines, and what it honestly came to.
//!
//! stateright says that it is done when a limit stopped it, and reports the last violation of a block. The verdict is
//! therefore made here: of what the model's own meters saw, and of the limit that was reached, if one was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use raftlab_model::{Kind, Meters, PROPERTIES, Property, RaftModel, Setup, World, panic_message};
use stateright::{Checker, HasDiscoveries, Model, UniformChooser};
use tracing::{info, info_span};

use crate::memory;
use crate::story::Story;
use crate::verdict::Verdict;

/// Which of stateright's engines searches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// Breadth first: with one thread, counterexamples are shortest.
    #[default]
    StaterightBfs,
    /// Depth first.
    StaterightDfs,
    /// Random walks of stateright's own. Never complete, and not portable; `check random` is both better.
    StaterightSimulation,
}

/// How a search is to be run.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The engine.
    pub engine: Engine,
    /// Threads, at least 1. With more than one a counterexample is not known to be shortest.
    pub threads: usize,
    /// Distinct states at most.
    pub max_states: Option<u64>,
    /// Time at most.
    pub timeout: Option<Duration>,
    /// Memory of this process at most, in bytes.
    pub max_memory: Option<u64>,
    /// The seed of a simulation.
    pub seed: u64,
}

/// What stopped a search before its queue was empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// `--max-states`.
    States,
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
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Distinct states.
    pub states: u64,
    /// States generated, duplicates included.
    pub generated: u64,
    /// States found and not yet expanded.
    pub frontier: u64,
    /// Steps to the deepest.
    pub depth: u32,
    /// Since the start.
    pub elapsed: Duration,
}

/// What a search came to.
#[derive(Debug)]
pub struct Outcome {
    /// The last progress.
    pub progress: Progress,
    /// What stopped it early, if something did.
    pub limit: Option<Limit>,
    /// The property that broke first, and the way there, replayed and judged again.
    pub violation: Option<Violation>,
    /// For each witness of the setup, the depth at which it was first seen.
    pub witnesses: Vec<(&'static str, Option<u32>)>,
    /// For each kind of action that the bounds allow: how often it was possible, how often taken.
    pub coverage: Vec<(Kind, u64, u64)>,
    /// Bytes that this process held at most so far.
    pub peak_bytes: u64,
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
    /// A thread of the engine panicked.
    #[error("the search itself failed: {0}")]
    Engine(String),
    /// The engine reports a path that the core does not walk, or that breaks nothing.
    #[error("the engine reports a violation of `{0}` that a replay does not show")]
    Unconfirmed(&'static str),
}

/// Set by Ctrl-C: every search stops as soon as it looks.
pub static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How often a running search is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Searches the world of `setup` for the check or rule `name`, telling `watch` how it goes.
///
/// # Errors
///
/// If the engine failed, or its counterexample does not hold up.
pub fn search(
    name: &str,
    setup: Setup,
    plan: &Plan,
    watch: &dyn Fn(&Progress),
) -> Result<Outcome, SearchError> {
    let _check = info_span!("check", name, bounds = %setup.bounds, without = ?setup.way).entered();
    let setup = Setup { only_changes: plan.engine == Engine::StaterightSimulation, ..setup };
    let model = RaftModel::new(setup);
    let meters = Arc::clone(model.meters());
    let builder =
        model.clone().checker().finish_when(HasDiscoveries::AnyFailures).threads(plan.threads.max(1));
    match plan.engine {
        Engine::StaterightBfs => drive(builder.spawn_bfs(), &model, &meters, plan, watch),
        Engine::StaterightDfs => drive(builder.spawn_dfs(), &model, &meters, plan, watch),
        Engine::StaterightSimulation => {
            drive(builder.spawn_simulation(plan.seed, UniformChooser), &model, &meters, plan, watch)
        }
    }
}

fn drive(
    mut checker: impl Checker<RaftModel>,
    model: &RaftModel,
    meters: &Meters,
    plan: &Plan,
    watch: &dyn Fn(&Progress),
) -> Result<Outcome, SearchError> {
    let start = Instant::now();
    let handles = checker.handles();
    let mut limit = None;
    let mut level = 0;
    while !handles.iter().all(JoinHandle::is_finished) {
        std::thread::sleep(LOOK.min(start.elapsed() / 4 + Duration::from_millis(1)));
        let progress = progress(&checker, meters, start, plan.engine);
        watch(&progress);
        level = log_levels(level, &progress);
        if limit.is_none() && !meters.is_stopped() {
            limit = reached(&progress, plan);
        }
        if limit.is_some() {
            meters.stop();
        }
    }
    for handle in handles {
        handle.join().map_err(|panic| SearchError::Engine(panic_message(&*panic)))?;
    }
    let progress = progress(&checker, meters, start, plan.engine);
    let limit = limit.or((plan.engine == Engine::StaterightSimulation).then_some(Limit::Sampling));
    let witnesses = model.setup().witnesses.iter().enumerate();
    let witnesses = witnesses.map(|(at, witness)| (witness.name, meters.seen_at(at))).collect();
    let coverage = coverage(model.setup(), meters);
    meters.resume();
    let violation = violation(&checker, model, meters, plan)?;
    Ok(Outcome { progress, limit, violation, witnesses, coverage, peak_bytes: memory::peak() })
}

/// Logs each level that the search has entered since it was at `level`.
fn log_levels(level: u32, progress: &Progress) -> u32 {
    for depth in level + 1..=progress.depth {
        let Progress { states, generated, frontier, .. } = progress;
        info_span!("level", depth).in_scope(|| info!(states, generated, frontier, "entered"));
    }
    level.max(progress.depth)
}

fn progress(checker: &impl Checker<RaftModel>, meters: &Meters, start: Instant, engine: Engine) -> Progress {
    let generated = checker.state_count() as u64;
    // A simulation does not know which of its states are distinct.
    let states =
        if engine == Engine::StaterightSimulation { generated } else { checker.unique_state_count() as u64 };
    let frontier = states.saturating_sub(meters.expanded());
    Progress { states, generated, frontier, depth: meters.depth(), elapsed: start.elapsed() }
}

fn reached(progress: &Progress, plan: &Plan) -> Option<Limit> {
    if INTERRUPTED.load(Ordering::Relaxed) {
        return Some(Limit::Interrupt);
    }
    let limits = [
        (Limit::States, plan.max_states.is_some_and(|max| progress.states >= max)),
        (Limit::Time, plan.timeout.is_some_and(|max| progress.elapsed >= max)),
        (Limit::Memory, plan.max_memory.is_some_and(|max| memory::current() >= max)),
    ];
    limits.into_iter().find_map(|(limit, is_reached)| is_reached.then_some(limit))
}

/// What the bounds allow, and what came of it.
fn coverage(setup: &Setup, meters: &Meters) -> Vec<(Kind, u64, u64)> {
    let allowed = Kind::ALL.into_iter().filter(|kind| kind.is_allowed_by(&setup.bounds));
    allowed.map(|kind| (kind, meters.coverage(kind).0, meters.coverage(kind).1)).collect()
}

/// The violation that was met first, walked again through the core and judged again.
fn violation(
    checker: &impl Checker<RaftModel>,
    model: &RaftModel,
    meters: &Meters,
    plan: &Plan,
) -> Result<Option<Violation>, SearchError> {
    let met =
        PROPERTIES.iter().filter_map(|property| Some((meters.violated_at(property.index())?, property)));
    let Some((_, property)) = met.min_by_key(|(depth, property)| (*depth, property.index())) else {
        return Ok(None);
    };
    let path = checker.discovery(property.name).ok_or(SearchError::Unconfirmed(property.name))?;
    let story = Story::of(model, path.into_actions()).ok_or(SearchError::Unconfirmed(property.name))?;
    let why = judge(property, story.last()).ok_or(SearchError::Unconfirmed(property.name))?;
    let shortest = plan.engine == Engine::StaterightBfs && plan.threads <= 1;
    Ok(Some(Violation { property, story, why, shortest }))
}

/// What breaks `property` in `world`, if something does.
pub fn judge(property: &Property, world: &World) -> Option<String> {
    property.holds(&world.servers()).err()
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

    /// Witnesses that were never seen.
    pub fn missing_witnesses(&self) -> impl Iterator<Item = &'static str> {
        self.witnesses.iter().filter(|(_, depth)| depth.is_none()).map(|(name, _)| *name)
    }

    /// Kinds of action that the bounds allow and that never led to a state.
    pub fn never_taken(&self) -> impl Iterator<Item = Kind> {
        self.coverage.iter().filter(|(_, _, taken)| *taken == 0).map(|(kind, _, _)| *kind)
    }

    /// How many states a search by 64-bit fingerprints is expected to have missed: the pairs of states, over 2^64.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn missed_states_expected(&self) -> f64 {
        let states = self.progress.states as f64;
        states * (states - 1.0).max(0.0) / 2.0 / 2f64.powi(64)
    }
}

impl Limit {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Limit::States => "states",
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
            Engine::StaterightBfs => "stateright-bfs",
            Engine::StaterightDfs => "stateright-dfs",
            Engine::StaterightSimulation => "stateright-simulation",
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
