//! Majorities, against a twin that knows nothing of sorting: it walks through all subsets of the voters.

use proptest::prelude::*;
use raftlab_core::{Index, NodeId, Voters};

const SERVERS_MAX: u32 = 7;

fn voters(servers: u32) -> Voters {
    Voters::new((1..=servers).map(|id| NodeId(id.into())))
}

/// All sets of more than half of `servers`, each as a bit mask.
fn majorities(servers: u32) -> impl Iterator<Item = u32> {
    (0..1_u32 << servers).filter(move |set| 2 * set.count_ones() > servers)
}

/// The naive twin of [`Voters::held`]: of all majorities, the one whose worst member holds most.
fn held_by_some_majority(indexes: &[u64]) -> u64 {
    let servers = u32::try_from(indexes.len()).unwrap();
    let all_of = |set: u32| (0..indexes.len()).filter(move |at| set >> at & 1 == 1);
    majorities(servers).map(|set| all_of(set).map(|at| indexes[at]).min().unwrap_or(0)).max().unwrap_or(0)
}

fn held(indexes: &[u64]) -> u64 {
    let servers = u32::try_from(indexes.len()).unwrap();
    voters(servers).held(|id| Index(indexes[usize::try_from(id.0).unwrap() - 1])).0
}

#[test]
fn a_majority_is_the_smallest_set_that_is_more_than_half() {
    for servers in 1..=SERVERS_MAX {
        let smallest = majorities(servers).map(u32::count_ones).min();
        assert_eq!(smallest.map(|size| size as usize), Some(voters(servers).majority()), "{servers} servers");
    }
}

#[test]
fn any_two_majorities_share_a_server() {
    for servers in 1..=SERVERS_MAX {
        for one in majorities(servers) {
            for other in majorities(servers) {
                assert_ne!(one & other, 0, "{servers} servers: {one:b} and {other:b}");
            }
        }
    }
}

/// The converse: one server fewer, and two sets may miss each other.
#[test]
fn two_sets_of_less_than_a_majority_may_be_disjoint() {
    for servers in 2..=SERVERS_MAX {
        let fewer = u32::try_from(voters(servers).majority()).unwrap() - 1;
        let sets = || (0..1_u32 << servers).filter(move |set| set.count_ones() == fewer);
        assert!(sets().any(|one| sets().any(|other| one & other == 0)), "{servers} servers");
    }
}

/// Every assignment of 0 to 3 to up to five servers, and of 0 to 2 to six and seven.
#[test]
fn what_is_held_agrees_with_the_naive_twin_on_all_small_values() {
    for servers in 1..=SERVERS_MAX {
        let values: u64 = if servers <= 5 { 4 } else { 3 };
        for code in 0..values.pow(servers) {
            let indexes: Vec<u64> = (0..servers).map(|at| code / values.pow(at) % values).collect();
            assert_eq!(held(&indexes), held_by_some_majority(&indexes), "{indexes:?}");
        }
    }
}

#[test]
fn no_voter_holds_nothing() {
    assert_eq!(voters(0).held(|_| Index(7)), Index(0));
}

#[test]
fn a_server_named_twice_is_counted_once() {
    let voters = Voters::new([NodeId(1), NodeId(2), NodeId(1), NodeId(3), NodeId(1)]);
    assert_eq!((voters.len(), voters.majority()), (3, 2));
}

proptest! {
    #[test]
    fn what_is_held_agrees_with_the_naive_twin(
        indexes in prop::collection::vec(prop_oneof![any::<u64>(), 0_u64..4], 1..=SERVERS_MAX as usize),
    ) {
        prop_assert_eq!(held(&indexes), held_by_some_majority(&indexes));
    }

    /// Progress of one server never takes commitIndex back.
    #[test]
    fn what_is_held_grows_with_what_each_holds(
        indexes in prop::collection::vec(0_u64..100, 1..=SERVERS_MAX as usize),
        at in any::<prop::sample::Index>(),
        more in 1_u64..100,
    ) {
        let mut grown = indexes.clone();
        grown[at.index(indexes.len())] += more;
        prop_assert!(held(&grown) >= held(&indexes));
    }
}
