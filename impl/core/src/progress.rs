//! What a leader knows of one follower (Figure 2, "volatile state on leaders").

use core::fmt;

use crate::types::{Index, debug_as_display};

/// nextIndex and matchIndex of one follower. They live and die with one leadership.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Progress {
    /// matchIndex: the highest index known to agree with the leader and to be on the follower's disk. Never falls.
    pub matched: Index,
    /// nextIndex: where the next AppendEntries starts. Always above `matched`.
    pub next: Index,
    /// How many bytes of the leader's snapshot the follower is known to hold, where it needs that instead (§7): it
    /// does if `next` lies in what the snapshot covers.
    pub held: u64,
}

impl Progress {
    /// What a leader whose log ended at `last` when it was elected assumes: nothing, and hopes to agree on all.
    pub fn at_election(last: Index) -> Progress {
        Progress { matched: Index(0), next: last.next(), held: 0 }
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.matched, self.next)?;
        if self.held == 0 { Ok(()) } else { write!(f, "+{}", self.held) }
    }
}

debug_as_display!(Progress);
