//! Each property can fail: the way that breaks it, within some thousand states, and the same world unbroken. What
//! is judged of states alone is also judged on servers made by hand, once as they should be and once not.

mod quiet;

use std::collections::{HashSet, VecDeque};

use raftlab_core::{
    Appended, Body, Durable, Entry, Index, Log, LogId, Message, NodeId, Payload, Raft, Round, Rule, Term,
};
use raftlab_model::{
    Bounds, Broken, COMPACTION, Event, MEMBERSHIP, NO_PANIC, PROPERTIES, Property, RaftModel, Server,
    ServerActor, Setup, Shim, Tick, Way, World,
};

/// More states than any of the violations below needs, breadth first.
const STATES_MAX: usize = 60_000;

fn property(name: &str) -> &'static Property {
    Property::named(name).unwrap_or_else(|| panic!("there is no property `{name}`"))
}

/// Looks for a violation, breadth first: after how many states it was met, and what was seen.
fn violation(setup: Setup) -> Option<(usize, String)> {
    quiet::silence_the_core();
    let property = setup.focus.expect("one property is judged");
    let model = RaftModel::new(setup);
    let mut seen = HashSet::from([model.initial()]);
    let mut queue: VecDeque<World> = [model.initial()].into();
    let mut judged = 0;
    while let Some(world) = queue.pop_front() {
        judged += 1;
        if let Err(why) = property.holds(&world.servers()) {
            return Some((judged, why));
        }
        if judged == STATES_MAX {
            return None;
        }
        for (_, next) in model.successors(&world) {
            if seen.insert(next.clone()) {
                queue.push_back(next);
            }
        }
    }
    None
}

/// For each property a way that breaks it, and a world of three servers (if not said otherwise) in which that shows
/// soon.
const NEGATIVE_CONTROLS: &[(&str, Way, &str)] = &[
    ("Election Safety", Way::Rule(Rule::OneVotePerTerm), ""),
    (
        "Leader Append-Only",
        Way::Shim(Shim::RewriteAfterError),
        "proposals <= 1 · faults <= 1 · buffered disk",
    ),
    ("Log Matching", Way::Rule(Rule::OnlyLeaderAppends), "proposals <= 2"),
    ("Leader Completeness", Way::Rule(Rule::UpToDateLog), "terms <= 2 · time-outs <= 2"),
    (
        "State Machine Safety",
        Way::Shim(Shim::RestartAppliesLog),
        "terms <= 2 · time-outs <= 2 · crashes <= 1",
    ),
    ("committed on a quorum", Way::Rule(Rule::MajorityCommits), ""),
    ("commit rule", Way::Rule(Rule::CommitOwnTerm), "terms <= 2 · time-outs <= 2"),
    ("matchIndex is true", Way::Shim(Shim::MatchSeeded), ""),
    ("nextIndex above matchIndex", Way::Rule(Rule::NextAboveMatch), "2 servers · terms <= 3"),
    ("matchIndex monotone", Way::Rule(Rule::MatchNeverFalls), "heartbeats <= 1"),
    ("commitIndex monotone", Way::Rule(Rule::CommitNeverFalls), "proposals <= 1"),
    ("term monotone", Way::Rule(Rule::TermNeverFalls), "terms <= 2"),
    ("vote set once a term", Way::Shim(Shim::VoteNotPersisted), "crashes <= 1"),
    (
        "Linearizability of reads",
        Way::Rule(Rule::ReadConfirmsLeadership),
        "terms <= 2 · time-outs <= 2 · reads <= 1",
    ),
    (NO_PANIC, Way::Rule(Rule::OnlyLeaderAppends), "proposals <= 1"),
    ("electing quorums meet", Way::Rule(Rule::OneServerAtATime), "time-outs <= 1 · changes <= 1"),
    ("configurations overlap", Way::Rule(Rule::OneServerAtATime), "time-outs <= 1 · changes <= 1"),
    ("voters lead", Way::Rule(Rule::RemovedLeaderStepsDown), "time-outs <= 1 · changes <= 1"),
    ("one change in flight", Way::Rule(Rule::OneChangeAtATime), "time-outs <= 1 · changes <= 2"),
    (
        "snapshots are true",
        Way::Rule(Rule::ChunksInOrder),
        "time-outs <= 1 · proposals <= 1 · retries <= 1 · compactions <= 1",
    ),
];

fn bounds(causes: &str) -> Bounds {
    let causes = if causes.is_empty() { String::new() } else { format!(" · {causes}") };
    format!("3 servers{causes}").parse().expect("bounds")
}

#[test]
fn every_property_has_a_negative_control() {
    let controlled: Vec<_> = NEGATIVE_CONTROLS.iter().map(|(name, ..)| *name).collect();
    let standing = PROPERTIES.iter().chain(MEMBERSHIP).chain(COMPACTION);
    let all: Vec<_> = standing.map(|property| property.name).collect();
    assert_eq!(controlled, all);
}

#[test]
fn every_property_falls_with_its_rule() {
    let mut holds = Vec::new();
    for (name, way, causes) in NEGATIVE_CONTROLS {
        let setup = Setup::new(bounds(causes)).broken(*way, property(name));
        match violation(setup) {
            Some((states, why)) => println!("{states:>7}  {name}: {why}"),
            None => holds.push((name, way)),
        }
    }
    assert!(holds.is_empty(), "not broken: {holds:?}");
}

#[test]
fn and_holds_in_the_same_world_unbroken() {
    for (name, _, causes) in NEGATIVE_CONTROLS {
        let setup = Setup { focus: Some(property(name)), ..Setup::new(bounds(causes)) };
        assert_eq!(violation(setup), None, "{name}");
    }
}

/// Entries of these terms.
fn entries(terms: &[u64]) -> Vec<Entry> {
    let entry =
        |(at, term): (u64, &u64)| Entry { id: LogId::new(Term(*term), Index(at)), payload: Payload::Noop };
    (1..).zip(terms).map(entry).collect()
}

fn actor(id: u64) -> ServerActor {
    ServerActor::new(NodeId(id), &Bounds::default(), None, None)
}

/// Server `id` of three, restarted in `term` with a log of these terms.
fn server(id: u64, term: u64, terms: &[u64]) -> Server {
    let mut log = Log::default();
    log.replace_after(Index(0), &entries(terms));
    let disk = Durable { term: Term(term), log, ..Durable::default() };
    let config = Bounds::default().config(NodeId(id), None);
    let (raft, _) = Raft::recover(config, disk.clone());
    Server { raft, disk, ..actor(id).start() }
}

/// The server after it heard `body` from `from`, in its own term.
fn after(server: &Server, from: u64, body: Body) -> Server {
    let message = Message { term: server.raft.term(), body };
    let event = Event::Deliver { from: NodeId(from), message };
    actor(server.raft.id().0).react(server, &event).0
}

/// The server as leader of the term after its own, by the vote of `voter`.
fn elected(server: &Server, voter: u64) -> Server {
    let candidate = actor(server.raft.id().0).react(server, &Event::Tick(Tick::Election)).0;
    after(&candidate, voter, Body::VoteReply { granted: true })
}

/// The server, whose state machine was given entries of these terms, while it was in `committed_in`.
fn applied(mut server: Server, terms: &[u64], committed_in: u64) -> Server {
    server.ghosts.applied = entries(terms);
    server.ghosts.committed_in = vec![Term(committed_in); terms.len()];
    server
}

/// Judges one property on servers as they should be, and on servers as they should not.
fn tells_apart(name: &str, good: &[Server], bad: &[Server]) {
    let judge = |servers: &[Server]| property(name).holds(&servers.iter().collect::<Vec<_>>());
    assert_eq!(judge(good), Ok(()), "{name}: {good:?}");
    let why = judge(bad).expect_err(name);
    assert!(why.contains("n1"), "{name} does not say where: {why}");
}

#[test]
fn two_leaders_are_told_apart_by_their_terms() {
    let (n1, n2) = (elected(&server(1, 0, &[]), 3), server(2, 0, &[]));
    let (later, same) = (elected(&server(2, 1, &[]), 3), elected(&n2, 3));
    tells_apart("Election Safety", &[n1.clone(), later], &[n1, same]);
}

#[test]
fn logs_may_differ_after_what_they_share_and_not_before() {
    let n1 = server(1, 2, &[1, 2]);
    tells_apart("Log Matching", &[n1.clone(), server(2, 3, &[1, 1, 3])], &[n1, server(2, 2, &[2, 2])]);
}

#[test]
fn a_leader_without_what_was_committed_in_an_older_term() {
    let n2 = applied(server(2, 1, &[1, 1]), &[1, 1], 1);
    let (whole, short) = (elected(&server(1, 1, &[1, 1]), 3), elected(&server(1, 1, &[1]), 3));
    tells_apart("Leader Completeness", &[whole, n2.clone()], &[short, n2]);
}

/// The term in which an entry was taken for committed counts, whatever term its server has come to since.
#[test]
fn a_leader_without_what_a_server_of_a_newer_term_had_committed_before() {
    let n1 = elected(&server(1, 1, &[1]), 3);
    let committed_in = |term| applied(server(2, 3, &[1, 1]), &[1, 1], term);
    tells_apart("Leader Completeness", &[n1.clone(), committed_in(2)], &[n1, committed_in(1)]);
}

/// What a server has taken for committed and not given to its state machine yet counts in its present term.
#[test]
fn what_is_committed_and_not_applied_yet_counts_too() {
    let heartbeat =
        |prev| Body::AppendEntries { prev, entries: Vec::new(), commit: Index(1), round: Round::default() };
    let hears = |term| {
        let mut n2 = after(&server(2, term, &[1]), 3, heartbeat(LogId::new(Term(1), Index(1))));
        assert_eq!(n2.raft.commit(), Index(1));
        n2.ghosts = raftlab_model::Ghosts::default();
        n2
    };
    let n1 = elected(&server(1, 1, &[]), 3);
    tells_apart("Leader Completeness", &[n1.clone(), hears(2)], &[n1, hears(1)]);
}

/// A leader of an *older* term need not hold it: it is not the leader any more, and does not know.
#[test]
fn a_deposed_leader_may_lack_what_was_committed_after_it() {
    let (old, newer) = (elected(&server(1, 1, &[1]), 3), applied(server(2, 3, &[1, 3]), &[1, 3], 3));
    assert_eq!(property("Leader Completeness").holds(&[&old, &newer]), Ok(()));
}

#[test]
fn state_machines_agree_index_by_index() {
    let n1 = applied(server(1, 2, &[1, 2]), &[1, 2], 2);
    let (behind, other) = (applied(server(2, 2, &[1]), &[1], 2), applied(server(2, 2, &[1, 1]), &[1, 1], 2));
    tells_apart("State Machine Safety", &[n1.clone(), behind.clone()], &[n1.clone(), other]);
    let twice = Server {
        ghosts: raftlab_model::Ghosts { misapplied: entries(&[1]).pop(), ..n1.ghosts.clone() },
        ..n1.clone()
    };
    tells_apart("State Machine Safety", &[n1, behind.clone()], &[twice, behind]);
}

#[test]
fn what_is_committed_is_on_two_disks_of_three() {
    let n1 = applied(server(1, 1, &[1]), &[1], 1);
    let (has, has_not) = (server(2, 1, &[1]), server(2, 1, &[]));
    tells_apart(
        "committed on a quorum",
        &[n1.clone(), has, server(3, 0, &[])],
        &[n1, has_not, server(3, 0, &[])],
    );
}

#[test]
fn an_acknowledgement_says_what_is_on_the_followers_disk() {
    let n1 = after(
        &elected(&server(1, 0, &[]), 3),
        2,
        Body::AppendReply { answer: Appended::Accepted { matched: Index(1) }, round: Round::default() },
    );
    tells_apart("matchIndex is true", &[n1.clone(), server(2, 1, &[1])], &[n1.clone(), server(2, 1, &[])]);
    // In a later term the follower may have replaced it.
    assert_eq!(property("matchIndex is true").holds(&[&n1, &server(2, 2, &[])]), Ok(()));
}

/// Properties of a step are judged when it is taken, and latched in the server; each reads its own latch.
#[test]
fn a_latched_violation_is_read_by_its_property_only() {
    let whole = server(1, 1, &[1]);
    for of_a_step in PROPERTIES.iter().filter(|property| property.is_of_a_step()) {
        let broken = Some(Broken { property: of_a_step.name, why: "n1 did it".into() });
        let broken = Server { broken, ..whole.clone() };
        tells_apart(of_a_step.name, std::slice::from_ref(&whole), std::slice::from_ref(&broken));
        for other in PROPERTIES.iter().filter(|other| other.name != of_a_step.name) {
            assert_eq!(other.holds(&[&broken]), Ok(()), "{} for {}", other.name, of_a_step.name);
        }
    }
}

#[test]
fn a_panic_of_the_core_is_caught_and_says_what_it_was() {
    quiet::silence_the_core();
    let way = Way::Rule(Rule::OnlyLeaderAppends);
    let actor = ServerActor::new(NodeId(1), &Bounds::default(), Some(way), None);
    let (after, done) = actor.react(&actor.start(), &Event::Tick(Tick::Propose));
    let why = property(NO_PANIC).holds(&[&after]).unwrap_err();
    assert!(why.contains("does not continue"), "{why}");
    assert_eq!(done, raftlab_model::Done::default(), "what panicked sent nothing");
    assert_eq!(property(NO_PANIC).holds(&[&actor.start()]), Ok(()));
}

/// The verdict on a step is in the server: its next event must not take it back.
#[test]
fn a_server_that_broke_something_takes_no_further_step() {
    let broken = Some(Broken { property: NO_PANIC, why: "n1 did it".into() });
    let n1 = Server { broken, ..server(1, 1, &[1]) };
    let message = Message { term: Term(1), body: Body::NewerTerm };
    for event in [Event::Deliver { from: NodeId(2), message }, Event::Tick(Tick::Election)] {
        assert_eq!(actor(1).react(&n1, &event), (n1.clone(), raftlab_model::Done::default()), "{event:?}");
    }
}
