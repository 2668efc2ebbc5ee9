//! What a server is told at its start and never changes.

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::membership::{Membership, Standing};
use crate::quorum::Voters;
#[cfg(feature = "weaken")]
use crate::rule::Rule;
use crate::types::{NodeId, Span};

/// One server's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    id: NodeId,
    members: Arc<Membership>,
    max_entries: NonZeroUsize,
    max_chunk: NonZeroUsize,
    features: Features,
    #[cfg(feature = "weaken")]
    pub(crate) without: Option<Rule>,
}

/// What Raft may do beyond the paper's core. Each is off unless it is switched on, and costs nothing then: neither
/// state nor messages. All servers of a cluster are meant to agree; that they do not for a while, as when one after
/// another is restarted with a feature on, endangers no safety.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Features {
    /// A server asks whether it could win before it starts an election in a new term (dissertation 9.6). So a server
    /// that was cut off does not depose a leader that others hear.
    pub pre_vote: bool,
    /// A leader that has not heard from a majority for an election time-out, or whose own disk has not moved, steps
    /// down (dissertation 6.2). Without it, pre-vote lets such a leader live for ever.
    pub check_quorum: bool,
    /// A server that hears from a leader disregards requests for votes in newer terms (dissertation 4.2.3): a server
    /// that hears nobody, such as one that was removed, cannot depose that leader. One that returns still does, by
    /// its newer term, unless pre-vote is on; and a leader that hears nobody is replaced only with check-quorum.
    pub disregard_votes: bool,
    /// How a leader makes sure that what it reads is not stale (dissertation 6.4). A server to which nobody sends a
    /// read does the same in the first two modes; a lease has to be promised before it is used.
    pub reads: ReadMode,
}

/// How a leader makes sure, before it answers a read, that no later leader has committed anything (dissertation 6.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReadMode {
    /// It appends a no-op, and answers when that is committed: a disk write on a majority for each read.
    Log,
    /// It hears from a majority that it leads: a round of heartbeats for all reads that came meanwhile, and no disk.
    #[default]
    Index,
    /// A majority has promised to elect nobody else for a while: neither disk nor messages, as long as clocks keep
    /// what is said of them. A leader without a lease does as with [`ReadMode::Index`].
    Lease(Lease),
}

/// What servers promise a leader whom they hear, and what is assumed of their clocks (dissertation 6.4.1).
///
/// A server that heard its leader starts no election and grants no vote for `promise`, by its own clock. The lease
/// ends `drift` earlier by the leader's clock, counted from the *sending* of what was heard. So no vote is granted
/// within it, if over a time in which one clock shows `promise`, no other shows less by more than `drift`: clocks
/// that are at most k apart at any moment need 2k, clocks whose rates differ by at most ten percent a tenth of
/// `promise`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lease {
    /// The least election time-out: no server draws a shorter one, and [`Timer::Contact`](crate::Timer::Contact) runs
    /// as long.
    pub promise: Span,
    /// The bound on clock drift: by how much two clocks may differ over that time. If it is no less than `promise`,
    /// no lease is ever held.
    pub drift: Span,
}

impl Features {
    /// What servers promise their leader, if leases are used.
    pub fn lease(&self) -> Option<Lease> {
        match self.reads {
            ReadMode::Lease(lease) => Some(lease),
            ReadMode::Log | ReadMode::Index => None,
        }
    }
}

/// What one message carries of a snapshot, unless something else is said: it fits into a datagram.
const MAX_CHUNK: NonZeroUsize = NonZeroUsize::new(1024).expect("not 0");

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl Config {
    /// Server `id` in a new cluster of `voters`, sending at most `max_entries` entries in a message. All servers of a
    /// new cluster are told the same voters; from then on the log says who belongs to it.
    ///
    /// # Errors
    ///
    /// If `id` is not among `voters`, or `max_entries` is 0: such a server could never replicate anything.
    pub fn new(id: NodeId, voters: Voters, max_entries: usize) -> Result<Config, ConfigError> {
        if !voters.contains(id) {
            return Err(ConfigError(alloc::format!("{id} is not one of the {} voters", voters.len())));
        }
        Config::of(id, Membership::of(voters), max_entries)
    }

    /// Server `id` that is to join a cluster (dissertation 4.2.1): it knows nobody, starts no election, and waits for
    /// a leader to send it the log.
    ///
    /// # Errors
    ///
    /// If `max_entries` is 0.
    pub fn joining(id: NodeId, max_entries: usize) -> Result<Config, ConfigError> {
        Config::of(id, Membership::default(), max_entries)
    }

    fn of(id: NodeId, members: Membership, max_entries: usize) -> Result<Config, ConfigError> {
        let max_entries = NonZeroUsize::new(max_entries)
            .ok_or_else(|| ConfigError("a message must be allowed at least 1 entry".into()))?;
        Ok(Config {
            id,
            members: members.into(),
            max_entries,
            max_chunk: MAX_CHUNK,
            features: Features::default(),
            #[cfg(feature = "weaken")]
            without: None,
        })
    }

    /// The same with these features.
    #[must_use]
    pub fn with(self, features: Features) -> Config {
        Config { features, ..self }
    }

    /// The same, sending at most `bytes` of a snapshot in a message.
    ///
    /// # Errors
    ///
    /// If that is 0: a follower that needs the snapshot would wait for ever.
    pub fn with_max_chunk(self, bytes: usize) -> Result<Config, ConfigError> {
        let max_chunk = NonZeroUsize::new(bytes)
            .ok_or_else(|| ConfigError("a message must be allowed at least 1 byte of a snapshot".into()))?;
        Ok(Config { max_chunk, ..self })
    }

    /// This server.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// The configuration of a log that holds none: that of a new cluster, or nobody for a server that joins one.
    pub fn members(&self) -> &Membership {
        &self.members
    }

    /// Did this server start as one of a new cluster?
    pub fn is_founder(&self) -> bool {
        self.members.standing(self.id) == Standing::Voter
    }

    /// The most entries that one message carries.
    pub fn max_entries(&self) -> usize {
        self.max_entries.get()
    }

    /// The most bytes of a snapshot that one message carries.
    pub fn max_chunk(&self) -> usize {
        self.max_chunk.get()
    }

    /// What is switched on.
    pub fn features(&self) -> Features {
        self.features
    }

    /// Does this server note whether it hears from its leader?
    pub(crate) fn notes_contact(&self) -> bool {
        self.features.pre_vote || self.disregards_votes()
    }

    /// Does it disregard requests for votes while it does? A lease rests on that.
    pub(crate) fn disregards_votes(&self) -> bool {
        self.features.disregard_votes || self.lease().is_some()
    }

    /// What servers promise their leader, if they do.
    pub fn lease(&self) -> Option<Lease> {
        self.features.lease()
    }
}

/// A configuration is a constant of its server: the server's name stands for it.
impl Hash for Config {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for ConfigError {}
