//! Which events start a timer afresh (Figure 2, "Followers" and "Candidates"; §5.2). The other tests let timers run out
//! whenever they like: that one is *not* restarted shows nowhere else.

use std::convert::Infallible;

use raftlab_core::{
    Appended, Body, Config, Durable, Effects, Index, Input, LogId, Message, NodeId, Raft, Round, Term, Time,
    Timer, Voters,
};

const NOTHING: &[Timer] = &[];

/// `n1` of three, new.
fn n1() -> Raft {
    let config = Config::new(NodeId(1), Voters::new([1, 2, 3].map(NodeId)), 16).unwrap();
    let (raft, effects) = Raft::recover(config, Durable::default());
    assert_eq!(effects.restart, [Timer::Election], "a server that starts waits for a leader");
    raft
}

/// What `input` restarts.
fn restarted(raft: &mut Raft, input: Input) -> Vec<Timer> {
    raft.step(Time::default(), input).restart
}

/// What a message of `term` from `from` restarts.
fn hears(raft: &mut Raft, from: u64, term: u64, body: Body) -> Vec<Timer> {
    restarted(raft, Input::Receive { from: NodeId(from), message: Message { term: Term(term), body } })
}

fn heartbeat(prev: LogId) -> Body {
    Body::AppendEntries { prev, entries: Vec::new(), commit: Index(0), round: Round::default() }
}

/// What it restarts when the disk confirms the term and the vote for itself, which it wrote as candidate.
fn vote_is_on_disk(raft: &mut Raft, candidacy: Effects) -> Vec<Timer> {
    let Ok(outbox) = candidacy.persist(|_| Ok::<(), Infallible>(()));
    let persisted = outbox.persisted.expect("a candidate writes its term and its vote");
    restarted(raft, Input::Persisted(persisted))
}

/// `n1` after its election time-out, and what it wants done.
fn candidate() -> (Raft, Effects) {
    let mut raft = n1();
    let effects = raft.step(Time::default(), Input::Timeout(Timer::Election));
    assert_eq!(effects.restart, [Timer::Election], "a candidate tries again");
    (raft, effects)
}

fn leader() -> Raft {
    let (mut raft, candidacy) = candidate();
    let _ = vote_is_on_disk(&mut raft, candidacy);
    let _ = hears(&mut raft, 2, 1, Body::VoteReply { granted: true });
    raft
}

#[test]
fn a_vote_that_is_granted_gives_the_candidate_time_and_one_that_is_refused_does_not() {
    let mut raft = n1();
    let ask = Body::RequestVote { last: LogId::ZERO, transfer: false };
    assert_eq!(hears(&mut raft, 2, 1, ask.clone()), [Timer::Election]);
    assert_eq!(hears(&mut raft, 3, 1, ask), NOTHING);
}

/// Else a server that can never be elected would keep all others from trying.
#[test]
fn a_newer_term_alone_restarts_nothing() {
    let mut raft = leader();
    assert!(raft.is_leader());
    let ask = Body::RequestVote { last: LogId::ZERO, transfer: false };
    assert_eq!(hears(&mut raft, 2, 2, ask.clone()), [Timer::Election], "a leader had none running");
    assert_eq!(hears(&mut raft, 3, 3, ask), NOTHING, "its log is longer: no vote");
    assert_eq!(hears(&mut raft, 3, 4, Body::NewerTerm), NOTHING);
}

#[test]
fn the_leader_of_the_term_is_heard_even_if_its_message_does_not_fit() {
    let mut raft = n1();
    assert_eq!(hears(&mut raft, 2, 2, heartbeat(LogId::ZERO)), [Timer::Election]);
    assert_eq!(hears(&mut raft, 2, 2, heartbeat(LogId::new(Term(1), Index(5)))), [Timer::Election]);
    assert_eq!(hears(&mut raft, 3, 1, heartbeat(LogId::ZERO)), NOTHING, "a leader of an older term is not");
}

#[test]
fn a_leader_keeps_its_own_two_timers_going() {
    let (mut raft, candidacy) = candidate();
    let others = [2, 3].map(|voter| hears(&mut raft, voter, 1, Body::VoteReply { granted: true }));
    assert_eq!(others, [NOTHING, NOTHING], "its own vote is not on disk yet: it may not lead");
    assert!(!raft.is_leader());
    let elected = vote_is_on_disk(&mut raft, candidacy);
    assert!([Timer::Heartbeat, Timer::Retry].iter().all(|timer| elected.contains(timer)), "{elected:?}");
    assert_eq!(raft.timers(), [Timer::Heartbeat, Timer::Retry]);
    assert_eq!(restarted(&mut raft, Input::Timeout(Timer::Heartbeat)), [Timer::Heartbeat]);
    assert_eq!(restarted(&mut raft, Input::Timeout(Timer::Retry)), [Timer::Retry]);
    assert_eq!(restarted(&mut raft, Input::Timeout(Timer::Election)), NOTHING);
    let answer =
        Body::AppendReply { answer: Appended::Accepted { matched: Index(0) }, round: Round::default() };
    assert_eq!(hears(&mut raft, 2, 1, answer), NOTHING);
}

#[test]
fn who_does_not_lead_has_no_heartbeat_and_no_retry() {
    let mut raft = n1();
    assert_eq!(restarted(&mut raft, Input::Timeout(Timer::Heartbeat)), NOTHING);
    assert_eq!(restarted(&mut raft, Input::Timeout(Timer::Retry)), NOTHING);
    assert_eq!(raft.timers(), [Timer::Election]);
}
