//! A search by the project's own explorer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use raftlab_explorer as engine;
use raftlab_explorer::{Explorer, Mode, PANIC, Permutation, Report, Spill, System, explore};
use raftlab_model::{Action, Property, RaftModel, Setup, label, panic_message};
use stateright::actor::{ActorModelAction, Envelope};

use super::{
    Coverage, Engine, INTERRUPTED, Level, Limit, Outcome, Plan, Progress, SearchError, Tables, Violation,
    coverage, log_levels,
};

/// Between two checkpoints: one of a large search takes a while to write.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(5 * 60);

/// The most servers under whose renamings states are taken for one. Six have 720 renamings, each of which costs an
/// addition a step; what seven would cost is more than it gains.
const SYMMETRIC_SERVERS_MAX: usize = 6;

/// Searches the world of `setup`.
pub(super) fn search(
    setup: Setup,
    plan: &Plan,
    watch: &(dyn Fn(&Progress) + Sync),
) -> Result<Outcome, SearchError> {
    let model = RaftModel::new(setup);
    let logged = AtomicU32::new(0);
    let explorer = planned(&model, plan).on_progress(|now| {
        let progress = progress(now);
        watch(&progress);
        logged.store(log_levels(logged.load(Ordering::Relaxed), &progress), Ordering::Relaxed);
    });
    let report = catch_unwind(AssertUnwindSafe(|| explorer.run()))
        .map_err(|panic| SearchError::Engine(panic_message(&*panic)))??;
    outcome(&model, &report, plan.mode == Mode::Exact)
}

fn planned<'a>(model: &'a RaftModel, plan: &Plan) -> Explorer<'a, RaftModel> {
    let symmetry = plan.symmetry && is_small(model);
    let asked = explore(model).threads(plan.threads).mode(plan.mode);
    let asked = asked.symmetry(symmetry).interrupt(&INTERRUPTED);
    let asked = plan.max_states.into_iter().fold(asked, Explorer::max_states);
    let asked = plan.max_depth.into_iter().fold(asked, Explorer::max_depth);
    let asked = plan.timeout.into_iter().fold(asked, Explorer::timeout);
    let bytes = plan.max_memory.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    let asked = bytes.into_iter().fold(asked, Explorer::max_memory);
    let asked = plan.checkpoint.iter().fold(asked, |asked, dir| asked.checkpoint(dir, CHECKPOINT_EVERY));
    let asked = plan.resume.iter().fold(asked, Explorer::resume);
    let asked = plan.spill.iter().fold(asked, |asked, dir| asked.spill(Spill::new(dir)));
    plan.cluster.iter().cloned().fold(asked, Explorer::distributed)
}

/// Are its servers few enough to try all of their renamings?
fn is_small(model: &RaftModel) -> bool {
    model.setup().bounds.servers <= SYMMETRIC_SERVERS_MAX
}

fn progress(now: &engine::Progress) -> Progress {
    Progress {
        states: now.states,
        generated: now.generated,
        frontier: now.frontier,
        depth: now.depth,
        elapsed: now.elapsed,
        tables: Some(Tables {
            bytes: now.bytes as u64,
            locals: now.locals,
            messages: now.envelopes,
            cells: now.cells,
        }),
    }
}

fn outcome(model: &RaftModel, report: &Report<RaftModel>, exact: bool) -> Result<Outcome, SearchError> {
    let violation = violation(model, report)?;
    if let (None, Some(panic)) = (&violation, report.discovery(PANIC)) {
        let said = panic.message.as_deref().unwrap_or_default();
        let last = panic.path.last().map_or_else(|| "the start".to_string(), label);
        return Err(SearchError::Engine(format!("{said}, {} steps deep at `{last}`", panic.path.len())));
    }
    let seen_at = |name| report.discovery(name).map(|found| steps(found.path.len()));
    let level = |level: &engine::Level| Level {
        depth: level.depth,
        states: level.states,
        generated: level.generated,
    };
    Ok(Outcome {
        engine: Engine::Explorer,
        progress: Progress { depth: report.depth, ..progress(&report.progress) },
        states_full: report.full_states,
        symmetry: report.symmetry,
        exact,
        limit: report.limit.and_then(limit),
        violation,
        judged: model.setup().judged().collect(),
        witnesses: model.setup().witnesses.iter().map(|own| (own.name, seen_at(own.name))).collect(),
        coverage: coverage(&model.setup().bounds, |kind| {
            let seen = &report.coverage[kind as usize];
            Coverage { kind, enabled: seen.enabled, taken: seen.taken, first_depth: seen.first_depth }
        }),
        levels: report.levels.iter().map(level).collect(),
        peak_bytes: report.peak_bytes as u64,
        missed_states_expected: report.missed_states_expected,
        spilled: report.spilled,
        distribution: report.distribution.clone(),
    })
}

fn steps(path: usize) -> u32 {
    u32::try_from(path).unwrap_or(u32::MAX)
}

/// What stopped the search. A violation does not stop it: it is what was looked for.
fn limit(limit: engine::Limit) -> Option<Limit> {
    match limit {
        engine::Limit::States => Some(Limit::States),
        engine::Limit::Depth => Some(Limit::Depth),
        engine::Limit::Time => Some(Limit::Time),
        engine::Limit::Memory => Some(Limit::Memory),
        engine::Limit::Interrupt => Some(Limit::Interrupt),
        engine::Limit::Violation => None,
    }
}

/// The violation with the shortest way; of equally short ones, that of the first property. Breadth first, on any number
/// of threads, no way is shorter.
fn violation(model: &RaftModel, report: &Report<RaftModel>) -> Result<Option<Violation>, SearchError> {
    let broken = report.violations().filter_map(|found| Some((found, Property::named(found.property)?)));
    let first = broken.min_by_key(|(found, property)| (found.path.len(), property.index()));
    let of = |(found, property): (&engine::Discovery<RaftModel>, _)| {
        super::violation(model, property, named(model, &found.path), true)
    };
    first.map(of).transpose()
}

/// What happens to some servers can happen to any others. It is told under the names by which it reads first: `n1` acts
/// before `n2`.
fn named(model: &RaftModel, path: &[Action]) -> Vec<Action> {
    if !is_small(model) {
        return path.to_vec();
    }
    let symmetries = model.symmetries().into_iter();
    let told = symmetries.map(|by| path.iter().map(|action| renamed(model, action, &by)).collect::<Vec<_>>());
    told.min_by_key(|path| path.iter().map(label).collect::<Vec<_>>()).unwrap_or_default()
}

fn renamed(model: &RaftModel, action: &Action, by: &Permutation) -> Action {
    match action {
        ActorModelAction::Deliver { src, dst, msg } => ActorModelAction::Deliver {
            src: by.of(*src),
            dst: by.of(*dst),
            msg: model.permute_message(msg, by),
        },
        ActorModelAction::Drop(Envelope { src, dst, msg }) => ActorModelAction::Drop(Envelope {
            src: by.of(*src),
            dst: by.of(*dst),
            msg: model.permute_message(msg, by),
        }),
        ActorModelAction::Timeout(id, timer) => {
            ActorModelAction::Timeout(by.of(*id), model.permute_timer(timer, by))
        }
        ActorModelAction::Crash(id) => ActorModelAction::Crash(by.of(*id)),
        ActorModelAction::Recover(id) => ActorModelAction::Recover(by.of(*id)),
        ActorModelAction::SelectRandom { actor, key, random } => {
            ActorModelAction::SelectRandom { actor: by.of(*actor), key: key.clone(), random: *random }
        }
    }
}
