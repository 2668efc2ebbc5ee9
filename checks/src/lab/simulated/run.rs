//! A scenario in a simulated world, from its start to its verdict; twice, since what is drawn from one seed is the same
//! each time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use clap::Parser;
use raftlab_core::Config;
use raftlab_node::program::Flags;
use raftlab_sim::{Physics, Spec};

use super::super::cluster::{Cluster, Settings};
use super::super::control::Ended;
use super::super::end;
use super::super::lives::JOURNALS;
use super::super::narrator::{Narrator, Where};
use super::super::story::{self, Story};
use super::{Making, Simulated};
use crate::failure::Failure;
use crate::measured;
use crate::verdict::exit;

/// How long the founders may take to elect the first leader.
const FOUNDED_WITHIN: Duration = Duration::from_secs(20);

/// How long a segment of a simulated log is, in bytes: short, so that logs go through many.
const SEGMENT_BYTES: u64 = 64 << 10;

/// The most bytes of a snapshot in a message: few, so that a snapshot comes in several.
const CHUNK_BYTES: usize = 16 << 10;

/// The files of a run that have to be the same the next time.
const SAME: [&str; 5] = ["events.jsonl", "faults.jsonl", "history.jsonl", "load.jsonl", "samples.jsonl"];

/// What is run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where it leaves what it leaves: a directory that is there.
    pub dir: PathBuf,
    /// The cluster, and what is done to it.
    pub settings: Settings,
    /// What every configuration becomes.
    pub shape: fn(Config) -> Config,
}

/// Runs it, runs it again, and judges it.
///
/// # Errors
///
/// If it makes no sense, something cannot be written, or the two runs differ (22).
pub fn run(plan: &Plan, to: Where) -> Result<Ended, Failure> {
    let (cluster, story, print) = once(plan, &plan.dir, to)?;
    let again = plan.dir.join("again");
    fs::create_dir_all(&again).map_err(|error| Failure::at(&again, &error))?;
    let (_, _, second) = once(plan, &again, Where::Nowhere)?;
    let differs = difference(&plan.dir, &again).map_err(|error| Failure::at(&again, &error))?;
    if print != second || differs.is_some() {
        let what =
            differs.map_or("what servers held at the end".into(), |name| format!("{name} and again/{name}"));
        let seed = plan.settings.seed;
        let message = format!("two runs of seed {seed} differ: see {what} in {}", plan.dir.display());
        return Err(Failure { exit: exit::NOT_THE_SAME, message });
    }
    fs::remove_dir_all(&again).map_err(|error| Failure::at(&again, &error))?;
    cluster.narrator.say("", &format!("{} events, and the same again: {:016x}", print.1, print.0));
    runtime()?.block_on(end::judge(&cluster, &story))
}

/// A run, how far its scenario came, and a hash of all that happened with the number of events.
type Once = (Arc<Cluster>, Story, (u64, u64));

/// Runs it, and says what there is to say of it.
fn once(plan: &Plan, dir: &Path, to: Where) -> Result<Once, Failure> {
    let settings = plan.settings.clone();
    let making = Making {
        seed: settings.seed,
        spec: spec(&settings.flags)?,
        physics: Physics::default(),
        journals: settings.is_recorded.then(|| dir.join(JOURNALS)),
        shape: Box::new(plan.shape),
    };
    let (simulated, clock) = Simulated::new(making);
    let cluster = Arc::new(Cluster::new(dir, settings, Narrator::new(to, clock), Some(simulated))?);
    let mut story = Story::default();
    runtime()?.block_on(async {
        cluster.found(FOUNDED_WITHIN).await?;
        cluster.narrator.print(&format!("run     {}", dir.display()));
        if let Some(scenario) = &plan.settings.scenario {
            story::tell(&cluster, scenario, &mut story).await;
        }
        end::stop_all(&cluster).await
    })?;
    let print = cluster.simulated.as_ref().map_or((0, 0), Simulated::print);
    Ok((cluster, story, print))
}

/// The first file in which two runs differ.
fn difference(first: &Path, second: &Path) -> io::Result<Option<&'static str>> {
    for name in SAME {
        if fs::read(first.join(name))? != fs::read(second.join(name))? {
            return Ok(Some(name));
        }
    }
    // It is there where something was measured.
    let measured = |dir: &Path| fs::read(dir.join(measured::FILE)).ok();
    Ok((measured(first) != measured(second)).then_some(measured::FILE))
}

/// What servers are told by these flags of the program `node`.
///
/// # Errors
///
/// What it would say of them.
pub fn spec(flags: &[String]) -> Result<Spec, Failure> {
    // What every server is told besides, and no simulated one looks at.
    let always = "node --name n1 --data-dir simulated --listen-peer 127.0.0.1:1 --listen-http 127.0.0.1:2 \
                  --initial-cluster n1=127.0.0.1:1";
    let all = always.split_whitespace().map(String::from).chain(flags.iter().cloned());
    let flags = Flags::try_parse_from(all).map_err(|error| {
        let text = error.render().to_string();
        let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_string();
        Failure::usage(first)
    })?;
    let options =
        flags.options().map_err(|error| Failure { exit: error.exit(), message: error.to_string() })?;
    Ok(Spec {
        features: options.config.features(),
        timing: options.settings.timing,
        disk_io: options.settings.disk_io,
        snapshot_entries: options.settings.snapshot_entries,
        max_entries: options.config.max_entries(),
        max_chunk: CHUNK_BYTES,
        segment_bytes: SEGMENT_BYTES,
    })
}

/// Nothing waits in a simulated run, so one thread does.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.map_err(|error| Failure::io(format!("starting a thread: {error}")))
}
