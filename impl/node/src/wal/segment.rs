//! The head of a segment, and the names of files.
//!
//! A segment is as long as its head says from the moment at which it has its name: what was not written is zero. So a
//! file that was cut is known by its length, and a write changes no length, which would cost a second write at each
//! sync.
//!
//! | bytes | |
//! |---|---|
//! | 8 | `raftlog` and a line feed |
//! | 4 | format |
//! | 4 | crc32c of all the rest of the head |
//! | 16 | cluster |
//! | 8 | server |
//! | 8 | number of the segment, from 1 |
//! | 8 | length of the file |
//! | 8 | offset at which what it was born with ends |
//! | 16 | index and term of the snapshot that it begins with; 0 if there is none |
//! | 1 | 1 if nothing before it is needed |
//! | 47 | zeros |

use raftlab_core::{Index, LogId, NodeId, Term};

use super::error::{Identity, OpenError};
use super::frame::Seed;

/// The head of a segment, in bytes.
pub const HEADER_BYTES: usize = 128;

/// The newest format, and the only one so far.
pub const FORMAT: u32 = 1;

const MAGIC: &[u8; 8] = b"raftlog\n";

/// What is not finished yet, and is removed by the next start.
pub const UNFINISHED: &str = ".tmp";

/// The head of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whose it is.
    pub identity: Identity,
    /// Its place among the segments.
    pub number: u64,
    /// The length of the file, in bytes.
    pub len: u64,
    /// Where what it was born with ends: all of that was synced before it got its name.
    pub born: u64,
    /// Does it say all that was known when it was born, so that nothing before it is needed?
    pub is_checkpoint: bool,
    /// The snapshot that a checkpoint begins with; [`LogId::ZERO`] if there is none.
    pub snapshot: LogId,
}

/// The name of a segment.
pub fn segment_name(number: u64) -> String {
    format!("log-{number:016x}")
}

/// The name of a snapshot.
pub fn snapshot_name(last: LogId) -> String {
    format!("snapshot-{:016x}-{:016x}", last.index.0, last.term.0)
}

/// Whose segment is it, by its name?
pub fn segment_number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("log-").filter(|digits| digits.len() == 16)?;
    u64::from_str_radix(digits, 16).ok()
}

impl Header {
    /// As bytes.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.identity.cluster.to_le_bytes());
        let words = [
            self.identity.server.0,
            self.number,
            self.len,
            self.born,
            self.snapshot.index.0,
            self.snapshot.term.0,
        ];
        for (at, word) in words.into_iter().enumerate() {
            bytes[32 + 8 * at..40 + 8 * at].copy_from_slice(&word.to_le_bytes());
        }
        bytes[80] = u8::from(self.is_checkpoint);
        let check = crc32c::crc32c(&bytes[16..]);
        bytes[12..16].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// Reads the head of the segment in `file`.
    ///
    /// # Errors
    ///
    /// If it is damaged, or of a newer program.
    pub fn decode(file: &str, bytes: &[u8]) -> Result<Header, OpenError> {
        let damaged = |what| OpenError::Damaged { file: file.to_string(), offset: 0, record: 0, what };
        let head = bytes.get(..HEADER_BYTES).ok_or_else(|| damaged("its head is cut off"))?;
        if &head[..8] != MAGIC {
            return Err(damaged("it does not begin as a segment does"));
        }
        let (found, check) = (u32_at(head, 8), u32_at(head, 12));
        if found > FORMAT {
            return Err(OpenError::Newer { file: file.to_string(), found, known: FORMAT });
        }
        if found != FORMAT || crc32c::crc32c(&head[16..]) != check {
            return Err(damaged("its head does not fit its checksum"));
        }
        Ok(Header {
            identity: identity_at(head, 16),
            number: u64_at(head, 40),
            len: u64_at(head, 48),
            born: u64_at(head, 56),
            snapshot: LogId::new(Term(u64_at(head, 72)), Index(u64_at(head, 64))),
            is_checkpoint: head[80] == 1,
        })
    }

    /// What the heads of its records are checked with.
    pub fn seed(&self) -> Seed {
        Seed(crc32c::crc32c(&self.encode()[16..]))
    }
}

/// The integer at this offset, which lies in `bytes` whole.
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// The same of 8 bytes.
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

/// Cluster and server, as all heads hold them.
pub fn identity_at(bytes: &[u8], at: usize) -> Identity {
    let cluster = u128::from_le_bytes(bytes[at..at + 16].try_into().expect("sixteen bytes"));
    Identity { cluster, server: NodeId(u64_at(bytes, at + 16)) }
}
