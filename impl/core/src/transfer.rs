//! Leadership transfer (dissertation 3.10): a leader that wants to go lets a server that has its whole log be elected
//! at once, instead of leaving the cluster to an election time-out.

use alloc::collections::BTreeSet;

use crate::effects::{Answer, Effects, Timer};
use crate::message::{Body, Message};
use crate::raft::{Raft, Role};
use crate::types::NodeId;

impl Raft {
    /// Somebody wants this leader to hand over to `to`. From now on it takes no proposals: the log of `to` could
    /// never catch up with one that grows. One transfer at a time: another wish meanwhile changes nothing, not even
    /// how long this one may take.
    pub(crate) fn transfer(&mut self, to: NodeId, effects: &mut Effects) {
        let (leader, votes) = (self.leader(), self.membership().voters().contains(to));
        let Role::Leader { transfer, peers, .. } = &mut self.role else {
            effects.answer = Some(Answer::NotLeader { leader });
            return;
        };
        let is_under_way = transfer.is_some();
        let is_successor = votes && peers.contains_key(&to);
        if !is_under_way && !is_successor {
            effects.answer = Some(Answer::NoPeer(to));
            return;
        }
        effects.answer = Some(Answer::Transferring { to: *transfer.get_or_insert(to) });
        if is_under_way {
            return;
        }
        effects.restart.push(Timer::Transfer);
        self.replicate(effects);
        self.hand_over(effects);
    }

    /// If the one to hand over to has all of this log now, it is told to start an election.
    pub(crate) fn hand_over(&mut self, effects: &mut Effects) {
        let Some(to) = self.transfers_to() else { return };
        let last = self.log.last().index;
        if self.progress(to).is_some_and(|progress| progress.matched == last) {
            // From now on who wants to wait need not (6.4.1). Nothing that it says waits for this disk: a leader may
            // hand over because its disk is slow.
            self.end_lease();
            effects.early.push((to, Message { term: self.term, body: Body::TimeoutNow }));
        }
    }

    /// To whom this leader hands over, if it does.
    pub(crate) fn transfers_to(&self) -> Option<NodeId> {
        match self.role {
            Role::Leader { transfer, .. } => transfer,
            _ => None,
        }
    }

    /// The transfer took too long, or came to nothing: this leader leads on, and takes proposals again.
    pub(crate) fn abandon_transfer(&mut self) {
        if let Role::Leader { transfer, .. } = &mut self.role {
            *transfer = None;
        }
    }

    /// The leader of this term hands over to this server: it starts an election, without asking first whether it
    /// could win. What it needs for that the leader has seen. From anybody but the leader that it follows this is not
    /// heard; should it come late, it costs an election.
    pub(crate) fn timeout_now(&mut self, from: NodeId, effects: &mut Effects) {
        if matches!(self.role, Role::Follower { leader, .. } if leader == Some(from)) && self.may_campaign() {
            self.campaign(BTreeSet::new(), true, effects);
        }
    }
}
