//! Why a process does not start, why it ended, and why it did not take what it was asked.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use raftlab_core::NodeId;

use crate::kv::RestoreError;
use crate::peers::PeersError;
use crate::wal::{OpenError, WriteError};

/// Why a process does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Everybody who reaches the port could say anything.
    #[error(
        "a cluster without a key listens on loopback only, and {0} is elsewhere: give --cluster-key-file"
    )]
    Exposed(SocketAddr),
    /// Everybody who reaches it could break it.
    #[error("faults are offered on loopback only, and {0} is elsewhere: leave --chaos away")]
    ChaosExposed(SocketAddr),
    /// The port is taken, or not ours.
    #[error("listening on {address}: {error}")]
    Listen {
        /// Where it was to be.
        address: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The directory is taken, or cannot be made.
    #[error("the directory {}: {error}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The flag that names the founders was edited.
    #[error(
        "this server was first started in a cluster founded by {first}, and is now told {told}: who belongs to a cluster \
         changes through its log (`ctl member add`), or two majorities may share no server"
    )]
    Founders {
        /// What the first start was told.
        first: String,
        /// What this one was.
        told: String,
    },
    /// What is in it.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The snapshot in it.
    #[error(transparent)]
    Snapshot(#[from] RestoreError),
}

/// Why a process ended.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// The disk is full.
    #[error(
        "the disk is full: {0}. All that was acknowledged is there: make room, and start the server again"
    )]
    Full(WriteError),
    /// The disk failed.
    #[error("the disk failed, and what it holds is not known: {0}. The next start reads what is there")]
    Disk(WriteError),
    /// A leader sent a snapshot that is none.
    #[error(transparent)]
    Snapshot(#[from] RestoreError),
    /// The journal could not be written: nothing that is not in it may leave.
    #[error("recording what the core is given: {0}")]
    Journal(io::Error),
    /// A thread panicked: a bug.
    #[error("a thread of the server panicked")]
    Panic,
}

impl From<WriteError> for EndError {
    fn from(error: WriteError) -> EndError {
        if error.is_full { EndError::Full(error) } else { EndError::Disk(error) }
    }
}

/// Why a client's wish was not taken. Nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Too many wait already.
    #[error("the server has more to do than it can take: try again later")]
    Busy,
    /// The process has ended.
    #[error("the server has stopped")]
    Stopped,
    /// It would not fit into a datagram.
    #[error("key and value are too long: together with what is around them at most {bytes_max} bytes")]
    TooLarge {
        /// How long a command may be.
        bytes_max: usize,
    },
}

/// Why a fault was not made.
#[derive(Debug, thiserror::Error)]
pub enum ChaosError {
    /// The server was started without.
    #[error("the server was started without --chaos")]
    NotOffered,
    /// No server's name.
    #[error(transparent)]
    Name(#[from] PeersError),
    /// Nobody known, or this server itself.
    #[error("there is no link to {0}")]
    NoPeer(NodeId),
    /// No link is so.
    #[error(
        "of datagrams a share of 0 to 1 is dropped or comes twice, and none is delayed by less than nothing"
    )]
    Link,
    /// No clock runs so.
    #[error("a clock runs at 0 to 10000 percent of the truth, and not at {0}")]
    Rate(f64),
    /// The disk's fault could not be kept.
    #[error("keeping the disk's fault: {0}")]
    Io(#[from] io::Error),
    /// The process has ended.
    #[error("the server has stopped")]
    Stopped,
}
