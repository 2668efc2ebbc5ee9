//! `check` and `check run`: standing checks, several at a time.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use raftlab_model::{Bounds, Setup};
use rayon::prelude::*;

use crate::catalogue::{CHECKS, Check, Scope, Tier};
use crate::cli::{BoundsArgs, Common, RunArgs, SearchArgs, WriteOut};
use crate::console::Console;
use crate::failure::Failure;
use crate::report::{CheckReport, SuiteReport};
use crate::rundir::RunDir;
use crate::search::{Engine, Plan, SearchError, search};
use crate::trace::{self, Trace};

/// One world to search.
struct Task {
    check: &'static Check,
    /// Its place in the check's tier, from 1.
    world: usize,
    scope: Scope,
    bounds: Bounds,
    /// The command that does this again.
    rerun: String,
}

/// The default suite: every standing check, quick tier.
pub fn suite(common: &Common, console: &Console) -> Result<u8, Failure> {
    let args = RunArgs {
        check: "all".into(),
        tier: Tier::Quick,
        world: None,
        bounds: BoundsArgs::default(),
        search: SearchArgs::default(),
    };
    explore_all(&tasks(CHECKS, &args)?, &args.search, common, console, "check")
}

/// One check, or all, perhaps at another size.
pub fn run(args: &RunArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    let checks = if args.check == "all" { CHECKS } else { std::slice::from_ref(super::check(&args.check)?) };
    let tasks = tasks(checks, args)?;
    for task in &tasks {
        if let Some(why) = task.bounds.trivial() {
            console.note(&format!("warning: this search is trivial: {why}"));
        }
    }
    explore_all(&tasks, &args.search, common, console, "run")
}

/// The worlds of these checks at the size that was asked for. Of those that become equal, and are judged alike, the
/// first is searched.
fn tasks(checks: &'static [Check], args: &RunArgs) -> Result<Vec<Task>, Failure> {
    let mut tasks: Vec<Task> = Vec::new();
    for check in checks {
        let scopes = check.scopes(args.tier);
        if args.world.is_some_and(|world| !(1..=scopes.len()).contains(&world)) {
            return Err(Failure::usage(format!(
                "--world: `{}` has 1 to {} in this tier",
                check.name,
                scopes.len()
            )));
        }
        for (at, scope) in scopes.iter().enumerate() {
            let (world, bounds) = (at + 1, args.bounds.over(&scope.bounds())?);
            let is_equal = |task: &Task| task.bounds == bounds && task.scope.liveness == scope.liveness;
            let is_known = tasks.iter().any(|task| task.check.name == check.name && is_equal(task));
            if args.world.is_none_or(|wanted| wanted == world) && !is_known {
                let tier = if args.tier == Tier::Deep { " --tier deep" } else { "" };
                let flags = args.bounds.flags() + &args.search.flags();
                let rerun = format!("check run {}{tier} --world {world}{flags}", check.name);
                tasks.push(Task { check, world, scope: *scope, bounds, rerun });
            }
        }
    }
    Ok(tasks)
}

fn explore_all(
    tasks: &[Task],
    args: &SearchArgs,
    common: &Common,
    console: &Console,
    verb: &str,
) -> Result<u8, Failure> {
    let plan = args.plan(super::seed(common))?;
    check_single(tasks, &plan)?;
    let dir = RunDir::create(common.out.as_deref(), verb)?;
    let start = Instant::now();
    let one = |task| explore_one(task, &plan, common, console, &dir);
    // The explorer has all cores and the memory for each world in turn; stateright's engines gain little from a second
    // thread, and gain from a second world.
    let reports: Result<Vec<_>, _> = match plan.engine {
        Engine::Explorer => tasks.iter().map(one).collect(),
        _ => tasks.par_iter().map(one).collect(),
    };
    let reports = reports?;
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

/// A directory keeps one search, and processes share one, so there may be one only; and one to go on from must be
/// there.
fn check_single(tasks: &[Task], plan: &Plan) -> Result<(), Failure> {
    let of_one = [
        ("--checkpoint", plan.checkpoint.is_some()),
        ("--resume", plan.resume.is_some()),
        ("--hosts", plan.cluster.is_some()),
    ];
    let given = of_one.iter().find(|(_, is_given)| *is_given).map(|(flag, _)| *flag);
    if let (Some(flag), [first, _, ..]) = (given, tasks) {
        return Err(Failure::usage(format!(
            "{flag} is for one search, and this run has {}: pick a world, for example `check run {} {flag} … --world {}`",
            tasks.len(),
            first.check.name,
            first.world,
        )));
    }
    let missing = plan.resume.as_ref().filter(|dir| !dir.is_dir());
    missing.map_or(Ok(()), |dir| {
        Err(Failure::io(format!("{}: there is no such directory to resume from", dir.display())))
    })
}

/// A checkpoint that cannot be written or read, a process that is lost, or a disk that is full, is no verdict: the
/// system is at fault.
fn of_the_system(error: &SearchError, plan: &Plan) -> Option<Failure> {
    let dir = match error {
        SearchError::Explorer(raftlab_explorer::Error::Checkpoint(dir, _)) => dir,
        SearchError::Explorer(raftlab_explorer::Error::Cluster(_) | raftlab_explorer::Error::Spill(..)) => {
            return Some(Failure::io(error.to_string()));
        }
        _ => return None,
    };
    let is_read = plan.resume.as_ref().is_some_and(|resume| Path::new(dir).starts_with(resume));
    Some(if is_read { Failure::data(error.to_string()) } else { Failure::io(error.to_string()) })
}

/// Searches one world and prints its block as soon as it is known.
fn explore_one(
    task: &Task,
    plan: &Plan,
    common: &Common,
    console: &Console,
    dir: &RunDir,
) -> Result<CheckReport, Failure> {
    let (witnesses, liveness) = (task.scope.witnesses(), task.scope.liveness());
    let setup = Setup { witnesses, liveness, ..Setup::new(task.bounds.clone()) };
    let line = console.line(task.check.name);
    let outcome = search(task.check.name, setup, plan, &|progress| line.update(progress));
    drop(line);
    if let Some(failure) = outcome.as_ref().err().and_then(|error| of_the_system(error, plan)) {
        return Err(failure);
    }
    let mut report = CheckReport::new(task.check.name, &task.bounds, task.rerun.clone(), plan);
    let mut block = match &outcome {
        Ok(outcome) => {
            report.complete(outcome);
            report.block(outcome, console) + &report.tables(common.verbose)
        }
        Err(error) => {
            report.error = Some(error.to_string());
            report.failed_block(console)
        }
    };
    if let Some(violation) = outcome.as_ref().ok().and_then(|outcome| outcome.violation.as_ref()) {
        let trace = Trace::of_walk(trace::WHOLE, violation, &task.bounds, &task.rerun)?;
        let path = dir.write(&format!("{}-{}.trace", task.check.name, task.world), &trace.to_string())?;
        let _ = writeln!(block, "trace   {}", path.display());
        report.trace = Some(path.display().to_string());
    }
    match common.write_out {
        WriteOut::Table => console.print(&(block + "\n")),
        WriteOut::Simple => console.print(&report.line()),
        WriteOut::Json => {}
    }
    Ok(report)
}
