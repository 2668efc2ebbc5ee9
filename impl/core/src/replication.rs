//! Log replication (§5.3; dissertation 3.5): the leader's side, then the follower's.

use alloc::vec::Vec;

use crate::durable::Write;
use crate::effects::{Answer, Effects, Timer};
use crate::log::{Entry, Payload, is_continuation};
use crate::message::{Appended, Body, Message};
use crate::raft::{Raft, Role};
use crate::rule::Rule;
use crate::types::{Command, Index, LogId, NodeId, Round, Term};

/// As leader.
impl Raft {
    /// A client's command: appended at once, durable and committed later (§5.3).
    pub(crate) fn propose(&mut self, command: Command, effects: &mut Effects) {
        if !self.upholds(Rule::OnlyLeaderAppends, self.is_leader()) {
            effects.answer = Some(Answer::NotLeader { leader: self.leader() });
            return;
        }
        if let Some(to) = self.transfers_to() {
            effects.answer = Some(Answer::Transferring { to });
            return;
        }
        let id = self.append(Payload::Command(command), effects);
        effects.answer = Some(Answer::Proposed(id));
        self.replicate(effects);
    }

    /// Appends a new entry of this term.
    pub(crate) fn append(&mut self, payload: Payload, effects: &mut Effects) -> LogId {
        let after = self.log.last().index;
        let id = LogId::new(self.term, after.next());
        self.write_log(after, &[Entry { id, payload }], effects);
        id
    }

    /// Sends every follower the entries that it lacks, as far as this leader knows.
    pub(crate) fn replicate(&mut self, effects: &mut Effects) {
        self.send_missing(self.config.max_entries(), false, effects);
    }

    /// The same whenever the retry timer runs out, for ever: what was lost is sent again this way (§5.3). Nothing but
    /// that starts it afresh: commands that go on coming must not keep it from running out.
    pub(crate) fn retry(&mut self, effects: &mut Effects) {
        if self.is_leader() {
            effects.restart.push(Timer::Retry);
        }
        let limit = if self.keeps(Rule::RetrySendsEntries) { self.config.max_entries() } else { 0 };
        self.send_missing(limit, self.keeps(Rule::RetrySendsSnapshot), effects);
    }

    /// Who needs the snapshot is sent the next chunk of it by the retry timer, not for every command that comes
    /// meanwhile.
    fn send_missing(&self, limit: usize, with_snapshot: bool, effects: &mut Effects) {
        let Role::Leader { peers, .. } = &self.role else { return };
        let last = self.log.last().index;
        for (peer, progress) in peers {
            if progress.next <= last && (with_snapshot || !self.is_compacted(progress.next)) {
                self.send_entries(*peer, progress.next, limit, effects);
            }
        }
    }

    /// Tells every follower that this leader lives, and how far it has committed (§5.2).
    pub(crate) fn broadcast_heartbeat(&mut self, effects: &mut Effects) {
        if self.is_leader() {
            effects.restart.push(Timer::Heartbeat);
            self.send_heartbeats(effects);
        }
    }

    /// AppendEntries without entries, to everybody.
    pub(crate) fn send_heartbeats(&self, effects: &mut Effects) {
        let Role::Leader { peers, .. } = &self.role else { return };
        for (peer, progress) in peers {
            self.send_entries(*peer, progress.next, 0, effects);
        }
    }

    /// AppendEntries from index `next` on. It may leave before this leader's own disk is done (dissertation 10.2.1).
    ///
    /// Who needs what is compacted is sent a chunk of the snapshot; a heartbeat tells it that the leader lives, and
    /// nothing of a log with which it agrees on no more than that both begin.
    fn send_entries(&self, to: NodeId, next: Index, limit: usize, effects: &mut Effects) {
        let round = self.round();
        let (prev, entries, commit) = match self.log.term_at(next.prev()) {
            _ if self.is_compacted(next) && limit > 0 => return self.send_chunk(to, effects),
            _ if self.is_compacted(next) => (LogId::ZERO, Vec::new(), Index(0)),
            Some(term) => {
                let prev = LogId::new(term, next.prev());
                (prev, self.log.after(prev.index, limit).to_vec(), self.commit)
            }
            None => return,
        };
        let body = Body::AppendEntries { prev, entries, commit, round };
        effects.early.push((to, Message { term: self.term, body }));
    }

    /// A follower's answer, of this term or an older one. Answers may come late, twice and in any order.
    pub(crate) fn append_reply(
        &mut self,
        from: NodeId,
        term: Term,
        (answer, round): (Appended, Round),
        effects: &mut Effects,
    ) {
        if !self.upholds(Rule::AcksOfThisTerm, term == self.term) {
            return;
        }
        self.heard_from(from);
        self.confirmed_by(from, round);
        match answer {
            Appended::Accepted { matched } => self.accepted(from, matched, effects),
            Appended::Rejected { prev, hint } => self.rejected(from, prev, hint, effects),
        }
    }

    /// The follower agrees up to `matched`: matchIndex rises, and with it perhaps commitIndex.
    fn accepted(&mut self, from: NodeId, matched: Index, effects: &mut Effects) {
        let last = self.log.last().index;
        let Some(mut progress) = self.progress(from).filter(|_| matched <= last) else { return };
        if !self.upholds(Rule::MatchNeverFalls, matched > progress.matched) {
            return;
        }
        progress.matched = matched;
        progress.next = progress.next.max(matched.next());
        progress.held = 0;
        self.set_progress(from, progress);
        self.advance_commit(effects);
        self.hand_over(effects);
        if progress.next <= last {
            self.send_entries(from, progress.next, self.config.max_entries(), effects);
        }
    }

    /// The follower does not hold `prev`: go back to the last position where both logs may agree, and try there.
    ///
    /// A rejection of a request sent before something later was acknowledged, or before an earlier rejection took
    /// nextIndex below it, says nothing new.
    fn rejected(&mut self, from: NodeId, prev: Index, hint: LogId, effects: &mut Effects) {
        let Some(mut progress) = self.progress(from) else { return };
        if prev >= progress.next || !self.upholds(Rule::NextAboveMatch, prev > progress.matched) {
            return;
        }
        let agreed = self.log.latest_at_or_below(hint).index.min(prev.prev());
        if self.keeps(Rule::RejectionGoesBack) {
            progress.next = agreed.next();
        }
        if self.keeps(Rule::NextAboveMatch) {
            progress.next = progress.next.max(progress.matched.next());
        }
        self.set_progress(from, progress);
        self.send_entries(from, progress.next, self.config.max_entries(), effects);
    }

    pub(crate) fn set_progress(&mut self, peer: NodeId, progress: crate::Progress) {
        if let Role::Leader { peers, .. } = &mut self.role {
            peers.insert(peer, progress);
        }
    }

    /// Figure 2, last rule for leaders: commit the highest entry of this term that a majority holds on disk, and with
    /// it all before (§5.3, §5.4.2).
    pub(crate) fn advance_commit(&mut self, effects: &mut Effects) {
        let Role::Leader { durable, peers, .. } = &self.role else { return };
        let own = |voter| if voter == self.id() { *durable } else { Index(0) };
        let matched = |voter| peers.get(&voter).map_or_else(|| own(voter), |progress| progress.matched);
        let held = self.membership().voters().held(matched);
        let last = self.log.last().index;
        let reached = if self.upholds(Rule::MajorityCommits, last <= held) { last } else { held };
        let own_term = self.log.term_at(reached) == Some(self.term);
        let next = self.log.term_at(self.commit.next());
        let passes = self.keeps(Rule::CommitPassesOlderTerms) || next == Some(self.term);
        if reached > self.commit && self.upholds(Rule::CommitOwnTerm, own_term) && passes {
            self.commit_to(reached, effects);
            self.leave_if_removed(effects);
        }
    }
}

/// As follower.
impl Raft {
    /// AppendEntries of this term (Figure 2, "Receiver implementation").
    pub(crate) fn append_entries(
        &mut self,
        leader: NodeId,
        prev: LogId,
        entries: &[Entry],
        (leader_commit, round): (Index, Round),
        effects: &mut Effects,
    ) {
        if self.is_leader() || !self.could_be_sent(prev, entries) {
            return;
        }
        self.hear(leader, effects);
        let answer = match self.accept(prev, entries, effects) {
            Ok(matched) => {
                self.follow_commit(leader_commit, matched, effects);
                Appended::Accepted { matched }
            }
            Err(hint) => Appended::Rejected { prev: prev.index, hint },
        };
        self.send(leader, Body::AppendReply { answer, round }, effects);
    }

    /// Can the leader of this term have sent this? Not if its entries have gaps or come from a later term, and not if
    /// it would replace what is committed here (§5.4.3). Whatever else sent it, it is not heard.
    fn could_be_sent(&self, prev: LogId, entries: &[Entry]) -> bool {
        let newest = entries.last().map_or(prev.term, |last| last.id.term);
        let replaces = self.news(prev.index, entries).map_or(self.log.last().index, |(after, _)| after);
        is_continuation(prev, entries) && newest <= self.term && replaces >= self.commit
    }

    /// Takes the entries in, if they stand right behind an entry equal to the leader's. Returns the last index that
    /// now agrees, or where the logs may still agree.
    fn accept(&mut self, prev: LogId, entries: &[Entry], effects: &mut Effects) -> Result<Index, LogId> {
        let is_known = prev.index <= self.log.last().index;
        if !is_known || !self.upholds(Rule::PrevEntryMatches, self.agrees(prev)) {
            return Err(self.log.latest_at_or_below(prev));
        }
        if let Some((after, news)) = self.news(prev.index, entries) {
            self.write_log(after, news, effects);
        }
        Ok(entries.last().map_or(prev.index, |last| last.id.index))
    }

    /// Is this an entry of this log? What a snapshot covers is committed, and every later leader has it too (§5.4).
    pub(crate) fn agrees(&self, id: LogId) -> bool {
        id.index < self.log.base().index || self.log.contains(id)
    }

    /// What of `entries` is not in the log yet: from the first that is missing or conflicts. Equal ones stay as they
    /// are, and so does what stands behind them: the message may be older than it (§5.3).
    fn news<'a>(&self, prev: Index, entries: &'a [Entry]) -> Option<(Index, &'a [Entry])> {
        let equal = entries.iter().take_while(|entry| self.agrees(entry.id)).count();
        if self.keeps(Rule::TruncateOnlyOnConflict) {
            let news = &entries[equal..];
            return news.first().map(|first| (first.id.index.prev(), news));
        }
        let changes =
            equal < entries.len() || entries.last().map_or(prev, |e| e.id.index) < self.log.last().index;
        changes.then_some((prev, entries))
    }

    /// commitIndex follows the leader's, but no further than both logs are known to agree (Figure 2, step 5).
    fn follow_commit(&mut self, leader_commit: Index, matched: Index, effects: &mut Effects) {
        let last = self.log.last().index;
        let limit = if self.keeps(Rule::CommitWithinMatch) { matched } else { last };
        let reached = leader_commit.min(limit);
        if self.upholds(Rule::CommitNeverFalls, reached > self.commit) {
            self.commit_to(reached, effects);
        }
    }
}

/// As either.
impl Raft {
    /// The one place where the log changes: in memory, and as a record for the disk.
    pub(crate) fn write_log(&mut self, after: Index, entries: &[Entry], effects: &mut Effects) {
        self.log.replace_after(after, entries);
        effects.writes.push(Write::Log { after, entries: entries.to_vec() });
        self.follow_membership();
    }

    /// Moves commitIndex, and gives out what it passes for the state machine.
    pub(crate) fn commit_to(&mut self, reached: Index, effects: &mut Effects) {
        effects.committed.extend_from_slice(self.log.between(self.commit, reached));
        self.commit = reached;
        if !self.keeps(Rule::ConfigAtAppend) {
            self.follow_membership();
        }
    }
}
