//! How far a search goes. Causes are bounded, messages never: a bound on messages hides what their absence hides.

use std::fmt;
use std::str::FromStr;

use raftlab_core::{Config, Features, Index, Lease, NodeId, ReadMode, Rule, Span, Term, Voters};

use crate::snapshot::ENTRY_BYTES;

/// The size of a bounded world. `Display` prints it as one line and `FromStr` reads that line back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Servers in all.
    pub servers: usize,
    /// How many of them, the first ones, are the voters of a new cluster: all, or the others may join it.
    pub founders: Option<usize>,
    /// The last term in which an election may start.
    pub max_term: u64,
    /// Election time-outs in all, or no limit but the terms.
    pub max_timeouts: Option<u32>,
    /// Client proposals in all.
    pub max_proposals: u32,
    /// Commands in all that a client sends again, because it did not hear what became of them.
    pub max_resends: u32,
    /// Heartbeats in all: rounds of empty AppendEntries to everybody.
    pub max_heartbeats: u32,
    /// Retries in all: rounds of AppendEntries to those who lag. A network that duplicates needs none.
    pub max_retries: u32,
    /// Crashes in all, each with its restart.
    pub max_crashes: u32,
    /// Faults in all that only a weakening brings: a damaged disk, a write that fails.
    pub max_faults: u32,
    /// Wishes in all that a leader hand over to another server.
    pub max_transfers: u32,
    /// Changes of the configuration in all.
    pub max_changes: u32,
    /// Snapshots that servers take of themselves, in all.
    pub max_compactions: u32,
    /// Reads in all.
    pub max_reads: u32,
    /// Ticks of each server's clock. Clocks run only where leases are used.
    pub max_ticks: u32,
    /// How many ticks two clocks may be apart at any moment.
    pub max_skew: u32,
    /// Entries that one AppendEntries carries at most.
    pub max_entries: usize,
    /// Entries of which a snapshot holds the state, that one of its chunks carries at most.
    pub max_chunk: usize,
    /// When a write is durable.
    pub disk: Disk,
    /// What happens to messages.
    pub network: NetworkKind,
    /// What Raft does beyond the paper's core.
    pub features: Features,
}

/// A feature's switch.
type Feature = fn(&mut Features) -> &mut bool;

/// The features by the names that they have in bounds and on the command line.
pub const FEATURES: [(&str, Feature); 3] = [
    ("pre-vote", |features| &mut features.pre_vote),
    ("check-quorum", |features| &mut features.check_quorum),
    ("disregard-votes", |features| &mut features.disregard_votes),
];

/// When a server's writes are durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disk {
    /// Within the step that wrote them: no crash falls between.
    Atomic,
    /// At a step of its own. Until then messages that depend on the writes wait, and a crash keeps only some of them.
    Buffered,
}

/// The three kinds of stateright network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkKind {
    /// The set of all messages ever sent: loss, delay, reordering and any number of duplicates, all free.
    Set,
    /// A multiset: each message arrives at most once, in any order.
    Bag,
    /// One queue for each pair of servers, whose head may be lost.
    Ordered,
}

/// Why a line is not a [`Bounds`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bounds: {0}")]
pub struct ParseBoundsError(String);

impl Default for Bounds {
    /// Three servers, one term, and nothing else happening.
    fn default() -> Bounds {
        Bounds {
            servers: 3,
            founders: None,
            max_term: 1,
            max_timeouts: None,
            max_proposals: 0,
            max_resends: 0,
            max_heartbeats: 0,
            max_retries: 0,
            max_crashes: 0,
            max_faults: 0,
            max_transfers: 0,
            max_changes: 0,
            max_compactions: 0,
            max_reads: 0,
            max_ticks: 0,
            max_skew: 0,
            max_entries: 1,
            max_chunk: 1,
            disk: Disk::Atomic,
            network: NetworkKind::Set,
            features: Features::default(),
        }
    }
}

impl Bounds {
    /// The servers' names: `n1` and on.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (1..=self.servers as u64).map(NodeId)
    }

    /// The voters of the new cluster.
    pub fn voters(&self) -> Voters {
        Voters::new(self.ids().take(self.founders.unwrap_or(self.servers)))
    }

    /// The configuration of server `id`, with `without` switched off.
    ///
    /// # Panics
    ///
    /// If `id` is not one of [`ids`](Bounds::ids), or messages may carry no entries, or nothing of a snapshot.
    pub fn config(&self, id: NodeId, without: Option<Rule>) -> Config {
        let voters = self.voters();
        let config = if voters.contains(id) {
            Config::new(id, voters, self.max_entries)
        } else {
            Config::joining(id, self.max_entries)
        };
        let config = config.and_then(|config| config.with_max_chunk(self.max_chunk * ENTRY_BYTES));
        let config = config.expect("bounds make a configuration").with(self.features);
        match without {
            Some(rule) => config.without(rule),
            None => config,
        }
    }

    /// May a server of this term start an election?
    pub fn allows_election_after(&self, term: Term) -> bool {
        term.0 < self.max_term
    }

    /// What servers promise their leader, if leases are used: only then have they clocks.
    pub fn lease(&self) -> Option<Lease> {
        self.features.lease()
    }

    /// No log grows longer: a no-op for each term, changes, and what clients propose, send again and read.
    pub fn max_index(&self) -> Index {
        let of_clients =
            [self.max_proposals, self.max_resends, self.max_reads, self.max_changes].map(u64::from);
        Index(self.max_term + of_clients.iter().sum::<u64>())
    }

    /// Why a search within these bounds would show nothing, if it would.
    pub fn trivial(&self) -> Option<&'static str> {
        match self {
            Bounds { founders: Some(founders), servers, .. } if founders > servers => {
                Some("more founders than servers")
            }
            Bounds { founders: Some(0), .. } => Some("0 founders: nobody votes"),
            Bounds { servers: 0, .. } => Some("0 servers: there is no state"),
            Bounds { servers: 1, .. } => Some("1 server: it agrees with itself"),
            Bounds { max_term: 0, .. } => {
                Some("0 terms: no election can start, and nothing else happens without a leader")
            }
            Bounds { max_timeouts: Some(0), .. } => Some("0 time-outs: no election can start"),
            Bounds { max_chunk: 0, .. } => Some("0 entries a chunk: no snapshot can be sent"),
            Bounds { max_entries: 0, .. } => Some("0 entries a message: nothing can be replicated"),
            _ => None,
        }
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} servers", self.servers)?;
        if let Some(founders) = self.founders {
            write!(f, " · {founders} founders")?;
        }
        write!(f, " · terms <= {}", self.max_term)?;
        let limits = [
            ("time-outs", self.max_timeouts),
            ("proposals", Some(self.max_proposals).filter(|n| *n > 0)),
            ("resends", Some(self.max_resends).filter(|n| *n > 0)),
            ("heartbeats", Some(self.max_heartbeats).filter(|n| *n > 0)),
            ("retries", Some(self.max_retries).filter(|n| *n > 0)),
            ("crashes", Some(self.max_crashes).filter(|n| *n > 0)),
            ("faults", Some(self.max_faults).filter(|n| *n > 0)),
            ("transfers", Some(self.max_transfers).filter(|n| *n > 0)),
            ("changes", Some(self.max_changes).filter(|n| *n > 0)),
            ("compactions", Some(self.max_compactions).filter(|n| *n > 0)),
            ("reads", Some(self.max_reads).filter(|n| *n > 0)),
            ("clock ticks", Some(self.max_ticks).filter(|n| *n > 0)),
            ("skew", Some(self.max_skew).filter(|n| *n > 0)),
            ("entries a message", u32::try_from(self.max_entries).ok()),
            ("entries a chunk", u32::try_from(self.max_chunk).ok().filter(|n| *n != 1)),
        ];
        for (name, limit) in limits {
            if let Some(limit) = limit {
                write!(f, " · {name} <= {limit}")?;
            }
        }
        if self.disk == Disk::Buffered {
            f.write_str(" · buffered disk")?;
        }
        let mut features = self.features;
        for (name, feature) in FEATURES {
            if *feature(&mut features) {
                write!(f, " · {name}")?;
            }
        }
        match features.reads {
            ReadMode::Index => {}
            ReadMode::Log => write!(f, " · log reads")?,
            ReadMode::Lease(Lease { promise, drift }) => write!(f, " · lease of {promise} less {drift}")?,
        }
        write!(f, " · {} network", self.network)
    }
}

impl FromStr for Bounds {
    type Err = ParseBoundsError;

    fn from_str(text: &str) -> Result<Bounds, ParseBoundsError> {
        let mut bounds = Bounds::default();
        for part in text.split(" · ") {
            bounds.read(part).ok_or_else(|| ParseBoundsError(format!("`{part}` is not a bound")))?;
        }
        Ok(bounds)
    }
}

impl Bounds {
    /// Reads one part of the line.
    fn read(&mut self, part: &str) -> Option<()> {
        if let Some((name, limit)) = part.split_once(" <= ") {
            match name {
                "terms" => self.max_term = limit.parse().ok()?,
                "time-outs" => self.max_timeouts = Some(limit.parse().ok()?),
                "proposals" => self.max_proposals = limit.parse().ok()?,
                "resends" => self.max_resends = limit.parse().ok()?,
                "heartbeats" => self.max_heartbeats = limit.parse().ok()?,
                "retries" => self.max_retries = limit.parse().ok()?,
                "crashes" => self.max_crashes = limit.parse().ok()?,
                "faults" => self.max_faults = limit.parse().ok()?,
                "transfers" => self.max_transfers = limit.parse().ok()?,
                "changes" => self.max_changes = limit.parse().ok()?,
                "compactions" => self.max_compactions = limit.parse().ok()?,
                "reads" => self.max_reads = limit.parse().ok()?,
                "clock ticks" => self.max_ticks = limit.parse().ok()?,
                "skew" => self.max_skew = limit.parse().ok()?,
                "entries a message" => self.max_entries = limit.parse().ok().filter(|n| *n > 0)?,
                "entries a chunk" => self.max_chunk = limit.parse().ok().filter(|n| *n > 0)?,
                _ => return None,
            }
        } else if let Some(servers) = part.strip_suffix(" servers") {
            self.servers = servers.parse().ok().filter(|n| (1..=9).contains(n))?;
        } else if let Some(founders) = part.strip_suffix(" founders") {
            self.founders = Some(founders.parse().ok().filter(|n| (1..=9).contains(n))?);
        } else if let Some(network) = part.strip_suffix(" network") {
            self.network = network.parse().ok()?;
        } else if part == "log reads" {
            self.features.reads = ReadMode::Log;
        } else if let Some(lease) = part.strip_prefix("lease of ") {
            let (promise, drift) = lease.split_once(" less ")?;
            let (promise, drift) = (Span(promise.parse().ok()?), Span(drift.parse().ok()?));
            self.features.reads = ReadMode::Lease(Lease { promise, drift });
        } else if part == "buffered disk" {
            self.disk = Disk::Buffered;
        } else if let Some((_, feature)) = FEATURES.iter().find(|(name, _)| *name == part) {
            *feature(&mut self.features) = true;
        } else {
            return None;
        }
        Some(())
    }
}

impl NetworkKind {
    /// All three.
    pub const ALL: [NetworkKind; 3] = [NetworkKind::Set, NetworkKind::Bag, NetworkKind::Ordered];

    /// Its name in bounds and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            NetworkKind::Set => "set",
            NetworkKind::Bag => "bag",
            NetworkKind::Ordered => "ordered",
        }
    }
}

impl fmt::Display for NetworkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for NetworkKind {
    type Err = ParseBoundsError;

    fn from_str(name: &str) -> Result<NetworkKind, ParseBoundsError> {
        let known = NetworkKind::ALL.into_iter().find(|kind| kind.name() == name);
        known.ok_or_else(|| ParseBoundsError(format!("`{name}` is not a network: set, bag or ordered")))
    }
}
