//! Small histories by chance, judged twice: here, and by trying everything.

use std::cell::Cell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use raftlab_checks::history::{Action, History, Operation, Outcome};
use raftlab_checks::linearizable::{Limits, Verdict, judge};

use crate::brute;

/// A value out of so many, or none.
fn value(values: u8) -> impl Strategy<Value = Option<String>> + Clone {
    (0..=values).prop_map(|value| value.checked_sub(1).map(|value| char::from(b'a' + value).to_string()))
}

fn action(values: u8) -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => value(values).prop_map(|value| value.map_or(Action::Delete, Action::Put)),
        4 => Just(Action::Get),
        3 => (value(values), value(values)).prop_map(|(expected, value)| Action::Cas { expected, value }),
    ]
}

/// What may come of it, by chance, whether it can be or not.
fn operation(values: u8, length: u64) -> impl Strategy<Value = Operation> {
    (action(values), 0..24_u64, 0..length, value(values), 0..10_u8).prop_map(
        |(action, start, takes, seen, chance)| {
            let outcome = match (&action, chance) {
                (_, 0) => Outcome::Failed,
                (_, 1 | 2) => Outcome::Unknown,
                (Action::Put(_) | Action::Delete, _) => Outcome::Done,
                (Action::Get, _) => Outcome::Read(seen),
                (Action::Cas { .. }, 3..=6) => Outcome::Swapped,
                (Action::Cas { .. }, _) => Outcome::Unequal(seen),
            };
            Operation {
                client: start % 3,
                key: "k".into(),
                action,
                start_us: start,
                end_us: Some(start + takes),
                outcome,
            }
        },
    )
}

/// Operations that each take effect at a moment of their own, told as a register would tell it; and then perhaps one
/// answer that is something else.
fn told(values: u8, length: u64) -> impl Strategy<Value = Vec<Operation>> {
    let moments = vec((operation(values, length), 0..length, any::<bool>()), 3..9);
    (moments, any::<prop::sample::Index>(), value(values), any::<bool>()).prop_map(
        |(moments, at, seen, is_wrong)| {
            let mut moments = moments;
            moments
                .sort_by_key(|(operation, after, _)| operation.start_us + after.min(&length_of(operation)));
            let mut here: Option<String> = None;
            let mut operations: Vec<Operation> = Vec::new();
            for (mut operation, _, shows) in moments {
                let is_lost =
                    operation.outcome == Outcome::Failed || operation.outcome == Outcome::Unknown && !shows;
                if !is_lost {
                    tell(&mut operation, &mut here);
                }
                operations.push(operation);
            }
            let is_read = |operation: &&mut Operation| matches!(operation.outcome, Outcome::Read(_));
            let mut reads: Vec<_> = operations.iter_mut().filter(is_read).collect();
            if is_wrong && !reads.is_empty() {
                at.get_mut(&mut reads).outcome = Outcome::Read(seen);
            }
            operations
        },
    )
}

fn length_of(operation: &Operation) -> u64 {
    operation.end_us.unwrap_or(0) - operation.start_us
}

fn tell(operation: &mut Operation, here: &mut Option<String>) {
    let before = here.clone();
    let (after, outcome) = match &operation.action {
        Action::Put(value) => (Some(value.clone()), Outcome::Done),
        Action::Delete => (None, Outcome::Done),
        Action::Get => (before.clone(), Outcome::Read(before)),
        Action::Cas { expected, value } if *expected == before => (value.clone(), Outcome::Swapped),
        Action::Cas { .. } => (before.clone(), Outcome::Unequal(before)),
    };
    *here = after;
    if operation.outcome != Outcome::Unknown {
        operation.outcome = outcome;
    }
}

/// Each value is written once: what most real histories are, and what the search is quickest with.
fn each_written_once(mut operations: Vec<Operation>) -> Vec<Operation> {
    let fresh = |at: usize| char::from(b'a' + u8::try_from(at).unwrap_or(25)).to_string();
    for (at, operation) in operations.iter_mut().enumerate() {
        match &mut operation.action {
            Action::Put(value) | Action::Cas { value: Some(value), .. } => *value = fresh(at),
            _ => {}
        }
    }
    operations
}

/// Compares the two judges on so many histories; both verdicts have to be frequent.
fn compare(strategy: impl Strategy<Value = Vec<Operation>>, cases: u32) {
    let (possible, impossible) = (Cell::new(0), Cell::new(0));
    let config =
        Config { cases, failure_persistence: None, max_global_rejects: u32::MAX, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let result = runner.run(&strategy, |operations| {
        let Ok(history) = History::new(operations.clone()) else {
            return Err(TestCaseError::reject("nothing is done"));
        };
        let expected = brute::has_order(&operations);
        let counter = if expected { &possible } else { &impossible };
        counter.set(counter.get() + 1);
        match judge(&history, Limits::default()) {
            Verdict::Linearizable => prop_assert!(expected),
            Verdict::NotLinearizable { evidence, .. } => {
                prop_assert!(!expected, "{}", evidence);
                prop_assert!(!brute::has_order(&evidence.operations), "{}", evidence);
            }
            verdict @ Verdict::Undecided { .. } => prop_assert!(false, "{}", verdict),
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let (possible, impossible) = (possible.get(), impossible.get());
    assert!(possible > cases / 5 && impossible > cases / 5, "{possible} possible, {impossible} impossible");
}

#[test]
fn histories_by_chance_are_judged_as_by_trying_everything() {
    compare(vec(operation(2, 20), 1..7), 20_000);
}

#[test]
fn histories_of_a_register_are_judged_as_by_trying_everything() {
    compare(told(3, 12), 10_000);
}

#[test]
fn histories_in_which_each_value_is_written_once_are_judged_as_by_trying_everything() {
    compare(vec(operation(3, 16), 1..7).prop_map(each_written_once), 10_000);
}
