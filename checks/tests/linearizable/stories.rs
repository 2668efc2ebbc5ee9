//! Histories made by hand, each with one thing in it that must be noticed, or must not.

use std::time::Duration;

use raftlab_checks::history::{Action, History, Operation, Outcome};
use raftlab_checks::linearizable::{Evidence, Limits, Verdict, judge};

use crate::brute;

/// An operation of client `client` on the key `k`.
pub fn op(client: u64, start: u64, end: u64, action: Action, outcome: Outcome) -> Operation {
    Operation { client, key: "k".into(), action, start_us: start, end_us: Some(end), outcome }
}

fn some(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.into())
}

fn put(client: u64, (start, end): (u64, u64), value: &str) -> Operation {
    op(client, start, end, Action::Put(value.into()), Outcome::Done)
}

/// "" is no value, here and below.
fn get(client: u64, (start, end): (u64, u64), value: &str) -> Operation {
    op(client, start, end, Action::Get, Outcome::Read(some(value)))
}

fn cas(client: u64, (start, end): (u64, u64), expected: &str, value: &str) -> Operation {
    let action = Action::Cas { expected: some(expected), value: some(value) };
    op(client, start, end, action, Outcome::Swapped)
}

fn unequal(client: u64, (start, end): (u64, u64), expected: &str, seen: &str) -> Operation {
    let action = Action::Cas { expected: some(expected), value: some("z") };
    op(client, start, end, action, Outcome::Unequal(some(seen)))
}

fn delete(client: u64, (start, end): (u64, u64)) -> Operation {
    op(client, start, end, Action::Delete, Outcome::Done)
}

fn unknown(operation: Operation) -> Operation {
    Operation { outcome: Outcome::Unknown, end_us: None, ..operation }
}

fn failed(operation: Operation) -> Operation {
    Operation { outcome: Outcome::Failed, ..operation }
}

fn verdict(operations: &[Operation]) -> Verdict {
    let verdict = judge(&History::new(operations.to_vec()).unwrap(), Limits::default());
    assert_eq!(verdict == Verdict::Linearizable, brute::has_order(operations), "{verdict}");
    verdict
}

fn is_fine(operations: &[Operation]) {
    assert_eq!(verdict(operations), Verdict::Linearizable);
}

fn evidence(operations: &[Operation]) -> Evidence {
    match verdict(operations) {
        Verdict::NotLinearizable { key, evidence } if key == "k" => evidence,
        other => panic!("{other}"),
    }
}

#[test]
fn a_stale_read_is_noticed_and_drawn() {
    let history = [put(1, (0, 10), "a"), put(2, (20, 30), "b"), get(3, (32, 35), "b"), get(3, (40, 50), "a")];
    let evidence = evidence(&history);
    let picture = "\
c3's get → \"a\": what it observed was gone before it started
  c1  |-put \"a\"-|
  c2             |-put \"b\"-|
  c3                        |-get → \"a\"-|
  c1  0 to 10 µs: put \"a\"
  c2  20 to 30 µs: put \"b\"
  c3  40 to 50 µs: get → \"a\"
each of them is needed: the others alone have an order
";
    assert_eq!(evidence.to_string(), picture);
}

#[test]
fn a_read_beside_a_write_may_see_either() {
    is_fine(&[put(1, (0, 10), "a"), put(2, (20, 40), "b"), get(3, (25, 30), "a"), get(3, (32, 38), "b")]);
    is_fine(&[put(1, (0, 10), "a"), put(2, (20, 40), "b"), get(3, (25, 30), "b")]);
}

#[test]
fn a_client_whose_reads_go_back_is_noticed() {
    let history = [put(1, (0, 10), "a"), put(2, (20, 60), "b"), get(3, (25, 30), "b"), get(3, (35, 40), "a")];
    assert_eq!(evidence(&history).operations.len(), 4);
}

#[test]
fn two_clients_whose_reads_go_back_are_noticed_only_if_one_had_ended() {
    let first = [put(1, (0, 10), "a"), put(2, (20, 60), "b"), get(3, (25, 30), "b")];
    is_fine(&[&first[..], &[get(4, (30, 40), "a")]].concat());
    evidence(&[&first[..], &[get(4, (31, 40), "a")]].concat());
}

#[test]
fn a_lost_write_is_noticed() {
    let evidence = evidence(&[put(1, (0, 10), "a"), get(2, (20, 30), "")]);
    assert_eq!(evidence.operations.len(), 2);
    assert!(evidence.why.ends_with("what it observed was gone before it started"), "{}", evidence.why);
}

#[test]
fn a_cas_that_succeeds_twice_is_noticed() {
    let history = [put(1, (0, 10), "a"), cas(2, (20, 30), "a", "b"), cas(3, (20, 30), "a", "c")];
    assert_eq!(evidence(&history).operations.len(), 3);
    let again = [&history[..], &[put(4, (20, 30), "a")]].concat();
    is_fine(&again);
}

#[test]
fn a_cas_that_is_refused_is_a_read() {
    let history = [put(1, (0, 10), "a"), unequal(2, (20, 30), "b", "a"), get(2, (40, 50), "a")];
    is_fine(&history);
    evidence(&[put(1, (0, 10), "a"), unequal(2, (20, 30), "b", "")]);
}

#[test]
fn a_cas_that_is_refused_for_what_it_expected_is_noticed() {
    let evidence = evidence(&[put(1, (0, 10), "a"), unequal(2, (20, 30), "a", "a")]);
    assert!(evidence.why.ends_with("what it found is what it expected"), "{}", evidence.why);
    assert_eq!(evidence.operations.len(), 1);
}

#[test]
fn a_value_that_nobody_wrote_is_noticed() {
    let found = evidence(&[put(1, (0, 10), "a"), get(2, (20, 30), "b")]);
    assert_eq!(found.why, "c2's get → \"b\": nobody wrote what it observed");
    let found = evidence(&[get(2, (0, 10), "b"), failed(put(1, (0, 5), "b"))]);
    assert_eq!(found.why, "c2's get → \"b\": nobody wrote what it observed");
}

#[test]
fn a_value_that_is_read_before_it_is_written_is_noticed() {
    let evidence = evidence(&[get(2, (0, 10), "a"), put(1, (20, 30), "a")]);
    assert!(evidence.why.ends_with("written only after it had ended"), "{}", evidence.why);
}

#[test]
fn an_unknown_write_may_show_later_or_never() {
    let before = [put(1, (0, 10), "a"), unknown(put(2, (20, 0), "b"))];
    is_fine(&[&before[..], &[get(3, (30, 40), "a"), get(3, (1000, 1010), "b")]].concat());
    is_fine(&[&before[..], &[get(3, (30, 40), "a"), get(3, (1000, 1010), "a")]].concat());
    is_fine(&[&before[..], &[put(3, (30, 40), "c"), get(3, (50, 60), "c"), get(3, (70, 80), "b")]].concat());
}

#[test]
fn an_unknown_write_that_showed_does_not_go_again() {
    let history =
        [put(1, (0, 10), "a"), unknown(put(2, (20, 0), "b")), get(3, (30, 40), "b"), get(3, (50, 60), "a")];
    assert_eq!(evidence(&history).operations.len(), 4);
}

#[test]
fn an_unknown_write_cannot_show_before_it_was_asked_for() {
    evidence(&[put(1, (0, 10), "a"), get(3, (11, 15), "b"), unknown(put(2, (20, 0), "b"))]);
}

#[test]
fn an_unknown_delete_takes_effect_once() {
    let before =
        [put(1, (0, 10), "a"), unknown(delete(2, (5, 0))), get(3, (20, 30), ""), put(1, (40, 50), "b")];
    is_fine(&[&before[..], &[get(3, (60, 70), "b")]].concat());
    evidence(&[&before[..], &[get(3, (60, 70), "")]].concat());
    is_fine(&[&before[..], &[unknown(delete(4, (5, 0))), get(3, (60, 70), "")]].concat());
}

#[test]
fn an_unknown_cas_may_have_swapped() {
    let before = [put(1, (0, 10), "a"), unknown(cas(2, (20, 0), "a", "b"))];
    is_fine(&[&before[..], &[get(3, (30, 40), "b")]].concat());
    is_fine(&[&before[..], &[get(3, (30, 40), "a")]].concat());
    // What it expects is gone before it was asked for.
    let gone = [put(1, (0, 10), "a"), put(1, (12, 15), "c"), unknown(cas(2, (20, 0), "a", "b"))];
    evidence(&[&gone[..], &[get(3, (30, 40), "b")]].concat());
}

#[test]
fn a_failed_write_must_not_show() {
    is_fine(&[put(1, (0, 10), "a"), failed(put(2, (20, 30), "b")), get(3, (40, 50), "a")]);
    evidence(&[put(1, (0, 10), "a"), failed(put(2, (20, 30), "b")), get(3, (40, 50), "b")]);
}

#[test]
fn an_unknown_read_says_nothing() {
    is_fine(&[put(1, (0, 10), "a"), unknown(get(2, (20, 0), "never written"))]);
}

#[test]
fn keys_are_judged_each_by_itself_and_the_first_bad_one_is_shown() {
    let at = |key: &str, operation: Operation| Operation { key: key.into(), ..operation };
    let mut history = vec![at("a", put(1, (0, 10), "x")), at("b", get(1, (20, 30), ""))];
    assert_eq!(
        judge(&History::new(history.clone()).unwrap(), Limits::default()),
        Verdict::Linearizable,
        "what is written under one key does not show under another"
    );
    history.extend([at("d", get(2, (0, 1), "y")), at("c", get(2, (0, 1), "y"))]);
    let verdict = judge(&History::new(history).unwrap(), Limits::default());
    assert!(matches!(verdict, Verdict::NotLinearizable { ref key, .. } if key == "c"), "{verdict}");
}

#[test]
fn evidence_leaves_out_what_does_not_belong_to_it() {
    let mut history: Vec<_> = (0..200)
        .flat_map(|at| {
            let (start, value) = (at * 100, format!("v{at}"));
            [put(1, (start, start + 10), &value), get(2, (start + 20, start + 30), &value)]
        })
        .collect();
    history.push(get(3, (15_050, 15_060), "v149"));
    let limits = Limits::default();
    let Verdict::NotLinearizable { evidence, .. } = judge(&History::new(history).unwrap(), limits) else {
        panic!("a stale read was not noticed")
    };
    let shown: Vec<_> = evidence.operations.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["put \"v149\"", "put \"v150\"", "get → \"v149\""]);
    assert!(evidence.is_least);
}

#[test]
fn where_no_time_is_left_nothing_is_claimed() {
    let history = History::new(vec![put(1, (0, 10), "a"), get(2, (20, 30), "a")]).unwrap();
    let verdict = judge(&history, Limits { time_max: Duration::ZERO, ..Limits::default() });
    assert_eq!(verdict, Verdict::Undecided { key: "k".into(), why: "the time that was given is over" });
    let verdict = judge(&history, Limits { states_max: 0, ..Limits::default() });
    let why = "more has to be remembered than was allowed";
    assert_eq!(verdict, Verdict::Undecided { key: "k".into(), why });
}

#[test]
fn a_violation_outweighs_a_key_that_is_not_decided() {
    let other = Operation { key: "a".into(), ..put(1, (0, 10), "a") };
    let history = History::new(vec![other, get(2, (20, 30), "b")]).unwrap();
    let verdict = judge(&history, Limits { states_max: 0, ..Limits::default() });
    assert_eq!(verdict.exit(), 23, "{verdict}");
}

#[test]
fn verdicts_have_the_exit_codes_of_the_commands() {
    is_fine(&[put(1, (0, 10), "a")]);
    assert_eq!(Verdict::Linearizable.exit(), 0);
    assert_eq!(verdict(&[get(1, (0, 10), "a")]).exit(), 23);
    assert_eq!(Verdict::Undecided { key: "k".into(), why: "" }.exit(), 25);
}
