//! A follower that is sent a snapshot: what it takes in, and what it ignores, counts, and answers.

use std::convert::Infallible;
use std::sync::Arc;

use raftlab_core::{
    Answer, Appended, Body, Command, Config, Durable, Entry, Ignored, Index, Input, LogId, Membership,
    Message, NodeId, Outbox, Payload, Raft, Round, Snapshot, Term, Time, Voters,
};

const STATE: &[u8] = b"abcdef";
const LEADER: NodeId = NodeId(1);

fn voters() -> Voters {
    Voters::new([1, 2, 3].map(NodeId))
}

fn position(term: u64, index: u64) -> LogId {
    LogId::new(Term(term), Index(index))
}

/// A follower in term 2 with these entries, which are not committed as far as it knows.
fn follower(entries: &[LogId]) -> Raft {
    let config = Config::new(NodeId(2), voters(), 2).and_then(|config| config.with_max_chunk(2)).unwrap();
    let entries: Vec<_> = entries.iter().map(|id| Entry { id: *id, payload: Payload::Noop }).collect();
    let disk = Durable { term: Term(2), log: entries.into(), ..Durable::default() };
    Raft::recover(config, disk).0
}

/// A chunk of the snapshot of six bytes that ends in `last`.
fn chunk(last: LogId, offset: u64, data: &[u8]) -> Body {
    let membership = Membership::of(voters()).into();
    Body::InstallSnapshot { last, membership, offset, length: STATE.len() as u64, data: data.into() }
}

/// What the leader of `term` says, why it was ignored if it was, and what comes of it.
fn hear(raft: &mut Raft, term: u64, body: Body) -> (Option<Ignored>, Outbox) {
    let message = Message { term: Term(term), body };
    let effects = raft.step(Time::default(), Input::Receive { from: LEADER, message });
    let ignored = effects.ignored;
    let Ok(outbox) = effects.persist(|_| Ok::<(), Infallible>(()));
    (ignored, outbox)
}

fn answers(outbox: &Outbox) -> Vec<&Body> {
    outbox.messages.iter().map(|(_, message)| &message.body).collect()
}

fn agrees_to(matched: u64) -> Body {
    Body::AppendReply { answer: Appended::Accepted { matched: Index(matched) }, round: Round::default() }
}

#[test]
fn chunks_in_order_become_the_state_machine() {
    let last = position(1, 3);
    let mut raft = follower(&[position(1, 1)]);
    for (offset, data, held) in [(0, b"ab", 2), (2, b"cd", 4)] {
        let (ignored, outbox) = hear(&mut raft, 2, chunk(last, offset, data));
        assert_eq!(ignored, None);
        assert_eq!(answers(&outbox), [&Body::SnapshotReply { last, held }]);
        assert_eq!((raft.commit(), outbox.restored), (Index(0), None));
    }
    let (ignored, outbox) = hear(&mut raft, 2, chunk(last, 4, b"ef"));
    assert_eq!((ignored, answers(&outbox)), (None, vec![&agrees_to(3)]));
    let restored = outbox.restored.expect("the state machine is replaced");
    let whole = Snapshot { last, membership: Membership::of(voters()).into(), state: STATE.into() };
    assert_eq!(*restored, whole);
    assert_eq!((raft.commit(), raft.log().last(), raft.log().entries().len()), (Index(3), last, 0));
    assert_eq!(raft.incoming(), None);
}

#[test]
fn a_chunk_out_of_place_is_ignored_and_answered_with_what_is_held() {
    let last = position(1, 3);
    let mut raft = follower(&[]);
    let _ = hear(&mut raft, 2, chunk(last, 0, b"ab"));
    for offset in [0, 1, 3, 4] {
        let before = raft.clone();
        let (ignored, outbox) = hear(&mut raft, 2, chunk(last, offset, b"xy"));
        assert_eq!(ignored, Some(Ignored::OutOfPlace { offset, held: 2 }));
        assert_eq!(answers(&outbox), [&Body::SnapshotReply { last, held: 2 }]);
        assert_eq!(raft, before);
    }
}

#[test]
fn a_chunk_from_another_term_is_ignored_and_what_came_before_is_forgotten() {
    let last = position(1, 3);
    let mut raft = follower(&[]);
    let before = raft.clone();
    let (ignored, outbox) = hear(&mut raft, 1, chunk(last, 0, b"ab"));
    assert_eq!(ignored, Some(Ignored::OtherTerm(Term(1))));
    assert_eq!((answers(&outbox), &raft), (vec![&Body::NewerTerm], &before));

    let _ = hear(&mut raft, 2, chunk(last, 0, b"ab"));
    // The next leader's bytes need not be the same: they begin at 0.
    let (ignored, outbox) = hear(&mut raft, 3, chunk(last, 2, b"cd"));
    assert_eq!(ignored, Some(Ignored::OutOfPlace { offset: 2, held: 0 }));
    assert_eq!(answers(&outbox), [&Body::SnapshotReply { last, held: 0 }]);
}

#[test]
fn a_chunk_that_no_leader_can_have_sent_is_ignored() {
    let last = position(1, 3);
    let nobody = Body::InstallSnapshot {
        last,
        membership: Arc::default(),
        offset: 0,
        length: 6,
        data: b"ab"[..].into(),
    };
    let beyond = chunk(last, 5, b"fg");
    let overflows = chunk(last, u64::MAX, b"x");
    let empty = chunk(last, 0, b"");
    let of_a_later_term = chunk(position(3, 3), 0, b"ab");
    let of_nothing = chunk(LogId::ZERO, 0, b"ab");
    for body in [nobody, beyond, overflows, empty, of_a_later_term, of_nothing] {
        let mut raft = follower(&[]);
        let before = raft.clone();
        let (ignored, outbox) = hear(&mut raft, 2, body.clone());
        assert!(matches!(ignored, Some(Ignored::Corrupt(_))), "{body}: {ignored:?}");
        assert!(outbox.messages.is_empty(), "{body} was answered");
        assert_eq!(raft, before, "{body} left a trace");
    }
}

#[test]
fn a_snapshot_of_what_is_committed_is_stale_or_contradicts_it() {
    let entries = [position(1, 1), position(1, 2), position(1, 3)];
    let mut raft = follower(&entries);
    let commit = Body::AppendEntries {
        prev: position(1, 3),
        entries: vec![],
        commit: Index(2),
        round: Round::default(),
    };
    let _ = hear(&mut raft, 2, commit);
    let log = raft.log().clone();

    let (ignored, outbox) = hear(&mut raft, 2, chunk(position(1, 2), 0, b"ab"));
    assert_eq!(ignored, Some(Ignored::Stale { last: position(1, 2), commit: Index(2) }));
    assert_eq!((answers(&outbox), outbox.restored.is_none()), (vec![&agrees_to(2)], true));

    let (ignored, outbox) = hear(&mut raft, 2, chunk(position(2, 2), 0, b"ab"));
    assert_eq!(ignored, Some(Ignored::Corrupt(position(2, 2))));
    assert!(outbox.messages.is_empty());
    assert_eq!(*raft.log(), log);
}

#[test]
fn a_suffix_that_matches_stays_and_one_that_conflicts_goes() {
    let entries = [position(1, 1), position(1, 2), position(1, 3)];
    let mut raft = follower(&entries);
    // All that it covers is here: no byte of it is needed.
    let (ignored, outbox) = hear(&mut raft, 2, chunk(position(1, 2), 0, b"ab"));
    assert_eq!((ignored, answers(&outbox)), (None, vec![&agrees_to(2)]));
    assert_eq!((raft.commit(), raft.log().last()), (Index(2), position(1, 3)));
    assert_eq!((outbox.committed.len(), outbox.restored), (2, None));

    let mut raft = follower(&entries);
    let whole = chunk(position(2, 2), 0, STATE);
    let (ignored, outbox) = hear(&mut raft, 2, whole);
    assert_eq!((ignored, answers(&outbox)), (None, vec![&agrees_to(2)]));
    assert_eq!((raft.log().base(), raft.log().last()), (position(2, 2), position(2, 2)));
    assert_eq!((outbox.committed.len(), outbox.restored.is_some()), (0, true));
}

#[test]
fn only_what_is_committed_and_not_covered_yet_can_be_compacted() {
    let voters = Voters::new([NodeId(1)]);
    let (mut raft, _) = Raft::recover(Config::new(LEADER, voters, 2).unwrap(), Durable::default());
    let mut take = |input: Input| {
        let effects = raft.step(Time::default(), input);
        let answer = effects.answer;
        let Ok(outbox) = effects.persist(|_| Ok::<(), Infallible>(()));
        (answer, outbox.persisted)
    };
    let mut next = take(Input::Timeout(raftlab_core::Timer::Election)).1;
    while let Some(persisted) = next {
        next = take(Input::Persisted(persisted)).1;
    }
    let mut compact = |through| take(Input::Compact { through: Index(through), state: STATE.into() }).0;
    let refused = |base, commit| Some(Answer::NotCompacted { base: Index(base), commit: Index(commit) });
    assert_eq!(compact(0), refused(0, 1));
    assert_eq!(compact(2), refused(0, 1));
    assert_eq!(compact(1), Some(Answer::Compacted(position(1, 1))));
    assert_eq!(compact(1), refused(1, 1));
    // The log goes on behind it.
    assert_eq!(take(Input::Propose(Command::new(b"a1"))).0, Some(Answer::Proposed(position(1, 2))));
}
