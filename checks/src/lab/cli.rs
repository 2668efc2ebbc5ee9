//! What the verbs of `lab` are told.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::scenario::{self, Group, Load, Verb};

/// `up`.
#[derive(Clone, Debug, Args)]
pub struct UpArgs {
    /// How many servers found the cluster
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=9))]
    pub nodes: u64,
    /// The run.
    #[command(flatten)]
    pub run: RunOptions,
}

/// What every run is told.
#[derive(Clone, Debug, Default, Args)]
pub struct RunOptions {
    /// It is one of several, and `runs/latest` is not its.
    #[arg(skip)]
    pub is_part: bool,
    /// The run's directory, new or empty; `runs/<utc>-<verb>-<id>` if absent
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Keep no journals: the run is lighter, and proves less
    #[arg(long)]
    pub no_record: bool,
    /// What every server is told besides, such as `-- --read-mode lease`: see `lab node --help`
    #[arg(last = true, value_name = "NODE FLAGS")]
    pub flags: Vec<String>,
}

/// `run`.
#[derive(Clone, Debug, Default, Args)]
pub struct RunArgs {
    /// A scenario's file, or a name out of `lab list`; `all` for all of that list
    #[arg(required_unless_present = "from")]
    pub scenario: Option<String>,
    /// Let real nodes walk a checker's trace, broken as it says and whole: its file, a directory, or `all` for all of
    /// counterexamples/
    #[arg(long, value_name = "TRACE", conflicts_with_all = ["scenario", "on", "set", "dir", "no_record", "flags"])]
    pub from: Option<String>,
    /// In a simulated world, or on processes of this machine
    #[arg(long, value_enum, default_value_t, value_name = "WHERE")]
    pub on: On,
    /// With `all`: so many at once; one for each processor if absent, and four of processes, which mostly wait
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=16))]
    pub jobs: Option<u8>,
    /// With `all`, simulated: put what each captured there, as text and pictures, with an index of it
    #[arg(long, value_name = "DIR", conflicts_with_all = ["from", "set", "jobs", "no_record", "flags"])]
    pub capture: Option<PathBuf>,
    /// What is different from what the scenario says: a flag of `lab node`, such as pre-vote=off, or servers=5
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The run.
    #[command(flatten)]
    pub run: RunOptions,
}

/// What servers run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum On {
    /// A simulated world, in virtual time.
    #[default]
    Sim,
    /// Processes of this machine, over UDP.
    Udp,
}

/// `compare`.
#[derive(Clone, Debug, Args)]
pub struct CompareArgs {
    /// A scenario's file, or a name out of `lab list`
    pub scenario: String,
    /// Another one, beside it
    pub other: Option<String>,
    /// What is different in the first run, as of `lab run`: pre-vote=off
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// What is different in the second
    #[arg(long, value_name = "KEY=VALUE")]
    pub vs: Vec<String>,
    /// In a simulated world, or on processes of this machine
    #[arg(long, value_enum, default_value_t, value_name = "WHERE")]
    pub on: On,
    /// The directory of both runs, new or empty; `runs/<utc>-compare-<id>` if absent
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `drill`.
#[derive(Clone, Debug, Args)]
pub struct DrillArgs {
    /// Which one; a list of all, if absent
    pub number: Option<usize>,
    /// Say what it was
    #[arg(long, requires = "number")]
    pub answer: bool,
    /// Where its files go, new or empty; `runs/<utc>-drill-<id>` if absent
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// The run.
    #[command(flatten)]
    pub run: RunOptions,
}

/// `soak`.
#[derive(Clone, Debug, Args)]
pub struct SoakArgs {
    /// For about how long
    #[arg(long = "for", value_name = "TIME", default_value = "30m", value_parser = raftlab_node::program::duration)]
    pub lasts: Duration,
    /// How many servers found the cluster
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(3..=7))]
    pub nodes: u64,
    /// How many clients
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub clients: u32,
    /// On how many keys
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..))]
    pub keys: u32,
    /// How many operations a second they begin together
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// The run.
    #[command(flatten)]
    pub run: RunOptions,
}

/// `random`.
#[derive(Clone, Debug, Args)]
pub struct RandomArgs {
    /// How many seeds, from --seed on
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,
    /// For how long things go wrong in each, in the time of its world
    #[arg(long = "for", value_name = "TIME", default_value = "20s", value_parser = raftlab_node::program::duration)]
    pub lasts: Duration,
    /// Only the i-th of n parts of the seeds
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<(u64, u64)>,
    /// Do not make smaller what breaks something
    #[arg(long)]
    pub no_shrink: bool,
    /// Take this rule away, from all cores or by what all hosts do, or each in turn (`all`), and see after how many seeds
    /// that is found out
    #[arg(long, value_name = "RULE", num_args = 1..)]
    pub without: Option<Vec<String>>,
}

/// `diagnose`.
#[derive(Clone, Debug, Args)]
pub struct DiagnoseArgs {
    /// A run's directory; or texts of /metrics in files; or live servers, as host:port where they listen for clients
    #[arg(required = true, value_name = "DIR|URL")]
    pub what: Vec<String>,
    /// For how long live servers are watched
    #[arg(long = "for", value_name = "TIME", default_value = "5s", value_parser = raftlab_node::program::duration)]
    pub lasts: Duration,
}

/// Which run is meant.
#[derive(Clone, Debug, Args)]
pub struct Which {
    /// The run's directory; the newest one under `runs` that is up, if absent
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `load`.
#[derive(Clone, Debug, Args)]
pub struct LoadArgs {
    /// How many clients, each asking for one thing at a time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub clients: u32,
    /// For how long; until Ctrl-C, if absent
    #[arg(long = "for", value_name = "TIME", value_parser = raftlab_node::program::duration)]
    pub lasts: Option<Duration>,
    /// Reads to writes
    #[arg(long, value_name = "R:W", default_value = "1:1", value_parser = reads)]
    pub reads: (u32, u32),
    /// On how many keys
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub keys: u32,
    /// How many operations a second all of them together begin at most; as many as they can, if absent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: Option<u32>,
    /// The run.
    #[command(flatten)]
    pub which: Which,
}

/// `chaos`.
#[derive(Clone, Debug, Args)]
#[command(after_help = chaos_help())]
pub struct ChaosArgs {
    /// The run.
    #[command(flatten)]
    pub which: Which,
    /// What is to go wrong, in the words of scenarios: `kill leader`
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS")]
    pub words: Vec<String>,
}

/// A verb that changes who belongs to the cluster.
#[derive(Clone, Debug, Args)]
pub struct MemberArgs {
    /// A server, such as n4; of `grow` how many voters there are to be
    pub what: String,
    /// The run.
    #[command(flatten)]
    pub which: Which,
}

/// What belongs to another program, with all its flags.
#[derive(Clone, Debug, Args)]
#[command(disable_help_flag = true)]
pub struct Passed {
    /// What it is told
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    pub arguments: Vec<String>,
}

impl LoadArgs {
    /// What clients are to do.
    pub fn load(&self) -> Load {
        let LoadArgs { clients, lasts, reads, keys, rate, .. } = *self;
        Load { clients, lasts, reads, keys, rate }
    }
}

fn shard(text: &str) -> Result<(u64, u64), String> {
    let read = || {
        let (at, of) = text.split_once('/')?;
        Some((at.parse().ok()?, of.parse().ok()?))
    };
    let found = read().filter(|(at, of)| (1..=*of).contains(at));
    found.ok_or_else(|| format!("`{text}` is no part: the second of four is written 2/4"))
}

fn chaos_help() -> String {
    format!(
        "What can go wrong, SERVER being n1, leader or follower:\n{}  status                                    \
         how servers stand, what is wrong with them, how often it struck\n\nIn a shell `|` has to be quoted, or written `/`: \
         lab chaos partition n1 / n2,n3",
        Verb::help(Group::Fault)
    )
}

fn reads(text: &str) -> Result<(u32, u32), String> {
    scenario::ratio(text).ok_or_else(|| format!("`{text}` is not reads to writes such as 1:1 or 9:1"))
}
