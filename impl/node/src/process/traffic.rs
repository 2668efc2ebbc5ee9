//! What is counted of datagrams: by what they say, by why they were dropped, and by peer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use raftlab_core::{Body, NodeId};

use crate::wire::{Arrival, Arrivals, Dropped, Received, RoundTrip, Stamps};

macro_rules! kinds {
    ($($kind:ident $pattern:pat, $name:literal)*) => {
        /// What a message is, to be counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "as the core calls them; answers by what they say")]
        pub enum Kind { $($kind,)* }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Kind] = &[$(Kind::$kind),*];

            /// Its name in metrics.
            pub const fn name(self) -> &'static str {
                match self { $(Kind::$kind => $name,)* }
            }

            /// What this message is.
            pub const fn of(body: &Body) -> Kind {
                match body { $($pattern => Kind::$kind,)* }
            }
        }
    };
}

kinds! {
    RequestVote Body::RequestVote { .. }, "request_vote"
    VoteGranted Body::VoteReply { granted: true }, "vote_granted"
    VoteRefused Body::VoteReply { granted: false }, "vote_refused"
    PreVote Body::PreVote { .. }, "pre_vote"
    PreVoteGranted Body::PreVoteReply { granted: true, .. }, "pre_vote_granted"
    PreVoteRefused Body::PreVoteReply { granted: false, .. }, "pre_vote_refused"
    AppendEntries Body::AppendEntries { .. }, "append_entries"
    AppendAccepted Body::AppendReply { answer: raftlab_core::Appended::Accepted { .. }, .. }, "append_accepted"
    AppendRejected Body::AppendReply { answer: raftlab_core::Appended::Rejected { .. }, .. }, "append_rejected"
    InstallSnapshot Body::InstallSnapshot { .. }, "install_snapshot"
    SnapshotReply Body::SnapshotReply { .. }, "snapshot_reply"
    TimeoutNow Body::TimeoutNow, "timeout_now"
    NewerTerm Body::NewerTerm, "newer_term"
}

/// Counts datagrams, for all threads.
#[derive(Debug, Default)]
pub struct Traffic {
    sent: [AtomicU64; Kind::ALL.len()],
    received: [AtomicU64; Kind::ALL.len()],
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
    dropped: [AtomicU64; Dropped::ALL.len()],
    /// Datagrams that came when too many waited for the core.
    overflowed: AtomicU64,
    /// Messages that could not be sent: no address, or the system refused.
    unsent: AtomicU64,
    peers: Mutex<BTreeMap<NodeId, Peer>>,
}

/// What is known of the way to a peer, and of what came from it.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    sequence: u64,
    arrivals: Arrivals,
    /// How long it takes there and back.
    pub round_trip: RoundTrip,
    /// Numbers that were passed over, and have not come since.
    pub missing: u64,
    /// Datagrams that had come before.
    pub duplicates: u64,
    /// How often another life of it was heard.
    pub restarts: u64,
}

impl Traffic {
    /// A datagram leaves for `peer`: its number, and its times.
    pub fn next(&self, peer: NodeId, now: u64) -> (u64, Stamps) {
        let mut peers = self.peers();
        let peer = peers.entry(peer).or_default();
        peer.sequence += 1;
        (peer.sequence, peer.round_trip.stamps(now))
    }

    /// It was sent.
    pub fn sent(&self, kind: Kind, bytes: usize) {
        self.sent[kind as usize].fetch_add(1, Ordering::Relaxed);
        self.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// It was not.
    pub fn unsent(&self) {
        self.unsent.fetch_add(1, Ordering::Relaxed);
    }

    /// One came, and reads.
    pub fn received(&self, received: &Received, bytes: usize, now: u64) {
        self.received[Kind::of(&received.message.body) as usize].fetch_add(1, Ordering::Relaxed);
        self.received_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        let mut peers = self.peers();
        let peer = peers.entry(received.from).or_default();
        peer.round_trip.hear(now, received.stamps);
        match peer.arrivals.note(received.incarnation, received.sequence) {
            Arrival::New { skipped } => peer.missing += skipped,
            Arrival::Late => peer.missing = peer.missing.saturating_sub(1),
            Arrival::Duplicate => peer.duplicates += 1,
            Arrival::Restarted => peer.restarts += 1,
            Arrival::Old => {}
        }
    }

    /// One came, and is dropped.
    pub fn dropped(&self, why: Dropped) {
        self.dropped[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// One came, and the core had too much to do.
    pub fn overflowed(&self) {
        self.overflowed.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were sent, by kind.
    pub fn sent_by_kind(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        by_name(Kind::ALL.iter().map(|kind| kind.name()), &self.sent)
    }

    /// How many came, by kind.
    pub fn received_by_kind(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        by_name(Kind::ALL.iter().map(|kind| kind.name()), &self.received)
    }

    /// How many of a kind came.
    pub fn received_of(&self, kind: Kind) -> u64 {
        self.received[kind as usize].load(Ordering::Relaxed)
    }

    /// How many were dropped, by reason; those that came when too many waited are `overflow`.
    pub fn dropped_by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let dropped = by_name(Dropped::ALL.iter().map(|why| why.name()), &self.dropped);
        dropped.chain([("overflow", self.overflowed.load(Ordering::Relaxed))])
    }

    /// Bytes that were sent, bytes that came, and messages that could not be sent.
    pub fn totals(&self) -> (u64, u64, u64) {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (load(&self.sent_bytes), load(&self.received_bytes), load(&self.unsent))
    }

    /// What is known of each peer.
    pub fn by_peer(&self) -> BTreeMap<NodeId, Peer> {
        self.peers().clone()
    }

    fn peers(&self) -> MutexGuard<'_, BTreeMap<NodeId, Peer>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn by_name<'a>(
    names: impl Iterator<Item = &'static str> + 'a,
    counts: &'a [AtomicU64],
) -> impl Iterator<Item = (&'static str, u64)> + 'a {
    names.zip(counts.iter().map(|count| count.load(Ordering::Relaxed)))
}
