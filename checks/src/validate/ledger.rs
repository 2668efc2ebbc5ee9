//! What all servers have done together, as far as somebody has to remember it: the entries that were applied anywhere,
//! and the messages that were sent. Both are kept small: a run has millions of them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use raftlab_core::{Body, Command, Entry, Index, LogId, Membership, Message, NodeId, Payload, Term};
use raftlab_model::Past;

use super::figures::Digest;

/// Entries up to so many before the last are kept whole: more than a log holds where logs are compacted. Of those
/// before, a fingerprint is kept.
const WHOLE_MAX: usize = 1 << 17;

/// Every entry that any state machine was given, by index, from 1.
#[derive(Debug, Default)]
pub struct Ledger {
    marks: Vec<Mark>,
    /// The last of them, whole.
    whole: VecDeque<Entry>,
    /// The configurations among them.
    changes: BTreeMap<Index, Arc<Membership>>,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    term: Term,
    payload: u64,
    committed_in: Term,
    by: NodeId,
    /// Of all entries up to this one.
    digest: Digest,
}

impl Ledger {
    /// The last index at which an entry is known.
    pub fn end(&self) -> Index {
        Index(self.marks.len() as u64)
    }

    /// Notes the entry behind the last: which server was given it first, and in which term that was.
    pub fn push(&mut self, entry: &Entry, committed_in: Term, by: NodeId) {
        debug_assert_eq!(entry.id.index, self.end().next());
        let (term, payload) = (entry.id.term, print(&entry.payload));
        let digest = self.digest_at(self.end()).and(entry);
        self.marks.push(Mark { term, payload, committed_in, by, digest });
        self.whole.push_back(entry.clone());
        if self.whole.len() > WHOLE_MAX {
            self.whole.pop_front();
        }
        if let Payload::Membership(members) = &entry.payload {
            self.changes.insert(entry.id.index, Arc::clone(members));
        }
    }

    /// The position of the entry at this index.
    pub fn id_at(&self, index: Index) -> Option<LogId> {
        self.mark(index).map(|mark| LogId::new(mark.term, index))
    }

    /// A digest of all entries up to this index.
    pub fn digest_at(&self, index: Index) -> Digest {
        self.mark(index).map_or(Digest::default(), |mark| mark.digest)
    }

    /// Who was given the entry at this index first.
    pub fn first_at(&self, index: Index) -> Option<NodeId> {
        self.mark(index).map(|mark| mark.by)
    }

    /// The last index at which an entry is not kept whole any more.
    pub fn forgotten(&self) -> Index {
        Index((self.marks.len() - self.whole.len()) as u64)
    }

    /// The entry at this index, in the form in which it is remembered.
    pub fn entry(&self, index: Index) -> Option<Entry> {
        match index.0.checked_sub(self.forgotten().0 + 1) {
            Some(place) => self.whole.get(usize::try_from(place).ok()?).cloned(),
            None => self.mark(index).map(|mark| stand_in(LogId::new(mark.term, index), mark.payload)),
        }
    }

    /// An entry in the form in which that at its index is remembered: the two are equal if they are the same.
    pub fn in_form(&self, entry: &Entry) -> Entry {
        let is_whole = entry.id.index > self.forgotten();
        if is_whole { entry.clone() } else { stand_in(entry.id, print(&entry.payload)) }
    }

    /// The entries behind `beyond`, which are kept whole, up to and with `end`, and the terms in which they were taken
    /// for committed first.
    pub fn window(&self, beyond: Index, end: Index) -> (Vec<Entry>, Vec<Term>) {
        let indexes = (beyond.next().0..=end.0.min(self.end().0)).map(Index);
        let known = indexes.filter_map(|index| Some((self.entry(index)?, self.mark(index)?.committed_in)));
        known.unzip()
    }

    /// The configuration in force at an index, if one was applied up to there.
    pub fn membership_at(&self, index: Index) -> Option<&Membership> {
        self.changes.range(..=index).next_back().map(|(_, members)| &**members)
    }

    fn mark(&self, index: Index) -> Option<&Mark> {
        self.marks.get(usize::try_from(index.0.checked_sub(1)?).ok()?)
    }
}

impl Past for Ledger {
    fn holds(&self, entry: &Entry) -> bool {
        let mark = self.mark(entry.id.index);
        mark.is_some_and(|mark| mark.term == entry.id.term && mark.payload == print(&entry.payload))
    }
}

/// Something that is equal for equal entries, and for no others.
fn stand_in(id: LogId, payload: u64) -> Entry {
    Entry { id, payload: Payload::Command(Command::new(&payload.to_be_bytes())) }
}

fn print(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Every message that was sent, by fingerprint.
///
/// Of an AppendEntries the network may leave out the last entries (`wire.rs`), so it is known by all else, and by how
/// many entries it had at most. What those are is Log Matching's to say.
#[derive(Debug, Default)]
pub struct Sent(HashMap<u64, usize, BuildHasherDefault<AsIs>>);

/// A fingerprint is a good hash already.
#[derive(Debug, Default)]
struct AsIs(u64);

impl Sent {
    /// `from` sends this.
    pub fn note(&mut self, from: NodeId, to: NodeId, message: &Message) {
        let (print, entries) = known_by(from, to, message);
        let most = self.0.entry(print).or_default();
        *most = entries.max(*most);
    }

    /// Did `from` ever send it?
    pub fn has(&self, from: NodeId, to: NodeId, message: &Message) -> bool {
        let (print, entries) = known_by(from, to, message);
        self.0.get(&print).is_some_and(|most| entries <= *most)
    }
}

fn known_by(from: NodeId, to: NodeId, message: &Message) -> (u64, usize) {
    match &message.body {
        Body::AppendEntries { prev, entries, commit, round } => {
            (print(&(from, to, message.term, prev, commit, round)), entries.len())
        }
        _ => (print(&(from, to, message)), 0),
    }
}

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, print: u64) {
        self.0 = print;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(index: u64, value: &str) -> Entry {
        let payload = Payload::Command(Command::new(value.as_bytes()));
        Entry { id: LogId::new(Term(1), Index(index)), payload }
    }

    #[test]
    fn entries_are_told_apart_when_they_are_no_longer_kept_whole() {
        let mut ledger = Ledger::default();
        let count = WHOLE_MAX as u64 + 10;
        (1..=count).for_each(|index| ledger.push(&entry(index, "a"), Term(1), NodeId(1)));
        assert_eq!((ledger.end(), ledger.forgotten()), (Index(count), Index(10)));
        for index in [1, 10, 11, count] {
            let (same, other) = (entry(index, "a"), entry(index, "b"));
            assert!(ledger.holds(&same) && !ledger.holds(&other), "{index}");
            assert_eq!(ledger.entry(Index(index)), Some(ledger.in_form(&same)), "{index}");
            assert_ne!(ledger.entry(Index(index)), Some(ledger.in_form(&other)), "{index}");
        }
        assert_eq!(ledger.entry(Index(count + 1)), None);
        assert_eq!(ledger.window(Index(count - 2), Index(count + 5)).0.len(), 2);
    }

    #[test]
    fn the_beginning_of_an_append_was_sent_with_it_and_more_was_not() {
        let (n1, n2) = (NodeId(1), NodeId(2));
        let append = |entries: &[Entry], commit| {
            let (prev, round) = (LogId::ZERO, raftlab_core::Round(0));
            let body = Body::AppendEntries { prev, entries: entries.to_vec(), commit: Index(commit), round };
            Message { term: Term(1), body }
        };
        let entries = [entry(1, "a"), entry(2, "b"), entry(3, "c")];
        let mut sent = Sent::default();
        sent.note(n1, n2, &append(&entries[..2], 0));
        assert!(sent.has(n1, n2, &append(&entries[..2], 0)) && sent.has(n1, n2, &append(&entries[..1], 0)));
        assert!(!sent.has(n1, n2, &append(&entries, 0)), "longer than any");
        assert!(!sent.has(n1, n2, &append(&entries[..1], 1)), "another commitIndex");
        assert!(!sent.has(n2, n1, &append(&entries[..1], 0)), "the other way");
    }
}
