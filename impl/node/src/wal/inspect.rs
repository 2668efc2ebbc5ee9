//! A log as it stands, for people and programs that look at it: nothing is changed, and nothing is cut.

use raftlab_core::{Durable, Write};

use super::error::{Identity, OpenError, Recovery};
use super::recover::{self, Recovered};
use crate::disk::Disk;

/// A record, and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The segment.
    pub file: &'a str,
    /// Where it begins there, in bytes.
    pub offset: u64,
    /// Which of the segment's records it is, from 1.
    pub record: u64,
    /// What it says: a batch that became durable at once.
    pub writes: &'a [Write],
}

/// A log that a server could start from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// Whose it is.
    pub identity: Identity,
    /// What a server would start from.
    pub durable: Durable,
    /// What recovery would say.
    pub recovery: Recovery,
}

/// Reads a log as recovery does (the table in [`wal`](super)), whoever's it is, and shows each record that is good, in
/// order; so what comes before damage is seen. Nothing if no log was begun there.
///
/// # Errors
///
/// For what a server would refuse to start.
pub fn inspect<D: Disk>(disk: &D, show: &mut dyn FnMut(&Record<'_>)) -> Result<Option<Inspected>, OpenError> {
    let owner = recover::owner(disk)?;
    // Where there is no segment there is no owner, and nobody for whom a snapshot could be another's.
    let identity = owner.unwrap_or(Identity { cluster: 0, server: raftlab_core::NodeId(0) });
    let Recovered { durable, report: recovery, .. } = recover::recover(disk, identity, show)?;
    Ok(owner.map(|identity| Inspected { identity, durable, recovery }))
}
