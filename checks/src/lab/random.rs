//! `lab random`: worlds that are drawn from seeds. In each, things go wrong for a while under load; then all is healed,
//! and the cluster has to come back. Every run is judged as live ones are: its cores are replayed step by step under the
//! model's properties, and what its clients were told has to be linearizable.

mod act;
mod draw;
mod go;
mod judge;
mod lies;
mod memory;
mod plan;
mod shrink;
mod table;
mod trial;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use self::draw::draw;
use self::go::{ComesBack, Outcome};
use self::judge::Broken;
use self::plan::Plan;
use self::trial::Trial;
use super::cli::RandomArgs;
use super::verbs::draw_seed;
use crate::cli::Common;
use crate::console::{Console, grouped};
use crate::failure::Failure;
use crate::scenario::Time;
use crate::verdict::exit;

/// Of so many runs one is done again, to see whether it is the same.
const AGAIN_EVERY: u64 = 20;

/// How many seeds are looked at between two words on how far it is.
const CHUNK: usize = 64;

/// What came of some seeds.
#[derive(Debug, Default)]
struct Tally {
    runs: u64,
    again: u64,
    /// Runs of which a majority's logs were not whole any more: they could not come back.
    gone: u64,
    events: u64,
    operations: u64,
    passed_us: u64,
    struck: BTreeMap<String, u64>,
    tried: BTreeMap<Trial, u64>,
    /// Runs in which nothing was tried: no voter could be spared, or servers promise nothing of it.
    untried: u64,
}

/// What one seed came to.
struct One {
    events: u64,
    operations: u64,
    passed_us: u64,
    is_again: bool,
    is_gone: bool,
    struck: BTreeMap<String, u64>,
    tried: Option<Trial>,
}

/// Runs seeds until one breaks something, or all are done.
///
/// # Errors
///
/// If a rule is not known.
pub fn random(args: &RandomArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    if let Some(rules) = &args.without {
        return table::without(rules, args, console);
    }
    let first = common.seed.unwrap_or_else(draw_seed);
    console.print(&format!("seed    {first}\n"));
    let (began, mut tally) = (Instant::now(), Tally::default());
    let (shard, shards) = args.shard.unwrap_or((1, 1));
    let ours = (0..args.seeds).filter(|at| at % shards == shard - 1);
    let seeds: Vec<u64> = ours.map(|at| first.wrapping_add(at)).collect();
    let mut broken = None;
    for chunk in seeds.chunks(CHUNK) {
        let runs: Vec<_> = chunk.par_iter().map(|seed| (*seed, one(*seed, args.lasts))).collect();
        for (seed, (one, found)) in runs {
            tally.add(one);
            broken = broken.or_else(|| found.map(|found| (seed, found)));
        }
        if broken.is_some() {
            break;
        }
        if !common.quiet {
            console.note(tally.line(began).trim_end());
        }
    }
    let exit = broken.as_ref().map_or(exit::OK, |(_, broken)| broken.exit);
    let seed = broken.as_ref().map_or(first, |(seed, _)| *seed);
    let seeds = if broken.is_some() { 1 } else { args.seeds };
    if let Some((seed, broken)) = broken {
        console.print(&told(seed, broken, args));
    }
    let verdict = match exit {
        exit::OK => "VERIFIED",
        exit::UNDECIDED => "UNDECIDED",
        exit::INTERNAL => "ERROR",
        _ => "VIOLATED",
    };
    let lasts = Time(args.lasts);
    console.print(&format!(
        "{}{}{}VERDICT {verdict}   exit {exit}\nrerun   lab random --seeds {seeds} --for {lasts} --seed {seed}\n",
        tally.line(began),
        tally.faults(),
        tally.trials(),
    ));
    Ok(exit)
}

/// One seed: its run, and now and then the same again.
fn one(seed: u64, lasts: Duration) -> (One, Option<Broken>) {
    let plan = draw(seed, lasts);
    let (outcome, mut broken) = judge::run(&plan, None);
    let is_again = seed.is_multiple_of(AGAIN_EVERY);
    if is_again && broken.is_none() {
        let again = go::go(&plan, None, false);
        if (again.print, again.events) != (outcome.print, outcome.events) {
            let why = format!("two runs of seed {seed} differ");
            broken = Some(Broken { property: "same seed, same run".into(), why, exit: exit::NOT_THE_SAME });
        }
    }
    let Outcome { events, passed_us, struck, operations_count: operations, came_back, tried, .. } = outcome;
    let is_gone = came_back == ComesBack::Cannot;
    (One { events, operations, passed_us, is_again, is_gone, struck, tried }, broken)
}

/// What broke, made as small as it gets.
fn told(seed: u64, broken: Broken, args: &RandomArgs) -> String {
    let plan = draw(seed, args.lasts);
    let (plan, broken) = if args.no_shrink { (plan, broken) } else { shrink::shrink(plan, broken, None) };
    format!("{}✗ {}: {}\n", script(&plan, &broken), broken.property, broken.why)
}

/// What goes wrong in a run, a line each.
fn script(plan: &Plan, broken: &Broken) -> String {
    let Plan { founders, spec, .. } = plan;
    let mut text = format!("up      {founders} servers, {spec:?}\n");
    for load in &plan.loads {
        let whom = if plan.is_each_asked { ", each asks one server and no other" } else { "" };
        // Writing to a string never fails.
        let _ = writeln!(text, "{load}{whom}");
    }
    for (at, act) in &plan.acts {
        // Writing to a string never fails.
        let _ = writeln!(text, "{:7.3} s  {act}", Duration::from_micros(*at).as_secs_f64());
    }
    let _ = writeln!(text, "{:7.3} s  heal, start all", Duration::from_micros(plan.lasts_us).as_secs_f64());
    if let Some(trial) = Trial::ALL.into_iter().find(|trial| trial.property() == broken.property) {
        let _ = writeln!(text, "then       {trial}");
    }
    text
}

impl Tally {
    fn add(&mut self, one: One) {
        self.runs += 1;
        self.again += u64::from(one.is_again);
        self.gone += u64::from(one.is_gone);
        self.events += one.events;
        self.operations += one.operations;
        self.passed_us += one.passed_us;
        match one.tried {
            Some(tried) => *self.tried.entry(tried).or_default() += 1,
            None => self.untried += 1,
        }
        for (fault, count) in one.struck {
            *self.struck.entry(fault).or_default() += count;
        }
    }

    fn line(&self, began: Instant) -> String {
        let (passed, took) =
            (Duration::from_micros(self.passed_us).as_secs_f64(), began.elapsed().as_secs_f64());
        format!(
            "{} runs, {} of them twice, {} without a majority to come back with · {:.0} s of clusters in {took:.1} s: {:.0} a second · {} events · {} operations\n",
            grouped(self.runs),
            grouped(self.again),
            grouped(self.gone),
            passed,
            passed / took.max(0.001),
            grouped(self.events),
            grouped(self.operations),
        )
    }

    /// What clusters had to bear when they were back.
    fn trials(&self) -> String {
        let trials: Vec<_> =
            self.tried.iter().map(|(trial, count)| format!("{trial} {}", grouped(*count))).collect();
        format!("then    {} · nothing {}\n", trials.join(" · "), grouped(self.untried))
    }

    /// How often each fault struck.
    fn faults(&self) -> String {
        let faults: Vec<_> =
            self.struck.iter().map(|(fault, count)| format!("{fault} {}", grouped(*count))).collect();
        format!("struck  {}\n", faults.join(" · "))
    }
}
