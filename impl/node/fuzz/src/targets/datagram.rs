//! What a network may bring: noise, datagrams that were changed on the way, and datagrams that are sealed as they should
//! be around what no server ever said. What passes is given to the core in every role.
//!
//! Of the core it is asked that it does not panic (it asserts its own invariants after each step), that what it wants
//! written down is all that changes of what it has to remember, that neither its term nor its commitIndex ever falls, and
//! that whatever it says is a datagram that others can read.

use std::sync::{Arc, OnceLock};

use raftlab_core::{
    Appended, Body, Command, Config, Durable, Entry, Features, Index, Input, Lease, LogId, Membership,
    Message, NodeId, Payload, Raft, ReadMode, Round, Snapshot, Span, Term, Time, Timer, Voters, Write,
};
use raftlab_node::kv;
use raftlab_node::wire::{
    Arrivals, Codec, DATAGRAM_BYTES_MAX, Dropped, Key, Limits, RoundTrip, Stamps, coalesce,
};

use crate::{Reached, Source};

const CLUSTER: u128 = 0xfeed;
const SECRET: [u8; 32] = [7; 32];
const OWN: NodeId = NodeId(1);

/// The most datagrams of one case.
const DATAGRAMS_MAX: usize = 4;

/// Some datagrams that come to one server, one after the other, of whatever role.
///
/// # Panics
///
/// If the server does, or forgets what it has to remember.
pub fn run(input: &[u8], reached: &mut Reached) {
    let mut source = Source::new(input);
    let key = source.coin();
    let codec = codec(OWN, 9, key);
    let (mut arrivals, mut round_trip) = (Arrivals::default(), RoundTrip::default());
    let mut servers: Vec<Server> = servers().iter().filter(|_| source.coin()).cloned().collect();
    for _ in 0..=source.below(DATAGRAMS_MAX) {
        let bytes = datagram(&mut source, key);
        reached.note("datagrams");
        match codec.decode(&bytes, |server| (2..=5).contains(&server.0)) {
            Ok(received) => {
                reached.note("datagrams that are messages");
                let _ = arrivals.note(received.incarnation, received.sequence);
                let now = source.number();
                let _ = (round_trip.hear(now, received.stamps), round_trip.stamps(now));
                for server in &mut servers {
                    server.hear(received.from, &received.message, &mut source, reached);
                }
            }
            Err(Dropped::Malformed) => reached.note("datagrams sealed around something else"),
            Err(_) => reached.note("datagrams that are turned away"),
        }
    }
}

fn codec(own: NodeId, incarnation: u64, key: bool) -> Codec {
    Codec::new(CLUSTER, own, incarnation, key.then(|| Key::new(SECRET)), Limits::default())
}

/// A datagram to this server.
fn datagram(source: &mut Source, key: bool) -> Vec<u8> {
    let kind = source.byte() % 16;
    if kind == 0 {
        let count = source.below(200);
        return source.bytes(count).to_vec();
    }
    let from = NodeId(2 + u64::from(source.byte() % 4));
    let (incarnation, sequence) = (source.number(), source.number());
    let mut bytes = Vec::new();
    let stamp = |source: &mut Source| u32::try_from(source.number()).unwrap_or(u32::MAX);
    let stamps = Stamps { sent: stamp(source), echo: stamp(source), held: stamp(source) };
    let message = message(source);
    let mut said = postcard::to_stdvec(&message).expect("a message has an encoding");
    let sent = codec(from, incarnation, key).encode(OWN, (sequence, stamps), message, &mut bytes);
    assert!(sent.is_some(), "what is made here fits into a datagram");
    match kind {
        // As it was sent.
        1..=8 => {}
        // Changed on the way.
        9 | 10 => source.mutate(&mut bytes),
        // Sealed around what somebody else made, or around noise.
        _ => {
            bytes.truncate(bytes.len() - said.len() - if key { 16 } else { 4 });
            if kind == 15 {
                let count = source.below(100);
                said = source.bytes(count).to_vec();
            } else {
                source.mutate(&mut said);
            }
            bytes.extend(said);
            seal(&mut bytes, key);
        }
    }
    bytes.truncate(DATAGRAM_BYTES_MAX);
    bytes
}

fn seal(bytes: &mut Vec<u8>, key: bool) {
    if key {
        let tag = blake3::keyed_hash(&SECRET, bytes);
        bytes.extend(&tag.as_bytes()[..16]);
    } else {
        bytes.extend(crc32c::crc32c(bytes).to_le_bytes());
    }
}

/// What no server need ever have said.
fn message(source: &mut Source) -> Message {
    let term = Term(source.number());
    let body = match source.byte() % 16 {
        0 => Body::RequestVote { last: id(source), transfer: source.coin() },
        1 => Body::VoteReply { granted: source.coin() },
        2 => Body::PreVote { last: id(source) },
        3 => Body::PreVoteReply { asked: Term(source.number()), granted: source.coin() },
        4..=8 => {
            let (prev, commit, round) = (id(source), Index(source.number()), Round(source.number()));
            Body::AppendEntries { prev, entries: entries(source, prev), commit, round }
        }
        9 => Body::AppendReply {
            answer: Appended::Accepted { matched: Index(source.number()) },
            round: Round(source.number()),
        },
        10 => Body::AppendReply {
            answer: Appended::Rejected { prev: Index(source.number()), hint: id(source) },
            round: Round(source.number()),
        },
        11..=13 => chunk(source),
        14 => Body::SnapshotReply { last: id(source), held: source.number() },
        _ => [Body::TimeoutNow, Body::NewerTerm][usize::from(source.coin())].clone(),
    };
    Message { term, body }
}

fn id(source: &mut Source) -> LogId {
    LogId::new(Term(source.number()), Index(source.number()))
}

/// Mostly what can follow `prev`.
fn entries(source: &mut Source, prev: LogId) -> Vec<Entry> {
    let (count, follows) = (source.below(5), !source.byte().is_multiple_of(8));
    let mut last = prev;
    let mut next = |source: &mut Source| {
        let term = Term(last.term.0.saturating_add(u64::from(source.byte().is_multiple_of(8))).max(1));
        last = if follows { LogId::new(term, last.index.next()) } else { id(source) };
        Entry { id: last, payload: payload(source) }
    };
    (0..count).map(|_| next(source)).collect()
}

fn payload(source: &mut Source) -> Payload {
    let count = source.below(12);
    match source.byte() % 8 {
        0 => Payload::Noop,
        1 | 2 => Payload::Membership(membership(source)),
        _ => Payload::Command(Command::new(source.bytes(count))),
    }
}

fn membership(source: &mut Source) -> Arc<Membership> {
    let (voters, learners) = (source.byte(), source.byte());
    let named = |bits: u8| (0..8).filter(move |at| bits >> at & 1 == 1).map(|at| NodeId(at + 1));
    Arc::new(Membership::of(Voters::new(named(voters))).with_learners(named(learners)))
}

/// A chunk of a snapshot: often all of it.
fn chunk(source: &mut Source) -> Body {
    let (count, is_whole) = (source.below(30), source.coin());
    let data = source.bytes(count);
    let (offset, length) = if is_whole { (0, data.len() as u64) } else { (source.number(), source.number()) };
    Body::InstallSnapshot {
        last: id(source),
        membership: membership(source),
        offset,
        length,
        data: data.into(),
    }
}

/// A server with its disk.
#[derive(Clone, Debug)]
struct Server {
    raft: Raft,
    durable: Durable,
    now: Time,
}

impl Server {
    fn hear(&mut self, from: NodeId, message: &Message, source: &mut Source, reached: &mut Reached) {
        reached.note(match self.raft.role() {
            raftlab_core::Role::Follower { .. } => "steps of a follower",
            raftlab_core::Role::PreCandidate { .. } => "steps of a pre-candidate",
            raftlab_core::Role::Candidate { .. } => "steps of a candidate",
            raftlab_core::Role::Leader { .. } => "steps of a leader",
        });
        self.step(Input::Receive { from, message: message.clone() }, reached);
        // What a server does by itself finds what a message left.
        match source.byte() % 16 {
            0 => self.step(Input::Timeout(*source.one_of(&Timer::ALL)), reached),
            1 => self.step(Input::Propose(Command::new(b"x")), reached),
            2 => self.step(Input::Read(raftlab_core::ReadId(1)), reached),
            3 => self.step(Input::Compact { through: self.raft.commit(), state: b"s"[..].into() }, reached),
            4 => self.restart(),
            _ => {}
        }
    }

    /// One input; the disk is quick.
    fn step(&mut self, input: Input, reached: &mut Reached) {
        self.now = self.now.after(Span(1000));
        let (term, commit, vote) = (self.raft.term(), self.raft.commit(), self.raft.voted_for());
        let effects = self.raft.step(self.now, input);
        let outbox = effects.persist(|writes| {
            reached.note("steps that are written down");
            for write in writes {
                self.durable.apply(write);
            }
            Ok::<(), ()>(())
        });
        let outbox = outbox.expect("this disk does not fail");
        assert!(self.raft.term() >= term, "{:?}: the term fell from {term}", self.raft);
        assert!(self.raft.commit() >= commit, "{:?}: commitIndex fell from {commit}", self.raft);
        let votes = (vote, self.raft.voted_for());
        let is_kept = votes.0.is_none() || votes.0 == votes.1;
        assert!(self.raft.term() > term || is_kept, "{:?}: {votes:?} in one term", self.raft);
        self.is_remembered();
        self.is_said(outbox.messages);
        if let Some(snapshot) = outbox.restored {
            reached.note("snapshots that are installed");
            let _ = kv::Store::restore(&snapshot.state);
        }
        for entry in outbox.committed {
            reached.note("entries that are committed");
            if let Payload::Command(command) = entry.payload {
                let _ = kv::Command::decode(&command);
            }
        }
        if let Some(persisted) = outbox.persisted {
            self.step(Input::Persisted(persisted), reached);
        }
    }

    /// Others can read what it says.
    fn is_said(&self, mut messages: Vec<(NodeId, Message)>) {
        coalesce(&mut messages);
        let (own, mut bytes) = (codec(OWN, 9, false), Vec::new());
        for (to, message) in messages.into_iter().filter(|(to, _)| *to != OWN) {
            let sent = own.encode(to, (1, Stamps::default()), message.clone(), &mut bytes);
            let read = codec(to, 9, false).decode(&bytes, |from| from == OWN);
            let is_read = sent.is_some() && read.as_ref().is_ok_and(|read| read.message == message);
            assert!(is_read, "{:?} says {message:?}, and {to} reads {read:?}", self.raft);
        }
    }

    /// Its disk holds what a server of its state has promised to remember.
    fn is_remembered(&self) {
        let Durable { term, voted_for, log, .. } = &self.durable;
        assert_eq!((*term, *voted_for), (self.raft.term(), self.raft.voted_for()), "{:?}", self.raft);
        assert_eq!(log, self.raft.log(), "{:?}", self.raft);
    }

    fn restart(&mut self) {
        let config = self.raft.config().clone();
        let (raft, _) = Raft::recover(config, self.durable.clone());
        self.raft = raft;
    }
}

/// Servers in every role, with and without what Raft may do beyond its core, with a log and with a snapshot.
fn servers() -> &'static [Server] {
    static SERVERS: OnceLock<Vec<Server>> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let lease = Lease { promise: Span(10_000), drift: Span(1000) };
        let all = Features {
            pre_vote: true,
            check_quorum: true,
            disregard_votes: true,
            reads: ReadMode::Lease(lease),
        };
        let logs = [Durable::default(), short_log(), behind_a_snapshot()];
        let mut servers = Vec::new();
        for features in [Features::default(), all] {
            for log in &logs {
                let follower = recovered(features, log.clone());
                let candidate = campaigning(follower.clone());
                servers.extend([follower, candidate.clone(), leading(candidate)]);
            }
        }
        servers
    })
}

fn recovered(features: Features, durable: Durable) -> Server {
    let config = Config::new(OWN, Voters::new([1, 2, 3].map(NodeId)), 4).expect("it is one of them");
    let (raft, _) = Raft::recover(config.with(features), durable.clone());
    Server { raft, durable, now: Time(0) }
}

fn short_log() -> Durable {
    let mut durable = Durable::default();
    let entry = |term, index| Entry {
        id: LogId::new(Term(term), Index(index)),
        payload: Payload::Command(Command::new(b"old")),
    };
    durable.apply(&Write::Vote { term: Term(3), voted_for: Some(NodeId(2)) });
    durable.apply(&Write::Log {
        after: Index(0),
        entries: vec![entry(1, 1), entry(1, 2), entry(3, 3), entry(3, 4)],
    });
    durable
}

fn behind_a_snapshot() -> Durable {
    let mut durable = short_log();
    durable.apply(&Write::Snapshot(Arc::new(Snapshot {
        last: LogId::new(Term(1), Index(2)),
        membership: Arc::new(Membership::of(Voters::new([1, 2, 3].map(NodeId)))),
        state: b"state"[..].into(),
    })));
    durable
}

fn campaigning(mut server: Server) -> Server {
    server.step(Input::Timeout(Timer::Election), &mut Reached::default());
    server
}

fn leading(mut server: Server) -> Server {
    let granted = |body, term| Input::Receive { from: NodeId(2), message: Message { term, body } };
    let asked = server.raft.term();
    let reached = &mut Reached::default();
    server.step(granted(Body::PreVoteReply { asked, granted: true }, asked), reached);
    let term = server.raft.term();
    server.step(granted(Body::VoteReply { granted: true }, term), reached);
    assert!(server.raft.is_leader(), "{:?} was elected", server.raft);
    server
}
