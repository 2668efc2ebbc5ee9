//! How a server stands, for people and programs that look at it.

use raftlab_core::{Index, Membership, NodeId, Progress, Role, Term};

use crate::node::{Counters, Node};
use crate::peers::Peers;
use crate::timers::Timing;

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
    /// Where that configuration stands; 0 for the one that it was started with.
    pub membership_at: Index,
    /// As a leader, what it knows of each other server.
    pub progress: Vec<(NodeId, Progress)>,
    /// Where servers listen, as far as the log says.
    pub peers: Peers,
    /// How many clients wait for a command or a change.
    pub proposals: usize,
    /// How many for a read.
    pub reads: usize,
    /// How many keys there are.
    pub keys: usize,
    /// What happened so far.
    pub counters: Counters,
    /// How long its timers run.
    pub timing: Timing,
    /// Does it ask before an election whether it can be won?
    pub pre_vote: bool,
    /// Does it step down as a leader that hears no majority?
    pub check_quorum: bool,
}

impl Status {
    /// How it stands now.
    pub fn of(node: &Node) -> Status {
        let raft = node.replica().raft();
        let progress = raft.membership().servers().filter_map(|peer| Some((peer, raft.progress(peer)?)));
        Status {
            server: raft.id(),
            term: raft.term(),
            role: role_name(raft.role()),
            leader: raft.leader(),
            commit: raft.commit(),
            applied: node.store().applied().index,
            last: raft.log().last().index,
            base: raft.log().base().index,
            membership: raft.membership().clone(),
            membership_at: raft
                .log()
                .change_at_or_below(raft.log().last().index)
                .map_or(raft.log().base().index, |(at, _)| at),
            progress: progress.collect(),
            peers: node.store().peers().clone(),
            proposals: node.proposals(),
            reads: node.reads(),
            keys: node.store().len(),
            counters: node.counters(),
            timing: node.timing(),
            pre_vote: raft.config().features().pre_vote,
            check_quorum: raft.config().features().check_quorum,
        }
    }

    /// Has it the same role and leader in the same term and configuration?
    pub fn is_alike(&self, other: &Status) -> bool {
        (self.term, self.role, self.leader) == (other.term, other.role, other.leader)
            && self.membership == other.membership
    }

    /// What has happened between this and `after`, as events tell it: of each its kind, and what to say.
    pub fn changes(&self, after: &Status) -> Vec<(&'static str, String)> {
        let mut changes = Vec::new();
        let Status { term, role, .. } = after;
        if (self.role, self.term) != (*role, *term) {
            changes.push(("role", format!("{} in term {} ⇨ {role}", self.role, self.term)));
        }
        if let Some(leader) = after.leader
            && (self.leader, self.term) != (Some(leader), *term)
        {
            changes.push(("leader", format!("{leader} leads")));
        }
        if self.membership != after.membership {
            changes.push(("members", format!("{} since {}", after.membership, after.membership_at)));
        }
        if self.counters.snapshots_installed != after.counters.snapshots_installed {
            changes.push(("restored", format!("the leader's snapshot up to {} was installed", after.base)));
        }
        if self.counters.truncated < after.counters.truncated {
            let count = after.counters.truncated - self.counters.truncated;
            let entries = if count == 1 { "an entry" } else { "entries" };
            changes
                .push(("truncated", format!("{count} uncommitted {entries} gave way to a leader's (§5.3)")));
        }
        changes
    }
}

/// What a server is, in a word.
pub fn role_name(role: &Role) -> &'static str {
    match role {
        Role::Follower { .. } => "follower",
        Role::PreCandidate { .. } => "pre-candidate",
        Role::Candidate { .. } => "candidate",
        Role::Leader { .. } => "leader",
    }
}
