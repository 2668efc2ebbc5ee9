//! What a client asks for, as it stands in the log, and what it is answered.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use raftlab_core::{Index, NodeId, Request};
use serde::{Deserialize, Serialize};

use super::{Pair, Shard};
use crate::peers::Address;

/// The version of a command's bytes.
const FORMAT: u8 = 1;

/// A key or a value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Bytes(#[serde(with = "raftlab_core::bytes")] pub Arc<[u8]>);

/// What an entry of the log asks the state machine to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// To open a session (dissertation 6.3): its name is the entry's index.
    Open,
    /// To execute an operation: once, however often it comes, if its client has a session; else each time.
    Do {
        /// Which of which client's.
        request: Option<Request>,
        /// What.
        operation: Operation,
    },
    /// To note where a server listens, before it joins.
    Note {
        /// The server.
        server: NodeId,
        /// Where.
        address: Address,
    },
}

/// What is done to the value under a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// It becomes this one.
    Put {
        /// The key.
        key: Bytes,
        /// The value.
        value: Bytes,
    },
    /// It goes.
    Delete {
        /// The key.
        key: Bytes,
    },
    /// It becomes another one, or goes, if it is what is expected; nothing, if nothing is.
    CompareAndSwap {
        /// The key.
        key: Bytes,
        /// What is to be there.
        expected: Option<Bytes>,
        /// What is to be there then.
        value: Option<Bytes>,
    },
}

/// What an operation came to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Response {
    /// It was done, by the entry at this index.
    Done {
        /// The entry.
        revision: Index,
        /// Was there a value before?
        existed: bool,
    },
    /// Something else was there than expected, and stays.
    Unequal {
        /// What.
        value: Option<Bytes>,
    },
}

/// Bytes that are no command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Command {
    /// As bytes of the log.
    ///
    /// # Panics
    ///
    /// Never: a command has an encoding.
    pub fn encode(&self) -> raftlab_core::Command {
        let bytes = postcard::to_extend(self, vec![FORMAT]).expect("a command has an encoding");
        raftlab_core::Command(bytes.into())
    }

    /// How many bytes it takes, at most, without making them.
    pub fn bytes_max(&self) -> usize {
        const AROUND_BYTES_MAX: usize = 64;
        let bytes = match self {
            Command::Do { operation: Operation::Put { key, value }, .. } => key.0.len() + value.0.len(),
            Command::Do { operation: Operation::Delete { key }, .. } => key.0.len(),
            Command::Do { operation: Operation::CompareAndSwap { key, expected, value }, .. } => {
                let len = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, |bytes| bytes.0.len());
                key.0.len() + len(expected) + len(value)
            }
            Command::Open | Command::Note { .. } => 0,
        };
        AROUND_BYTES_MAX + bytes
    }

    /// Reads what stands in the log.
    ///
    /// # Errors
    ///
    /// If it is no command, or more than one.
    pub fn decode(command: &raftlab_core::Command) -> Result<Command, Malformed> {
        let bytes = command.0.strip_prefix(&[FORMAT]).ok_or(Malformed)?;
        match postcard::take_from_bytes(bytes) {
            Ok((command, [])) => Ok(command),
            _ => Err(Malformed),
        }
    }
}

impl Operation {
    /// The key.
    pub fn key(&self) -> &Bytes {
        match self {
            Operation::Put { key, .. }
            | Operation::Delete { key }
            | Operation::CompareAndSwap { key, .. } => key,
        }
    }

    pub(super) fn execute(self, at: Index, shard: &mut Shard) -> Response {
        let (key, value) = match self {
            Operation::Put { key, value } => (key, Some(value)),
            Operation::Delete { key } => (key, None),
            Operation::CompareAndSwap { key, expected, value } => {
                let present = shard.get(&key).map(|pair| &pair.value);
                if present != expected.as_ref() {
                    return Response::Unequal { value: present.cloned() };
                }
                (key, value)
            }
        };
        let before = match value {
            Some(value) => shard.insert(key, Pair { value, revision: at }),
            None => shard.remove(&key),
        };
        Response::Done { revision: at, existed: before.is_some() }
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Bytes {
        Bytes(bytes.into())
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Bytes {
        text.as_bytes().into()
    }
}

impl Borrow<[u8]> for Bytes {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}
