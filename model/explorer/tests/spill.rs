//! Explorations that do not fit into memory: what is found with most of it on disk is what is found without.

use std::fs;
use std::path::PathBuf;

use raftlab_explorer::protocols::paxos;
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
    let model = paxos::paxos(2, 3, Network::new_unordered_nonduplicating([]));
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
    // Its levels are small beside all of it: a level must fit.
    let model = paxos::Told(paxos::paxos(3, 3, Network::new_unordered_nonduplicating([])));
    let prints = Mode::Fingerprints { seed: 0 };
    let ask = || explore(&model).keep_going().threads(2).mode(prints).max_depth(18);
    let whole = run(&ask());
    let budget = whole.peak_bytes / 16 * 15;
    let ask = || ask().max_memory(budget);
    assert_eq!(run(&ask()).limit, Some(Limit::Memory));
    let report = run(&ask().spill(Spill::new(directory("budget"))));
    assert_eq!(found(&report), found(&whole));
    let spilled = report.spilled.expect("it was asked to");
    assert!(spilled.runs > 0, "{spilled:?}");
    // Limits are looked at twenty times a second.
    assert!(report.peak_bytes < budget / 4 * 5, "{} bytes of {budget}", report.peak_bytes);
}

/// Limits end a search that is over the disk as they end one in memory: what was counted was found, level by level.
#[test]
fn limits_end_it_over_the_disk_too() {
    let model = Told(raft(3, Network::new_unordered_nonduplicating([])));
    let directory = directory("limits");
    let ask = || explore(&model).symmetry(false).keep_going().threads(2);
    let whole = run(&ask().max_depth(8));
    let ask = || ask().spill(Spill::new(&directory).places_max(8 * 1024));
    let some = run(&ask().max_states(100_000));
    assert_eq!(some.limit, Some(Limit::States));
    assert!(some.progress.states >= 100_000, "it stopped early");
    let interrupted = std::sync::atomic::AtomicBool::new(true);
    assert_eq!(run(&ask().interrupt(&interrupted)).limit, Some(Limit::Interrupt));
    let timed = run(&ask().timeout(std::time::Duration::from_millis(300)));
    assert_eq!(timed.limit, Some(Limit::Time));
    for report in [some, timed] {
        let finished = report.levels.len().min(whole.levels.len());
        assert_eq!(report.levels[..finished], whole.levels[..finished]);
    }
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
