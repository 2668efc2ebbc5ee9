//! Snapshots and the compaction of the log (§7; dissertation 5). Every server takes its own, when its host says so:
//! Raft does not know the state machine, only that what it was given up to some index is now in a run of bytes. A
//! leader sends its own to who needs entries that it has compacted, in chunks, over a network that loses, repeats and
//! reorders them.
//!
//! A snapshot covers committed entries only, so nothing in it can ever be taken back, and a server whose log reaches
//! beyond it has no use for it. It holds the configuration in force at its end: what it covers may have held the
//! latest one. What else has to outlive the entries, such as clients' sessions (dissertation 6.3), belongs to the
//! state machine's bytes.
//!
//! Between the two there is no state of transfer that could get stuck. A follower needs the snapshot if and only if
//! its nextIndex lies in it; each answer says how much the follower holds, and the retry timer sends from there
//! again, for ever. A restarted follower holds nothing, and says that.
//!
//! Caveats. What a follower has of a snapshot is in memory until it is whole. It belongs to one leader, since two
//! servers need not write the same state as the same bytes. A leader that compacts again while it sends starts anew
//! with the newer snapshot: its host should wait as long as [`Raft::is_sending_snapshot`] says so, up to a limit of
//! its own.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::durable::Write;
use crate::effects::{Answer, Effects};
use crate::membership::Membership;
use crate::message::{Appended, Body, Message};
use crate::raft::{Raft, Role};
use crate::rule::Rule;
use crate::types::{Index, LogId, NodeId, Round, Term, debug_as_display};

/// What stands in for the beginning of a log.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Snapshot {
    /// lastIncludedIndex and lastIncludedTerm: the last entry that it covers.
    pub last: LogId,
    /// The configuration in force there.
    pub membership: Arc<Membership>,
    /// The state machine after that entry, as its host writes it.
    #[serde(with = "crate::bytes")]
    pub state: Arc<[u8]>,
}

/// What a follower has received of its leader's snapshot.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Incoming {
    /// The last entry that the snapshot covers.
    pub last: LogId,
    /// Its bytes, from the first.
    pub data: Vec<u8>,
}

/// Why a chunk of a snapshot was not taken in. It is for counting: nothing was done but to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Ignored {
    /// Its sender's term is over.
    OtherTerm(Term),
    /// All that it covers is committed here.
    Stale {
        /// The last entry that it covers.
        last: LogId,
        /// commitIndex.
        commit: Index,
    },
    /// It is not the one that is missing.
    OutOfPlace {
        /// Where it belongs.
        offset: u64,
        /// How many bytes are here.
        held: u64,
    },
    /// No leader of this term can have sent it: it does not fit into its own snapshot, or the snapshot contradicts
    /// its term or what is committed.
    Corrupt(LogId),
}

/// Every server, of its own log.
impl Raft {
    /// The state machine has been given all entries up to `through`, and `state` is what has become of it.
    pub(crate) fn compact(&mut self, through: Index, state: Arc<[u8]>, effects: &mut Effects) {
        if !self.can_compact(through) {
            effects.answer = Some(Answer::NotCompacted { base: self.log.base().index, commit: self.commit });
            return;
        }
        let membership = Arc::new(self.membership_at(through).clone());
        let last = self.log.id_at(through);
        self.take_snapshot(Snapshot { last, membership, state }, effects);
        if let Role::Leader { peers, .. } = &mut self.role {
            for progress in peers.values_mut() {
                progress.held = 0;
            }
        }
        effects.answer = Some(Answer::Compacted(last));
    }

    /// Would [`Input::Compact`](crate::Input::Compact) through this entry be taken? It has to be committed, and not
    /// covered yet. And this server has to know the configuration there: one that joined does not, before the first
    /// that it was sent.
    pub fn can_compact(&self, through: Index) -> bool {
        let is_in_log = through > self.log.base().index && through <= self.commit;
        is_in_log && !self.membership_at(through).voters().is_empty()
    }

    /// The one place where a snapshot takes the place of entries: in memory, and as a record for the disk.
    fn take_snapshot(&mut self, snapshot: Snapshot, effects: &mut Effects) -> Arc<Snapshot> {
        let snapshot = Arc::new(snapshot);
        self.log.compact(snapshot.last);
        effects.writes.push(Write::Snapshot(Arc::clone(&snapshot)));
        self.snapshot = Some(Arc::clone(&snapshot));
        self.incoming = None;
        snapshot
    }

    /// The snapshot that stands in for the log up to its base.
    pub fn snapshot(&self) -> Option<&Arc<Snapshot>> {
        self.snapshot.as_ref()
    }

    /// As follower, what has come of its leader's snapshot.
    pub fn incoming(&self) -> Option<&Incoming> {
        self.incoming.as_deref()
    }
}

/// As leader.
impl Raft {
    /// Does some follower need the snapshot?
    pub fn is_sending_snapshot(&self) -> bool {
        self.peers().any(|peer| self.progress(peer).is_some_and(|progress| self.is_compacted(progress.next)))
    }

    /// Is the entry at `next` gone, or what stands right before it?
    pub(crate) fn is_compacted(&self, next: Index) -> bool {
        let base = self.log.base().index;
        if self.keeps(Rule::SnapshotUpToItsEnd) { next <= base } else { next < base }
    }

    /// The chunk that the follower lacks, as far as this leader knows.
    pub(crate) fn send_chunk(&self, to: NodeId, effects: &mut Effects) {
        let (Some(snapshot), Some(progress)) = (&self.snapshot, self.progress(to)) else { return };
        let start = usize::try_from(progress.held).unwrap_or(usize::MAX).min(snapshot.state.len());
        let end = start.saturating_add(self.config.max_chunk()).min(snapshot.state.len());
        let body = Body::InstallSnapshot {
            last: snapshot.last,
            membership: Arc::clone(&snapshot.membership),
            offset: start as u64,
            length: snapshot.state.len() as u64,
            data: snapshot.state[start..end].into(),
        };
        effects.early.push((to, Message { term: self.term, body }));
    }

    /// A follower says how much of the snapshot it holds. It may hold less than before: it has restarted.
    pub(crate) fn snapshot_reply(
        &mut self,
        from: NodeId,
        term: Term,
        (last, held): (LogId, u64),
        effects: &mut Effects,
    ) {
        let Some(mut progress) = self.progress(from).filter(|_| term == self.term) else { return };
        self.heard_from(from);
        if last == self.log.base() && self.is_compacted(progress.next) && held != progress.held {
            progress.held = held;
            self.set_progress(from, progress);
            self.send_chunk(from, effects);
        }
    }
}

/// As follower.
impl Raft {
    /// `InstallSnapshot` of this term (Figure 13).
    pub(crate) fn install_snapshot(
        &mut self,
        leader: NodeId,
        chunk: (LogId, Arc<Membership>),
        (offset, length, data): (u64, u64, &[u8]),
        effects: &mut Effects,
    ) {
        let (last, membership) = chunk;
        let end = offset.checked_add(data.len() as u64);
        let fits = end.is_some_and(|end| end <= length) && (length == 0 || !data.is_empty());
        if self.is_leader() || !fits || !self.could_be_snapshot(last, &membership) {
            effects.ignored = Some(Ignored::Corrupt(last));
            return;
        }
        self.hear(leader, effects);
        if self.is_stale(last) {
            effects.ignored = Some(Ignored::Stale { last, commit: self.commit });
        } else if self.has_suffix(last) {
            // All that it covers is here (rule 6): then it is committed here too.
            self.commit_to(last.index, effects);
        } else if let Some(state) = self.collect(last, (offset, length, data), effects) {
            self.install(Snapshot { last, membership, state }, effects);
        } else {
            let held = self.held_of(last);
            self.send(leader, Body::SnapshotReply { last, held }, effects);
            return;
        }
        let answer = Appended::Accepted { matched: last.index };
        self.send(leader, Body::AppendReply { answer, round: Round::default() }, effects);
    }

    /// Can the leader of this term have such a snapshot? Not if it ends in a later term, in nothing, or without a
    /// voter, and not if it contradicts what is committed here, or leaves no indexes for what comes after it.
    fn could_be_snapshot(&self, last: LogId, membership: &Membership) -> bool {
        let agrees = last.index > self.commit || self.agrees(last);
        let goes_on = last.index.0 <= u64::MAX / 2;
        last > LogId::ZERO && last.term <= self.term && !membership.voters().is_empty() && agrees && goes_on
    }

    fn is_stale(&self, last: LogId) -> bool {
        last.index <= self.commit && self.keeps(Rule::StaleSnapshotIgnored)
    }

    fn has_suffix(&self, last: LogId) -> bool {
        self.log.contains(last) && self.keeps(Rule::MatchingSuffixKept) && last.index > self.commit
    }

    /// How many bytes of that snapshot are here.
    fn held_of(&self, last: LogId) -> u64 {
        self.incoming()
            .filter(|incoming| incoming.last == last)
            .map_or(0, |incoming| incoming.data.len() as u64)
    }

    /// Takes in the chunk that is missing. With the last one, gives out the whole.
    fn collect(
        &mut self,
        last: LogId,
        (offset, length, data): (u64, u64, &[u8]),
        effects: &mut Effects,
    ) -> Option<Arc<[u8]>> {
        let held = self.held_of(last);
        if !self.upholds(Rule::ChunksInOrder, offset == held) {
            effects.ignored = Some(Ignored::OutOfPlace { offset, held });
            return None;
        }
        let mut all = match self.incoming.take() {
            Some(incoming) if incoming.last == last => Arc::unwrap_or_clone(incoming).data,
            _ => Vec::new(),
        };
        all.extend_from_slice(data);
        if all.len() as u64 >= length {
            return Some(all.into());
        }
        self.incoming = Some(Arc::new(Incoming { last, data: all }));
        None
    }

    /// The leader's snapshot takes the place of the log, and its state that of the state machine (rules 5, 7 and 8).
    fn install(&mut self, snapshot: Snapshot, effects: &mut Effects) {
        let last = snapshot.last;
        if !self.keeps(Rule::TermNotOfSnapshot) {
            self.term = last.term;
        }
        let snapshot = self.take_snapshot(snapshot, effects);
        self.commit = last.index;
        effects.restore(snapshot);
        if self.log.last() > last {
            // Only with a rule off: here nothing stood behind it that agrees.
            self.write_log(last.index, &[], effects);
        }
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "to {} {} {} bytes", self.last, self.membership, self.state.len())
    }
}

impl fmt::Display for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of the snapshot to {}", self.data.len(), self.last)
    }
}

debug_as_display!(Snapshot, Incoming);
