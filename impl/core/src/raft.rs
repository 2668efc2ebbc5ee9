//! One server: its state (Figure 2, "State"), and the step that turns an input into effects.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use core::fmt;

use crate::config::Config;
use crate::durable::{Durable, Persisted, Write};
use crate::effects::{Effects, Input, Timer};
use crate::log::Log;
use crate::message::{Body, Message};
use crate::progress::Progress;
use crate::read::Reads;
use crate::rule::Rule;
use crate::snapshot::{Ignored, Incoming, Snapshot};
use crate::types::{Index, NodeId, Term, Time, debug_as_display};

/// A Raft server. It holds no clock, disk or socket: [`step`](Raft::step) is all that ever happens to it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Raft {
    pub(crate) config: Arc<Config>,
    pub(crate) term: Term,
    pub(crate) voted_for: Option<NodeId>,
    pub(crate) snapshot: Option<Arc<Snapshot>>,
    pub(crate) log: Log,
    /// What has come of the leader's snapshot, in this term.
    pub(crate) incoming: Option<Arc<Incoming>>,
    pub(crate) commit: Index,
    pub(crate) role: Role,
}

/// What a server is in its present term, with the state that exists only then.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::large_enum_variant, reason = "a server has one role, and is as large as a leader may be")]
pub enum Role {
    /// Answers others.
    Follower {
        /// The leader of this term, once it was heard from.
        leader: Option<NodeId>,
        /// Was it heard from within the least election time-out? Noted only where a feature asks for it.
        in_contact: bool,
    },
    /// Asks whether it would get votes, before it asks for them (dissertation 9.6). It is still in its old term, in
    /// which it may have voted.
    PreCandidate {
        /// Who would vote for it; itself first of all, and on its word alone: nothing is promised.
        votes: BTreeSet<NodeId>,
    },
    /// Asks for votes.
    Candidate {
        /// Who granted one in this term. The candidate itself is in it once its own vote is on disk.
        votes: BTreeSet<NodeId>,
    },
    /// Decides what the log holds.
    Leader {
        /// Its own matchIndex: the last entry of this term that its own disk confirmed, 0 before the first.
        durable: Index,
        /// matchIndex and nextIndex of every other server.
        peers: BTreeMap<NodeId, Progress>,
        /// With check-quorum, what this leader learned since it looked last.
        quorum: QuorumCheck,
        /// To whom it wants to hand over, if it does.
        transfer: Option<NodeId>,
        /// Reads that it has not answered, and how it makes sure of its leadership for them.
        reads: Reads,
    },
}

/// What a leader looks at when an election time-out has passed (dissertation 6.2). Without check-quorum, nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct QuorumCheck {
    /// Who answered since.
    pub heard: BTreeSet<NodeId>,
    /// The entry for which its own disk was waited then, if it was.
    pub awaited: Option<Index>,
}

impl Raft {
    /// What a server is after a crash: a function of what its disk held (§5.5, dissertation 3.8). A new server is one
    /// whose disk held nothing. The state machine starts from the snapshot, if there is one.
    pub fn recover(config: impl Into<Arc<Config>>, durable: Durable) -> (Raft, Effects) {
        let Durable { term, voted_for, snapshot, log } = durable;
        let restored = snapshot.clone();
        let mut raft = Raft {
            config: config.into(),
            term,
            voted_for,
            snapshot,
            // What a snapshot covers is committed (§7).
            commit: log.base().index,
            log,
            incoming: None,
            role: Role::Follower { leader: None, in_contact: false },
        };
        raft.stay_bound();
        let restart = raft.timers().into();
        (raft, Effects { restored, restart, ..Effects::default() })
    }

    /// The whole protocol: one input in, effects out.
    ///
    /// `now` is local monotonic time, read *after* the input was received: by an older one a lease would seem to
    /// last. Nothing in elections and replication depends on it: no rule of safety may (§5.6). It is read for leases
    /// alone.
    ///
    /// No input makes it panic, however late, duplicated, foreign or absurd a message is.
    pub fn step(&mut self, now: Time, input: Input) -> Effects {
        let mut effects = Effects::default();
        let (term, voted_for) = (self.term, self.voted_for);
        match input {
            Input::Receive { from, message } => self.receive(from, message, &mut effects),
            Input::Timeout(Timer::Election) => self.election_timeout(&mut effects),
            Input::Timeout(Timer::Heartbeat) => self.heartbeat(&mut effects),
            Input::Timeout(Timer::Retry) => self.retry(&mut effects),
            Input::Timeout(Timer::Contact) => self.lose_contact(),
            Input::Timeout(Timer::Quorum) => self.check_quorum(&mut effects),
            Input::Timeout(Timer::Transfer) => self.abandon_transfer(),
            Input::Read(id) => self.read(id, now, &mut effects),
            Input::Propose(command) => self.propose(command, &mut effects),
            Input::Reconfigure(change) => self.reconfigure(&change, &mut effects),
            Input::Transfer(to) => self.transfer(to, &mut effects),
            Input::Compact { through, state } => self.compact(through, state, &mut effects),
            Input::Persisted(persisted) => self.persisted(persisted, &mut effects),
        }
        self.serve_reads(now, &mut effects);
        if (term, voted_for) != (self.term, self.voted_for) {
            effects.writes.insert(0, Write::Vote { term: self.term, voted_for: self.voted_for });
        }
        self.assert_invariants();
        effects
    }

    /// The rule of terms, once and first (§5.1): a newer term makes a follower, an older request is answered with
    /// ours, and what is left is of this term, or an answer that its handler will refuse as stale.
    fn receive(&mut self, from: NodeId, message: Message, effects: &mut Effects) {
        // Who asks need not belong to the configuration that this server knows: either may be behind (dissertation
        // 4.1).
        if from == self.id() || self.disregards(&message) {
            return;
        }
        if let Some(term) = self.binding_term(&message)
            && term != self.term
            && self.upholds(Rule::TermNeverFalls, term > self.term)
        {
            self.adopt(term, effects);
        }
        let stale = message.term < self.term;
        match message.body {
            Body::RequestVote { .. }
            | Body::PreVote { .. }
            | Body::AppendEntries { .. }
            | Body::InstallSnapshot { .. }
            | Body::TimeoutNow
                if stale =>
            {
                if matches!(message.body, Body::InstallSnapshot { .. }) {
                    effects.ignored = Some(Ignored::OtherTerm(message.term));
                }
                if self.keeps(Rule::StaleRequestAnswered) {
                    self.send(from, Body::NewerTerm, effects);
                }
            }
            Body::RequestVote { last, .. } => self.request_vote(from, last, effects),
            Body::VoteReply { granted } => self.vote_reply(from, message.term, granted, effects),
            Body::PreVote { last } => self.pre_vote(from, message.term, last, effects),
            Body::PreVoteReply { asked, granted } => self.pre_vote_reply(from, asked, granted, effects),
            Body::AppendEntries { prev, entries, commit, round } => {
                self.append_entries(from, prev, &entries, (commit, round), effects);
            }
            Body::AppendReply { answer, round } => {
                self.append_reply(from, message.term, (answer, round), effects);
            }
            Body::InstallSnapshot { last, membership, offset, length, data } => {
                self.install_snapshot(from, (last, membership), (offset, length, &data), effects);
            }
            Body::SnapshotReply { last, held } => {
                self.snapshot_reply(from, message.term, (last, held), effects);
            }
            Body::TimeoutNow => self.timeout_now(from, effects),
            Body::NewerTerm => {}
        }
    }

    /// The disk caught up. Only now does this server count itself towards a majority.
    fn persisted(&mut self, persisted: Persisted, effects: &mut Effects) {
        let id = self.id();
        match &mut self.role {
            Role::Candidate { .. } if persisted.vote == Some(self.term) => self.count_vote(id, effects),
            Role::Leader { durable, .. } => {
                // Of this term only: the entry at an older token's index may have been replaced since.
                if let Some(last) = persisted.log.filter(|last| last.term == self.term) {
                    *durable = last.index.max(*durable);
                    self.advance_commit(effects);
                }
            }
            _ => {}
        }
    }

    /// Sends `body` in the present term, once the writes of this step are durable.
    pub(crate) fn send(&self, to: NodeId, body: Body, effects: &mut Effects) {
        effects.late.insert((to, Message { term: self.term, body }));
    }

    /// A guard: `holds`, as long as `rule` is on. Without the feature `weaken` this is `holds` itself.
    pub(crate) fn upholds(&self, rule: Rule, holds: bool) -> bool {
        holds || !self.keeps(rule)
    }

    /// Is `rule` on? Without the feature `weaken`, always.
    #[cfg(not(feature = "weaken"))]
    #[expect(clippy::unused_self, reason = "one signature with and without the feature")]
    pub(crate) const fn keeps(&self, _rule: Rule) -> bool {
        true
    }

    /// What this implementation proves of every state, whatever the network did.
    fn assert_invariants(&self) {
        let last = self.log.last().index;
        debug_assert!(self.commit <= last, "{self}: committed beyond its log");
        debug_assert!(self.commit >= self.log.base().index, "{self}: a snapshot of what is not committed");
        if let Role::Leader { durable, peers, .. } = &self.role {
            debug_assert!(*durable <= last, "{self}: durable beyond its log");
            for progress in peers.values() {
                let ordered = self.upholds(Rule::NextAboveMatch, progress.matched < progress.next);
                debug_assert!(ordered && progress.next <= last.next(), "{self}: progress {progress}");
            }
        }
    }
}

/// What can be read of a server.
impl Raft {
    /// Its name.
    pub fn id(&self) -> NodeId {
        self.config.id()
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// currentTerm.
    pub fn term(&self) -> Term {
        self.term
    }

    /// votedFor, in [`term`](Raft::term).
    pub fn voted_for(&self) -> Option<NodeId> {
        self.voted_for
    }

    /// Its log, durable or not.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// commitIndex.
    pub fn commit(&self) -> Index {
        self.commit
    }

    /// What it is in its term.
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// Does it lead its term?
    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader { .. })
    }

    /// Who leads, as far as it knows.
    pub fn leader(&self) -> Option<NodeId> {
        match self.role {
            Role::Leader { .. } => Some(self.id()),
            Role::Follower { leader, .. } => leader,
            Role::PreCandidate { .. } | Role::Candidate { .. } => None,
        }
    }

    /// As leader, what it knows of `peer`.
    pub fn progress(&self, peer: NodeId) -> Option<Progress> {
        match &self.role {
            Role::Leader { peers, .. } => peers.get(&peer).copied(),
            _ => None,
        }
    }

    /// The timers that run in its present role.
    pub fn timers(&self) -> &'static [Timer] {
        match self.role {
            Role::Leader { transfer, .. } => match (self.config.features().check_quorum, transfer) {
                (false, None) => &[Timer::Heartbeat, Timer::Retry],
                (true, None) => &[Timer::Heartbeat, Timer::Retry, Timer::Quorum],
                (false, Some(_)) => &[Timer::Heartbeat, Timer::Retry, Timer::Transfer],
                (true, Some(_)) => &[Timer::Heartbeat, Timer::Retry, Timer::Quorum, Timer::Transfer],
            },
            Role::Follower { in_contact: true, .. } => &[Timer::Election, Timer::Contact],
            _ => &[Timer::Election],
        }
    }
}

impl fmt::Display for Raft {
    /// `n1@2 L 1 [1@1 2@2=a1] n2=1/3 n3=0/2`: server and term, role and commitIndex, what the role knows, the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} ", self.id(), self.term)?;
        match &self.role {
            Role::Follower { .. } => write!(f, "F {}", self.commit)?,
            Role::PreCandidate { .. } => write!(f, "P {}", self.commit)?,
            Role::Candidate { .. } => write!(f, "C {}", self.commit)?,
            Role::Leader { .. } => write!(f, "L {}", self.commit)?,
        }
        if let Some(vote) = self.voted_for.filter(|_| !self.is_leader()) {
            write!(f, " vote={vote}")?;
        }
        write!(f, " {}", self.log)?;
        if let Some(incoming) = &self.incoming {
            write!(f, " incoming={}@{}", incoming.data.len(), incoming.last)?;
        }
        match &self.role {
            Role::Follower { leader: Some(leader), in_contact } => {
                write!(f, " leader={leader}{}", if *in_contact { "!" } else { "" })
            }
            Role::Follower { leader: None, in_contact } => {
                f.write_str(if *in_contact { " waits!" } else { "" })
            }
            Role::PreCandidate { votes } | Role::Candidate { votes } => write!(f, " votes={votes:?}"),
            Role::Leader { durable, peers, quorum, transfer, reads } => {
                write!(f, " disk={durable}")?;
                peers.iter().try_for_each(|(peer, progress)| write!(f, " {peer}={progress}"))?;
                if !quorum.heard.is_empty() {
                    write!(f, " heard={:?}", quorum.heard)?;
                }
                if let Some(awaited) = quorum.awaited {
                    write!(f, " awaits={awaited}")?;
                }
                transfer.map_or(Ok(()), |to| write!(f, " transfer={to}"))?;
                write!(f, "{reads}")
            }
        }
    }
}

debug_as_display!(Raft);
