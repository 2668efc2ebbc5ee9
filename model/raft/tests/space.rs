//! How many states a small world has, exactly. A number that changes here says that the protocol, the model or the
//! checker changed what can happen: whoever changes one of them explains the difference, and then the number.

use raftlab_model::{Bounds, RaftModel, Setup};
use stateright::{Checker, Model};

/// Distinct states, single thread, all properties judged.
const WORLDS: &[(&str, usize)] = &[
    ("3 servers · terms <= 1 · entries a message <= 1 · set network", 158),
    ("3 servers · terms <= 1 · proposals <= 1 · entries a message <= 1 · set network", 1_373),
    ("3 servers · terms <= 1 · proposals <= 2 · entries a message <= 1 · set network", 9_728),
    ("3 servers · terms <= 2 · entries a message <= 1 · set network", 14_355),
    ("3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · set network", 652),
    ("3 servers · terms <= 1 · crashes <= 1 · entries a message <= 1 · buffered disk · set network", 6_816),
    ("3 servers · terms <= 1 · heartbeats <= 1 · entries a message <= 1 · set network", 698),
    ("3 servers · terms <= 1 · proposals <= 1 · entries a message <= 2 · set network", 3_113),
    ("3 servers · terms <= 1 · proposals <= 1 · retries <= 1 · entries a message <= 1 · bag network", 93_533),
    ("3 servers · terms <= 1 · entries a message <= 1 · ordered network", 4_075),
    ("2 servers · terms <= 2 · proposals <= 1 · entries a message <= 1 · ordered network", 550),
];

fn model(bounds: &str) -> RaftModel {
    RaftModel::new(Setup::new(bounds.parse::<Bounds>().expect("bounds")))
}

fn states_by_bfs(bounds: &str) -> usize {
    let checker = model(bounds).checker().threads(1).spawn_bfs().join();
    checker.assert_properties();
    checker.unique_state_count()
}

fn states_by_dfs(bounds: &str) -> usize {
    let checker = model(bounds).checker().threads(1).spawn_dfs().join();
    checker.assert_properties();
    checker.unique_state_count()
}

#[test]
fn small_worlds_have_as_many_states_as_they_always_had() {
    let counted: Vec<_> = WORLDS.iter().map(|(bounds, _)| (*bounds, states_by_bfs(bounds))).collect();
    assert_eq!(counted, WORLDS);
}

#[test]
fn two_runs_count_the_same() {
    for (bounds, states) in &WORLDS[..3] {
        assert_eq!(states_by_bfs(bounds), *states, "{bounds}");
        assert_eq!(states_by_bfs(bounds), *states, "{bounds}");
    }
}

#[test]
fn depth_first_counts_the_same() {
    for (bounds, states) in WORLDS {
        assert_eq!(states_by_dfs(bounds), *states, "{bounds}");
    }
}

#[test]
fn two_threads_count_the_same() {
    for (bounds, states) in WORLDS {
        let checker = model(bounds).checker().threads(2).spawn_bfs().join();
        assert_eq!(checker.unique_state_count(), *states, "{bounds}");
    }
}
