//! Leader election (§5.2, §5.4.1; dissertation 3.4, 3.6.1).

use alloc::collections::BTreeSet;

use crate::effects::{Effects, Timer};
use crate::log::Payload;
use crate::message::Body;
use crate::progress::Progress;
use crate::raft::{QuorumCheck, Raft, Role};
use crate::read::Reads;
use crate::rule::Rule;
use crate::types::{Index, LogId, NodeId, Term};

impl Raft {
    /// The election timer ran out: start an election (§5.2), or ask first whether one could be won (dissertation
    /// 9.6). In the last term that a number can hold there is none to start.
    pub(crate) fn election_timeout(&mut self, effects: &mut Effects) {
        if self.is_leader() || self.term.next().is_none() {
            return;
        }
        if !self.may_campaign() {
            effects.restart.push(Timer::Election);
            return;
        }
        if self.config.features().pre_vote && self.keeps(Rule::PreVoteFirst) {
            self.ask_first(effects);
        } else {
            self.campaign(BTreeSet::new(), false, effects);
        }
    }

    /// Starts an election in a new term (§5.2), perhaps because the leader wants one (dissertation 3.10). These votes
    /// it has already: none, unless a rule is off.
    pub(crate) fn campaign(&mut self, votes: BTreeSet<NodeId>, transfer: bool, effects: &mut Effects) {
        let Some(term) = self.term.next() else { return };
        self.term = term;
        self.voted_for = self.keeps(Rule::CandidateVotesForItself).then_some(self.id());
        self.role = Role::Candidate { votes };
        effects.restart.push(Timer::Election);
        let last = self.log_end();
        for peer in self.electors() {
            self.send(peer, Body::RequestVote { last, transfer }, effects);
        }
    }

    /// RequestVote of this term: grant it to the first who asks with a log as good as ours (§5.2, §5.4.1). Neither
    /// has to belong to the configuration that this server knows: the candidate's log may hold a later one
    /// (dissertation 4.1).
    pub(crate) fn request_vote(&mut self, candidate: NodeId, last: LogId, effects: &mut Effects) {
        let voted_for_another = self.voted_for.is_some_and(|vote| vote != candidate);
        let granted = self.upholds(Rule::OneVotePerTerm, !voted_for_another)
            && self.is_good_enough(last)
            && (self.keeps(Rule::WhoeverIsAskedVotes) || self.is_voter());
        if granted {
            self.voted_for = Some(candidate);
            effects.restart.push(Timer::Election);
        }
        self.send(candidate, Body::VoteReply { granted }, effects);
    }

    /// lastLogTerm and lastLogIndex. Where all entries are compacted, it is the snapshot that knows them (§7).
    pub(crate) fn log_end(&self) -> LogId {
        let last = self.log.last();
        let is_known = last != self.log.base() || self.keeps(Rule::LastTermOfSnapshot);
        if is_known { last } else { LogId::new(Term(0), last.index) }
    }

    /// Is a log that ends in `last` at least as up-to-date as this one (§5.4.1)?
    pub(crate) fn is_good_enough(&self, last: LogId) -> bool {
        let own = self.log_end();
        self.upholds(Rule::UpToDateLog, last >= own)
            && (self.keeps(Rule::LaterTermWins) || last.index >= own.index)
    }

    /// An answer to a RequestVote, of this term or an older one.
    pub(crate) fn vote_reply(&mut self, voter: NodeId, cast_in: Term, granted: bool, effects: &mut Effects) {
        if granted && self.upholds(Rule::VotesOfThisTerm, cast_in == self.term) {
            self.count_vote(voter, effects);
        }
    }

    /// Counts a vote of this term; with a majority of them, leads (§5.2).
    ///
    /// Its own vote is among them: so a leader's term is on its disk, whatever else others may have said. That one
    /// does not count if the candidate is leaving (dissertation 4.2.2).
    pub(crate) fn count_vote(&mut self, voter: NodeId, effects: &mut Effects) {
        let id = self.id();
        let Role::Candidate { votes } = &mut self.role else { return };
        votes.insert(voter);
        let Role::Candidate { votes } = &self.role else { return };
        let elected = votes.contains(&id) && self.are_majority(votes);
        if self.upholds(Rule::MajorityElects, elected) {
            self.lead(effects);
        }
    }

    /// Are more than half of the voters among `servers`? Nobody else's word counts (dissertation 4.2.1).
    pub(crate) fn are_majority(&self, servers: &BTreeSet<NodeId>) -> bool {
        let voters = self.membership().voters();
        if self.keeps(Rule::VotersElect) {
            voters.are_majority(|voter| servers.contains(&voter))
        } else {
            servers.len() >= voters.majority()
        }
    }

    /// Whom a candidate asks: the other voters.
    pub(crate) fn electors(&self) -> BTreeSet<NodeId> {
        let voters = self.membership().voters();
        self.peers().filter(|peer| voters.contains(*peer) || !self.keeps(Rule::VotersElect)).collect()
    }

    /// Elected. Figure 2's reinitialised nextIndex and matchIndex, then a no-op: it makes the new leader known, and
    /// lets it commit what earlier terms left without waiting for a client (§5.4.2, §8; dissertation 6.4).
    fn lead(&mut self, effects: &mut Effects) {
        let progress = Progress::at_election(self.log.last().index);
        let peers = self.peers().map(|peer| (peer, progress)).collect();
        let quorum = QuorumCheck::default();
        let reads = Reads::at_election(self.config.lease().is_some(), self.commit);
        self.role = Role::Leader { durable: Index(0), peers, quorum, transfer: None, reads };
        effects.restart.extend(self.timers());
        self.append(Payload::Noop, effects);
        self.replicate(effects);
    }

    /// A term other than ours was seen: be a follower in it, with a vote to give (§5.1).
    ///
    /// Seeing a term is not hearing from its leader: a follower's election timer runs on. A leader had none running.
    pub(crate) fn adopt(&mut self, term: Term, effects: &mut Effects) {
        self.term = term;
        self.voted_for = None;
        // The next leader's snapshot need not be the same bytes.
        self.incoming = None;
        if !matches!(self.role, Role::Follower { .. }) && !self.keeps(Rule::StepDownOnHigherTerm) {
            return;
        }
        if self.is_leader() {
            effects.restart.push(Timer::Election);
        }
        self.follow(None, effects);
    }

    /// Becomes or stays a follower in the present term. The vote stays too: it was cast in this term.
    pub(crate) fn follow(&mut self, leader: Option<NodeId>, effects: &mut Effects) {
        self.refuse_reads(effects);
        let in_contact = match leader {
            Some(_) => self.config.notes_contact(),
            None => self.is_bound(),
        };
        self.role = Role::Follower { leader, in_contact };
        if !self.keeps(Rule::KeepVoteWithinTerm) {
            self.voted_for = None;
        }
    }
}
