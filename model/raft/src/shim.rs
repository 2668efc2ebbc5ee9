//! Broken hosts around a correct core: disks that lie, replies that are forged, faults that a rule outside the core
//! excludes. Each stands for something that real systems did (see the gallery).

use raftlab_core::{Appended, Body, Durable, Index, LogId, Message, NodeId, Payload, Raft, Round, Write};

use crate::event::Fault;
use crate::server::Server;

/// A way to be wrong that needs no second code path in the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shim {
    /// The disk drops votes.
    VoteNotPersisted,
    /// The disk drops terms, and with them votes.
    TermNotPersisted,
    /// RequestVote leaves, and the candidate counts its own vote, before that vote is on disk.
    RequestVoteBeforeSync,
    /// Answers to AppendEntries leave before the entries are on disk.
    AckBeforeSync,
    /// A leader takes its own entries for durable when it has written them.
    LeaderCountsUnsynced,
    /// The same for the no-op at the start of a term only.
    NoopNotSynced,
    /// A voter compares the length of the logs, not their last terms.
    VoteComparesIndexOnly,
    /// A voter compares the logs now and grants its vote later.
    VoteCheckTornFromGrant,
    /// A follower acknowledges up to the end of its own log.
    AckReportsLastIndex,
    /// A rejection names the end of the follower's log, and the leader takes that for an acknowledgement.
    RejectionTakenForMatch,
    /// A new leader assumes that the followers hold all that it holds.
    MatchSeeded,
    /// An empty AppendEntries names the end of the leader's log, and a follower accepts it unchecked.
    ProbeAdvancesMatch,
    /// A failed write is taken for a durable one.
    WriteErrorSwallowed,
    /// A leader whose write fails drops the entry and uses its index again.
    RewriteAfterError,
    /// Truncation and appending are two records.
    TruncateAppendTorn,
    /// A restart treats a damaged entry as the end of the log.
    CorruptTailTruncated,
    /// A server that lost its disk returns under its old name.
    WipedServerReturns,
    /// A restart applies what it finds in the log.
    RestartAppliesLog,
    /// A read is answered from the state machine as it is, not when it was given all that the read must show.
    AnswersBeforeApply,
    /// The clock is read before the server waits for its next event, not after it.
    NowSampledBeforeReceive,
    /// The clock stands still while the server is paused.
    ClockStopsInPause,
    /// Entries after what is compacted are sent as if the log began with them, and are put where the receiver's log
    /// ends.
    PrevZeroAlwaysAccepted,
    /// The log is compacted on disk before the snapshot is there.
    CompactedBeforeSnapshot,
    /// The state machine executes whatever command it is given, and keeps no session table.
    NoSessions,
    /// What the state machine did is on disk; lastApplied and the session table are not, and start anew after a
    /// restart. (Were the table on disk too, it would tell the commands that are given again.)
    EffectsOutliveApplied,
    /// A command that cannot be executed is taken for applied.
    ApplyErrorSwallowed,
    /// A restart takes for applied what was committed, and the state machine is empty.
    CommittedTakenForApplied,
    /// A snapshot holds what the state machine did, and not the session table.
    SnapshotWithoutSessions,
}

impl Shim {
    /// Every broken host.
    pub const ALL: [Shim; 28] = [
        Shim::VoteNotPersisted,
        Shim::TermNotPersisted,
        Shim::RequestVoteBeforeSync,
        Shim::AckBeforeSync,
        Shim::LeaderCountsUnsynced,
        Shim::NoopNotSynced,
        Shim::VoteComparesIndexOnly,
        Shim::VoteCheckTornFromGrant,
        Shim::AckReportsLastIndex,
        Shim::RejectionTakenForMatch,
        Shim::MatchSeeded,
        Shim::ProbeAdvancesMatch,
        Shim::WriteErrorSwallowed,
        Shim::RewriteAfterError,
        Shim::TruncateAppendTorn,
        Shim::CorruptTailTruncated,
        Shim::WipedServerReturns,
        Shim::RestartAppliesLog,
        Shim::AnswersBeforeApply,
        Shim::NowSampledBeforeReceive,
        Shim::ClockStopsInPause,
        Shim::PrevZeroAlwaysAccepted,
        Shim::CompactedBeforeSnapshot,
        Shim::NoSessions,
        Shim::EffectsOutliveApplied,
        Shim::ApplyErrorSwallowed,
        Shim::CommittedTakenForApplied,
        Shim::SnapshotWithoutSessions,
    ];

    /// What of `write` reaches the disk.
    pub fn disk_write(self, write: &Write) -> Option<Write> {
        match (self, write) {
            (Shim::VoteNotPersisted, Write::Vote { term, .. }) => {
                Some(Write::Vote { term: *term, voted_for: None })
            }
            (Shim::TermNotPersisted, Write::Vote { .. }) => None,
            _ => Some(write.clone()),
        }
    }

    /// What the receiver takes `message` for.
    pub fn read(self, raft: &Raft, message: &mut Message) {
        let end = raft.log().last();
        match (self, &mut message.body) {
            (Shim::VoteComparesIndexOnly, Body::RequestVote { last, .. }) => last.term = end.term,
            (Shim::PrevZeroAlwaysAccepted, Body::AppendEntries { prev: prev @ LogId::ZERO, entries, .. })
                if entries.first().is_some_and(|first| first.id.index > Index(1)) =>
            {
                *prev = end;
                // Such a log knows its entries by their place alone.
                for (entry, index) in entries.iter_mut().zip(end.index.0 + 1..) {
                    entry.id.index = Index(index);
                }
            }
            _ => {}
        }
    }

    /// What is sent in place of `message`.
    pub fn forge(self, raft: &Raft, message: &mut Message) {
        let end = raft.log().last();
        match (self, &mut message.body) {
            (Shim::AckReportsLastIndex, Body::AppendReply { answer: Appended::Accepted { matched }, .. }) => {
                *matched = end.index;
            }
            (
                Shim::RejectionTakenForMatch,
                Body::AppendReply { answer: Appended::Rejected { hint, .. }, .. },
            ) => *hint = end,
            (Shim::ProbeAdvancesMatch, Body::AppendEntries { prev, entries, .. }) if entries.is_empty() => {
                *prev = end;
            }
            (Shim::PrevZeroAlwaysAccepted, Body::InstallSnapshot { .. }) => {
                let entries = raft.log().after(raft.log().base().index, raft.config().max_entries()).to_vec();
                message.body = Body::AppendEntries {
                    prev: LogId::ZERO,
                    entries,
                    commit: raft.commit(),
                    round: Round::default(),
                };
            }
            (Shim::ProbeAdvancesMatch, Body::AppendReply { answer, .. }) => {
                if let Appended::Rejected { prev, .. } = *answer {
                    *answer = Appended::Accepted { matched: prev };
                }
            }
            _ => {}
        }
    }

    /// Does `message` leave before the writes that it depends on are durable?
    pub fn leaves_early(self, message: &Message) -> bool {
        match self {
            Shim::RequestVoteBeforeSync => matches!(message.body, Body::RequestVote { .. }),
            Shim::AckBeforeSync => matches!(message.body, Body::AppendReply { .. }),
            _ => false,
        }
    }

    /// Is the core told that `writes` are durable as soon as they are written?
    pub fn confirms_early(self, writes: &[Write]) -> bool {
        let votes = || writes.iter().any(|write| matches!(write, Write::Vote { .. }));
        let appends = |only: fn(&Payload) -> bool| {
            writes.iter().any(|write| match write {
                Write::Log { entries, .. } => entries.iter().all(|entry| only(&entry.payload)),
                Write::Vote { .. } | Write::Snapshot(_) => false,
            })
        };
        match self {
            Shim::RequestVoteBeforeSync => votes(),
            Shim::LeaderCountsUnsynced => appends(|_| true),
            Shim::NoopNotSynced => appends(|payload| *payload == Payload::Noop),
            _ => false,
        }
    }

    /// Is what is committed given to the state machine while the leader's own disk still works?
    pub(crate) fn applies_early(self) -> bool {
        matches!(self, Shim::LeaderCountsUnsynced | Shim::NoopNotSynced)
    }

    /// Does what comes out committed hold entries that the host takes for applied already?
    pub(crate) fn skips_applied(self) -> bool {
        self.applies_early() || self == Shim::CommittedTakenForApplied
    }

    /// What a leader hears, besides what was said: acknowledgements that nobody sent.
    pub fn also_heard(self, before: &Raft, after: &Raft, heard: Option<&Message>) -> Option<Appended> {
        match (self, heard.map(|message| &message.body)) {
            (Shim::MatchSeeded, _) if after.is_leader() && !before.is_leader() => {
                Some(Appended::Accepted { matched: after.log().last().index })
            }
            (
                Shim::RejectionTakenForMatch,
                Some(Body::AppendReply {
                    answer: Appended::Rejected { hint: LogId { index, .. }, .. }, ..
                }),
            ) => Some(Appended::Accepted { matched: *index }),
            _ => None,
        }
    }

    /// The fault that this host adds to a server in this state.
    pub(crate) fn fault(self, server: &Server) -> Option<Fault> {
        let unsynced_entries = server.pending.writes().iter().any(|write| matches!(write, Write::Log { .. }));
        let unsynced_snapshot =
            server.pending.writes().iter().any(|write| matches!(write, Write::Snapshot(_)));
        let (fault, possible) = match self {
            Shim::CorruptTailTruncated => (Fault::Corrupt, !server.disk.log.entries().is_empty()),
            Shim::WipedServerReturns => (Fault::Wipe, server.disk != Durable::default()),
            Shim::TruncateAppendTorn => (Fault::Tear, server.held.is_some()),
            Shim::WriteErrorSwallowed => (Fault::FailWrite, !server.is_synced()),
            Shim::RewriteAfterError => (Fault::FailWrite, server.raft.is_leader() && unsynced_entries),
            Shim::CompactedBeforeSnapshot => (Fault::Tear, unsynced_snapshot),
            Shim::ClockStopsInPause => (Fault::Pause, !server.clock.stopped),
            Shim::ApplyErrorSwallowed => {
                (Fault::FailApply, server.machine.as_ref().is_some_and(|machine| !machine.is_failing()))
            }
            _ => return None,
        };
        possible.then_some(fault)
    }

    /// Does a vote wait between check and grant?
    pub fn holds(self, from: NodeId, raft: &Raft, message: &Message) -> bool {
        match (self, &message.body) {
            (Shim::VoteCheckTornFromGrant, Body::RequestVote { last, .. }) => {
                from != raft.id() && message.term >= raft.term() && *last >= raft.log().last()
            }
            _ => false,
        }
    }
}

/// Does `message` replace entries on this disk, as a store sees it that deletes from prev on and appends what it is
/// given?
pub fn replaces(disk: &Durable, message: &Message) -> bool {
    match &message.body {
        Body::AppendEntries { prev, entries, .. } => {
            disk.log.contains(*prev) && prev.index < disk.log.last().index && !entries.is_empty()
        }
        _ => false,
    }
}
