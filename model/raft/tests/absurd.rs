//! One server against a network that says anything. Forged messages may make it do forged things; they may not make it
//! panic, take back a promise, let out a message before its disk has what the message says, or wait for no timer.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use raftlab_core::{
    Appended, Body, Command, Config, Durable, Effects, Entry, Features, Index, Input, Lease, Log, LogId,
    Membership, Message, NodeId, Outbox, Payload, Persisted, Raft, ReadId, ReadMode, Role, Round, Rule, Span,
    Term, Time, Timer, Voters, Write,
};

const CASES: u32 = 4_096;
const INPUTS: usize = 60;
const ME: NodeId = NodeId(1);

/// A number as an attacker thinks of it: beside what the server has, or at the ends of the range.
#[derive(Clone, Copy, Debug)]
enum Number {
    Zero,
    Near(i8),
    Huge,
    Max,
}

impl Number {
    fn beside(self, known: u64) -> u64 {
        match self {
            Number::Zero => 0,
            Number::Near(by) => known.saturating_add_signed(by.into()),
            Number::Huge => u64::MAX / 2,
            Number::Max => u64::MAX,
        }
    }
}

/// A position beside the end of the server's log, in a term beside its own.
type Position = (Number, Number);

/// A body, with its numbers still to be placed beside the server's own.
#[derive(Clone, Debug)]
enum AnyBody {
    RequestVote(Position, bool),
    TimeoutNow,
    VoteReply(bool),
    /// Entries that follow `prev` as a leader's would, each some terms above the one before.
    Append {
        prev: Position,
        rises: Vec<u8>,
        commit: Number,
    },
    /// What stands before the end of the server's own log, as the leader of its term could repeat it.
    Repeat {
        back: u8,
        rises: Vec<u8>,
        commit: Number,
    },
    /// Entries that follow nothing.
    Scattered {
        prev: Position,
        entries: Vec<Position>,
        commit: Number,
    },
    Accepted(Number),
    Rejected(Number, Position),
    NewerTerm,
    PreVote(Position),
    PreVoteReply(Number, bool),
    /// A chunk of the snapshot that the server is receiving, or of one that ends beside its log.
    Chunk {
        fresh: Option<Position>,
        offset: Number,
        bytes: u8,
    },
    SnapshotReply(Position, Number),
}

/// What happens to the server.
#[derive(Clone, Debug)]
enum Stimulus {
    Message {
        from: NodeId,
        term: Number,
        body: AnyBody,
    },
    Timeout(Timer),
    Propose,
    Read,
    Transfer(NodeId),
    /// The host compacts its log, or tries to.
    Compact(Number),
    Sync,
    /// A token that the disk gave before is handed back once more.
    OldToken(prop::sample::Index),
    /// A crash: of the writes that wait some survive, and all of the disk does.
    Restart {
        keep: prop::sample::Index,
    },
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        1 => Just(Number::Zero),
        20 => (-3_i8..=2).prop_map(Number::Near),
        1 => Just(Number::Huge),
        1 => Just(Number::Max),
    ]
}

/// Terms move up only for good: were they mostly high, a case would spend itself at the end of the range.
fn term() -> impl Strategy<Value = Number> {
    prop_oneof![
        2 => Just(Number::Zero),
        200 => Just(Number::Near(0)),
        40 => (-2_i8..=1).prop_map(Number::Near),
        1 => Just(Number::Huge),
        1 => Just(Number::Max),
    ]
}

fn body() -> impl Strategy<Value = AnyBody> {
    let position = || (term(), number());
    let rises = || prop::collection::vec(0_u8..2, 0..4);
    prop_oneof![
        1 => (position(), any::<bool>()).prop_map(|(last, transfer)| AnyBody::RequestVote(last, transfer)),
        1 => Just(AnyBody::TimeoutNow),
        2 => prop::bool::weighted(0.8).prop_map(AnyBody::VoteReply),
        1 => (position(), rises(), number()).prop_map(|(prev, rises, commit)| AnyBody::Append {
            prev,
            rises,
            commit
        }),
        1 => (0_u8..4, rises(), number()).prop_map(|(back, rises, commit)| AnyBody::Repeat {
            back,
            rises,
            commit
        }),
        1 => (position(), prop::collection::vec(position(), 1..4), number())
            .prop_map(|(prev, entries, commit)| AnyBody::Scattered { prev, entries, commit }),
        2 => number().prop_map(AnyBody::Accepted),
        1 => (number(), position()).prop_map(|(prev, hint)| AnyBody::Rejected(prev, hint)),
        1 => Just(AnyBody::NewerTerm),
        1 => position().prop_map(AnyBody::PreVote),
        1 => (term(), prop::bool::weighted(0.8)).prop_map(|(asked, granted)| AnyBody::PreVoteReply(asked, granted)),
        3 => (prop::option::of(position()), number(), 0_u8..4).prop_map(|(fresh, offset, bytes)| AnyBody::Chunk {
            fresh,
            offset,
            bytes
        }),
        1 => (position(), number()).prop_map(|(last, held)| AnyBody::SnapshotReply(last, held)),
    ]
}

fn stimulus() -> impl Strategy<Value = Stimulus> {
    let from = prop_oneof![
        8 => Just(NodeId(2)),
        8 => Just(NodeId(3)),
        1 => Just(ME),
        1 => Just(NodeId(0)),
        1 => Just(NodeId(u64::MAX)),
    ];
    let timer = prop_oneof![
        2 => Just(Timer::Election), 1 => Just(Timer::Heartbeat), 1 => Just(Timer::Retry),
        1 => Just(Timer::Contact), 1 => Just(Timer::Quorum), 1 => Just(Timer::Transfer),
    ];
    prop_oneof![
        30 => (from, term(), body()).prop_map(|(from, term, body)| Stimulus::Message { from, term, body }),
        5 => timer.prop_map(Stimulus::Timeout),
        5 => Just(Stimulus::Propose),
        2 => Just(Stimulus::Read),
        2 => (1_u64..=4).prop_map(|id| Stimulus::Transfer(NodeId(id))),
        2 => number().prop_map(Stimulus::Compact),
        8 => Just(Stimulus::Sync),
        3 => any::<prop::sample::Index>().prop_map(Stimulus::OldToken),
        1 => any::<prop::sample::Index>().prop_map(|keep| Stimulus::Restart { keep }),
    ]
}

/// A server with a disk, and what it has ever said.
struct Host {
    raft: Raft,
    disk: Durable,
    pending: Effects,
    is_slow: bool,
    tokens: Vec<Persisted>,
    /// All that came out as committed in this life, since its state machine was last replaced.
    committed: Vec<Entry>,
    /// Where the state machine is.
    applied: Index,
    /// For whom each term's vote left this server, in any life.
    votes: BTreeMap<Term, NodeId>,
    proposals: u64,
    /// Timers under way, as a host keeps them that starts one only when it is told to.
    timers: BTreeSet<Timer>,
    /// What happened at least once: a life in which nothing does shows nothing.
    seen: BTreeSet<&'static str>,
}

impl Host {
    fn new(is_slow: bool, is_extended: bool, without: Option<Rule>) -> Host {
        let config = Config::new(ME, Voters::new([ME, NodeId(2), NodeId(3)]), 2).unwrap();
        let lease = Lease { promise: Span(3), drift: Span(2) };
        let reads = ReadMode::Lease(lease);
        let all = Features { pre_vote: true, check_quorum: true, disregard_votes: true, reads };
        let config = config.with(if is_extended { all } else { Features::default() });
        let config = without.map_or_else(|| config.clone(), |rule| config.clone().without(rule));
        let disk = Durable::default();
        let (raft, _) = Raft::recover(config, disk.clone());
        Host {
            raft,
            disk,
            pending: Effects::default(),
            is_slow,
            tokens: Vec::new(),
            committed: Vec::new(),
            applied: Index(0),
            votes: BTreeMap::new(),
            proposals: 0,
            timers: [Timer::Election].into(),
            seen: BTreeSet::new(),
        }
    }

    fn meet(&mut self, stimulus: &Stimulus) {
        match stimulus {
            Stimulus::Message { from, term, body } => {
                let message = self.place(*term, body);
                self.step(Input::Receive { from: *from, message });
            }
            Stimulus::Timeout(timer) => {
                self.timers.remove(timer);
                self.step(Input::Timeout(*timer));
            }
            Stimulus::Propose => {
                self.proposals += 1;
                self.step(Input::Propose(Command::new(&self.proposals.to_be_bytes())));
            }
            Stimulus::Read => self.step(Input::Read(ReadId(0))),
            Stimulus::Transfer(to) => self.step(Input::Transfer(*to)),
            Stimulus::Compact(through) => {
                let through = Index(through.beside(self.raft.commit().0));
                self.step(Input::Compact { through, state: [1, 2, 3].into() });
            }
            Stimulus::Sync => self.sync(),
            Stimulus::OldToken(at) => {
                if !self.tokens.is_empty() {
                    self.step(Input::Persisted(*at.get(&self.tokens)));
                }
            }
            Stimulus::Restart { keep } => self.restart(*keep),
        }
    }

    /// The message whose numbers lie beside what the server has now.
    fn place(&self, term: Number, body: &AnyBody) -> Message {
        let (now, end) = (self.raft.term().0, self.raft.log().last().index.0);
        let at = |(term, index): Position| LogId::new(Term(term.beside(now)), Index(index.beside(end)));
        let noop = |id| Entry { id, payload: Payload::Noop };
        let run = |prev: LogId, rises: &[u8]| {
            let next = |last: &mut LogId, rise: &u8| {
                *last = LogId::new(Term(last.term.0.saturating_add((*rise).into())), last.index.next());
                Some(noop(*last))
            };
            rises.iter().scan(prev, next).collect()
        };
        let round = self.raft.reads().map_or(Round::default(), |reads| reads.round);
        let body = match body {
            AnyBody::RequestVote(last, transfer) => {
                Body::RequestVote { last: at(*last), transfer: *transfer }
            }
            // A vote granted before it was asked for would make a leader before its own term is on disk. Nobody but a
            // forger can send one: RequestVote leaves behind that write.
            AnyBody::VoteReply(granted) => {
                let asked = self.votes.get(&Term(term.beside(now))) == Some(&ME);
                Body::VoteReply { granted: *granted && asked }
            }
            AnyBody::Append { prev, rises, commit } => {
                let prev = at(*prev);
                Body::AppendEntries {
                    prev,
                    entries: run(prev, rises),
                    commit: Index(commit.beside(end)),
                    round,
                }
            }
            AnyBody::Repeat { back, rises, commit } => {
                let index = Index(end.saturating_sub((*back).into()));
                let prev = LogId::new(self.raft.log().term_at(index).unwrap_or_default(), index);
                Body::AppendEntries {
                    prev,
                    entries: run(prev, rises),
                    commit: Index(commit.beside(end)),
                    round,
                }
            }
            AnyBody::Scattered { prev, entries, commit } => Body::AppendEntries {
                prev: at(*prev),
                entries: entries.iter().map(|id| noop(at(*id))).collect(),
                commit: Index(commit.beside(end)),
                round,
            },
            AnyBody::Accepted(matched) => Body::AppendReply {
                answer: Appended::Accepted { matched: Index(matched.beside(end)) },
                round,
            },
            AnyBody::Rejected(prev, hint) => {
                let answer = Appended::Rejected { prev: Index(prev.beside(end)), hint: at(*hint) };
                Body::AppendReply { answer, round }
            }
            AnyBody::NewerTerm => Body::NewerTerm,
            AnyBody::TimeoutNow => Body::TimeoutNow,
            AnyBody::PreVote(last) => Body::PreVote { last: at(*last) },
            AnyBody::PreVoteReply(asked, granted) => {
                Body::PreVoteReply { asked: Term(asked.beside(now)), granted: *granted }
            }
            AnyBody::Chunk { fresh, offset, bytes } => self.chunk(fresh.map(at), *offset, *bytes),
            AnyBody::SnapshotReply(last, held) => {
                Body::SnapshotReply { last: at(*last), held: held.beside(0) }
            }
        };
        Message { term: Term(term.beside(now)), body }
    }

    /// A chunk of a snapshot of three bytes: of a fresh one, or of the one that is on its way.
    fn chunk(&self, fresh: Option<LogId>, offset: Number, bytes: u8) -> Body {
        let incoming = self.raft.incoming();
        let held = incoming.map_or(0, |incoming| incoming.data.len() as u64);
        let here = incoming.map_or(self.raft.log().last(), |incoming| incoming.last);
        Body::InstallSnapshot {
            last: fresh.unwrap_or(here),
            membership: Membership::of(self.raft.config().members().voters().clone()).into(),
            offset: offset.beside(held),
            length: 3,
            data: vec![7; usize::from(bytes)].into(),
        }
    }

    fn step(&mut self, input: Input) {
        let (term, vote, commit) = (self.raft.term(), self.raft.voted_for(), self.raft.commit());
        let log = self.raft.log().clone();
        let effects = self.raft.step(Time::default(), input);
        self.note(commit, &log);
        self.timers.extend(&effects.restart);
        let of_the_role = effects.restart.iter().all(|timer| self.raft.timers().contains(timer));
        assert!(of_the_role, "{} starts {:?}", self.raft, effects.restart);
        let runs = |timer: &Timer| self.timers.contains(timer);
        // At the end of all terms there is no election to wait for.
        let is_over = self.raft.term() == Term(u64::MAX);
        assert!(is_over || self.raft.timers().iter().all(runs), "{} waits for {:?}", self.raft, self.timers);
        assert!(self.raft.term() >= term, "the term fell");
        assert!(self.raft.commit() >= commit, "commitIndex fell");
        let kept = vote.is_none() || self.raft.voted_for() == vote;
        assert!(kept || self.raft.term() > term, "the vote of term {term} changed");
        self.settle(effects);
        let base = self.raft.log().base().index;
        let start = self.raft.log().between(base, self.raft.commit());
        let compacted = self.committed.iter().take_while(|entry| entry.id.index <= base).count();
        let known = &self.committed[compacted..];
        assert!(start.starts_with(known), "{known:?} was committed, and now {start:?}");
    }

    fn note(&mut self, commit: Index, log: &Log) {
        let is = &self.raft;
        let committed = is.commit() > commit;
        for (happened, what) in [
            (is.is_leader(), "led"),
            (committed && is.is_leader(), "committed as a leader"),
            (committed && !is.is_leader(), "committed as a follower"),
            (
                is.log().base() == log.base() && !is.log().entries().starts_with(log.entries()),
                "replaced entries",
            ),
            (is.log().base().index > log.base().index && !committed, "compacted its log"),
            (is.log().base().index > commit, "installed a snapshot"),
            (matches!(is.role(), Role::PreCandidate { .. }), "asked first"),
            (is.term() == Term(u64::MAX), "came to the end of all terms"),
        ] {
            if happened {
                self.seen.insert(what);
            }
        }
    }

    /// Early messages leave; the rest leaves now, or waits for the disk and all that waits already.
    fn settle(&mut self, mut effects: Effects) {
        for (to, message) in effects.early() {
            let of_a_leader =
                matches!(message.body, Body::AppendEntries { .. } | Body::InstallSnapshot { .. });
            let may_be_early = of_a_leader || message.body == Body::TimeoutNow;
            assert!(may_be_early, "{message} left early");
            self.leave(to, &message);
        }
        self.pending.merge(effects);
        if !self.is_slow || self.pending.writes().is_empty() {
            self.sync();
        }
    }

    fn sync(&mut self) {
        let disk = &mut self.disk;
        let outbox = std::mem::take(&mut self.pending).persist(|writes| {
            for write in writes {
                disk.apply(write);
            }
            Ok::<_, std::convert::Infallible>(())
        });
        let Ok(Outbox { messages, restored, committed, persisted, reads: _ }) = outbox;
        let memory = Durable {
            term: self.raft.term(),
            voted_for: self.raft.voted_for(),
            snapshot: self.raft.snapshot().cloned(),
            log: self.raft.log().clone(),
        };
        assert_eq!(self.disk, memory, "the writes are not what the server remembers");
        for (to, message) in messages {
            self.leave(to, &message);
        }
        if let Some(snapshot) = restored {
            assert!(snapshot.last.index > self.applied, "the state machine went back");
            self.committed.clear();
            self.applied = snapshot.last.index;
        }
        for entry in committed {
            assert_eq!(entry.id.index, self.applied.next(), "committed out of order");
            self.applied = entry.id.index;
            self.committed.push(entry);
        }
        if let Some(token) = persisted {
            self.tokens.push(token);
            self.step(Input::Persisted(token));
        }
    }

    /// A message leaves: nobody can take it back any more.
    fn leave(&mut self, to: NodeId, message: &Message) {
        assert!(message.term <= self.disk.term, "{message} left, and the disk is in term {}", self.disk.term);
        let vote = match message.body {
            Body::RequestVote { .. } => ME,
            Body::VoteReply { granted: true } => to,
            _ => return,
        };
        let first = *self.votes.entry(message.term).or_insert(vote);
        assert_eq!(first, vote, "two votes in term {}", message.term);
    }

    fn restart(&mut self, keep: prop::sample::Index) {
        let pending = std::mem::take(&mut self.pending);
        let writes: &[Write] = pending.writes();
        let survive = keep.index(writes.len() + 1);
        if survive < writes.len() {
            self.seen.insert("lost writes");
        }
        for write in &writes[..survive] {
            self.disk.apply(write);
        }
        let config = self.raft.config().clone();
        let (raft, start) = Raft::recover(config, self.disk.clone());
        self.raft = raft;
        self.timers = start.restart.into_iter().collect();
        self.committed.clear();
        self.applied = self.raft.log().base().index;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, ..ProptestConfig::default() })]

    #[test]
    fn no_message_makes_a_server_break_its_word(
        is_slow in any::<bool>(),
        is_extended in any::<bool>(),
        life in prop::collection::vec(stimulus(), INPUTS),
    ) {
        let mut host = Host::new(is_slow, is_extended, None);
        for stimulus in &life {
            host.meet(stimulus);
        }
        host.sync();
    }
}

/// The same lives in every run, each with its host.
fn lives(without: Option<Rule>) -> impl Iterator<Item = (Host, Vec<Stimulus>)> {
    let mut runner = TestRunner::deterministic();
    (0..1_600).map(move |life| {
        let stimuli = prop::collection::vec(stimulus(), INPUTS).new_tree(&mut runner).unwrap().current();
        (Host::new(life % 2 == 0, life % 4 == 0, without), stimuli)
    })
}

/// What the cases above are worth: each of these happens in many of them.
#[test]
fn absurd_lives_are_not_dull() {
    let mut seen = BTreeMap::new();
    for (mut host, stimuli) in lives(None) {
        for stimulus in &stimuli {
            host.meet(stimulus);
        }
        for what in host.seen {
            *seen.entry(what).or_insert(0) += 1;
        }
    }
    assert_eq!(seen.len(), 9, "{seen:?}");
    assert!(seen.values().all(|lives| *lives >= 20), "in how many of 1,600 lives: {seen:?}");
}

/// The judgements can fail: without one of these rules a server breaks its word in some life.
#[test]
fn without_a_rule_some_life_breaks_its_word() {
    for rule in [
        Rule::TermNeverFalls,
        Rule::OneVotePerTerm,
        Rule::KeepVoteWithinTerm,
        Rule::CandidateVotesForItself,
        Rule::OnlyLeaderAppends,
        Rule::CommitNeverFalls,
    ] {
        let breaks = |(mut host, stimuli): (Host, Vec<Stimulus>)| {
            catch_unwind(AssertUnwindSafe(|| stimuli.iter().for_each(|stimulus| host.meet(stimulus))))
                .is_err()
        };
        assert!(lives(Some(rule)).any(breaks), "{rule} is not missed");
    }
}
