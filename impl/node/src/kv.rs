//! The state machine: keys and values, and the sessions that make retries harmless (dissertation 6.3).
//!
//! It is given the committed entries in order, each once, and nothing else: no clock, no chance. So all servers that
//! were given the same entries hold the same, to the byte, and a snapshot of one stands for all ([`Store::snapshot`]).
//! A command that cannot be read is an outcome as good as any other: what must not happen is that one server reads it
//! and another does not.
//!
//! # A snapshot while entries go on coming
//!
//! Pairs lie in 256 shards, by a checksum of the key. A clone of the store shares them all; who writes next copies the
//! one shard that it writes to, as long as the clone lives. So the thread that applies entries clones at once, and
//! another one makes bytes of the clone at leisure. There is no order among keys of different shards, and nothing here
//! asks for one.

mod command;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use raftlab_core::{Entry, Index, LogId, Outcome as Done, Payload, SessionId, Sessions};
use serde::{Deserialize, Serialize};

pub use self::command::{Bytes, Command, Malformed, Operation, Response};
use crate::peers::Peers;

const SHARDS: usize = 256;

/// The version of a snapshot's bytes.
const FORMAT: u8 = 1;

/// The least room for sessions that a cluster works with: each client has one.
pub const SESSIONS_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("not 0");

/// Keys and values, sessions, and where servers listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// The last entry that it was given.
    applied: LogId,
    shards: Vec<Arc<Shard>>,
    sessions: Arc<Sessions<Response>>,
    peers: Peers,
}

type Shard = BTreeMap<Bytes, Pair>;

/// A value, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The value.
    pub value: Bytes,
    /// The entry that wrote it.
    pub revision: Index,
}

/// What came of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was for Raft alone.
    Nothing,
    /// A session was opened.
    Opened(SessionId),
    /// A command took effect, now or when it came first.
    Done {
        /// What it came to.
        response: Response,
        /// Did it come before? Then this is what it came to then.
        is_repeated: bool,
    },
    /// It came before, and its client has had the response: nobody waits.
    Discarded,
    /// Its session is gone. It took no effect now; whether it did before is not known.
    Expired,
    /// A server's address was noted.
    Noted,
    /// It is no command. It took no effect, at any server.
    Invalid,
}

/// What a snapshot holds, but for the pairs, which follow it.
#[derive(Serialize, Deserialize)]
struct Head {
    applied: LogId,
    sessions: Arc<Sessions<Response>>,
    peers: Peers,
    pairs: u64,
}

/// Why a snapshot is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Its first byte says so.
    #[error(
        "the snapshot has format {0}, and this program knows format {FORMAT}: use the program that wrote it"
    )]
    Format(u8),
    /// It is no snapshot of a store.
    #[error("the bytes are no snapshot of a store")]
    Malformed,
}

impl Default for Store {
    fn default() -> Store {
        Store::new(SESSIONS_MAX, Peers::default())
    }
}

impl Store {
    /// A store that was given nothing yet. All servers of a cluster must begin alike.
    pub fn new(sessions_max: NonZeroUsize, peers: Peers) -> Store {
        let shards = (0..SHARDS).map(|_| Arc::default()).collect();
        Store { applied: LogId::ZERO, shards, sessions: Arc::new(Sessions::new(sessions_max)), peers }
    }

    /// The last entry that it was given.
    pub fn applied(&self) -> LogId {
        self.applied
    }

    /// What is under a key.
    pub fn get(&self, key: &[u8]) -> Option<&Pair> {
        self.shards[shard_of(key)].get(key)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.len()).sum()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where servers listen, as far as the log says.
    pub fn peers(&self) -> &Peers {
        &self.peers
    }

    /// Is this session open?
    pub fn is_open(&self, session: SessionId) -> bool {
        self.sessions.is_open(session)
    }

    /// Gives it the next committed entry.
    ///
    /// # Panics
    ///
    /// If it is not the next.
    pub fn apply(&mut self, entry: &Entry) -> Outcome {
        assert_eq!(entry.id.index, self.applied.index.next(), "entries are applied in order, each once");
        self.applied = entry.id;
        let Payload::Command(command) = &entry.payload else { return Outcome::Nothing };
        match Command::decode(command) {
            Ok(command) => self.execute(entry.id.index, command),
            Err(Malformed) => Outcome::Invalid,
        }
    }

    fn execute(&mut self, at: Index, command: Command) -> Outcome {
        match command {
            Command::Open => Outcome::Opened(Arc::make_mut(&mut self.sessions).open(at).session),
            Command::Note { server, address } => {
                self.peers.insert(server, address);
                Outcome::Noted
            }
            Command::Do { request, operation } => {
                let shard = Arc::make_mut(&mut self.shards[shard_of(&operation.key().0)]);
                let Some(request) = request else {
                    return Outcome::Done { response: operation.execute(at, shard), is_repeated: false };
                };
                let sessions = Arc::make_mut(&mut self.sessions);
                match sessions.apply(at, request, || operation.execute(at, shard)) {
                    Done::Executed(response) => {
                        Outcome::Done { response: response.clone(), is_repeated: false }
                    }
                    Done::Repeated(response) => {
                        Outcome::Done { response: response.clone(), is_repeated: true }
                    }
                    Done::Discarded => Outcome::Discarded,
                    Done::Expired => Outcome::Expired,
                }
            }
        }
    }

    /// All of it, as bytes: those of equal stores are equal.
    ///
    /// # Panics
    ///
    /// Never: all of it has an encoding.
    pub fn snapshot(&self) -> Vec<u8> {
        let head = Head {
            applied: self.applied,
            sessions: Arc::clone(&self.sessions),
            peers: self.peers.clone(),
            pairs: self.len() as u64,
        };
        let encoded = postcard::to_extend(&head, vec![FORMAT]);
        let mut pairs = self.shards.iter().flat_map(|shard| shard.iter());
        let all = pairs
            .try_fold(encoded, |bytes, pair| Ok::<_, postcard::Error>(postcard::to_extend(&pair, bytes?)));
        all.and_then(|bytes| bytes).expect("a store has an encoding")
    }

    /// The store that wrote these bytes.
    ///
    /// # Errors
    ///
    /// If none did.
    pub fn restore(bytes: &[u8]) -> Result<Store, RestoreError> {
        let (format, bytes) = bytes.split_first().ok_or(RestoreError::Malformed)?;
        if *format != FORMAT {
            return Err(RestoreError::Format(*format));
        }
        let malformed = |_| RestoreError::Malformed;
        let (head, mut rest) = postcard::take_from_bytes::<Head>(bytes).map_err(malformed)?;
        let mut shards: Vec<Shard> = vec![Shard::new(); SHARDS];
        let mut last = None;
        for _ in 0..head.pairs {
            let ((key, pair), left) = postcard::take_from_bytes::<(Bytes, Pair)>(rest).map_err(malformed)?;
            let place = Some((shard_of(&key.0), key.clone()));
            // There is one way to write a store.
            if place <= last {
                return Err(RestoreError::Malformed);
            }
            shards[shard_of(&key.0)].insert(key, pair);
            (last, rest) = (place, left);
        }
        if !rest.is_empty() {
            return Err(RestoreError::Malformed);
        }
        let shards = shards.into_iter().map(Arc::new).collect();
        Ok(Store { applied: head.applied, shards, sessions: head.sessions, peers: head.peers })
    }
}

fn shard_of(key: &[u8]) -> usize {
    crc32c::crc32c(key) as usize % SHARDS
}
