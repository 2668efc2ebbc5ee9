//! The replicated log (§5.3): contiguous entries, terms that never fall.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::membership::Membership;
use crate::types::{Command, Index, LogId, Term, debug_as_display};

/// One slot of the log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// Its position and the term of the leader that created it.
    pub id: LogId,
    /// What it carries.
    pub payload: Payload,
}

/// What an entry carries.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Payload {
    /// Appended by each leader at the start of its term, so that it can commit at once what earlier terms left
    /// (§5.4.2, §8; dissertation 6.4).
    Noop,
    /// A client's command.
    Command(Command),
    /// A configuration. It counts from here on, committed or not (§6, dissertation 4.1).
    Membership(Arc<Membership>),
}

/// The entries that a server holds, without a gap: from index 1, or from behind its base once a snapshot covers what
/// was before (§7).
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Log {
    base: LogId,
    entries: Vec<Entry>,
    /// Where in `entries` configurations stand, so that the latest one is at hand. It follows from them.
    changes: Vec<Index>,
}

/// What of a log is written down.
#[derive(Serialize, Deserialize)]
struct Stored {
    base: LogId,
    entries: Vec<Entry>,
}

impl Log {
    /// A log without entries, after a snapshot that ends at `base`.
    pub fn starting_after(base: LogId) -> Log {
        Log { base, ..Log::default() }
    }

    /// The last position that is no longer in the log, because a snapshot covers it and all before: lastIncludedIndex
    /// and lastIncludedTerm (§7). [`LogId::ZERO`] as long as nothing was compacted.
    pub fn base(&self) -> LogId {
        self.base
    }

    /// The position of the last entry, or [`base`](Log::base) if there is none.
    pub fn last(&self) -> LogId {
        self.entries.last().map_or(self.base, |entry| entry.id)
    }

    /// The entry at `index`, if the log has one.
    pub fn get(&self, index: Index) -> Option<&Entry> {
        self.entries.get(position(index.prev().0.checked_sub(self.base.index.0)?))
    }

    /// The term at `index`: 0 at index 0, `None` beyond the end and below the base.
    pub fn term_at(&self, index: Index) -> Option<Term> {
        if index == self.base.index {
            return Some(self.base.term);
        }
        self.get(index).map(|entry| entry.id.term)
    }

    /// Does the log hold this very position in this very term? By Log Matching it then agrees on all before it.
    pub fn contains(&self, id: LogId) -> bool {
        self.term_at(id.index) == Some(id.term)
    }

    /// The entries after `index`, in order, at most `limit` of them; none below the base.
    pub fn after(&self, index: Index, limit: usize) -> &[Entry] {
        let start = self.offset(index).min(self.entries.len());
        let end = start.saturating_add(limit).min(self.entries.len());
        &self.entries[start..end]
    }

    /// The entries after `low` up to and with `high`.
    pub fn between(&self, low: Index, high: Index) -> &[Entry] {
        let low = low.max(self.base.index);
        self.after(low, position(high.0.saturating_sub(low.0)))
    }

    /// How many entries the log holds up to `index`.
    fn offset(&self, index: Index) -> usize {
        position(index.0.saturating_sub(self.base.index.0))
    }

    /// All entries, from the one after the base.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The last configuration at or below `index`, and where it stands.
    pub fn change_at_or_below(&self, index: Index) -> Option<(Index, &Arc<Membership>)> {
        let changes = self.changes.partition_point(|at| *at <= index);
        let at = *self.changes.get(changes.checked_sub(1)?)?;
        match &self.get(at)?.payload {
            Payload::Membership(membership) => Some((at, membership)),
            Payload::Noop | Payload::Command(_) => None,
        }
    }

    /// All configurations in it, in order, and where they stand.
    pub fn changes(&self) -> impl DoubleEndedIterator<Item = (Index, &Arc<Membership>)> {
        self.changes.iter().filter_map(|at| self.change_at_or_below(*at))
    }

    /// The position at `index`, which the log holds.
    pub(crate) fn id_at(&self, index: Index) -> LogId {
        LogId::new(self.term_at(index).unwrap_or_default(), index)
    }

    /// The last position that may agree with a log in which `bound` stands: the largest index not above `bound.index`
    /// whose term is not above `bound.term`, or 0@0 if that lies below the base. Follower and leader both skip by it,
    /// so one rejection passes over a whole run of terms (§5.3, the optimisation of nextIndex).
    pub fn latest_at_or_below(&self, bound: LogId) -> LogId {
        let reach = self.offset(bound.index).min(self.entries.len());
        let older = self.entries[..reach].iter().rev().find(|entry| entry.id.term <= bound.term);
        let base = Some(self.base).filter(|base| base.index <= bound.index && base.term <= bound.term);
        older.map(|entry| entry.id).or(base).unwrap_or(LogId::ZERO)
    }

    /// Drops all entries after `index`, then appends `entries`: one operation, so that no crash falls between.
    ///
    /// # Panics
    ///
    /// If `entries` do not continue the log at `index` with terms that never fall, or `index` lies below the base.
    pub fn replace_after(&mut self, index: Index, entries: &[Entry]) {
        assert!(index >= self.base.index, "{self} does not reach down to {index}");
        self.entries.truncate(self.offset(index));
        assert!(is_continuation(self.last(), entries), "{entries:?} does not continue {self} after {index}");
        assert_eq!(entries.first().map_or(self.last().index, |e| e.id.index.prev()), self.last().index);
        self.entries.extend_from_slice(entries);
        self.changes.truncate(self.changes.partition_point(|at| *at <= index));
        let is_change = |entry: &&Entry| matches!(entry.payload, Payload::Membership(_));
        self.changes.extend(entries.iter().filter(is_change).map(|entry| entry.id.index));
    }

    /// Makes `base` the base: what it covers goes. What stands behind it stays if the log holds `base` itself, for
    /// then it agrees with whoever made the snapshot (Figure 13, rule 6); else nothing is known of it, and it goes
    /// too (rule 7).
    pub fn compact(&mut self, base: LogId) {
        let kept = if self.contains(base) { self.after(base.index, usize::MAX) } else { &[] };
        *self = Log::of(base, kept);
    }

    fn of(base: LogId, entries: &[Entry]) -> Log {
        let mut log = Log::starting_after(base);
        log.replace_after(base.index, entries);
        log
    }
}

/// Configurations are entries: who hashes those has hashed all.
impl Hash for Log {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.base.hash(state);
        self.entries.hash(state);
    }
}

impl From<Vec<Entry>> for Log {
    fn from(entries: Vec<Entry>) -> Log {
        Log::of(LogId::ZERO, &entries)
    }
}

/// What is read need not be what was written.
impl TryFrom<Stored> for Log {
    type Error = &'static str;

    fn try_from(Stored { base, entries }: Stored) -> Result<Log, &'static str> {
        let is_log = is_continuation(base, &entries);
        if is_log { Ok(Log::of(base, &entries)) } else { Err("entries that do not continue their log") }
    }
}

impl From<Log> for Stored {
    fn from(Log { base, entries, .. }: Log) -> Stored {
        Stored { base, entries }
    }
}

/// Do `entries` continue a log that ends in `prev`, without a gap and with terms that never fall?
pub fn is_continuation(prev: LogId, entries: &[Entry]) -> bool {
    let mut last = prev;
    entries.iter().all(|entry| {
        let follows = entry.id.index.0.checked_sub(1) == Some(last.index.0) && entry.id.term >= last.term;
        last = entry.id;
        follows && entry.id.term > Term(0)
    })
}

/// An index as an offset into memory. Where a log would not fit, no such offset is in it.
fn position(index: u64) -> usize {
    usize::try_from(index).unwrap_or(usize::MAX)
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.payload {
            Payload::Noop => write!(f, "{}", self.id),
            Payload::Command(command) => write!(f, "{}={command}", self.id),
            Payload::Membership(membership) => write!(f, "{}={membership}", self.id),
        }
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Payload::Noop => f.write_str("no-op"),
            Payload::Command(command) => write!(f, "{command}"),
            Payload::Membership(membership) => write!(f, "{membership}"),
        }
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.base != LogId::ZERO {
            write!(f, "..{} ", self.base)?;
        }
        f.write_str(&bracketed(&self.entries))
    }
}

/// `[1@1 2@1=a1]`: how logs and the entries of a message are printed.
pub(crate) fn bracketed(entries: &[Entry]) -> alloc::string::String {
    let shown: Vec<_> = entries.iter().map(alloc::string::ToString::to_string).collect();
    alloc::format!("[{}]", shown.join(" "))
}

debug_as_display!(Entry, Payload, Log);
