//! Which of the model's broken hosts can stand around a real node, and why the others cannot.

use std::fmt;

use raftlab_core::{Body, Message, NodeId, Raft, Role, Round, Write};
use raftlab_model::{Shim, Way};
use serde::Serialize;

/// Why real nodes cannot walk a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unwalkable {
    /// The lie is one of the core, and what it does has no guard to be switched off.
    InsideCore,
    /// The lie is told between the core and the state machine, where a real node lets nobody in.
    InsideNode,
    /// The lie is one of the state machine, and that of a real node is not the model's.
    InsideStateMachine,
    /// The lie leaves a disk that the log of a real node has no bytes for.
    NoSuchDisk,
    /// Nothing is broken in it, so there is nothing to switch.
    NothingIsOff,
}

impl fmt::Display for Unwalkable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unwalkable::InsideCore => "what it breaks is no rule of the core that can be switched off",
            Unwalkable::InsideNode => "it breaks what a real node does between core and state machine",
            Unwalkable::InsideStateMachine => "it breaks the state machine, and a real node has its own",
            Unwalkable::NoSuchDisk => "it leaves a disk that the log of a real node cannot be in",
            Unwalkable::NothingIsOff => "no rule is off in it",
        })
    }
}

/// Can real nodes be broken in this way?
pub fn unwalkable(way: Option<Way>) -> Option<Unwalkable> {
    let Some(way) = way else { return Some(Unwalkable::NothingIsOff) };
    let Way::Shim(shim) = way else { return None };
    match shim {
        Shim::RestartAppliesLog | Shim::RewriteAfterError => Some(Unwalkable::InsideCore),
        Shim::AnswersBeforeApply => Some(Unwalkable::InsideNode),
        Shim::NoSessions
        | Shim::EffectsOutliveApplied
        | Shim::ApplyErrorSwallowed
        | Shim::CommittedTakenForApplied
        | Shim::SnapshotWithoutSessions => Some(Unwalkable::InsideStateMachine),
        Shim::CompactedBeforeSnapshot => Some(Unwalkable::NoSuchDisk),
        Shim::VoteNotPersisted
        | Shim::TermNotPersisted
        | Shim::RequestVoteBeforeSync
        | Shim::AckBeforeSync
        | Shim::LeaderCountsUnsynced
        | Shim::NoopNotSynced
        | Shim::VoteComparesIndexOnly
        | Shim::VoteCheckTornFromGrant
        | Shim::AckReportsLastIndex
        | Shim::RejectionTakenForMatch
        | Shim::MatchSeeded
        | Shim::ProbeAdvancesMatch
        | Shim::WriteErrorSwallowed
        | Shim::TruncateAppendTorn
        | Shim::CorruptTailTruncated
        | Shim::WipedServerReturns
        | Shim::NowSampledBeforeReceive
        | Shim::ClockStopsInPause
        | Shim::PrevZeroAlwaysAccepted => None,
    }
}

/// Does the disk of this server say that it is done with these writes when it has only begun? A real node hears
/// nothing of its disk but that, so whatever waits for the same write leaves with what the model lets out.
pub fn syncs_later(shim: Shim, raft: &Raft, writes: &[Write]) -> bool {
    let appends = writes.iter().any(|write| matches!(write, Write::Log { .. }));
    match shim {
        Shim::RequestVoteBeforeSync => matches!(raft.role(), Role::Candidate { .. }) && !appends,
        Shim::AckBeforeSync => !raft.is_leader() && appends,
        _ => raft.is_leader() && shim.confirms_early(writes),
    }
}

/// What nobody said a broken leader hears, after a step in which it may have heard something: one that has just come to
/// lead from all, and another one from whom it has heard something.
pub fn also_hears(
    shim: Shim,
    before: &Raft,
    after: &Raft,
    heard: Option<(NodeId, &Message)>,
) -> Vec<(NodeId, Message)> {
    let Some(answer) = shim.also_heard(before, after, heard.map(|(_, message)| message)) else {
        return Vec::new();
    };
    let says = |peer: &NodeId| !before.is_leader() || heard.is_some_and(|(from, _)| from == *peer);
    let body = Body::AppendReply { answer, round: Round::default() };
    after
        .peers()
        .filter(says)
        .map(|from| (from, Message { term: after.term(), body: body.clone() }))
        .collect()
}

/// A request that was checked before is answered now: what its sender's log was held against does not matter any more.
pub fn grants_unchecked(raft: &Raft, message: &mut Message) {
    if let Body::RequestVote { last, .. } = &mut message.body {
        *last = raft.log().last().max(*last);
    }
}
