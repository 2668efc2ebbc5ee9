//! What stands in a journal, and how it is written: the tables at the top of `journal.rs`.

use raftlab_core::{
    Config, ConfigError, Durable, Effects, Features, Index, Input, LogId, Part, Raft, Term, Time, Voters,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::wal::Identity;

/// The head of a file, in bytes.
pub const FILE_HEAD_BYTES: usize = 72;

/// The head of a record, in bytes.
pub const HEAD_BYTES: usize = 12;

/// The newest format, and the only one so far.
pub const FORMAT: u32 = 1;

pub const MAGIC: &[u8; 8] = b"raftjnl\n";

/// What the head of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Whose journal it is.
    pub identity: Identity,
    /// Which of its lives.
    pub life: u64,
}

/// Which record it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A life begins.
    Begin = 1,
    /// The core took an input.
    Step = 2,
    /// What waited was given to the disk.
    Batch = 3,
    /// The process stopped.
    End = 4,
    /// The core panicked.
    Unfinished = 5,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 5] = [Kind::Begin, Kind::Step, Kind::Batch, Kind::End, Kind::Unfinished];
}

/// A record of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A life begins.
    Began(Box<Began>),
    /// The core took an input. What came of it every file says; who keeps records to themselves may not.
    Step(Step, Option<Outcome>),
    /// All that waited for the disk was given to it.
    Batch,
    /// The core was given an input, and panicked.
    Unfinished(Step),
    /// The process stopped.
    End {
        /// How many steps it had taken.
        steps: u64,
    },
}

/// How a life began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Began {
    /// True time, in microseconds.
    pub real: u64,
    /// What the core was told.
    pub told: Told,
    /// What its disk held.
    pub durable: Durable,
    /// What came of it, if that is said.
    pub outcome: Option<Outcome>,
}

/// An input, and when the core took it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// True time, in microseconds.
    pub real: u64,
    /// What the core was told that the time is.
    pub now: Time,
    /// What it took.
    pub input: Input,
}

/// The configuration of a core, but for the server's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The founders of the cluster; nobody, for a server that joins.
    pub founders: Voters,
    /// What was switched on.
    pub features: Features,
    /// The most entries of a message.
    pub max_entries: u64,
    /// The most bytes of a snapshot in a message.
    pub max_chunk: u64,
}

/// What a core was after a step, and what it wanted done, in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// crc32c of each [`Part`] of the effects, in postcard.
    pub parts: [u32; Part::ALL.len()],
    /// currentTerm.
    pub term: Term,
    /// commitIndex.
    pub commit: Index,
    /// The end of its log.
    pub last: LogId,
}

impl Told {
    /// What a core with this configuration was told.
    pub fn of(config: &Config) -> Told {
        Told {
            founders: config.members().voters().clone(),
            features: config.features(),
            max_entries: config.max_entries() as u64,
            max_chunk: config.max_chunk() as u64,
        }
    }

    /// The configuration of this server.
    ///
    /// # Errors
    ///
    /// If there is none: no server was told that.
    pub fn config(&self, id: raftlab_core::NodeId) -> Result<Config, ConfigError> {
        let size = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
        let entries = size(self.max_entries);
        let config = if self.founders.is_empty() {
            Config::joining(id, entries)
        } else {
            Config::new(id, self.founders.clone(), entries)
        };
        config?.with(self.features).with_max_chunk(size(self.max_chunk))
    }
}

impl Outcome {
    /// What came of a step. `scratch` is for bytes on the way.
    pub fn of(raft: &Raft, effects: &Effects, scratch: &mut Vec<u8>) -> Outcome {
        let parts = Part::ALL.map(|part| {
            scratch.clear();
            put(scratch, &effects.part(part));
            crc32c::crc32c(scratch)
        });
        Outcome { parts, term: raft.term(), commit: raft.commit(), last: raft.log().last() }
    }
}

impl Head {
    /// As bytes.
    pub fn encode(&self) -> [u8; FILE_HEAD_BYTES] {
        let mut bytes = [0; FILE_HEAD_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.identity.cluster.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.identity.server.0.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.life.to_le_bytes());
        let check = crc32c::crc32c(&bytes[16..]);
        bytes[12..16].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// What the records of its file are checked with.
    pub fn seed(&self) -> u32 {
        crc32c::crc32c(&self.encode())
    }
}

/// Appends a value to a record.
pub fn put(bytes: &mut Vec<u8>, value: &impl Serialize) {
    let made = postcard::to_extend(value, std::mem::take(bytes));
    *bytes = made.expect("what a core takes and gives has an encoding");
}

/// Fills in the head of a record, which `record` is, head and all.
pub fn seal(record: &mut [u8], seed: u32, number: u64) {
    let (head, payload) = record.split_at_mut(HEAD_BYTES);
    let len = u32::try_from(payload.len()).expect("a record is smaller than 4 GiB");
    head.copy_from_slice(&self::head(seed, number, len, crc32c::crc32c(payload)));
}

/// The head of a record.
pub fn head(seed: u32, number: u64, len: u32, payload: u32) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..4].copy_from_slice(&len.to_le_bytes());
    head[4..8].copy_from_slice(&payload.to_le_bytes());
    let check = crc32c::crc32c_append(crc32c::crc32c_append(seed, &number.to_le_bytes()), &head[..8]);
    head[8..].copy_from_slice(&check.to_le_bytes());
    head
}

/// Reads the payload of a record; `None` if it is none.
pub fn decode(payload: &[u8]) -> Option<Record> {
    let (kind, body) = payload.split_first()?;
    match *kind {
        kind if kind == Kind::Begin as u8 => {
            let ((real, told, durable), rest) = postcard::take_from_bytes(body).ok()?;
            let outcome = Some(whole(rest)?);
            Some(Record::Began(Box::new(Began { real, told, durable, outcome })))
        }
        kind if kind == Kind::Step as u8 => {
            let (step, rest) = postcard::take_from_bytes(body).ok()?;
            Some(Record::Step(step, Some(whole(rest)?)))
        }
        kind if kind == Kind::Batch as u8 => body.is_empty().then_some(Record::Batch),
        kind if kind == Kind::End as u8 => Some(Record::End { steps: whole(body)? }),
        kind if kind == Kind::Unfinished as u8 => Some(Record::Unfinished(whole(body)?)),
        _ => None,
    }
}

/// A value that takes all of these bytes.
fn whole<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}
