//! The command line of `check`.

mod cluster;
mod reads;
mod search;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use raftlab_core::Features;
use raftlab_model::{Bounds, Disk, FEATURES, NetworkKind};

pub use self::cluster::ClusterArgs;
pub use self::reads::{ReadArgs, ReadModeArg};
pub use self::search::{EngineArgs, SearchArgs, Switch};
use crate::catalogue::Tier;
use crate::failure::Failure;

/// Explores a Raft core to exhaustion within stated bounds, and answers each rule that is taken away with the shortest
/// counterexample.
///
/// Without a verb: every standing check, quick tier, then one table.
#[derive(Debug, Parser)]
#[command(name = "check", version, after_help = EXITS, max_term_width = 120)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
    /// What every verb takes.
    #[command(flatten)]
    pub common: Common,
}

const EXITS: &str = "Exit codes: 0 verified or done · 2 usage · 3 incomplete, no violation · 12 safety violated · 15 vacuous · \
                     65 bad input · 70 a bug in this program · 74 input or output failed";

/// Flags of every verb.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// The directory for reports and traces; `runs/<utc>-<verb>-<id>` if absent
    #[arg(short, long, global = true, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How results are printed
    #[arg(short, long, global = true, value_enum, default_value_t)]
    pub write_out: WriteOut,
    /// When output is coloured; `NO_COLOR` is heeded
    #[arg(long, global = true, value_enum, default_value_t)]
    pub color: Color,
    /// Say less on stderr
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more: tables of levels and actions, and logs on stderr (`RUST_LOG` says what exactly)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// The seed of everything random; drawn and printed if absent
    #[arg(long, global = true, value_name = "N")]
    pub seed: Option<u64>,
}

/// How results are printed on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WriteOut {
    /// One line a result.
    Simple,
    /// Blocks and tables for people.
    #[default]
    Table,
    /// One JSON document.
    Json,
}

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// List checks, rules, properties or witnesses
    List {
        /// What to list
        #[arg(value_enum, default_value_t)]
        what: Listed,
    },
    /// Explore one standing check, or all, perhaps at another size
    Run(RunArgs),
    /// Take a rule away and find the shortest counterexample
    Weaken(WeakenArgs),
    /// Take random walks through a world too big to exhaust, and shrink what they find
    Random(RandomArgs),
    /// Walk a recorded counterexample through the core, and draw it
    Replay(ReplayArgs),
    /// Serve stateright's web Explorer on a check's world
    Explore(ExploreArgs),
    /// Run the same models on every engine, side by side
    Bench(BenchArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// What `list` lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Listed {
    /// The standing checks.
    #[default]
    Checks,
    /// The rules that can be taken away.
    Rules,
    /// What must always hold.
    Properties,
    /// What must be reachable.
    Witnesses,
}

/// The size of the world, where it is to differ from the check's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Bounds")]
pub struct BoundsArgs {
    /// Servers in all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=9))]
    pub servers: Option<u64>,
    /// How many of them, the first ones, vote in the new cluster; the others may join it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=9))]
    pub founders: Option<u64>,
    /// The last term in which an election may start
    #[arg(long, value_name = "N")]
    pub max_term: Option<u64>,
    /// Election time-outs in all
    #[arg(long, value_name = "N")]
    pub max_timeouts: Option<u32>,
    /// Client proposals in all
    #[arg(long, value_name = "N")]
    pub max_proposals: Option<u32>,
    /// Commands in all that clients send again
    #[arg(long, value_name = "N")]
    pub max_resends: Option<u32>,
    /// Rounds of heartbeats in all
    #[arg(long, value_name = "N")]
    pub max_heartbeats: Option<u32>,
    /// Rounds of retries in all
    #[arg(long, value_name = "N")]
    pub max_retries: Option<u32>,
    /// Crashes in all, each with its restart
    #[arg(long, value_name = "N")]
    pub max_crashes: Option<u32>,
    /// Wishes in all that a leader hand over to another server
    #[arg(long, value_name = "N")]
    pub max_transfers: Option<u32>,
    /// Changes of the configuration in all
    #[arg(long, value_name = "N")]
    pub max_changes: Option<u32>,
    /// Snapshots that servers take of themselves, in all
    #[arg(long, value_name = "N")]
    pub max_compactions: Option<u32>,
    /// Entries of which a snapshot holds the state, that one of its chunks carries at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_chunk: Option<u32>,
    /// Entries that one message carries at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_entries: Option<u32>,
    /// When writes are durable
    #[arg(long, value_enum, value_name = "KIND")]
    pub disk: Option<DiskArg>,
    /// What happens to messages
    #[arg(long, value_enum, value_name = "KIND")]
    pub network: Option<NetworkArg>,
    /// What Raft does beyond the paper's core.
    #[command(flatten)]
    pub features: FeatureArgs,
    /// Reads and clocks.
    #[command(flatten)]
    pub reads: ReadArgs,
}

/// What Raft does beyond the paper's core. Each flag switches one on; `=off` switches it off where a check has it on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Features")]
pub struct FeatureArgs {
    /// Ask before an election whether it could be won (dissertation 9.6)
    #[arg(long, value_enum, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    pub pre_vote: Option<Switch>,
    /// A leader that hears no majority steps down (6.2)
    #[arg(long, value_enum, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    pub check_quorum: Option<Switch>,
    /// A server that hears a leader disregards requests for votes (4.2.3)
    #[arg(long, value_enum, value_name = "WHEN", num_args = 0..=1, require_equals = true, default_missing_value = "on")]
    pub disregard_votes: Option<Switch>,
}

/// When writes are durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiskArg {
    /// With the step that writes them.
    Atomic,
    /// At a step of their own; a crash before keeps only some.
    Buffered,
}

/// What happens to messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NetworkArg {
    /// Lost, delayed, reordered, duplicated.
    Set,
    /// Lost, delayed, reordered.
    Bag,
    /// Lost, delayed.
    Ordered,
}

/// `run`.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// A standing check, or `all`
    pub check: String,
    /// How far
    #[arg(long, value_enum, default_value_t)]
    pub tier: Tier,
    /// Only the n-th world of the check's tier, from 1
    #[arg(long, value_name = "N")]
    pub world: Option<usize>,
    /// The size.
    #[command(flatten)]
    pub bounds: BoundsArgs,
    /// The search.
    #[command(flatten)]
    pub search: SearchArgs,
}

/// `weaken`.
#[derive(Clone, Debug, Args)]
pub struct WeakenArgs {
    /// A rule, by its name or the bug's, or `all`
    pub rule: String,
    /// Write the trace into the gallery, and its index anew
    #[arg(long)]
    pub write: bool,
    /// The gallery
    #[arg(long, value_name = "DIR", default_value = "counterexamples")]
    pub gallery: PathBuf,
    /// The search of each world, on one thread.
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// `random`.
#[derive(Clone, Debug, Args)]
pub struct RandomArgs {
    /// A standing check: the last world of its deep tier is walked, unless bounds are given
    pub check: String,
    /// Take this rule away, in the world in which that shows
    #[arg(long, value_name = "RULE")]
    pub without: Option<String>,
    /// Walks
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub runs: u64,
    /// Steps of a walk at most
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub max_steps: usize,
    /// Take only every n-th walk, the i-th of them: `0/4` to `3/4`
    #[arg(long, value_name = "I/N", value_parser = shard, default_value = "0/1")]
    pub shard: (u64, u64),
    /// Exit 0 instead of 3 when nothing is violated
    #[arg(long)]
    pub allow_incomplete: bool,
    /// The size.
    #[command(flatten)]
    pub bounds: BoundsArgs,
}

/// `replay`.
#[derive(Clone, Debug, Args)]
pub struct ReplayArgs {
    /// A `.trace`
    pub file: PathBuf,
    /// Stop after this many steps
    #[arg(long, value_name = "N")]
    pub to: Option<usize>,
    /// Go on from the end at random (see --seed), for at most this many steps
    #[arg(long = "continue", value_name = "N", num_args = 0..=1, default_missing_value = "20")]
    pub go_on: Option<usize>,
    /// Leave out a server's lane; may be given again
    #[arg(long, value_name = "SERVER")]
    pub hide: Vec<String>,
    /// Draw only messages of this kind, such as RequestVote; may be given again
    #[arg(long, value_name = "KIND")]
    pub only: Vec<String>,
    /// How to draw it; text lanes if none is given.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// One of the pictures.
#[derive(Clone, Debug, Args)]
#[group(multiple = false)]
#[expect(clippy::struct_excessive_bools, reason = "one flag for each format, of which one may be given")]
pub struct FormatArgs {
    /// An SVG picture
    #[arg(long)]
    pub svg: bool,
    /// One self-contained web page
    #[arg(long)]
    pub html: bool,
    /// A Mermaid sequence diagram
    #[arg(long)]
    pub mermaid: bool,
    /// A ShiViz log with vector clocks
    #[arg(long)]
    pub shiviz: bool,
    /// An Informal Trace Format document, as Apalache reads it
    #[arg(long)]
    pub itf: bool,
    /// The steps as JSON
    #[arg(long)]
    pub json: bool,
}

/// `explore`.
#[derive(Clone, Debug, Args)]
pub struct ExploreArgs {
    /// A standing check
    pub check: String,
    /// Take this rule away, in the world in which that shows
    #[arg(long, value_name = "RULE", conflicts_with = "at")]
    pub without: Option<String>,
    /// Where to serve
    #[arg(long, default_value = "127.0.0.1:3000")]
    pub addr: String,
    /// Open at the end of this trace
    #[arg(long, value_name = "FILE")]
    pub at: Option<PathBuf>,
    /// The size.
    #[command(flatten)]
    pub bounds: BoundsArgs,
}

/// `bench`.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// Only this model; may be given again
    #[arg(long, value_name = "NAME")]
    pub model: Vec<String>,
    /// Small models, in seconds
    #[arg(long)]
    pub quick: bool,
    /// Runs of each engine on each model; the median counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub runs: u32,
}

impl BoundsArgs {
    /// `bounds`, with what was given put over it.
    ///
    /// # Errors
    ///
    /// If more founders were asked for than there are servers.
    pub fn over(&self, bounds: &Bounds) -> Result<Bounds, Failure> {
        let bounds = Bounds {
            servers: self
                .servers
                .map_or(bounds.servers, |servers| usize::try_from(servers).unwrap_or(bounds.servers)),
            founders: self.founders.map_or(bounds.founders, |founders| usize::try_from(founders).ok()),
            max_term: self.max_term.unwrap_or(bounds.max_term),
            max_timeouts: self.max_timeouts.or(bounds.max_timeouts),
            max_proposals: self.max_proposals.unwrap_or(bounds.max_proposals),
            max_resends: self.max_resends.unwrap_or(bounds.max_resends),
            max_heartbeats: self.max_heartbeats.unwrap_or(bounds.max_heartbeats),
            max_retries: self.max_retries.unwrap_or(bounds.max_retries),
            max_crashes: self.max_crashes.unwrap_or(bounds.max_crashes),
            max_transfers: self.max_transfers.unwrap_or(bounds.max_transfers),
            max_changes: self.max_changes.unwrap_or(bounds.max_changes),
            max_compactions: self.max_compactions.unwrap_or(bounds.max_compactions),
            max_chunk: self.max_chunk.map_or(bounds.max_chunk, |entries| entries as usize),
            max_entries: self.max_entries.map_or(bounds.max_entries, |entries| entries as usize),
            disk: self.disk.map_or(bounds.disk, DiskArg::into),
            network: self.network.map_or(bounds.network, NetworkArg::into),
            features: self.features.over(bounds.features),
            ..bounds.clone()
        };
        if let Some(founders) = bounds.founders.filter(|founders| *founders > bounds.servers)
            && self.founders.is_some()
        {
            let servers = bounds.servers;
            return Err(Failure::usage(format!(
                "--founders: {founders} are more than all {servers} servers"
            )));
        }
        Ok(self.reads.over(&bounds))
    }
}

impl From<DiskArg> for Disk {
    fn from(disk: DiskArg) -> Disk {
        match disk {
            DiskArg::Atomic => Disk::Atomic,
            DiskArg::Buffered => Disk::Buffered,
        }
    }
}

impl From<NetworkArg> for NetworkKind {
    fn from(network: NetworkArg) -> NetworkKind {
        match network {
            NetworkArg::Set => NetworkKind::Set,
            NetworkArg::Bag => NetworkKind::Bag,
            NetworkArg::Ordered => NetworkKind::Ordered,
        }
    }
}

impl BoundsArgs {
    /// The flags that were given, as they are typed: each after a space.
    pub fn flags(&self) -> String {
        let name = |value: Option<String>| value.map(|name| name.to_lowercase());
        let given = [
            ("servers", self.servers.map(|n| n.to_string())),
            ("founders", self.founders.map(|n| n.to_string())),
            ("max-term", self.max_term.map(|n| n.to_string())),
            ("max-timeouts", self.max_timeouts.map(|n| n.to_string())),
            ("max-proposals", self.max_proposals.map(|n| n.to_string())),
            ("max-resends", self.max_resends.map(|n| n.to_string())),
            ("max-heartbeats", self.max_heartbeats.map(|n| n.to_string())),
            ("max-retries", self.max_retries.map(|n| n.to_string())),
            ("max-crashes", self.max_crashes.map(|n| n.to_string())),
            ("max-transfers", self.max_transfers.map(|n| n.to_string())),
            ("max-changes", self.max_changes.map(|n| n.to_string())),
            ("max-compactions", self.max_compactions.map(|n| n.to_string())),
            ("max-chunk", self.max_chunk.map(|n| n.to_string())),
            ("max-entries", self.max_entries.map(|n| n.to_string())),
            ("disk", name(self.disk.map(|disk| format!("{disk:?}")))),
            ("network", name(self.network.map(|network| format!("{network:?}")))),
        ];
        given.iter().fold(String::new(), |flags, (name, value)| flags + &flag(name, value.as_ref()))
            + &self.features.flags()
            + &self.reads.flags()
    }
}

impl FeatureArgs {
    /// What was given, in the order of [`FEATURES`].
    fn given(self) -> [Option<Switch>; FEATURES.len()] {
        [self.pre_vote, self.check_quorum, self.disregard_votes]
    }

    fn over(self, mut features: Features) -> Features {
        for ((_, feature), given) in FEATURES.iter().zip(self.given()) {
            if let Some(given) = given {
                *feature(&mut features) = given == Switch::On;
            }
        }
        features
    }

    fn flags(self) -> String {
        let given = FEATURES.iter().zip(self.given()).filter_map(|((name, _), given)| Some((name, given?)));
        given.fold(String::new(), |flags, (name, given)| {
            flags + " --" + name + if given == Switch::On { "" } else { "=off" }
        })
    }
}

fn flag(name: &str, value: Option<impl std::fmt::Display>) -> String {
    value.map_or(String::new(), |value| format!(" --{name} {value}"))
}

/// `90s`, `10m`, `2h`, or a plain number of seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(char::is_alphabetic);
    let seconds = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        unit => return Err(format!("`{unit}` is not a unit of time: s, m or h")),
    };
    let count: u64 = digits.parse().map_err(|_| format!("`{text}` is not a time such as 90s or 10m"))?;
    count.checked_mul(seconds).map(Duration::from_secs).ok_or_else(|| format!("`{text}` is too long"))
}

/// `512MiB`, `8GiB`, or a plain number of bytes.
fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(char::is_alphabetic);
    let unit = match &text[digits.len()..] {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        unit => return Err(format!("`{unit}` is not a unit of memory: KiB, MiB or GiB")),
    };
    let count: u64 = digits.parse().map_err(|_| format!("`{text}` is not a size such as 512MiB or 8GiB"))?;
    count.checked_mul(unit).ok_or_else(|| format!("`{text}` is more than there is"))
}

/// `i/n`.
fn shard(text: &str) -> Result<(u64, u64), String> {
    let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
    parts
        .filter(|(i, n)| i < n)
        .ok_or_else(|| format!("`{text}` is not a shard such as 0/4, with the first below the second"))
}
