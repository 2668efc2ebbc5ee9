//! `lab run`: scenarios, one or all, in a simulated world or on processes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

use clap::CommandFactory;
use raftlab_node::program::Flags;

use super::cli::{On, RunArgs};
use super::cluster::Settings;
use super::control::Ended;
use super::narrator::Where;
use super::simulated::run::{self, Plan};
use super::{bridged, capture, scenarios, supervise, verbs};
use crate::cli::{Common, WriteOut};
use crate::console::Console;
use crate::failure::Failure;
use crate::nearest::unknown;
use crate::scenario::{Command, Scenario};
use crate::verdict::exit;

/// The most servers that `--set servers=` may ask for.
const SERVERS_MAX: u64 = 9;

/// Carries out a scenario, or all that come with the program; or lets real nodes walk a checker's traces.
///
/// # Errors
///
/// If one cannot be read, makes no sense, or cannot be run.
pub fn run(args: &RunArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    if args.capture.is_some() && (args.scenario.as_deref() != Some("all") || args.on == On::Udp) {
        let says =
            "`--capture` takes down what all scenarios capture in the simulator: lab run all --capture DIR";
        return Err(Failure::usage(says));
    }
    if args.capture.is_some() && common.seed.is_some() {
        return Err(Failure::usage(
            "what is captured is that of the seed that each scenario was written with",
        ));
    }
    if args.jobs.is_some() && args.scenario.as_deref() != Some("all") {
        return Err(Failure::usage(
            "`--jobs` says how many of all scenarios run at once: lab run all --jobs 2",
        ));
    }
    match (&args.from, args.scenario.as_deref()) {
        (_, Some("all")) if args.capture.is_some() => capture::all(args, common, console),
        (Some(from), _) => bridged::run(from, common, console),
        (None, Some("all")) => all(args, common, console),
        (None, scenario) => one(scenario.unwrap_or_default(), args, common, console),
    }
}

fn one(name: &str, args: &RunArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    let is_json = common.write_out == WriteOut::Json;
    let to = Where::of(common);
    if args.on == On::Udp {
        let scenario = scenario(name, &args.set)?;
        return verbs::live(&verb(name, args), scenario, &args.run, common, console);
    }
    let (ended, rerun) = simulated(name, args, common, to)?;
    if is_json {
        let path = ended.report.with_file_name("scenario.json");
        console.print(&std::fs::read_to_string(&path).map_err(|error| Failure::at(&path, &error))?);
    } else {
        let (report, verdict) = (ended.report.display(), &ended.verdict);
        console.print(&format!("report  {report}\nVERDICT {verdict}\nrerun   {rerun}\n"));
    }
    Ok(ended.exit)
}

/// A run on processes, with nothing said.
///
/// # Errors
///
/// As of [`run`].
pub fn live(name: &str, args: &RunArgs, common: &Common) -> Result<Ended, Failure> {
    let scenario = scenario(name, &args.set)?;
    verbs::quietly(&verb(name, args), scenario, &args.run, common)
}

/// The verb, as it is typed, without what every run may be told.
fn verb(name: &str, args: &RunArgs) -> String {
    let on = if args.on == On::Udp { " --on udp" } else { "" };
    let set: String = args.set.iter().flat_map(|set| [" --set ", set]).collect();
    format!("run {name}{on}{set}")
}

/// A run in a simulated world: what it came to, and the command that does it again.
///
/// # Errors
///
/// As of [`run`].
pub fn simulated(name: &str, args: &RunArgs, common: &Common, to: Where) -> Result<(Ended, String), Failure> {
    let scenario = scenario(name, &args.set)?;
    let dir = verbs::directory_of(&args.run, common, &scenario.name)?;
    // A run without a seed is the one that the scenario was written with.
    let seed = common.seed.unwrap_or(1);
    let (founders, told) = scenario.founding()?;
    let command = format!("lab {}{}", verb(name, args), verbs::flags(&args.run));
    let flags = told.into_iter().chain(args.run.flags.iter().cloned()).collect();
    let program = std::env::current_exe().unwrap_or_default();
    let is_recorded = !args.run.no_record;
    let rerun = format!("{command} --seed {seed}");
    let scenario = Some(scenario);
    let settings = Settings { program, command, seed, founders, flags, is_recorded, scenario };
    let plan = Plan { dir, settings, shape: |config| config };
    Ok((run::run(&plan, to)?, rerun))
}

/// Scenarios whose figures would be others' if these ran beside them.
const MEASURES: [&str; 2] = ["failover", "reads"];

/// How many scenarios run on processes at once, as a rule: they wait for most of the time.
const LIVE_JOBS: usize = 4;

/// All scenarios, each in a directory of its own, and a line of each. The exit code is the first that is not 0.
fn all(args: &RunArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    let parent = verbs::directory(args.run.dir.as_deref().or(common.out.as_deref()), "run-all")?;
    let (began, width) =
        (Instant::now(), scenarios::SCENARIOS.iter().map(|(name, _)| name.len()).max().unwrap_or(0));
    let (together, interrupted) = (RwLock::new(()), supervise::interrupted()?);
    let run = |name: &str| {
        // What is measured on this machine has it to itself.
        let is_alone = args.on == On::Udp && MEASURES.contains(&name);
        let _alone = is_alone.then(|| together.write().unwrap_or_else(PoisonError::into_inner));
        let _beside = (!is_alone).then(|| together.read().unwrap_or_else(PoisonError::into_inner));
        if interrupted.load(Ordering::Relaxed) {
            return (exit::INCOMPLETE, "not run: interrupted".to_string());
        }
        let mut args = args.clone();
        args.run.dir = Some(parent.join(name));
        args.run.is_part = true;
        let common = Common { out: None, quiet: true, ..common.clone() };
        let ended = match args.on {
            On::Sim => simulated(name, &args, &common, Where::Nowhere).map(|(ended, _)| ended),
            On::Udp => live(name, &args, &common),
        };
        ended.map_or_else(
            |Failure { exit, message }| (exit, message),
            |Ended { exit, verdict, .. }| (exit, verdict),
        )
    };
    let jobs = args.jobs.map_or_else(
        || match args.on {
            On::Sim => std::thread::available_parallelism().map_or(1, usize::from),
            On::Udp => LIVE_JOBS,
        },
        usize::from,
    );
    let mut worst = exit::OK;
    in_order(
        scenarios::SCENARIOS.len(),
        jobs,
        |at| run(scenarios::SCENARIOS[at].0),
        |at, (exit, says)| {
            let mark = if exit == exit::OK { '✔' } else { '✗' };
            console.print(&format!("{mark} {:width$}  {says}\n", scenarios::SCENARIOS[at].0));
            worst = if worst == exit::OK { exit } else { worst };
        },
    );
    console.print(&format!("runs    {}, in {:.0} s\n", parent.display(), began.elapsed().as_secs_f64()));
    Ok(worst)
}

/// Does so many things, some of them at once, and tells what came of each, in order.
fn in_order<T: Send>(
    count: usize,
    jobs: usize,
    work: impl Fn(usize) -> T + Sync,
    mut tell: impl FnMut(usize, T),
) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (done, told) = channel();
        for _ in 0..jobs.min(count) {
            let (done, next, work) = (done.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count || done.send((at, work(at))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        let (mut waiting, mut due) = (BTreeMap::new(), 0);
        for (at, came) in told {
            waiting.insert(at, came);
            while let Some(came) = waiting.remove(&due) {
                tell(due, came);
                due += 1;
            }
        }
    });
}

/// The scenario of this name, with other founders and flags than it says.
///
/// # Errors
///
/// If there is none, or what is to be different makes no sense.
pub fn scenario(name: &str, sets: &[String]) -> Result<Scenario, Failure> {
    let mut scenario = scenarios::find(name)?;
    for set in sets {
        let Some((key, value)) = set.split_once('=') else {
            return Err(Failure::usage(format!("`--set {set}` sets nothing: it is written KEY=VALUE")));
        };
        let Some(Command::Up { servers, flags }) = scenario.steps.first_mut().map(|step| &mut step.command)
        else {
            continue;
        };
        if key == "servers" {
            let number = value.parse().ok().filter(|number| (1..=SERVERS_MAX).contains(number));
            *servers = number.ok_or_else(|| {
                Failure::usage(format!("`{value}` is no number of servers from 1 to {SERVERS_MAX}"))
            })?;
            continue;
        }
        let (flag, command) = (key.replace('_', "-"), Flags::command());
        let known: Vec<_> = command.get_arguments().filter_map(|argument| argument.get_long()).collect();
        if !known.contains(&flag.as_str()) {
            return Err(Failure::usage(unknown("key of --set", &flag, known.into_iter().chain(["servers"]))));
        }
        let value = match value {
            "on" => "true",
            "off" => "false",
            other => other,
        };
        flags.extend([format!("--{flag}"), value.to_string()]);
    }
    Ok(scenario)
}
