//! Two states have one hash if and only if they are equal, and a wrapped model is judged by its own properties.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};

use raftlab_explorer::complete::{Complete, CompleteState, PROPERTIES_MAX};
use raftlab_explorer::protocols::{lww, paxos, ping_pong, pinger, raft, reliable_link};
use stateright::actor::{ActorModel, ActorModelState, LossyNetwork, Network, Timers};
use stateright::{Checker, Expectation, Model, Path};

fn hash(state: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(state)
}

/// The naive twin: states within `depth`, each compared with all before it, without any hash.
fn count_by_equality<M: Model<State: Clone + PartialEq>>(model: &M, depth: usize) -> usize {
    let mut seen = model.init_states();
    let mut level = seen.clone();
    for _ in 1..depth {
        let mut next: Vec<M::State> = Vec::new();
        for state in level.iter().flat_map(|state| model.next_states(state)) {
            if model.within_boundary(&state) && !seen.contains(&state) {
                seen.push(state.clone());
                next.push(state);
            }
        }
        level = next;
    }
    seen.len()
}

fn count_by_hash<M>(model: M, depth: usize) -> usize
where
    M: Model<State: Clone + PartialEq + Hash + Send + Sync, Action: Clone + PartialEq>
        + Send
        + Sync
        + 'static,
{
    model.checker().target_max_depth(depth).spawn_bfs().join().unique_state_count()
}

macro_rules! assert_counts_agree {
    ($depth:expr, $model:expr) => {{
        let model = Complete($model);
        let by_equality = count_by_equality(&model, $depth);
        assert!(by_equality > 100, "{by_equality} states try nothing");
        assert_eq!(count_by_hash(model, $depth), by_equality);
    }};
}

#[test]
fn hashing_counts_what_comparing_counts() {
    let link = reliable_link::Config { values: 2, in_flight_max: 3 };
    let rally = ping_pong::Config { max: 3, counts_messages: true };
    // Timers and crashes; a history; random choices; the last message; queues; storage.
    assert_counts_agree!(5, raft::raft(3, Network::new_unordered_nonduplicating([])));
    assert_counts_agree!(20, paxos::paxos(1, 3, Network::new_unordered_nonduplicating([])));
    assert_counts_agree!(4, lww::lww(2, Network::new_unordered_nonduplicating([])));
    let lossy = ping_pong::ping_pong(rally, Network::new_unordered_duplicating([]));
    assert_counts_agree!(20, lossy.lossy_network(LossyNetwork::Yes));
    assert_counts_agree!(6, pinger::pinger(3, Network::new_ordered([])));
    let crashing = reliable_link::reliable_link(link, Network::new_unordered_duplicating([]));
    assert_counts_agree!(6, crashing.max_crashes(1));
}

/// All ways to arm the timers of two servers, as states that differ in nothing else.
fn armed_in_every_way() -> Vec<CompleteState<raft::Server, ()>> {
    let model = raft::raft(2, Network::new_unordered_nonduplicating([]));
    let timers = |bits: usize| {
        let mut timers = Timers::new();
        for (at, timer) in [raft::Timer::Election, raft::Timer::Replication].into_iter().enumerate() {
            if bits & (1 << at) != 0 {
                timers.set(timer);
            }
        }
        timers
    };
    let state = |bits: usize| {
        let mut state = model.init_states().remove(0);
        state.timers_set = vec![timers(bits & 0b11), timers(bits >> 2)];
        CompleteState(state)
    };
    (0..16).map(state).collect()
}

#[test]
fn a_timer_that_moves_to_another_server_makes_another_state() {
    let states = armed_in_every_way();
    let complete: BTreeSet<_> = states.iter().map(hash).collect();
    assert_eq!(complete.len(), states.len());
    // The reason for all this: stateright's own hash takes some of them for each other.
    let own: BTreeSet<_> = states.iter().map(|state| hash(&state.0)).collect();
    assert!(own.len() < states.len());
}

type Judged = ActorModel<pinger::Server>;

/// A model with one state and a property for each name, which fails where the name says so.
fn judged(names: &[&'static str]) -> Complete<Judged> {
    let judged = |model: Judged, name: &&'static str| {
        let condition: fn(&Judged, &ActorModelState<pinger::Server>) -> bool =
            if name.starts_with("not") { |_, _| false } else { |_, _| true };
        model.property(Expectation::Always, name, condition)
    };
    Complete(names.iter().fold(ActorModel::new((), ()), judged))
}

const NAMES: [&str; PROPERTIES_MAX + 1] =
    ["0", "not 1", "2", "3", "not 4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "not 15", "16"];

#[test]
fn every_property_is_judged_by_its_own_condition() {
    let checker = judged(&NAMES[..PROPERTIES_MAX]).checker().spawn_bfs().join();
    let found: BTreeSet<_> = checker.discoveries().into_keys().collect();
    assert_eq!(found, BTreeSet::from(["not 1", "not 4", "not 15"]));
}

#[test]
#[should_panic(expected = "at most 16 properties")]
fn a_property_too_many_is_refused() {
    judged(&NAMES).properties();
}

#[test]
fn steps_and_pictures_are_those_of_the_wrapped_model() {
    let rally = ping_pong::Config { max: 2, counts_messages: false };
    let model = ping_pong::ping_pong(rally, Network::new_unordered_duplicating([]));
    let wrapped = Complete(model.clone());
    let (plain, complete) = (model.init_states().remove(0), wrapped.init_states().remove(0));
    assert_eq!(complete.0, plain);
    assert_eq!(format!("{complete:?}"), format!("{plain:?}"));
    let (action, next) = wrapped.next_steps(&complete).remove(0);
    assert_eq!(model.next_steps(&plain), [(action.clone(), next.0)]);
    assert_eq!(wrapped.format_action(&action), model.format_action(&action));
    assert_eq!(wrapped.format_step(&complete, action.clone()), model.format_step(&plain, action.clone()));
    let path = Path::from_actions(&model, plain, [&action]).expect("a path");
    let wrapped_path = Path::from_actions(&wrapped, complete, [&action]).expect("a path");
    let picture = wrapped.as_svg(wrapped_path);
    assert!(picture.is_some());
    assert_eq!(picture, model.as_svg(path));
}
