//! How many states each protocol has, as stateright counts them over [`Complete`] with one thread. What explores
//! anything else than these states is wrong.

mod support;

use std::fmt::Debug;
use std::hash::Hash;

use raftlab_explorer::complete::Complete;
use raftlab_explorer::protocols::abd::abd;
use raftlab_explorer::protocols::paxos::paxos;
use raftlab_explorer::protocols::ping_pong::ping_pong;
use raftlab_explorer::protocols::raft::raft;
use raftlab_explorer::protocols::reliable_link::{self, reliable_link};
use raftlab_explorer::protocols::single_copy::single_copy;
use raftlab_explorer::protocols::write_once::write_once;
use stateright::actor::{Actor, ActorModel, LossyNetwork};
use stateright::{Checker, CheckerBuilder, HasDiscoveries, Model};
use support::cases::{self, Case, Count, Visitor, bag, queues, rally, set};

/// A model that stateright can check.
trait Checkable:
    Model<State: Clone + PartialEq + Hash + Send + Sync, Action: Clone + PartialEq> + Send + Sync + 'static
{
}

impl<M> Checkable for M where
    M: Model<State: Clone + PartialEq + Hash + Send + Sync, Action: Clone + PartialEq>
        + Send
        + Sync
        + 'static
{
}

/// Counts all that is reached, and names the properties of which something was discovered.
fn search<M: Checkable>(builder: CheckerBuilder<M>) -> (Count, Vec<&'static str>) {
    let checker = builder.spawn_bfs().join();
    let mut discovered: Vec<_> = checker.discoveries().into_keys().collect();
    discovered.sort_unstable();
    assert!(
        discovered.len() < checker.model().properties().len(),
        "it stopped, with nothing left to discover"
    );
    ((checker.unique_state_count(), checker.state_count(), checker.max_depth()), discovered)
}

/// The whole space.
fn count<M: Checkable>(model: M) -> Count {
    search(model.checker()).0
}

/// The space of paths with at most `depth` states.
fn count_within<M: Checkable>(depth: usize, model: M) -> Count {
    search(model.checker().target_max_depth(depth)).0
}

/// The properties of which something is discovered in the whole space.
fn discovered<M: Checkable>(model: M) -> Vec<&'static str> {
    search(model.checker()).1
}

/// The steps to the first violation of `property`.
fn steps_to_failure<M: Checkable>(depth: usize, model: M, property: &'static str) -> Option<usize> {
    let builder = model.checker().target_max_depth(depth).finish_when(HasDiscoveries::AnyFailures);
    builder.spawn_bfs().join().discovery(property).map(|path| path.into_actions().len())
}

/// Counts with stateright.
struct Stateright;

impl Visitor for Stateright {
    fn visit<A, C, H>(&mut self, case: Case, model: ActorModel<A, C, H>)
    where
        A: Actor<Msg: Ord + Send + Sync, Timer: Ord + Send + Sync, State: Send + Sync>
            + Send
            + Sync
            + 'static,
        A: Actor<Storage: Send + Sync, Random: Send + Sync>,
        C: Send + Sync + 'static,
        H: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    {
        let builder = Complete(model).checker();
        let builder = match case.within {
            None => builder,
            Some(depth) => builder.target_max_depth(depth),
        };
        assert_eq!(search(builder).0, case.count);
    }
}

#[test]
fn registers_have_as_many_states_as_published() {
    cases::registers(&mut Stateright);
}

#[test]
#[ignore = "half a minute, and a gigabyte"]
fn paxos_with_three_clients_has_as_many_states_as_published() {
    cases::large_paxos(&mut Stateright);
}

#[test]
fn two_copies_without_a_property_that_holds_stop_where_published() {
    let mut model = single_copy(2, 2, bag());
    model.properties.retain(|property| property.name != "what is read was written");
    let checker = Complete(model).checker().spawn_bfs().join();
    assert_eq!((checker.unique_state_count(), checker.state_count()), (54, 69));
}

#[test]
fn timers_boundaries_storage_and_choices() {
    cases::others(&mut Stateright);
}

#[test]
fn raft_has_as_many_states_as_published_with_a_complete_hash() {
    cases::rafts(&mut Stateright);
}

#[test]
#[ignore = "a quarter of a minute, and two gigabytes"]
fn raft_has_as_many_states_deeper_down() {
    cases::large_raft(&mut Stateright);
}

#[test]
fn a_complete_hash_finds_the_states_that_stateright_loses() {
    let (own, _, _) = count_within(8, raft(3, bag()));
    let (complete, _, _) = count_within(8, Complete(raft(3, bag())));
    assert_eq!(complete, 73_408);
    // Which are lost depends on the order of the hashes of two timers, which may differ between processors.
    let lost = 100 * (complete - own) / complete;
    assert!((11..=14).contains(&lost), "{lost} % lost");
}

#[test]
fn where_no_timers_are_set_stateright_loses_nothing() {
    assert_eq!(count(paxos(2, 3, bag())), (16_668, 32_971, 21));
    assert_eq!(count(abd(2, 2, bag())), (544, 875, 25));
    assert_eq!(count(single_copy(2, 1, bag())), (93, 121, 9));
    assert_eq!(count(ping_pong(rally(5), set()).lossy_network(LossyNetwork::Yes)), (4_094, 21_505, 22));
}

#[test]
fn two_threads_count_the_same_in_a_whole_space() {
    let ((unique, generated, _), _) = search(Complete(paxos(2, 3, bag())).checker().threads(2));
    assert_eq!((unique, generated), (16_668, 32_971));
}

#[test]
fn crashes_leave_a_property_that_holds() {
    cases::crashes_of_registers(&mut Stateright);
    cases::crashes_of_others(&mut Stateright);
}

#[test]
fn what_holds_and_what_does_not() {
    assert_eq!(discovered(Complete(paxos(2, 3, bag()))), ["value chosen"]);
    assert_eq!(discovered(Complete(paxos(2, 3, queues()))), ["linearizable", "value chosen"]);
    assert_eq!(discovered(Complete(abd(2, 2, bag()))), ["value chosen"]);
    assert_eq!(discovered(Complete(single_copy(2, 1, bag()))), ["value chosen"]);
    assert_eq!(discovered(Complete(single_copy(2, 2, bag()))), ["linearizable", "value chosen"]);
    assert_eq!(discovered(Complete(write_once(2, 1, bag()))), ["write refused"]);
    assert_eq!(discovered(Complete(write_once(3, 2, bag()))), ["linearizable", "write refused"]);
    assert_eq!(discovered(Complete(ping_pong(rally(5), bag()))), ["can reach max", "must exceed max"]);
    let link = reliable_link(reliable_link::Config { values: 3, in_flight_max: 3 }, set());
    assert_eq!(discovered(Complete(link)), ["delivered"]);
}

#[test]
#[ignore = "a quarter of a minute, and two gigabytes"]
fn raft_elects_two_leaders_in_eight_steps() {
    assert_eq!(steps_to_failure(9, Complete(raft(3, bag())), "Election Safety"), None);
    assert_eq!(steps_to_failure(10, Complete(raft(3, bag())), "Election Safety"), Some(8));
}
