//! Single-server membership changes (§6; dissertation 4.1 to 4.3). Configurations are entries of the log, and the
//! latest one counts from the moment at which it is *appended*, committed or not; what is truncated takes its
//! configuration with it.

use alloc::sync::Arc;

use crate::effects::{Answer, Effects, Timer};
use crate::log::Payload;
use crate::membership::{Change, Membership, Refusal, Standing};
use crate::progress::Progress;
use crate::raft::{Raft, Role};
use crate::rule::Rule;
use crate::types::{Index, NodeId};

/// Which configuration counts.
impl Raft {
    /// The configuration that this server uses: the latest in its log (dissertation 4.1), in what its snapshot
    /// covers, or the one that it was started with.
    pub fn membership(&self) -> &Membership {
        let end = if self.keeps(Rule::ConfigAtAppend) { self.log.last().index } else { self.commit };
        self.membership_at(end)
    }

    /// The configuration in force at `index`.
    pub(crate) fn membership_at(&self, index: Index) -> &Membership {
        let in_log = self.log.change_at_or_below(index).map(|(_, membership)| membership);
        let in_snapshot = || {
            let snapshot = self.snapshot().filter(|_| self.keeps(Rule::SnapshotHoldsConfig));
            snapshot.map(|snapshot| &snapshot.membership)
        };
        in_log.or_else(in_snapshot).map_or(self.config.members(), |membership| membership)
    }

    /// The other servers of its configuration: voters first, then learners.
    pub fn peers(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.membership().servers().filter(|peer| *peer != self.id())
    }

    /// Does this server vote?
    pub(crate) fn is_voter(&self) -> bool {
        self.membership().standing(self.id()) == Standing::Voter
    }

    /// May this server start an election? A voter may. So may one that its latest configuration leaves out, as long
    /// as that one is not known to be committed: it may be needed to commit it (dissertation 4.2.2, Figure 4.6).
    /// Nobody else disturbs.
    pub fn may_campaign(&self) -> bool {
        let is_needed = || {
            let latest = self.log.change_at_or_below(self.log.last().index);
            let uncommitted = latest.filter(|(at, _)| *at > self.commit);
            uncommitted.is_some_and(|(at, _)| {
                self.membership_at(at.prev()).standing(self.id()) == Standing::Voter
                    && self.keeps(Rule::LeavingVoterCampaigns)
            })
        };
        self.upholds(Rule::VotersCampaign, self.is_voter() || is_needed())
    }
}

/// As leader.
impl Raft {
    /// Somebody wants another configuration. If it may be taken now, it is an entry like any other.
    pub(crate) fn reconfigure(&mut self, change: &Change, effects: &mut Effects) {
        let answer = match self.check_change(change) {
            Ok(membership) => {
                let id = self.append(Payload::Membership(Arc::new(membership)), effects);
                self.replicate(effects);
                Answer::Proposed(id)
            }
            Err(answer) => answer,
        };
        effects.answer = Some(answer);
    }

    /// What would come of [`Input::Reconfigure`](crate::Input::Reconfigure) now.
    ///
    /// # Errors
    ///
    /// The answer by which it would be refused. Nothing would be done.
    pub fn check_change(&self, change: &Change) -> Result<Membership, Answer> {
        if !self.is_leader() {
            return Err(Answer::NotLeader { leader: self.leader() });
        }
        if let Some(to) = self.transfers_to() {
            return Err(Answer::Transferring { to });
        }
        self.next_membership(change).map_err(Answer::Refused)
    }

    fn next_membership(&self, change: &Change) -> Result<Membership, Refusal> {
        let commit = self.commit;
        let latest = self.log.change_at_or_below(self.log.last().index).map(|(at, _)| at);
        if let Some(at) = latest.filter(|at| !self.upholds(Rule::OneChangeAtATime, *at <= commit)) {
            return Err(Refusal::InFlight { at: self.log.id_at(at), commit });
        }
        let committed = self.log.id_at(commit);
        if !self.upholds(Rule::ChangeAfterOwnTermCommit, committed.term == self.term) {
            return Err(Refusal::NoCommitInTerm { term: self.term, commit: committed });
        }
        let wanted = match change {
            Change::To(to) if !self.keeps(Rule::OneServerAtATime) => to.clone(),
            step => self.membership().after(step)?,
        };
        let behind = self.peers().find_map(|learner| {
            let promoted = self.membership().standing(learner) < Standing::Voter
                && wanted.standing(learner) == Standing::Voter;
            let matched = self.progress(learner).map_or(Index(0), |progress| progress.matched);
            (promoted && matched < commit).then_some(Refusal::Behind { learner, matched, commit })
        });
        behind.map_or(Ok(wanted), Err)
    }

    /// A leader sends to the servers of its configuration, and to nobody else. Of one that is new to it, it knows
    /// nothing, and offers it the entry that made it known.
    pub(crate) fn follow_membership(&mut self) {
        if !self.is_leader() {
            return;
        }
        let progress = Progress::at_election(self.log.last().index.prev());
        let members: alloc::collections::BTreeSet<NodeId> = self.peers().collect();
        if let Role::Leader { peers, .. } = &mut self.role {
            peers.retain(|peer, _| members.contains(peer));
            for peer in members {
                peers.entry(peer).or_insert(progress);
            }
        }
    }

    /// A leader that is no voter of a configuration which is committed has done what it was needed for, and steps down
    /// (dissertation 4.2.2). Until then it leads, and does not count itself.
    pub(crate) fn leave_if_removed(&mut self, effects: &mut Effects) {
        let latest = self.log.change_at_or_below(self.log.last().index);
        let is_committed = latest.is_some_and(|(at, _)| at <= self.commit);
        if self.is_leader() && is_committed && !self.is_voter() && self.keeps(Rule::RemovedLeaderStepsDown) {
            self.follow(None, effects);
            effects.restart.push(Timer::Election);
        }
    }
}
