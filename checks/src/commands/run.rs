//! `check` and `check run`: standing checks, several at a time.

use std::fmt::Write as _;
use std::time::Instant;

use raftlab_model::{Bounds, Setup};
use rayon::prelude::*;
use tracing::{info, info_span};

use crate::catalogue::{CHECKS, Check, Scope, Tier};
use crate::cli::{BoundsArgs, Common, RunArgs, SearchArgs, WriteOut};
use crate::console::Console;
use crate::failure::Failure;
use crate::memory;
use crate::report::{CheckReport, SuiteReport};
use crate::rundir::RunDir;
use crate::search::{Engine, Outcome, Plan, Progress, search};
use crate::trace::{self, Trace};

/// One world to search.
struct Task {
    check: &'static Check,
    scope: Scope,
    bounds: Bounds,
}

/// The default suite: every standing check, quick tier.
pub fn suite(common: &Common, console: &Console) -> Result<u8, Failure> {
    let tasks = tasks(CHECKS, Tier::Quick, &BoundsArgs::default());
    let search = SearchArgs {
        engine: Engine::default(),
        threads: 1,
        max_states: None,
        timeout: None,
        max_memory: None,
        allow_incomplete: false,
    };
    explore_all(&tasks, Tier::Quick, &search, common, console, "check")
}

/// One check, or all, perhaps at another size.
pub fn run(args: &RunArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    let checks = if args.check == "all" { CHECKS } else { std::slice::from_ref(super::check(&args.check)?) };
    let tasks = tasks(checks, args.tier, &args.bounds);
    for task in &tasks {
        if !(1..=9).contains(&task.bounds.servers) {
            return Err(Failure::usage(format!("--servers {}: there are 1 to 9", task.bounds.servers)));
        }
        if task.bounds.max_entries == 0 {
            return Err(Failure::usage("--max-entries 0: a message must be allowed at least 1 entry"));
        }
        if let Some(why) = task.bounds.trivial() {
            console.note(&format!("warning: this search is trivial: {why}"));
        }
    }
    explore_all(&tasks, args.tier, &args.search, common, console, "run")
}

/// The worlds of these checks. Where a size was given, worlds that become equal are searched once, and must reach what
/// any of them had to.
fn tasks(checks: &'static [Check], tier: Tier, size: &BoundsArgs) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    for check in checks {
        for scope in check.scopes(tier) {
            let bounds = size.over(&scope.bounds());
            if !tasks.iter().any(|task| task.check.name == check.name && task.bounds == bounds) {
                tasks.push(Task { check, scope: *scope, bounds });
            }
        }
    }
    tasks
}

fn explore_all(
    tasks: &[Task],
    tier: Tier,
    args: &SearchArgs,
    common: &Common,
    console: &Console,
    verb: &str,
) -> Result<u8, Failure> {
    let dir = RunDir::create(common.out.as_deref(), verb)?;
    let start = Instant::now();
    let plan = Plan {
        engine: args.engine,
        threads: args.threads.max(1),
        max_states: args.max_states,
        timeout: args.timeout,
        max_memory: args.max_memory.or_else(memory::sensible_limit),
        seed: super::seed(common),
    };
    let reports: Vec<_> =
        tasks.par_iter().map(|task| explore_one(task, tier, &plan, common, console, &dir)).collect();
    let reports = reports.into_iter().collect::<Result<Vec<_>, _>>()?;
    let suite = SuiteReport::new(reports, start.elapsed().as_secs_f64(), args.allow_incomplete);
    let json = super::json(&suite)?;
    dir.write("report.json", &json)?;
    dir.write("verdict.txt", &format!("{}\n", suite.verdict))?;
    match common.write_out {
        WriteOut::Json => console.print(&json),
        WriteOut::Table if suite.checks.len() > 1 => console.print(&suite.table(console)),
        WriteOut::Table | WriteOut::Simple => {}
    }
    console.note(&format!("report  {}", dir.path().display()));
    if verb == "check" {
        console.note("rerun   check");
    }
    Ok(suite.exit)
}

/// Searches one world and prints its block as soon as it is known.
fn explore_one(
    task: &Task,
    tier: Tier,
    plan: &Plan,
    common: &Common,
    console: &Console,
    dir: &RunDir,
) -> Result<CheckReport, Failure> {
    let Task { check, scope, bounds } = task;
    let span = info_span!("check", name = check.name, bounds = %bounds);
    let setup = Setup { witnesses: scope.witnesses(), ..Setup::new(bounds.clone()) };
    let line = console.line(check.name);
    let levels = std::cell::Cell::new(0);
    let outcome = span.in_scope(|| search(setup, plan, &|progress| watch(progress, &levels, &line)));
    drop(line);
    let flags = if tier == Tier::Deep { " --tier deep" } else { "" };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            let report = CheckReport::failed(check.name, bounds, flags, plan, &error);
            console.note(&report.failed_block(console));
            return Ok(report);
        }
    };
    let mut report = CheckReport::new(check.name, bounds, flags, plan, &outcome);
    let mut block = report.block(&outcome, console);
    if let Some(path) = write_trace(check, bounds, &outcome, dir)? {
        let _ = writeln!(block, "trace   {path}");
        report.trace = Some(path);
    }
    match common.write_out {
        WriteOut::Table => console.print(&(block + "\n")),
        WriteOut::Simple => console.print(&report.line()),
        WriteOut::Json => {}
    }
    Ok(report)
}

/// Shows progress, and logs each level of the search as it begins.
fn watch(progress: &Progress, deepest: &std::cell::Cell<u32>, line: &crate::console::Line) {
    if progress.depth > deepest.get() {
        deepest.set(progress.depth);
        let level = info_span!("level", depth = progress.depth);
        level.in_scope(|| info!(states = progress.states, generated = progress.generated, "reached"));
    }
    line.update(progress);
}

/// A counterexample of the whole core, as a trace without a rule.
fn write_trace(
    check: &Check,
    bounds: &Bounds,
    outcome: &Outcome,
    dir: &RunDir,
) -> Result<Option<String>, Failure> {
    let Some(violation) = &outcome.violation else { return Ok(None) };
    let trace = Trace::of_walk(trace::WHOLE, violation, bounds, &format!("check run {}", check.name));
    let path = dir.write(&format!("{}.trace", check.name), &trace.to_string())?;
    Ok(Some(path.display().to_string()))
}
