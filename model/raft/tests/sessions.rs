//! The session table against a twin that forgets nothing: who expires, what is executed, what is answered.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use proptest::prelude::*;
use raftlab_core::{Index, Opened, Outcome, Request, Sequence, SessionId, Sessions};

/// What the next entry of the log is.
#[derive(Clone, Debug)]
enum Op {
    Open,
    /// A command in one of the sessions that were ever opened, or in none.
    Apply {
        session: prop::sample::Index,
        sequence: u64,
        unanswered: u64,
    },
}

fn any_op() -> impl Strategy<Value = Op> {
    let apply = (any::<prop::sample::Index>(), 1_u64..5, 1_u64..6);
    prop_oneof![
        1 => Just(Op::Open),
        6 => apply.prop_map(|(session, sequence, unanswered)| Op::Apply { session, sequence, unanswered }),
    ]
}

/// All that ever was, in the order of the log.
#[derive(Default)]
struct Twin {
    /// Open sessions, the one least recently used first.
    open: Vec<SessionId>,
    acknowledged: BTreeMap<SessionId, Sequence>,
    executed: BTreeMap<(SessionId, Sequence), u64>,
}

impl Twin {
    fn open(&mut self, at: Index, sessions_max: usize) -> Opened {
        let expired = (self.open.len() == sessions_max).then(|| self.open.remove(0));
        self.open.push(SessionId(at));
        Opened { session: SessionId(at), expired }
    }

    /// The outcome's name, and the response.
    fn apply(&mut self, at: Index, request: Request) -> (&'static str, Option<u64>) {
        let Request { session, sequence, unanswered } = request;
        let Some(place) = self.open.iter().position(|open| *open == session) else {
            return ("expired", None);
        };
        let used = self.open.remove(place);
        self.open.push(used);
        let acknowledged = self.acknowledged.entry(session).or_default();
        *acknowledged = unanswered.min(sequence).max(*acknowledged);
        if sequence < *acknowledged {
            return ("discarded", None);
        }
        let known = self.executed.get(&(session, sequence)).copied();
        self.executed.entry((session, sequence)).or_insert(at.0);
        known.map_or(("executed", Some(at.0)), |response| ("repeated", Some(response)))
    }
}

fn named(outcome: Outcome<u64>) -> (&'static str, Option<u64>) {
    match outcome {
        Outcome::Executed(response) => ("executed", Some(*response)),
        Outcome::Repeated(response) => ("repeated", Some(*response)),
        Outcome::Discarded => ("discarded", None),
        Outcome::Expired => ("expired", None),
    }
}

fn table(sessions_max: usize) -> Sessions<u64> {
    Sessions::new(NonZeroUsize::new(sessions_max).expect("more than none"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_table_and_its_twin_say_the_same(
        ops in prop::collection::vec(any_op(), 0..40),
        sessions_max in 1_usize..4,
    ) {
        let (mut sessions, mut twin) = (table(sessions_max), Twin::default());
        let mut ever = vec![SessionId(Index(0))];
        for (at, op) in (1..).map(Index).zip(ops) {
            match op {
                Op::Open => {
                    prop_assert_eq!(sessions.open(at), twin.open(at, sessions_max));
                    ever.push(SessionId(at));
                }
                Op::Apply { session, sequence, unanswered } => {
                    let session = *session.get(&ever);
                    let request =
                        Request { session, sequence: Sequence(sequence), unanswered: Sequence(unanswered) };
                    let mut executions = 0;
                    let outcome = named(sessions.apply(at, request, || {
                        executions += 1;
                        at.0
                    }));
                    prop_assert_eq!(outcome, twin.apply(at, request), "{:?}", request);
                    prop_assert_eq!(executions == 1, outcome.0 == "executed");
                }
            }
            let open = (1..=at.0).filter(|at| sessions.is_open(SessionId(Index(*at)))).count();
            prop_assert_eq!(open, twin.open.len());
        }
    }
}

/// A command of an expired session is refused: it may have been executed when the session was open.
#[test]
fn who_comes_with_an_expired_session_is_not_served() {
    let mut sessions = table(1);
    let session = sessions.open(Index(1)).session;
    let request = Request { session, sequence: Sequence(1), unanswered: Sequence(1) };
    assert_eq!(sessions.apply(Index(2), request, || 7), Outcome::Executed(&7));
    assert_eq!(sessions.open(Index(3)).expired, Some(session));
    let outcome = sessions.apply(Index(4), request, || panic!("{request} is executed again"));
    assert_eq!(outcome, Outcome::Expired);
}

/// To be used is to stay: the session that is older goes only if it was silent for longer.
#[test]
fn the_session_that_was_silent_for_longest_goes() {
    let mut sessions = table(2);
    let [old, silent] = [1, 2].map(|at| sessions.open(Index(at)).session);
    let request = Request { session: old, sequence: Sequence(1), unanswered: Sequence(1) };
    let _ = sessions.apply(Index(3), request, || 0);
    assert_eq!(sessions.open(Index(4)).expired, Some(silent));
    assert!(sessions.is_open(old));
}

/// Two commands under way come in either order. What the client has had is dropped, and a late duplicate of it does
/// nothing.
#[test]
fn commands_of_one_client_may_overtake_each_other() {
    let mut sessions = table(1);
    let session = sessions.open(Index(1)).session;
    let request = |sequence, unanswered| Request {
        session,
        sequence: Sequence(sequence),
        unanswered: Sequence(unanswered),
    };
    assert_eq!(sessions.apply(Index(2), request(2, 1), || 20), Outcome::Executed(&20));
    assert_eq!(sessions.apply(Index(3), request(1, 1), || 10), Outcome::Executed(&10));
    assert_eq!(
        sessions.apply(Index(4), request(3, 2), || 30),
        Outcome::Executed(&30),
        "it has the first response"
    );
    assert_eq!(sessions.apply(Index(5), request(1, 1), || 99), Outcome::Discarded);
    assert_eq!(sessions.apply(Index(6), request(2, 1), || 99), Outcome::Repeated(&20));
}

/// The same log makes the same table, whenever it is read.
#[test]
fn a_table_that_is_rebuilt_is_the_same() {
    let rebuilt = || {
        let mut sessions = table(2);
        for at in 1..30 {
            let session = SessionId(Index(at / 5 * 5));
            let request = Request { session, sequence: Sequence(at % 3), unanswered: Sequence(1) };
            match at % 5 {
                0 => drop(sessions.open(Index(at))),
                _ => drop(sessions.apply(Index(at), request, || at)),
            }
        }
        sessions
    };
    assert_eq!(rebuilt(), rebuilt());
}
