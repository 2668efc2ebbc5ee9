//! Long histories of many clients: each is decided, and one value that is wrong is found.

use raftlab_checks::history::{History, Operation, Outcome};
use raftlab_checks::linearizable::{Limits, Verdict, judge};

use crate::brute;
use crate::generate::{Mix, Run};

fn is_fine(history: &History) {
    assert_eq!(judge(history, Limits::default()), Verdict::Linearizable);
}

/// Two clients get the answers of each other: two reads of one key, far from each other, in the middle of it all.
fn with_two_reads_exchanged(history: &History) -> History {
    let mut operations = history.operations().to_vec();
    let middle = operations.len() / 2;
    let is_read = |operation: &Operation| matches!(operation.outcome, Outcome::Read(Some(_)));
    let first = (middle..operations.len()).find(|at| is_read(&operations[*at])).unwrap();
    let far = operations[first].end_us.unwrap() + 1000;
    let second = (first..operations.len()).find(|at| {
        let other = &operations[*at];
        is_read(other)
            && other.key == operations[first].key
            && other.start_us > far
            && other.outcome != operations[first].outcome
    });
    let second = second.unwrap();
    let outcome = operations[first].outcome.clone();
    operations[first].outcome = std::mem::replace(&mut operations[second].outcome, outcome);
    History::new(operations).unwrap()
}

fn is_noticed(history: &History) {
    let verdict = judge(&with_two_reads_exchanged(history), Limits::default());
    let Verdict::NotLinearizable { evidence, .. } = &verdict else { panic!("{verdict}") };
    assert!(evidence.is_least && evidence.operations.len() <= 6, "{verdict}");
    assert!(!brute::has_order(&evidence.operations), "{verdict}");
}

#[test]
fn fifty_thousand_operations_of_many_clients_are_judged() {
    let history = Run::new(1, Mix::all(64, 32)).history(50_000);
    let unknown = history.operations().iter().filter(|op| op.outcome == Outcome::Unknown).count();
    assert!(unknown > 1000, "{unknown}");
    is_fine(&history);
    is_noticed(&history);
}

#[test]
fn one_key_that_all_clients_want_is_judged() {
    let history = Run::new(2, Mix::all(64, 1)).history(10_000);
    is_fine(&history);
    is_noticed(&history);
}

#[test]
fn one_key_that_hundreds_want_at_once_is_judged() {
    let history = Run::new(3, Mix { has_deletes: false, ..Mix::all(500, 1) }).history(20_000);
    is_fine(&history);
    is_noticed(&history);
}

#[test]
fn values_that_are_written_again_and_again_are_judged() {
    let mix = Mix { values: 200, ..Mix::all(16, 4) };
    let history = Run::new(4, mix).history(8_000);
    is_fine(&history);
}

#[test]
fn a_verdict_is_the_same_every_time() {
    let history = with_two_reads_exchanged(&Run::new(5, Mix::all(16, 8)).history(4_000));
    let first = judge(&history, Limits::default()).to_string();
    for _ in 0..3 {
        assert_eq!(judge(&history, Limits::default()).to_string(), first);
    }
}
