//! Who hears whom: servers that hear a leader do not help to replace it, and a leader that is not heard gives up
//! (dissertation 4.2.3, 6.2, 9.6). All of it is off unless a feature asks for it, and all of it serves liveness
//! alone, unless leases rest on it (`read.rs`).

use alloc::collections::BTreeSet;

use crate::effects::{Effects, Timer};
use crate::message::{Body, Message};
use crate::raft::{Raft, Role};
use crate::rule::Rule;
use crate::types::{LogId, NodeId, Term};

/// Asking first (dissertation 9.6).
impl Raft {
    /// Asks all others whether they would vote for this server. It stays in its term.
    pub(crate) fn ask_first(&mut self, effects: &mut Effects) {
        self.role = Role::PreCandidate { votes: BTreeSet::new() };
        effects.restart.push(Timer::Election);
        let last = self.log_end();
        for peer in self.electors() {
            self.send(peer, Body::PreVote { last }, effects);
        }
        self.count_pre_vote(self.id(), effects);
    }

    /// A pre-vote request of this term or a later one: would a vote be granted, were it asked for in the term after
    /// that?
    pub(crate) fn pre_vote(&mut self, candidate: NodeId, asked: Term, last: LogId, effects: &mut Effects) {
        let granted =
            self.is_good_enough(last) && self.upholds(Rule::PreVoteOutOfContact, !self.hears_a_leader());
        self.send(candidate, Body::PreVoteReply { asked, granted }, effects);
    }

    /// An answer to a pre-vote request that was asked in this term or an older one.
    pub(crate) fn pre_vote_reply(
        &mut self,
        voter: NodeId,
        asked: Term,
        granted: bool,
        effects: &mut Effects,
    ) {
        if granted && asked == self.term {
            self.count_pre_vote(voter, effects);
        }
    }

    fn count_pre_vote(&mut self, voter: NodeId, effects: &mut Effects) {
        let Role::PreCandidate { votes } = &mut self.role else { return };
        votes.insert(voter);
        let said = votes.clone();
        if self.are_majority(&said) {
            let counted = if self.keeps(Rule::PreVotesAreNoVotes) { BTreeSet::new() } else { said };
            self.campaign(counted, false, effects);
        }
    }

    /// The term in which `message` makes its receiver be, if that is older: its sender's (§5.1), unless it only asks.
    pub(crate) fn binding_term(&self, message: &Message) -> Option<Term> {
        match message.body {
            Body::PreVote { .. } if self.keeps(Rule::PreVotePromisesNothing) => None,
            Body::PreVote { .. } => message.term.next(),
            _ if message.body.is_answer() && !self.keeps(Rule::AnswersBind) => None,
            _ => Some(message.term),
        }
    }
}

/// A follower, and its leader.
impl Raft {
    /// The leader of this term was heard.
    pub(crate) fn hear(&mut self, leader: NodeId, effects: &mut Effects) {
        self.follow(Some(leader), effects);
        effects.restart.extend(self.timers());
    }

    /// It was not, for the least election time-out.
    pub(crate) fn lose_contact(&mut self) {
        if let Role::Follower { in_contact, .. } = &mut self.role {
            *in_contact = false;
        }
    }

    /// Does this server hear from a leader, or lead?
    pub(crate) fn hears_a_leader(&self) -> bool {
        matches!(self.role, Role::Follower { in_contact: true, .. } | Role::Leader { .. })
    }

    /// Is the message a request for a vote that a server which hears its leader disregards, term and all
    /// (dissertation 4.2.3)? Not if that leader wants the election. What is of an older term is answered, as every
    /// such request; what is of this one cannot elect a second leader, if it has one: who promised to wait (6.4.1)
    /// may have learned of a newer term since, in which nobody leads.
    pub(crate) fn disregards(&self, message: &Message) -> bool {
        let is_news = message.term > self.term || message.term == self.term && self.leader().is_none();
        let asks = matches!(message.body, Body::RequestVote { transfer: false, .. }) && is_news;
        let disregards = asks && self.config.disregards_votes() && self.hears_a_leader();
        let rule =
            if self.config.lease().is_some() { Rule::PromiseBindsVotes } else { Rule::DisregardWhileLed };
        disregards && self.keeps(rule)
    }
}

/// A leader, and its majority (dissertation 6.2).
impl Raft {
    /// A server answered this leader in its term.
    pub(crate) fn heard_from(&mut self, peer: NodeId) {
        if self.config.features().check_quorum
            && let Role::Leader { quorum, .. } = &mut self.role
        {
            quorum.heard.insert(peer);
        }
    }

    /// An election time-out has passed: does this leader still hear a majority, and has its own disk done what it was
    /// given before the last one? If not, it steps down; it stays in its term.
    pub(crate) fn check_quorum(&mut self, effects: &mut Effects) {
        if !self.config.features().check_quorum {
            return;
        }
        let (id, last) = (self.id(), self.log.last().index);
        let voters = self.membership().voters().clone();
        let Role::Leader { durable, quorum, .. } = &mut self.role else { return };
        let hears_majority = voters.are_majority(|voter| voter == id || quorum.heard.contains(&voter));
        let disk_moves = quorum.awaited.is_none_or(|awaited| awaited <= *durable);
        quorum.heard.clear();
        quorum.awaited = (*durable < last).then_some(last);
        if !self.upholds(Rule::LeaderHearsMajority, hears_majority)
            || !self.upholds(Rule::LeaderDiskMoves, disk_moves)
        {
            self.follow(None, effects);
            effects.restart.push(Timer::Election);
        } else {
            effects.restart.push(Timer::Quorum);
        }
    }
}
