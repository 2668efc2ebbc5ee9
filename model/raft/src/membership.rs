//! The judgements behind [`MEMBERSHIP`](crate::MEMBERSHIP): what must hold while configurations change.

use std::collections::BTreeSet;

use raftlab_core::{Membership, NodeId, Raft, Standing, Voters};

use crate::property::Verdict;
use crate::server::Observed;

/// For each server that may start an election, those of its voters that would have it, by the up-to-date rule
/// (§5.4.1). If they are a majority of its voters, it can be elected; two that can be need a voter in common, who
/// cannot give them both its vote.
pub fn electing_quorums_meet(servers: &[Observed]) -> Verdict {
    let has_changed = |raft: &Raft| raft.log().changes().next().is_some() || raft.snapshot().is_some();
    if !servers.iter().any(|server| has_changed(server.raft)) {
        return Ok(());
    }
    let rafts: Vec<_> = servers.iter().map(|server| server.raft).collect();
    let electable: Vec<_> = rafts.iter().filter_map(|raft| Electable::of(raft, &rafts)).collect();
    for (at, a) in electable.iter().enumerate() {
        if let Some(b) = electable[at + 1..].iter().find(|b| a.can_be_elected_without_meeting(b)) {
            return Err(format!(
                "{} can be elected under {} by a majority of {:?}, and {} under {} by one of {:?}",
                a.id, a.members, a.supporters, b.id, b.members, b.supporters
            ));
        }
    }
    Ok(())
}

/// A server that can be elected.
pub(crate) struct Electable<'a> {
    id: NodeId,
    members: &'a Membership,
    /// The voters that would have it.
    supporters: BTreeSet<NodeId>,
}

impl<'a> Electable<'a> {
    /// `candidate`, if it can be elected by some of `servers`.
    pub(crate) fn of(candidate: &'a Raft, servers: &[&Raft]) -> Option<Electable<'a>> {
        let members = candidate.membership();
        let supports = |server: &&&Raft| {
            members.voters().contains(server.id()) && server.log().last() <= candidate.log().last()
        };
        let supporters: BTreeSet<_> = servers.iter().filter(supports).map(|server| server.id()).collect();
        let is_elected = members.voters().are_majority(|voter| supporters.contains(&voter));
        let id = candidate.id();
        (may_lead(candidate) && is_elected).then_some(Electable { id, members, supporters })
    }

    /// Is there a majority for each, with no server in both?
    fn can_be_elected_without_meeting(&self, other: &Electable) -> bool {
        let shared = self.supporters.intersection(&other.supporters).count();
        let has = |of: &Electable| (of.supporters.len(), of.members.voters().majority());
        can_be_apart(has(self), has(other), shared)
    }
}

/// The configuration before the first in its log.
fn members_below(raft: &Raft) -> &Membership {
    raft.snapshot().map_or(raft.config().members(), |snapshot| &snapshot.membership)
}

/// Each configuration of a log, the one that it started from first, and the next.
pub fn configurations_overlap(server: Observed) -> Verdict {
    let first = members_below(server.raft);
    let mut before = first.voters();
    for (at, members) in server.raft.log().changes() {
        let after = members.voters();
        // A server that joins was told of no configuration before the first in its log.
        if !before.is_empty() && !meet(before, after) {
            return Err(format!(
                "{}'s log goes from {before:?} to {members} at {at}: two majorities need not meet",
                server.id()
            ));
        }
        before = after;
    }
    Ok(())
}

/// Does each majority of `a` share a server with each of `b`?
fn meet(a: &Voters, b: &Voters) -> bool {
    let shared = a.iter().filter(|voter| b.contains(*voter)).count();
    !can_be_apart((a.len(), a.majority()), (b.len(), b.majority()), shared)
}

/// Of two sets of servers with so many in both: can so many be taken from each that none is taken twice? Each takes
/// those first that the other one lacks.
fn can_be_apart((a, of_a): (usize, usize), (b, of_b): (usize, usize), shared: usize) -> bool {
    let from_shared = |size: usize, wanted: usize| wanted.saturating_sub(size - shared);
    from_shared(a, of_a) + from_shared(b, of_b) <= shared
}

/// Configurations above all that anybody ever took for committed: a crash takes that knowledge from a server, and not
/// the committed entry from the cluster.
pub fn one_change_in_flight(servers: &[Observed]) -> Verdict {
    let committed = servers.iter().map(|server| server.ghosts.known).max().unwrap_or_default();
    for server in servers {
        let open: Vec<_> = server.raft.log().changes().filter(|(at, _)| *at > committed).collect();
        if let [(first, _), (second, _), ..] = open.as_slice() {
            return Err(format!(
                "{} holds changes at {first} and {second}, and nobody has committed beyond {committed}",
                server.id()
            ));
        }
    }
    Ok(())
}

/// A leader that is not in its configuration leads for one purpose: to commit it.
pub fn voters_lead(server: Observed) -> Verdict {
    let raft = server.raft;
    if !raft.is_leader() || may_lead(raft) {
        return Ok(());
    }
    let (id, term) = (server.id(), raft.term());
    Err(format!("{id} leads term {term}, and does not vote in {}", raft.membership()))
}

/// Does it vote in its configuration, or did it before one that it does not know to be committed? Asked of its log,
/// not of the rules that the server keeps.
fn may_lead(raft: &Raft) -> bool {
    let mut changes = raft.log().changes().rev();
    let latest = changes.next();
    let before = changes.next().map_or(members_below(raft), |(_, members)| members);
    let votes = |members: &Membership| members.standing(raft.id()) == Standing::Voter;
    let leaves = latest.is_some_and(|(at, _)| at > raft.commit() && votes(before));
    votes(raft.membership()) || leaves
}
