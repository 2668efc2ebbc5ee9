//! Explorations that do not fit into memory: what is found with most of it on disk is what is found without.

use std::fs;
use std::path::PathBuf;

use raftlab_explorer::protocols::paxos::paxos;
use raftlab_explorer::protocols::raft::{Told, raft};
use raftlab_explorer::protocols::single_copy::single_copy;
use raftlab_explorer::{Cluster, Error, Explorer, Limit, Mode, Report, Spill, Spilled, System, explore};
use stateright::actor::Network;

/// A directory of one test's own, empty.
fn directory(name: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("spill-{name}"));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).expect("a scratch directory");
    directory
}

fn run<S: System>(explorer: &Explorer<S>) -> Report<S> {
    explorer.run().expect("an exploration")
}

/// All that must be equal: counts, levels, coverage, verdicts with the length of each way.
fn found<S: System>(report: &Report<S>) -> impl PartialEq + std::fmt::Debug {
    let discoveries = report.discoveries.iter();
    let mut discoveries: Vec<_> =
        discoveries.map(|own| (own.property, own.is_violation, own.path.len())).collect();
    discoveries.sort_unstable();
    (
        (report.progress.states, report.progress.generated, report.full_states, report.depth, report.limit),
        report.levels.clone(),
        report.coverage.clone(),
        discoveries,
    )
}

/// Explores in memory and over the disk, on one thread and on three.
fn compare<'a, S: System + 'a>(name: &str, places: [usize; 2], ask: impl Fn() -> Explorer<'a, S>) -> Spilled {
    let directory = directory(name);
    let mut spilled = Spilled::default();
    for threads in [1, 3] {
        let ask = || ask().keep_going().threads(threads).mode(Mode::Fingerprints { seed: 3 });
        let expected = run(&ask());
        assert_eq!(expected.spilled, None);
        for places in places {
            let report = run(&ask().spill(Spill::new(&directory).places_max(places)));
            assert_eq!(found(&report), found(&expected), "{name}, {threads} threads, {places} places");
            spilled = report.spilled.expect("it was asked to");
            assert!(spilled.runs > 0 && spilled.read > 0, "{name}, {places} places: {spilled:?}");
        }
    }
    let left = fs::read_dir(&directory).expect("the directory").count();
    assert_eq!(left, 0, "files were left behind");
    spilled
}

#[test]
fn paxos_is_the_same_over_the_disk() {
    let model = paxos(2, 3, Network::new_unordered_nonduplicating([]));
    compare("paxos", [0, 8 * 1024], || explore(&model));
}

#[test]
fn raft_is_the_same_over_the_disk_and_so_are_its_orbits() {
    let model = Told(raft(3, Network::new_unordered_nonduplicating([])));
    for symmetry in [false, true] {
        let spilled =
            compare("raft", [8 * 1024, 16 * 1024], || explore(&model).symmetry(symmetry).max_depth(8));
        assert!(spilled.runs > 2, "{spilled:?}");
    }
}

/// The way to a violation goes through states of which all but the last levels are on disk.
#[test]
fn counterexamples_are_found_through_links_on_disk() {
    let model = single_copy(3, 2, Network::new_unordered_nonduplicating([]));
    let directory = directory("links");
    let report = run(&explore(&model).keep_going().spill(Spill::new(&directory).places_max(0)));
    let found = report.discovery("linearizable").expect("a stale read");
    let expected = run(&explore(&model).keep_going());
    assert_eq!(found.path.len(), expected.discovery("linearizable").expect("a stale read").path.len());
    assert!(found.is_violation && report.spilled.is_some_and(|spilled| spilled.runs > 3));
}

/// A budget that ends the exploration in memory is enough with a disk, and is kept.
#[test]
fn a_budget_is_kept_and_is_no_limit() {
    let model = Told(raft(3, Network::new_unordered_nonduplicating([])));
    let prints = Mode::Fingerprints { seed: 0 };
    let ask = || explore(&model).symmetry(false).keep_going().max_depth(9).threads(2).mode(prints);
    let budget = run(&ask()).peak_bytes / 8 * 7;
    let ask = || ask().max_memory(budget);
    assert_eq!(run(&ask()).limit, Some(Limit::Memory));
    let report = run(&ask().spill(Spill::new(directory("budget"))));
    assert_eq!((report.limit, report.progress.states), (Some(Limit::Depth), 1_062_112));
    let spilled = report.spilled.expect("it was asked to");
    assert!(spilled.runs > 0, "{spilled:?}");
    // What threads have in hand, and what is sorted at the end of a level, comes on top.
    assert!(report.peak_bytes < budget / 2 * 3, "{} bytes of {budget}", report.peak_bytes);
}

#[test]
fn what_cannot_spill_is_refused() {
    let model = single_copy(2, 2, Network::new_unordered_nonduplicating([]));
    let spill = || Spill::new(directory("refused"));
    let refused = |explorer: Explorer<_>| matches!(explorer.run(), Err(Error::Spill(..)));
    assert!(refused(explore(&model).spill(spill()).mode(Mode::Exact)));
    assert!(refused(explore(&model).spill(spill()).resume("nowhere")));
    assert!(refused(explore(&model).spill(spill()).checkpoint("nowhere", std::time::Duration::MAX)));
    assert!(refused(explore(&model).spill(spill()).distributed(Cluster::new(0, vec!["127.0.0.1:1".into()]))));
    let file = directory("refused").join("file");
    fs::write(&file, "no directory").expect("a file");
    assert!(refused(explore(&model).spill(Spill::new(file))));
}
