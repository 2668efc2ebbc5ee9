//! How a server stands, for people and programs that look at it.

use raftlab_core::{Index, Membership, NodeId, Role, Term};

use crate::node::{Counters, Node};

/// How a server stood when its core's thread last had nothing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Who it is.
    pub server: NodeId,
    /// Its term.
    pub term: Term,
    /// What it is in it.
    pub role: &'static str,
    /// Who leads, as far as it knows.
    pub leader: Option<NodeId>,
    /// How far its log is known to be committed.
    pub commit: Index,
    /// How far its state machine was given it.
    pub applied: Index,
    /// The last entry.
    pub last: Index,
    /// The last entry that a snapshot covers.
    pub base: Index,
    /// By which configuration it counts.
    pub membership: Membership,
    /// How many clients wait.
    pub waiting: usize,
    /// What happened so far.
    pub counters: Counters,
}

impl Status {
    /// How it stands now.
    pub fn of(node: &Node) -> Status {
        let raft = node.replica().raft();
        let role = match raft.role() {
            Role::Follower { .. } => "follower",
            Role::PreCandidate { .. } => "pre-candidate",
            Role::Candidate { .. } => "candidate",
            Role::Leader { .. } => "leader",
        };
        Status {
            server: raft.id(),
            term: raft.term(),
            role,
            leader: raft.leader(),
            commit: raft.commit(),
            applied: node.store().applied().index,
            last: raft.log().last().index,
            base: raft.log().base().index,
            membership: raft.membership().clone(),
            waiting: node.waiting(),
            counters: node.counters(),
        }
    }
}
