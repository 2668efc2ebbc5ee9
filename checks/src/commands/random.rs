//! `check random`: seeded random walks in parallel.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use raftlab_model::{RaftModel, Setup};
use rayon::prelude::*;
use serde::Serialize;

use crate::catalogue::Check;
use crate::cli::{Common, RandomArgs, WriteOut};
use crate::console::{Console, grouped};
use crate::failure::Failure;
use crate::gallery::Exhibit;
use crate::report::paint;
use crate::rundir::RunDir;
use crate::search::{INTERRUPTED, Progress, Violation};
use crate::trace::Trace;
use crate::verdict::{Verdict, exit};
use crate::walk::{self, Walk};

/// `check random`, in JSON.
#[derive(Debug, Serialize)]
struct RandomReport {
    schema: &'static str,
    check: &'static str,
    bounds: String,
    without: Option<String>,
    seed: u64,
    shard: String,
    walks: u64,
    steps: u64,
    seconds: f64,
    verdict: Verdict,
    exit: u8,
    property: Option<&'static str>,
    violated_in_walk: Option<u64>,
    violation_steps: Option<usize>,
    shrunk_from: Option<usize>,
    trace: Option<String>,
    witnesses: Vec<WitnessReport>,
}

/// Something that walks should come to: what they did not come to, they have not shown to be harmless.
#[derive(Debug, Serialize)]
struct WitnessReport {
    name: &'static str,
    reached: bool,
}

/// Walks the world that a check has for it, or the one that was asked for.
pub fn random(args: &RandomArgs, common: &Common, console: &Console) -> Result<u8, Failure> {
    let check = super::check(&args.check)?;
    let without = args.without.as_deref().map(super::rule).transpose()?;
    if let Some(calm) = without.filter(|exhibit| exhibit.property().is_of_calm()) {
        return Err(Failure::usage(format!(
            "--without {}: what falls is what comes of calm (`{}`), and walks are not calm: see `check weaken {0}`",
            calm.name, calm.property,
        )));
    }
    let setup = setup(check, without, args)?;
    if let Some(why) = setup.bounds.trivial() {
        console.note(&format!("warning: these walks are trivial: {why}"));
    }
    let dir = RunDir::create(common.out.as_deref(), "random")?;
    let seed = super::seed(common);
    console.note(&format!("seed    {seed}"));
    let start = Instant::now();
    let model = RaftModel::new(setup);
    let taken = Taken::default();
    let found = walk_all(&model, args, seed, &taken, console, start);
    let violation = found.as_ref().map(|walk| shrunk(&model, walk)).transpose()?;
    let interrupted = INTERRUPTED.load(Ordering::Relaxed);
    let verdict = if violation.is_some() { Verdict::Violated } else { Verdict::Incomplete };
    let code =
        if verdict == Verdict::Incomplete && args.allow_incomplete { exit::OK } else { verdict.exit() };
    let rule = without.map_or("none", |exhibit| exhibit.name);
    let again = rerun(args, seed);
    let mut path = None;
    if let Some(violation) = &violation {
        let trace = Trace::of_walk(rule, violation, &model.setup().bounds, &again)?;
        path = Some(dir.write(&format!("{}.trace", check.name), &trace.to_string())?.display().to_string());
        if common.write_out == WriteOut::Table {
            console.print(&format!("{trace}\n"));
        }
    }
    let report = RandomReport {
        schema: "raftlab-random/1",
        check: check.name,
        bounds: model.setup().bounds.to_string(),
        without: without.map(|exhibit| exhibit.name.to_string()),
        seed,
        shard: format!("{}/{}", args.shard.0, args.shard.1),
        walks: taken.walks.load(Ordering::Relaxed),
        steps: taken.steps.load(Ordering::Relaxed),
        seconds: start.elapsed().as_secs_f64(),
        verdict,
        exit: code,
        property: violation.as_ref().map(|violation| violation.property.name),
        violated_in_walk: found.as_ref().map(|walk| walk.number),
        violation_steps: violation.as_ref().map(|violation| violation.story.steps.len()),
        shrunk_from: found.as_ref().map(|walk| walk.actions.len()),
        trace: path,
        witnesses: witnesses(&model),
    };
    let json = super::json(&report)?;
    dir.write("report.json", &json)?;
    dir.write("verdict.txt", &format!("{verdict}\n"))?;
    match common.write_out {
        WriteOut::Json => console.print(&json),
        WriteOut::Table | WriteOut::Simple => console.print(&report.text(console, interrupted, &again)),
    }
    Ok(code)
}

/// The world that is walked: with a rule off, the one in which that shows. No message is taken out of it, since a walk
/// keeps no set of states that could grow.
fn setup(check: &'static Check, without: Option<&Exhibit>, args: &RandomArgs) -> Result<Setup, Failure> {
    let scope = check.walked();
    let base = without.map_or_else(|| scope.bounds(), Exhibit::bounds);
    let way = without.map(|exhibit| exhibit.way);
    let witnesses = if without.is_none() { scope.witnesses() } else { Vec::new() };
    let walked = Setup::new(args.bounds.over(&base)?);
    Ok(Setup { way, witnesses, remove_dead: false, first_only: false, ..walked })
}

/// What the walks came to, of what is looked for in this world.
fn witnesses(model: &RaftModel) -> Vec<WitnessReport> {
    let wanted = model.setup().witnesses.iter().enumerate();
    wanted
        .map(|(at, witness)| WitnessReport {
            name: witness.name,
            reached: model.meters().seen_at(at).is_some(),
        })
        .collect()
}

/// How much was walked.
#[derive(Debug, Default)]
struct Taken {
    walks: AtomicU64,
    steps: AtomicU64,
}

/// The walks of this shard, until one breaks something: of those the one with the lowest number, so that the result
/// does not depend on which thread was faster.
fn walk_all(
    model: &RaftModel,
    args: &RandomArgs,
    seed: u64,
    taken: &Taken,
    console: &Console,
    start: Instant,
) -> Option<Walk> {
    let line = console.line("random");
    let (first, every) = args.shard;
    let numbers = (0..args.runs).filter(|number| number % every == first).collect::<Vec<_>>();
    numbers
        .into_par_iter()
        .filter_map(|number| {
            if INTERRUPTED.load(Ordering::Relaxed) {
                return None;
            }
            let walk = walk::walk(model, seed, number, args.max_steps);
            let steps = taken.steps.fetch_add(walk.actions.len() as u64, Ordering::Relaxed);
            taken.walks.fetch_add(1, Ordering::Relaxed);
            let depth = model.meters().depth();
            let elapsed = start.elapsed();
            line.update(&Progress { states: steps, generated: steps, depth, elapsed, ..Progress::default() });
            Some(walk)
        })
        .find_first(|walk| walk.broken.is_some())
}

fn shrunk(model: &RaftModel, walk: &Walk) -> Result<Violation, Failure> {
    let property = walk.broken.ok_or_else(|| Failure::internal("a walk that broke nothing was reported"))?;
    walk::shrink(model, &walk.actions, property).ok_or_else(|| {
        Failure::internal(format!("walk {} broke `{}`, and its replay does not", walk.number, property.name))
    })
}

fn rerun(args: &RandomArgs, seed: u64) -> String {
    let without = args.without.as_ref().map_or(String::new(), |rule| format!(" --without {rule}"));
    let shard = if args.shard == (0, 1) {
        String::new()
    } else {
        format!(" --shard {}/{}", args.shard.0, args.shard.1)
    };
    let (runs, steps, flags) = (args.runs, args.max_steps, args.bounds.flags());
    format!(
        "check random {}{without} --seed {seed} --runs {runs} --max-steps {steps}{shard}{flags}",
        args.check
    )
}

impl RandomReport {
    fn text(&self, console: &Console, interrupted: bool, rerun: &str) -> String {
        let says = match (self.property, self.violation_steps, self.shrunk_from) {
            (Some(property), Some(steps), Some(from)) => {
                format!("{property} in {steps} steps, shrunk from {from}")
            }
            _ if interrupted => "no violation so far; stopped by Ctrl-C".to_string(),
            _ => "no violation; random walks never know what they have not seen".to_string(),
        };
        let trace = self.trace.as_ref().map_or(String::new(), |path| format!("trace   {path}\n"));
        let seen: String = self.witnesses.iter().map(|witness| witness.line(console)).collect();
        format!(
            "random  {}   {}\n        {} walks · {} steps · {:.1} s · seed {}\n{seen}{trace}VERDICT {}  {says}\nrerun   {rerun}\n",
            self.check,
            self.bounds,
            grouped(self.walks),
            grouped(self.steps),
            self.seconds,
            self.seed,
            paint(self.verdict, console),
        )
    }
}

impl WitnessReport {
    fn line(&self, console: &Console) -> String {
        let (mark, says) = if self.reached {
            (console.good("✔"), "reached")
        } else {
            (console.doubtful("✗"), "not reached by these walks")
        };
        format!("  {mark} sometimes  {:<42} {says}\n", self.name)
    }
}
