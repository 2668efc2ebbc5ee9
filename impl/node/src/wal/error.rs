//! What is wrong with a log, where, and what to do.

use std::fmt;
use std::io;

use raftlab_core::{LogId, NodeId};

/// Which cluster, and which of its servers, a log belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster, by a number drawn when it was founded.
    pub cluster: u128,
    /// The server.
    pub server: NodeId,
}

/// Why a log is not opened. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system's.
    #[error("{doing}: {error}")]
    Io {
        /// What was tried.
        doing: String,
        /// What the system said.
        error: io::Error,
    },
    /// It holds files, and no log.
    #[error("the directory holds `{0}` and no log: it is not ours, give an empty one")]
    NotOurs(String),
    /// It belongs to another server or another cluster.
    #[error("{file} is of {} in cluster {:032x}, and this is {} in cluster {:032x}: give this server its own directory",
        found.server, found.cluster, expected.server, expected.cluster)]
    Foreign {
        /// Which file says so.
        file: String,
        /// Whose it is.
        found: Identity,
        /// Whose it was to be.
        expected: Identity,
    },
    /// A newer program wrote it.
    #[error("{file} has format {found}, and this program knows formats up to {known}: use a newer one")]
    Newer {
        /// The file.
        file: String,
        /// Its format.
        found: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// Something was changed that had been synced.
    #[error(
        "{file} is damaged at byte {offset}, in record {record}: {what}. What it held may have been acknowledged: \
         replace the disk, remove this server from the cluster, and let it join under a new name"
    )]
    Damaged {
        /// The file.
        file: String,
        /// Where, in bytes from its beginning.
        offset: u64,
        /// In which of its records, from 1; 0 is the header.
        record: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// A file is gone.
    #[error(
        "{0} is missing. What it held may have been acknowledged: put it back, or remove this server from the cluster \
         and let it join under a new name"
    )]
    Missing(String),
    /// All bytes are as they were written, and what they say cannot be.
    #[error(
        "{file} says in record {record} what cannot follow what is before it: a program wrote what it should not"
    )]
    Senseless {
        /// The file.
        file: String,
        /// In which of its records.
        record: u64,
    },
}

/// Why something could not be written. The log takes nothing more: what its disk holds is no longer known, and a second
/// try could succeed without what the first one lost (Rebello et al., "Can Applications Recover from fsync Failures?",
/// ATC 2020). The process has to end; the next one reads what is there.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{doing}: {error}")]
pub struct WriteError {
    /// What was tried.
    pub doing: String,
    /// What the system said.
    pub error: String,
    /// Was there no room? Then the same directory opens again when there is.
    pub is_full: bool,
}

/// What was found in a log when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Was there no log before?
    pub is_new: bool,
    /// How many segments were read.
    pub segments: u64,
    /// How many records.
    pub records: u64,
    /// How many bytes of them.
    pub bytes: u64,
    /// The snapshot that it begins with, if it has one.
    pub snapshot: Option<LogId>,
    /// A record at the end that was not written whole, and is gone: nobody was told of it.
    pub torn: Option<Torn>,
}

/// A record that a crash interrupted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// In which file.
    pub file: String,
    /// Where it began.
    pub offset: u64,
}

/// For people: `nothing`, or what was read, in numbers.
impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_new {
            return f.write_str("nothing: it is new");
        }
        write!(f, "{} records, {} bytes, in {} segments", self.records, self.bytes, self.segments)?;
        self.snapshot.map_or(Ok(()), |last| write!(f, " behind a snapshot up to {last}"))?;
        let torn = self.torn.as_ref();
        torn.map_or(Ok(()), |torn| {
            write!(
                f,
                "; a record that was not written whole was cut off {} at byte {}",
                torn.file, torn.offset
            )
        })
    }
}

impl OpenError {
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> OpenError {
        move |error| OpenError::Io { doing: doing.into(), error }
    }

    /// A new log could not be begun.
    pub(super) fn begins(error: WriteError) -> OpenError {
        OpenError::Io { doing: error.doing, error: io::Error::other(error.error) }
    }
}

impl WriteError {
    pub(super) fn of(doing: impl Into<String>) -> impl FnOnce(io::Error) -> WriteError {
        move |error| WriteError {
            doing: doing.into(),
            error: error.to_string(),
            is_full: matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded),
        }
    }
}
