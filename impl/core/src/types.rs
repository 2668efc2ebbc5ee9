//! One number, one type: terms, indexes, servers and log positions cannot be confused.
//!
//! `Debug` of each is the project's one notation: `n1` a server, `3@2` index 3 of term 2.

use alloc::sync::Arc;
use core::fmt;

use serde::{Deserialize, Serialize};

/// A logical clock: each term has at most one leader (§5.1). Term 0 is before the first election.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Term(pub u64);

/// A position in the log, counted from 1; 0 stands before the first entry (Figure 2).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Index(pub u64);

/// A server's name, unique in its cluster for ever: a server that lost its disk needs a new one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u64);

/// Monotonic local time in microseconds, from an origin that only its server knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Time(pub u64);

/// A length of time in microseconds, by one clock.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span(pub u64);

/// A round of heartbeats by which a leader makes sure that it leads (dissertation 6.4), counted from 1 in each
/// leadership; 0 is before the first. It travels with every AppendEntries and back with every answer.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Round(pub u64);

/// A client's read, by a name that only its host understands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReadId(pub u64);

/// Where an entry stands and which term wrote it. By Log Matching (§5.3) this names the entry's content too.
///
/// The derived order, term first and then index, *is* the up-to-date rule of §5.4.1: of two logs the one whose last
/// `LogId` is greater is the more up-to-date.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LogId {
    /// The term of the leader that created the entry.
    pub term: Term,
    /// The entry's position.
    pub index: Index,
}

/// What a client asks the replicated state machine to do: bytes that Raft never reads.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Command(#[serde(with = "crate::bytes")] pub Arc<[u8]>);

impl Term {
    /// The term after this one, or `None` at the end of the range.
    pub fn next(self) -> Option<Term> {
        self.0.checked_add(1).map(Term)
    }
}

impl Index {
    /// The position after this one. A log never reaches the end of the range; arithmetic saturates there.
    #[must_use]
    pub fn next(self) -> Index {
        Index(self.0.saturating_add(1))
    }

    /// The position before this one; 0 is its own predecessor.
    #[must_use]
    pub fn prev(self) -> Index {
        Index(self.0.saturating_sub(1))
    }
}

impl Time {
    /// The time that is `span` later.
    #[must_use]
    pub fn after(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl Round {
    /// The round after this one. No leadership lasts for so many that it ends.
    #[must_use]
    pub fn next(self) -> Round {
        Round(self.0.saturating_add(1))
    }
}

impl LogId {
    /// The position before the first entry, which every log contains.
    pub const ZERO: LogId = LogId { term: Term(0), index: Index(0) };

    /// `index` in `term`.
    pub fn new(term: Term, index: Index) -> LogId {
        LogId { term, index }
    }
}

impl Command {
    /// A command of these bytes.
    pub fn new(bytes: &[u8]) -> Command {
        Command(bytes.into())
    }
}

impl fmt::Display for Command {
    /// Text as it is, other bytes in hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match core::str::from_utf8(&self.0) {
            Ok(text) if !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic()) => f.write_str(text),
            _ => {
                f.write_str("0x")?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for ReadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.index, self.term)
    }
}

/// `Debug` is a user interface: it prints the notation, not the structure.
macro_rules! debug_as_display {
    ($($name:ty),* $(,)?) => {$(
        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(self, f)
            }
        }
    )*};
}
pub(crate) use debug_as_display;

debug_as_display!(Term, Index, NodeId, LogId, Command, Span, Round, ReadId);
