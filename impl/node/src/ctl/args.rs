//! The command line of `ctl`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use raftlab_core::NodeId;

use crate::api::Consistency;
use crate::peers::server_name;
use crate::program::duration;

/// Asks a cluster, or changes it.
#[derive(Debug, Parser)]
#[command(name = "ctl", version, after_help = EXITS, max_term_width = 120)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) verb: Verb,
    /// What every verb takes.
    #[command(flatten)]
    pub(super) common: Common,
}

const EXITS: &str = "Exit codes: 0 done · 2 usage · 65 bad input or a corrupt log · 69 no leader, or a server is not \
                     reached · 74 input or output failed · 75 try again later; and where it is not known whether it \
                     was done, which is said then";

/// Flags of every verb.
#[derive(Debug, Args)]
pub struct Common {
    /// Where servers listen for clients; one is enough to find the leader
    #[arg(
        long,
        global = true,
        env = "RAFTLAB_ENDPOINTS",
        default_value = "127.0.0.1:9001",
        value_name = "HOST:PORT,…"
    )]
    pub endpoints: String,
    /// How results are printed
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "HOW")]
    pub write_out: WriteOut,
    /// For how long it is tried
    #[arg(long, global = true, default_value = "5s", value_parser = duration, value_name = "TIME")]
    pub timeout: Duration,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// How results are printed on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WriteOut {
    /// One line a result, with tabs between.
    Simple,
    /// Tables for people.
    #[default]
    Table,
    /// One JSON document; of `wal dump` and `watch`, one a line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write a value
    Put(PutArgs),
    /// Read a value: nothing is printed on stdout where there is none
    Get(GetArgs),
    /// Write or remove a value if what is expected is there
    Cas(CasArgs),
    /// Remove a value
    Del(DelArgs),
    /// Ask servers how they stand
    #[command(subcommand)]
    Endpoint(EndpointVerb),
    /// Who belongs to the cluster
    #[command(subcommand)]
    Member(MemberVerb),
    /// Let another server lead
    MoveLeader {
        /// Its name
        #[arg(value_parser = server_name)]
        to: NodeId,
    },
    /// Copies of the store
    #[command(subcommand)]
    Snapshot(SnapshotVerb),
    /// Look at the log of a server that does not run; nothing is changed
    #[command(subcommand)]
    Wal(WalVerb),
    /// Measure
    #[command(subcommand)]
    Check(CheckVerb),
    /// Follow all servers in a table
    Top(TopArgs),
    /// Print what happens to servers, as it happens
    Watch(WatchArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// How commands are repeated.
#[derive(Debug, Args)]
pub struct SessionArgs {
    /// Send it outside a session: then it is not repeated where it may have been done
    #[arg(long)]
    pub no_session: bool,
}

/// Arguments of `put`.
#[derive(Debug, Args)]
pub struct PutArgs {
    /// The key
    pub key: String,
    /// The value
    #[arg(allow_hyphen_values = true)]
    pub value: String,
    /// How it is repeated
    #[command(flatten)]
    pub session: SessionArgs,
}

/// Arguments of `get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// The key
    pub key: String,
    /// How much the value may lag
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub consistency: ConsistencyArg,
}

/// Arguments of `cas`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("before").required(true))]
#[command(group = clap::ArgGroup::new("after").required(true))]
pub struct CasArgs {
    /// The key
    pub key: String,
    /// What is to be there
    #[arg(group = "after", allow_hyphen_values = true)]
    pub value: Option<String>,
    /// What has to be there before
    #[arg(long, group = "before", value_name = "VALUE", allow_hyphen_values = true)]
    pub expected: Option<String>,
    /// Nothing may be there before
    #[arg(long, group = "before")]
    pub absent: bool,
    /// Nothing is to be there
    #[arg(long, group = "after")]
    pub delete: bool,
    /// How it is repeated
    #[command(flatten)]
    pub session: SessionArgs,
}

/// Arguments of `del`.
#[derive(Debug, Args)]
pub struct DelArgs {
    /// The key
    pub key: String,
    /// How it is repeated
    #[command(flatten)]
    pub session: SessionArgs,
}

/// How much a read may lag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ConsistencyArg {
    /// Not at all.
    #[default]
    Linearizable,
    /// Not at all as long as clocks keep what is said of them.
    Lease,
    /// By as much as the server that is asked.
    Stale,
}

/// Which servers are asked.
#[derive(Debug, Args)]
pub struct ClusterArgs {
    /// All servers of the cluster to which the endpoints belong
    #[arg(long)]
    pub cluster: bool,
}

/// What servers are asked.
#[derive(Debug, Subcommand)]
pub enum EndpointVerb {
    /// Role, term, log and disk of each
    Status(ClusterArgs),
    /// Can each serve clients, and how fast does it say so?
    Health(ClusterArgs),
}

/// What is done with members.
#[derive(Debug, Subcommand)]
pub enum MemberVerb {
    /// List them
    List,
    /// Add a server: as a learner first, and as a voter when it has caught up
    Add(AddArgs),
    /// Make a learner a voter
    Promote(NamedArgs),
    /// Make a voter a learner
    Demote(NamedArgs),
    /// Remove a server
    Remove(NamedArgs),
}

/// Arguments of `member add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Its name: n4
    #[arg(value_parser = server_name)]
    pub server: NodeId,
    /// Where it listens for servers
    #[arg(long, value_name = "ADDRESS")]
    pub peer: SocketAddr,
    /// Where it listens for clients
    #[arg(long, value_name = "ADDRESS")]
    pub http: Option<SocketAddr>,
    /// Leave it a learner, which does not vote
    #[arg(long)]
    pub learner: bool,
    /// How long it may take to catch up
    #[arg(long, default_value = "60s", value_parser = duration, value_name = "TIME")]
    pub wait: Duration,
}

/// Arguments of what is done to one member.
#[derive(Debug, Args)]
pub struct NamedArgs {
    /// Its name: n4
    #[arg(value_parser = server_name)]
    pub server: NodeId,
}

/// What is done with snapshots.
#[derive(Debug, Subcommand)]
pub enum SnapshotVerb {
    /// Write the store, as the leader has it now, to a file
    Save {
        /// The file; what was there is replaced when all is written
        file: PathBuf,
    },
}

/// What is done with logs.
#[derive(Debug, Subcommand)]
pub enum WalVerb {
    /// Print its records, one a line
    Dump {
        /// A server's data directory, or that of its log
        dir: PathBuf,
    },
    /// Say what a server would find when it starts
    Verify {
        /// A server's data directory, or that of its log
        dir: PathBuf,
    },
}

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum CheckVerb {
    /// Throughput and latency, by clients that each wait for their answer
    Perf(PerfArgs),
}

/// Arguments of `check perf`.
#[derive(Debug, Args)]
pub struct PerfArgs {
    /// How many clients, for each row
    #[arg(long, value_delimiter = ',', default_value = "16", value_name = "N,…", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub clients: Vec<u16>,
    /// For how long each row is measured
    #[arg(long, default_value = "5", value_name = "N", value_parser = seconds)]
    pub seconds: Duration,
    /// What comes before, and is not counted
    #[arg(long, default_value = "1s", value_parser = duration, value_name = "TIME")]
    pub warm_up: Duration,
    /// What is measured
    #[arg(long, value_enum, value_delimiter = ',', default_value = "put,get", value_name = "WHAT,…")]
    pub operation: Vec<OperationArg>,
    /// How many keys
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub keys: u64,
    /// How long values are
    #[arg(long, default_value_t = 256, value_name = "N")]
    pub value_bytes: usize,
    /// By which keys are drawn; a fresh one if absent
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How writes are repeated
    #[command(flatten)]
    pub session: SessionArgs,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OperationArg {
    /// Writes.
    Put,
    /// Linearizable reads, in the way in which the servers read.
    Get,
}

/// Arguments of `top`.
#[derive(Debug, Args)]
pub struct TopArgs {
    /// Print one frame as plain text, and end
    #[arg(long)]
    pub once: bool,
    /// The time between two looks
    #[arg(long, default_value = "1s", value_parser = duration, value_name = "TIME")]
    pub interval: Duration,
}

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Which servers
    #[command(flatten)]
    pub cluster: ClusterArgs,
    /// End after so many events
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
}

/// `5`, or `0.5`.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let seconds = seconds.filter(|seconds| !seconds.is_zero() && *seconds <= Duration::from_secs(86_400));
    seconds.ok_or_else(|| "a number of seconds is more than 0 and at most 86400".into())
}

impl From<ConsistencyArg> for Consistency {
    fn from(arg: ConsistencyArg) -> Consistency {
        match arg {
            ConsistencyArg::Linearizable => Consistency::Linearizable,
            ConsistencyArg::Lease => Consistency::Lease,
            ConsistencyArg::Stale => Consistency::Stale,
        }
    }
}
