//! What the program `node` is told. Names are etcd's where the meaning is.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use raftlab_core::{Config, Features, Lease, NodeId, ReadMode, Span, Voters};

use super::Failure;
use crate::node::Settings;
use crate::peers::{Address, Peers, server_name};
use crate::process::Options;
use crate::replica::DiskIo;
use crate::timers::Timing;
use crate::wire::{Key, Limits};

/// How many entries one message may carry, if they fit.
const MAX_ENTRIES: usize = 1024;

/// The most threads for HTTP, unless told otherwise.
const HTTP_THREADS_MAX: usize = 4;

/// One server of a raftlab cluster.
#[derive(Clone, Debug, Parser)]
#[expect(clippy::struct_excessive_bools, reason = "flags are what they are")]
#[command(name = "node", version, max_term_width = 120, after_help = EXITS, args_override_self = true)]
pub struct Flags {
    /// This server's name: n1, n2, …; never used again for a server that lost its disk
    #[arg(long, value_name = "NAME", value_parser = server_name)]
    pub name: NodeId,
    /// Where it keeps what it is to remember
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Where its log is, if not in `log` in the data directory
    #[arg(long, value_name = "DIR")]
    pub wal_dir: Option<PathBuf>,
    /// Where it listens for servers, over UDP
    #[arg(long, value_name = "ADDRESS")]
    pub listen_peer: SocketAddr,
    /// Where it listens for clients, over HTTP
    #[arg(long, value_name = "ADDRESS")]
    pub listen_http: SocketAddr,
    /// The servers that found the cluster; or, of one that exists, where some of its servers listen
    #[arg(long, value_name = "n1=ADDRESS,…")]
    pub initial_cluster: Peers,
    /// Does this server found the cluster, or join one?
    #[arg(long, value_enum, default_value_t, value_name = "STATE")]
    pub initial_cluster_state: ClusterState,
    /// What tells this cluster from others: servers with another one are not heard
    #[arg(long, default_value = "raftlab", value_name = "TEXT")]
    pub initial_cluster_token: String,
    /// A file with the cluster's key, 64 hexadecimal digits that nobody else can read
    #[arg(long, value_name = "FILE")]
    pub cluster_key_file: Option<PathBuf>,
    /// How often a leader is heard
    #[arg(long, default_value = "100ms", value_parser = duration, value_name = "TIME")]
    pub heartbeat_interval: Duration,
    /// After how long without a leader an election may start: between one and two of these
    #[arg(long, default_value = "1s", value_parser = duration, value_name = "TIME")]
    pub election_timeout: Duration,
    /// Ask before an election whether it can be won (dissertation 9.6)
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub pre_vote: bool,
    /// Step down as a leader that does not hear a majority (dissertation 6.2)
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, value_name = "BOOL")]
    pub check_quorum: bool,
    /// How a leader makes sure that a read is not stale (dissertation 6.4)
    #[arg(long, value_enum, default_value_t, value_name = "MODE")]
    pub read_mode: Reads,
    /// How far clocks may drift apart, of the time that passes; for --read-mode lease
    #[arg(long, default_value = "10%", value_parser = percent, value_name = "PERCENT")]
    pub max_clock_drift: f64,
    /// The log is compacted after so many entries; 0 for never
    #[arg(long, default_value_t = 10_000, value_name = "N")]
    pub snapshot_count: u64,
    /// Are writes synced? With unsafe-none a crash of the machine loses what was acknowledged
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub fsync: Fsync,
    /// What a leader does while its own disk writes: send already, or wait
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub disk_io: Io,
    /// Keep every input of the core in a file here, for `lab validate`
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// How what happens is printed on stderr
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// How much of it, as `RUST_LOG` says it
    #[arg(long, default_value = "info", value_name = "FILTER")]
    pub log_level: String,
    /// Threads for HTTP; half as many as there are processors if absent: the core needs one, and clients may be near
    #[arg(long, default_value_t = http_threads(), hide_default_value = true, value_name = "N", value_parser = threads)]
    pub http_threads: usize,
    /// Let clients break things: links, disk, clock; on loopback only
    #[arg(long)]
    pub chaos: bool,
    /// End when stdin does: for a supervisor, which keeps the other end of a pipe
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
    /// Start although the founders are others than at the first start: two majorities may share no server then
    #[arg(long)]
    pub unsafe_initial_cluster: bool,
}

const EXITS: &str = "Exit codes: 0 ended when asked to · 2 usage · 65 bad input or a corrupt log · 70 a bug in this program · \
                     74 input or output failed";

/// Is a cluster founded or joined?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ClusterState {
    /// It is founded by the servers of `--initial-cluster`.
    #[default]
    New,
    /// It exists, and `ctl member add` has added this server, or will.
    Existing,
}

/// How reads are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Reads {
    /// By a round of heartbeats.
    #[default]
    Index,
    /// By a lease, as long as clocks keep what is said of them.
    Lease,
    /// Through the log.
    Log,
}

/// When writes are synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Fsync {
    /// Before anything depends on them.
    #[default]
    Always,
    /// Never.
    UnsafeNone,
}

/// What a leader does while its disk writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Io {
    /// It sends already.
    #[default]
    Parallel,
    /// It waits, as simpler systems do.
    Inline,
}

/// How logs are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Flags {
    /// What the process is told.
    ///
    /// # Errors
    ///
    /// What makes no sense, and the key file.
    pub fn options(&self) -> Result<Options, Failure> {
        let usage = |error: &dyn std::fmt::Display| Failure::Usage(error.to_string());
        let timing = Timing::new(span(self.heartbeat_interval), span(self.election_timeout));
        let timing = timing.map_err(|error| usage(&error))?;
        let limits = Limits::default();
        let config = self.founding()?.with(self.features(timing));
        let config = config.with_max_chunk(limits.chunk_bytes_max()).map_err(|error| usage(&error))?;
        let key = self.cluster_key_file.as_deref().map(Key::read).transpose()?;
        // Drawn by the system: two starts never share one.
        let seed = RandomState::new().build_hasher().finish();
        Ok(Options {
            cluster: cluster_number(&self.initial_cluster_token),
            config,
            peers: self.initial_cluster.clone(),
            address: Address { peer: self.listen_peer, http: Some(self.listen_http) },
            data_dir: self.data_dir.clone(),
            wal_dir: self.wal_dir.clone(),
            key,
            limits,
            settings: Settings {
                timing,
                seed,
                disk_io: match self.disk_io {
                    Io::Parallel => DiskIo::Parallel,
                    Io::Inline => DiskIo::Inline,
                },
                snapshot_entries: self.snapshot_count,
            },
            is_synced: self.fsync == Fsync::Always,
            chaos: self.chaos,
            record: self.record.clone(),
            allows_other_founders: self.unsafe_initial_cluster,
        })
    }

    fn founding(&self) -> Result<Config, Failure> {
        let (name, cluster) = (self.name, &self.initial_cluster);
        let config = match self.initial_cluster_state {
            ClusterState::Existing => Config::joining(name, MAX_ENTRIES),
            ClusterState::New => {
                let own = cluster.get(name).ok_or_else(|| {
                    Failure::Usage(format!(
                        "--name {name} is not in --initial-cluster {cluster}: add {name}={}, or say \
                         --initial-cluster-state existing if it is to join",
                        self.listen_peer
                    ))
                })?;
                if own.peer != self.listen_peer {
                    return Err(Failure::Usage(format!(
                        "--initial-cluster says that {name} listens on {}, and --listen-peer says {}: both have to be \
                         the same",
                        own.peer, self.listen_peer
                    )));
                }
                Config::new(name, Voters::new(cluster.names()), MAX_ENTRIES)
            }
        };
        config.map_err(|error| Failure::Usage(error.to_string()))
    }

    fn features(&self, timing: Timing) -> Features {
        let promise = timing.election();
        let reads = match self.read_mode {
            Reads::Index => ReadMode::Index,
            Reads::Log => ReadMode::Log,
            Reads::Lease => {
                // Two clocks differ by as much as one may be fast and the other slow.
                #[expect(
                    clippy::cast_precision_loss,
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a share of a time-out, rounded up"
                )]
                let drift = Span((promise.0 as f64 * self.max_clock_drift).ceil() as u64);
                ReadMode::Lease(Lease { promise, drift })
            }
        };
        Features { pre_vote: self.pre_vote, check_quorum: self.check_quorum, reads, ..Features::default() }
    }
}

/// The number of the cluster that is called so.
pub fn cluster_number(token: &str) -> u128 {
    let hash = *blake3::hash(token.as_bytes()).as_bytes();
    u128::from_le_bytes(std::array::from_fn(|at| hash[at]))
}

fn span(time: Duration) -> Span {
    Span(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

/// Reads `100ms`, `1.5s`, `250us` or `2m`.
///
/// # Errors
///
/// If it is none of these.
pub fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return Err("a time is written 100ms, 1.5s or 2m".into()),
    };
    let number: f64 = number.trim().parse().map_err(|_| "a time is written 100ms, 1.5s or 2m".to_string())?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| "that is no length of time".into())
}

/// Reads `10%` as 0.1.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').ok_or("a bound on drift is written 10%")?;
    let number: f64 = number.trim().parse().map_err(|_| "a bound on drift is written 10%".to_string())?;
    if !(0.0..=100.0).contains(&number) {
        return Err(format!("clocks drift by 0 % to 100 % of the time that passes, and not by {number} %"));
    }
    Ok(number / 100.0)
}

/// More than there is room for only takes turns with the core's thread.
fn http_threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from).div_ceil(2).clamp(1, HTTP_THREADS_MAX)
}

fn threads(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|threads| (1..=64).contains(threads)).ok_or_else(|| "1 to 64 threads".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(more: &str) -> Flags {
        let always = "node --name n1 --data-dir d --listen-peer 127.0.0.1:7001 --listen-http 127.0.0.1:9001";
        Flags::try_parse_from(always.split(' ').chain(more.split(' '))).unwrap()
    }

    fn refused(more: &str) -> String {
        flags(more).options().unwrap_err().to_string()
    }

    #[test]
    fn what_makes_no_sense_is_said() {
        let alone = "--initial-cluster n1=127.0.0.1:7001";
        assert!(flags(alone).options().is_ok());
        assert!(
            refused("--initial-cluster n2=127.0.0.1:7001")
                .starts_with("--name n1 is not in --initial-cluster")
        );
        assert!(refused("--initial-cluster n1=127.0.0.1:7002").contains("both have to be the same"));
        let short = refused(&format!("{alone} --election-timeout 50ms"));
        assert!(short.starts_with("the election time-out, 50 ms, has to be longer"), "{short}");
        assert!(percent("110%").unwrap_err().contains("not by 110 %"));
        assert!(percent("10").is_err());
    }

    #[test]
    fn times_are_read_with_their_units() {
        assert_eq!(duration("100ms"), Ok(Duration::from_millis(100)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert!(duration("5").is_err() && duration("-1s").is_err() && duration("s").is_err());
    }

    #[test]
    fn a_lease_is_as_much_shorter_as_clocks_may_drift() {
        let lease = flags("--initial-cluster n1=127.0.0.1:7001 --read-mode lease --max-clock-drift 25%");
        let reads = lease.options().unwrap().config.features().reads;
        assert_eq!(reads, ReadMode::Lease(Lease { promise: Span(1_000_000), drift: Span(250_000) }));
    }

    #[test]
    fn clusters_with_different_tokens_are_different() {
        assert_ne!(cluster_number("a"), cluster_number("b"));
    }
}
