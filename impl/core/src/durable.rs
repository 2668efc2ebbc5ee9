//! What a server's disk holds, and the only way in which it changes.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::log::{Entry, Log, bracketed};
use crate::snapshot::Snapshot;
use crate::types::{Index, LogId, NodeId, Term, debug_as_display};

/// The persistent state of Figure 2: what survives a crash, and all that does.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Durable {
    /// currentTerm.
    pub term: Term,
    /// votedFor, in `term`.
    pub voted_for: Option<NodeId>,
    /// What stands in for the log up to its base (§7).
    pub snapshot: Option<Arc<Snapshot>>,
    /// The log.
    pub log: Log,
}

/// One record for the disk. Replaying the records in order *is* recovery ([`Durable::apply`]).
///
/// What must not be torn apart is one record: term and vote (a vote without its term could be cast twice), truncation
/// and the entries that replace it (a crash between would lose acknowledged entries), a snapshot and the compaction
/// of the log (whichever came alone would leave a gap, or a log that contradicts the snapshot).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Write {
    /// currentTerm and votedFor.
    Vote {
        /// The new term.
        term: Term,
        /// The vote cast in it, if any.
        voted_for: Option<NodeId>,
    },
    /// Entries, after dropping all that stood behind `after`.
    Log {
        /// The last index that stays.
        after: Index,
        /// What follows it.
        entries: Vec<Entry>,
    },
    /// A snapshot, in place of any older one and of all entries that it covers ([`Log::compact`]).
    Snapshot(Arc<Snapshot>),
}

/// Says that the writes of some steps are durable, in order, and all earlier ones with them: the answer of the disk,
/// handed back as [`Input::Persisted`](crate::Input::Persisted).
///
/// It names what became durable, not a sequence number: a stale one says nothing false. Only
/// [`Effects::persist`](crate::Effects::persist) makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Persisted {
    pub(crate) vote: Option<Term>,
    pub(crate) log: Option<LogId>,
}

impl Durable {
    /// Replays one record.
    ///
    /// # Panics
    ///
    /// If the record does not continue the log (see [`Log::replace_after`]).
    pub fn apply(&mut self, write: &Write) {
        match write {
            Write::Vote { term, voted_for } => (self.term, self.voted_for) = (*term, *voted_for),
            Write::Log { after, entries } => self.log.replace_after(*after, entries),
            Write::Snapshot(snapshot) => {
                self.log.compact(snapshot.last);
                self.snapshot = Some(Arc::clone(snapshot));
            }
        }
    }
}

impl Persisted {
    /// What these records make durable; `None` for no record.
    pub(crate) fn of(writes: &[Write]) -> Option<Persisted> {
        let mut all = Persisted { vote: None, log: None };
        for write in writes {
            match write {
                Write::Vote { term, .. } => all.vote = Some(*term),
                Write::Log { entries, .. } => all.log = entries.last().map(|entry| entry.id),
                // Who waits for it is told by the message that says so.
                Write::Snapshot(_) => {}
            }
        }
        (!writes.is_empty()).then_some(all)
    }
}

impl fmt::Display for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Write::Vote { term, voted_for: Some(vote) } => write!(f, "term {term} vote {vote}"),
            Write::Vote { term, voted_for: None } => write!(f, "term {term} no vote"),
            Write::Log { after, entries } => write!(f, "log after {after} {}", bracketed(entries)),
            Write::Snapshot(snapshot) => write!(f, "snapshot {snapshot}"),
        }
    }
}

debug_as_display!(Write);
