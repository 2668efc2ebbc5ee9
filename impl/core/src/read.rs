//! Reads that are not stale (dissertation 6.4; §8). A read must show all that was acknowledged to anybody before it
//! came. A leader holds that in its log; what it does not know is whether it still is the leader, and how far its log
//! is committed.
//!
//! How far: a new leader's commitIndex may lie below what the last one acknowledged, until it has committed an entry
//! of its own term. Whether: a majority says so, in one of three ways ([`ReadMode`]). Through the log, by holding an
//! entry that was appended for the read. In a *round*: a majority answers heartbeats that were sent after the read
//! came, so that no later term had a majority then. By a *lease* (`lease.rs`): a majority has promised that none
//! would have one yet.
//!
//! Rounds are batched: reads that come while one is under way wait for the next, together. Every AppendEntries of a
//! round carries its token, and the answer carries it back; a rejection proves as much as an acceptance. A round that
//! loses its messages is repeated with the next heartbeat, under the same token.
//!
//! Caveats. A read is not kept across a change of leaders: it is refused, and its client asks again. Reads go to the
//! leader only. Who asks this leader while it hands over is served by rounds, and refused where reads go through the
//! log.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;

use crate::config::ReadMode;
use crate::effects::{Answer, Effects, Readable};
use crate::lease::LeaseHeld;
use crate::log::Payload;
use crate::raft::{Raft, Role};
use crate::rule::Rule;
use crate::types::{Index, NodeId, ReadId, Round, Time};

/// The reads of a leader. Where nobody reads and no lease is wanted, it stays as it is at an election.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reads {
    /// The latest round.
    pub round: Round,
    /// That round, if it is under way.
    pub open: Option<OpenRound>,
    /// Reads that wait for the next one.
    pub waiting: Vec<ReadId>,
    /// Reads through the log, each with the entry that was appended for it.
    pub logged: Vec<Readable>,
    /// How long this leader may do without rounds.
    pub lease: LeaseHeld,
}

/// A round of heartbeats that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OpenRound {
    /// commitIndex when it began: readIndex of its reads.
    pub index: Index,
    /// What it is for; nothing, if it is to renew a lease only.
    pub reads: Vec<ReadId>,
    /// Who has answered it.
    pub confirmed: BTreeSet<NodeId>,
    /// When it began: noted at the end of the step in which it did.
    pub sent: Option<Time>,
}

impl Reads {
    /// What a new leader starts with. If leases are wanted, its first messages are a round.
    pub(crate) fn at_election(wants_lease: bool, commit: Index) -> Reads {
        let mut reads = Reads::default();
        if wants_lease {
            reads.begin(commit, Vec::new(), true);
        }
        reads
    }

    fn begin(&mut self, index: Index, reads: Vec<ReadId>, is_new: bool) {
        if is_new || self.round == Round::default() {
            self.round = self.round.next();
        }
        self.open = Some(OpenRound { index, reads, confirmed: BTreeSet::new(), sent: None });
    }
}

/// As leader.
impl Raft {
    /// A client wants to read.
    pub(crate) fn read(&mut self, id: ReadId, now: Time, effects: &mut Effects) {
        if !self.is_leader() {
            effects.answer = Some(Answer::NotLeader { leader: self.leader() });
            return;
        }
        if self.config.features().reads == ReadMode::Log {
            return self.read_through_the_log(id, effects);
        }
        effects.answer = Some(Answer::Reading);
        if self.holds_lease(now) && self.may_read() {
            effects.reads.push(Readable { id, index: self.commit });
        } else {
            self.wait_for_round(id);
        }
    }

    /// Whoever can commit a new entry leads (dissertation 6.4, first paragraph).
    fn read_through_the_log(&mut self, id: ReadId, effects: &mut Effects) {
        if let Some(to) = self.transfers_to() {
            effects.answer = Some(Answer::Transferring { to });
            return;
        }
        effects.answer = Some(Answer::Reading);
        let index = self.append(Payload::Noop, effects).index;
        if let Some(reads) = self.reads_mut() {
            reads.logged.push(Readable { id, index });
        }
        self.replicate(effects);
    }

    fn wait_for_round(&mut self, id: ReadId) {
        let joins = !self.keeps(Rule::RoundAfterRead);
        let Some(reads) = self.reads_mut() else { return };
        match &mut reads.open {
            Some(open) if joins => open.reads.push(id),
            _ => reads.waiting.push(id),
        }
    }

    /// Has this leader committed an entry of its own term? Before that it does not know how far its log is committed
    /// (§8).
    fn may_read(&self) -> bool {
        let committed = self.log.term_at(self.commit) == Some(self.term);
        self.upholds(Rule::ReadAfterOwnCommit, committed)
    }

    /// A server answered what was sent in this round, or after it.
    pub(crate) fn confirmed_by(&mut self, peer: NodeId, of: Round) {
        if let Role::Leader { reads: Reads { round, open: Some(open), .. }, .. } = &mut self.role
            && of == *round
        {
            open.confirmed.insert(peer);
        }
    }

    /// Does this leader wait for an answer of `peer` to this round?
    pub fn awaits(&self, peer: NodeId, of: Round) -> bool {
        self.reads().is_some_and(|Reads { round, open, .. }| {
            of == *round && open.as_ref().is_some_and(|open| !open.confirmed.contains(&peer))
        })
    }

    /// At the end of each step: gives out what may be answered now, and begins a round if there is something to ask.
    pub(crate) fn serve_reads(&mut self, now: Time, effects: &mut Effects) {
        self.release_logged(effects);
        self.close_round(now, effects);
        if self.reads().is_some_and(|reads| !reads.waiting.is_empty()) && self.may_read() {
            self.begin_round(effects);
            // One server alone is a majority.
            self.close_round(now, effects);
        }
    }

    fn release_logged(&mut self, effects: &mut Effects) {
        let commit = self.commit;
        let Some(reads) = self.reads_mut() else { return };
        let done = reads.logged.iter().take_while(|read| read.index <= commit).count();
        effects.reads.extend(reads.logged.drain(..done));
    }

    /// Begins a round for all reads that wait, unless one is under way. One that is to renew a lease may be begun
    /// before the reads may be answered: they wait on.
    pub(crate) fn begin_round(&mut self, effects: &mut Effects) {
        let (is_new, may_read, index) = (self.keeps(Rule::RoundTokenIsNew), self.may_read(), self.commit);
        if let Some(reads) = self.reads_mut().filter(|reads| reads.open.is_none()) {
            let asked = if may_read { core::mem::take(&mut reads.waiting) } else { Vec::new() };
            reads.begin(index, asked, is_new);
            self.send_heartbeats(effects);
        }
    }

    /// If a majority has answered, the round's reads may be answered too, and the lease lasts longer.
    fn close_round(&mut self, now: Time, effects: &mut Effects) {
        let id = self.id();
        let Some(open) = self.reads_mut().and_then(|reads| reads.open.as_mut()) else { return };
        let sent = *open.sent.get_or_insert(now);
        let confirmed = open.confirmed.clone();
        let is_confirmed =
            self.membership().voters().are_majority(|voter| voter == id || confirmed.contains(&voter));
        if self.upholds(Rule::LeaseOfConfirmedRound, is_confirmed) {
            self.extend_lease(if self.keeps(Rule::LeaseFromSending) { sent } else { now });
        }
        if self.upholds(Rule::ReadConfirmsLeadership, is_confirmed)
            && let Some(open) = self.reads_mut().and_then(|reads| reads.open.take())
        {
            effects.reads.extend(open.reads.iter().map(|&id| Readable { id, index: open.index }));
        }
    }

    /// This leader does not lead any more, and what it has not answered it never will.
    pub(crate) fn refuse_reads(&mut self, effects: &mut Effects) {
        let Some(Reads { open, waiting, logged, .. }) = self.reads_mut().map(core::mem::take) else { return };
        effects.refused.extend(open.into_iter().flat_map(|open| open.reads));
        effects.refused.extend(waiting);
        effects.refused.extend(logged.into_iter().map(|read| read.id));
    }

    /// The latest round, 0 if there was none.
    pub(crate) fn round(&self) -> Round {
        self.reads().map_or(Round::default(), |reads| reads.round)
    }

    /// As leader, its reads.
    pub fn reads(&self) -> Option<&Reads> {
        match &self.role {
            Role::Leader { reads, .. } => Some(reads),
            _ => None,
        }
    }

    pub(crate) fn reads_mut(&mut self) -> Option<&mut Reads> {
        match &mut self.role {
            Role::Leader { reads, .. } => Some(reads),
            _ => None,
        }
    }
}

impl fmt::Display for Reads {
    /// ` round=2 reads=[r1]@3 confirmed={n2} waiting=[r4]`; nothing where nothing was read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Reads { round, open, waiting, logged, lease } = self;
        if *round > Round::default() {
            write!(f, " round={round}")?;
        }
        if let Some(OpenRound { index, reads, confirmed, .. }) = open {
            write!(f, " reads={reads:?} at {index} confirmed={confirmed:?}")?;
        }
        if !waiting.is_empty() {
            write!(f, " waiting={waiting:?}")?;
        }
        if !logged.is_empty() {
            write!(f, " logged={logged:?}")?;
        }
        write!(f, "{lease}")
    }
}
