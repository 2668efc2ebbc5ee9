//! A model that is told by what its properties read has the states and the verdicts of the model as it is.

use std::collections::BTreeMap;

use raftlab_explorer::protocols::{paxos, raft};
use raftlab_explorer::{Mode, Report, System, explore};
use stateright::actor::Network;

fn explored<S: System>(system: &S, depth: u32, symmetry: bool, mode: Mode) -> Report<S> {
    let explorer = explore(system).keep_going().max_depth(depth).symmetry(symmetry).mode(mode);
    explorer.run().expect("a protocol can be explored")
}

/// What was discovered, each with its distance.
fn found<S: System>(report: &Report<S>) -> BTreeMap<&'static str, usize> {
    report.discoveries.iter().map(|own| (own.property, own.path.len())).collect()
}

#[test]
fn paxos_told_is_paxos() {
    for servers in [2, 3] {
        let model = paxos::paxos(2, servers, Network::new_unordered_nonduplicating([]));
        let plain = explored(&model, 99, false, Mode::Exact);
        let told = explored(&paxos::Told(model), 99, true, Mode::Exact);
        assert_eq!((told.symmetry, told.progress.states), (1, plain.progress.states));
        assert_eq!(told.levels, plain.levels);
        assert_eq!(found(&told), found(&plain));
        assert!(found(&told).contains_key("value chosen"));
    }
}

#[test]
fn raft_told_is_raft_up_to_names() {
    let network = || Network::new_unordered_nonduplicating([]);
    // Two servers elect nobody twice; with three and a crash, Election Safety falls in eight steps.
    for (servers, depth) in [(2, 11), (3, 8)] {
        let model = raft::raft(servers, network());
        let plain = explored(&model, depth, false, Mode::Exact);
        let told = raft::Told(model);
        for mode in [Mode::Exact, Mode::Fingerprints { seed: 1 }] {
            let whole = explored(&told, depth, false, mode);
            assert_eq!((whole.progress.states, &whole.levels), (plain.progress.states, &plain.levels));
            let orbits = explored(&told, depth, true, mode);
            assert_eq!(orbits.full_states, plain.progress.states);
            assert!(orbits.progress.states < plain.progress.states);
            assert_eq!((found(&whole), found(&orbits)), (found(&plain), found(&plain)));
        }
        assert_eq!(found(&plain).contains_key("Election Safety"), servers == 3);
    }
}
