//! A search by one of stateright's engines.
//!
//! stateright says that it is done when a limit stopped it, and reports the last violation of a block. The verdict is
//! therefore made of what the model's own meters saw, and of the limit that was reached, if one was.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use raftlab_model::{Meters, Property, RaftModel, Setup, panic_message};
use stateright::{Checker, HasDiscoveries, Model, UniformChooser};

use super::{
    Coverage, Engine, INTERRUPTED, Limit, Outcome, Plan, Progress, SearchError, Violation, coverage,
    log_levels,
};
use crate::memory;

/// How often a running search is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Searches the world of `setup`.
pub(super) fn search(setup: Setup, plan: &Plan, watch: &dyn Fn(&Progress)) -> Result<Outcome, SearchError> {
    let setup = Setup { only_changes: plan.engine == Engine::StaterightSimulation, ..setup };
    let model = RaftModel::new(setup);
    let meters = Arc::clone(model.meters());
    let builder =
        model.clone().checker().finish_when(HasDiscoveries::AnyFailures).threads(plan.threads.max(1));
    match plan.engine {
        Engine::StaterightDfs => drive(builder.spawn_dfs(), &model, &meters, plan, watch),
        Engine::StaterightSimulation => {
            drive(builder.spawn_simulation(plan.seed, UniformChooser), &model, &meters, plan, watch)
        }
        Engine::Explorer | Engine::StaterightBfs => drive(builder.spawn_bfs(), &model, &meters, plan, watch),
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
    let coverage = coverage(&model.setup().bounds, |kind| {
        let (enabled, taken) = meters.coverage(kind);
        Coverage { kind, enabled, taken, first_depth: None }
    });
    meters.resume();
    let violation = violation(&checker, model, meters, plan)?;
    Ok(Outcome {
        engine: plan.engine,
        progress,
        states_full: progress.states,
        symmetry: 1,
        exact: false,
        limit,
        violation,
        judged: model.setup().judged().collect(),
        witnesses,
        coverage,
        levels: Vec::new(),
        peak_bytes: memory::peak(),
        missed_states_expected: missed(progress.states),
        spilled: None,
        distribution: None,
    })
}

/// How many states a search by 64-bit fingerprints is expected to have missed: the pairs of states, over 2^64.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn missed(states: u64) -> f64 {
    let states = states as f64;
    states * (states - 1.0).max(0.0) / 2.0 / 2f64.powi(64)
}

fn progress(checker: &impl Checker<RaftModel>, meters: &Meters, start: Instant, engine: Engine) -> Progress {
    let is_sampling = engine == Engine::StaterightSimulation;
    let generated = checker.state_count() as u64;
    // A simulation does not know which of its states are distinct.
    let states = if is_sampling { generated } else { checker.unique_state_count() as u64 };
    let frontier = states.saturating_sub(meters.expanded());
    // To stateright a path is as long as it has states: one more than it has steps. The meters also know steps that led
    // to no new state, so they may be one too deep.
    let steps = u32::try_from(checker.max_depth()).unwrap_or(u32::MAX).saturating_sub(1);
    let depth = if is_sampling { meters.depth() } else { steps };
    Progress { states, generated, frontier, depth, elapsed: start.elapsed(), tables: None }
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

/// The violation that was met first.
fn violation(
    checker: &impl Checker<RaftModel>,
    model: &RaftModel,
    meters: &Meters,
    plan: &Plan,
) -> Result<Option<Violation>, SearchError> {
    let met = Property::all().filter_map(|property| Some((meters.violated_at(property.index())?, property)));
    let Some((_, property)) = met.min_by_key(|(depth, property)| (*depth, property.index())) else {
        return Ok(None);
    };
    let path = checker.discovery(property.name).ok_or(SearchError::Unconfirmed(property.name))?;
    let shortest = plan.engine == Engine::StaterightBfs && plan.threads <= 1;
    super::violation(model, property, path.into_actions(), shortest).map(Some)
}
