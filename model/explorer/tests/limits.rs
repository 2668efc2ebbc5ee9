//! Limits: each ends an exploration, says what it was, and leaves the counts of what was seen right.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use raftlab_explorer::protocols::raft::{Server, raft};
use raftlab_explorer::{
    Explorer, Limit, Mode, PANIC, Progress, Property, Report, Symmetric, System, explore,
};
use stateright::Expectation;
use stateright::actor::{ActorModel, Network};

type Raft = ActorModel<Server>;

/// Raft of which nothing is judged, so that no state is built.
struct Bare(Raft);

impl System for Bare {
    type Actor = Server;
    type Config = ();
    type History = ();

    fn model(&self) -> &Raft {
        &self.0
    }

    fn properties(&self) -> Vec<Property<Self>> {
        Vec::new()
    }

    fn has_boundary(&self) -> bool {
        false
    }
}

/// Three servers: 73,408 states within 7 steps, 1,062,112 within 9.
fn three() -> Raft {
    raft(3, Network::new_unordered_nonduplicating([]))
}

fn run<S: System>(explorer: &Explorer<S>) -> Report<S> {
    explorer.run().expect("an exploration")
}

fn bare() -> Bare {
    Bare(three())
}

/// The states of the levels that were finished, of which the counts are known.
fn assert_levels<S: System>(report: &Report<S>) {
    let sums: Vec<u64> = report
        .levels
        .iter()
        .scan(0, |sum, level| {
            *sum += level.states;
            Some(*sum)
        })
        .collect();
    for (steps, states) in [(5, 5_332), (7, 73_408), (8, 277_096), (9, 1_062_112)] {
        assert!(sums.get(steps).is_none_or(|&sum| sum == states), "{sums:?}");
    }
}

#[test]
fn a_number_of_states() {
    let model = bare();
    for mode in [Mode::Exact, Mode::Fingerprints { seed: 1 }] {
        let report = run(&explore(&model).keep_going().mode(mode).max_states(100_000));
        assert_eq!(report.limit, Some(Limit::States));
        assert!(report.progress.states >= 100_000, "it stopped early");
        assert_levels(&report);
    }
}

#[test]
fn a_depth_whose_states_are_judged() {
    let model = three();
    let within = |steps| run(&explore(&model).max_depth(steps));
    let seven = within(7);
    assert_eq!((seven.limit, seven.depth, seven.progress.states), (Some(Limit::Depth), 7, 73_408));
    assert!(seven.discovery("Election Safety").is_none());
    // Two leaders are elected by the eighth step, which is the last here.
    let eight = within(8);
    assert_eq!(eight.limit, Some(Limit::Violation));
    assert_eq!(eight.discovery("Election Safety").expect("two leaders").path.len(), 8);
    assert_eq!(run(&explore(&model).keep_going().max_depth(8)).limit, Some(Limit::Depth));
    assert_eq!(within(0).progress.states, 1);
}

#[test]
fn a_time() {
    let report = run(&explore(&bare()).keep_going().timeout(Duration::from_millis(150)));
    assert_eq!(report.limit, Some(Limit::Time));
    assert!(report.progress.elapsed < Duration::from_secs(20), "{:?}", report.progress.elapsed);
    assert_levels(&report);
}

#[test]
fn an_interrupt() {
    let (model, flag) = (bare(), AtomicBool::new(false));
    let explorer = explore(&model).keep_going().interrupt(&flag).on_progress(|progress: &Progress| {
        flag.store(progress.states > 10_000, Ordering::Relaxed);
    });
    let report = run(&explorer);
    assert_eq!(report.limit, Some(Limit::Interrupt));
    assert_levels(&report);
}

#[test]
fn a_violation_unless_told_to_keep_going() {
    let model = three();
    let report = run(&explore(&model));
    assert_eq!(report.limit, Some(Limit::Violation));
    let violation = report.violations().next().expect("a violation");
    assert_eq!((violation.property, violation.path.len()), ("Election Safety", 8));
    // The level in which it was found is whole: any number of threads reports the same.
    assert_eq!(report.levels.last().expect("levels").depth, 8);
    assert_eq!(report.progress.states, 277_096);
}

#[test]
fn a_memory_that_is_kept() {
    let model = bare();
    for mode in [Mode::Exact, Mode::Fingerprints { seed: 1 }] {
        for budget in [1 << 20, 20_000_000, 60_000_000] {
            let report = run(&explore(&model).keep_going().mode(mode).max_memory(budget));
            assert_eq!(report.limit, Some(Limit::Memory), "{mode:?}");
            assert_levels(&report);
            // Tables grow in chunks, and threads finish what they have in hand.
            let over = report.peak_bytes.saturating_sub(budget);
            println!(
                "{mode:?}: {budget} B given, {} B used, {} states",
                report.peak_bytes, report.progress.states
            );
            assert!(over <= budget / 4 + (16 << 20), "{over} B more than {budget} B");
        }
    }
}

#[test]
fn a_limit_that_is_reached_at_the_end_cuts_nothing_off() {
    // One server alone, with its own message and two timers: a space that ends.
    let alone = raft(1, Network::new_unordered_nonduplicating([])).max_crashes(0);
    let all = run(&explore(&alone));
    assert!(all.is_complete());
    let exactly = |explorer: Explorer<Raft>| {
        let report = run(&explorer);
        assert_eq!((report.limit, report.progress.states), (None, all.progress.states));
    };
    exactly(explore(&alone).max_depth(all.depth + 1));
    // What follows the last level is not known before it is expanded.
    assert_eq!(run(&explore(&alone).max_depth(all.depth)).limit, Some(Limit::Depth));
    exactly(explore(&alone).max_states(all.progress.states + 1));
    // Nor is it known of the last state that nothing follows it.
    assert_eq!(run(&explore(&alone).max_states(all.progress.states)).limit, Some(Limit::States));
    // But if it was expanded, nothing is left: nobody is here, so there is one state.
    let (nobody, flag) = (raft(0, Network::new_unordered_nonduplicating([])), AtomicBool::new(true));
    assert_eq!(run(&explore(&nobody).interrupt(&flag).timeout(Duration::ZERO)).limit, None);
    // Its last state is a violation, after which nothing else is looked at unless that is asked for.
    let ends = raft(1, Network::new_unordered_nonduplicating([])).max_crashes(0);
    let ends = ends.property(Expectation::Always, "goes on", |_, state| {
        state.network.len() > 0 || state.timers_set[0].iter().next().is_some()
    });
    let violated = run(&explore(&ends));
    assert_eq!((violated.limit, violated.violations().count()), (Some(Limit::Violation), 1));
    let report = run(&explore(&ends).keep_going());
    assert_eq!((report.limit, report.violations().count()), (None, 1));
}

#[test]
fn progress_only_grows() {
    let (model, seen) = (bare(), Mutex::new(Vec::<Progress>::new()));
    let explorer = explore(&model).keep_going().max_depth(9);
    let report = run(&explorer.on_progress(|progress| seen.lock().expect("seen").push(progress.clone())));
    let mut seen = seen.into_inner().expect("seen");
    assert!(seen.len() >= 5, "only told {} times", seen.len());
    seen.push(report.progress);
    for pair in seen.windows(2) {
        let numbers = |own: &Progress| {
            [own.states, own.generated, u64::from(own.depth), own.locals.into(), own.cells.into()]
        };
        assert!(numbers(&pair[0]).iter().zip(numbers(&pair[1])).all(|(before, after)| *before <= after));
        assert!(pair[0].elapsed <= pair[1].elapsed);
        assert!(pair[1].frontier <= pair[1].states && pair[1].states <= pair[1].generated);
    }
}

/// Peak memory of this process in bytes, where the system tells.
fn peak() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<usize>().ok().map(|kilobytes| kilobytes * 1024)
}

/// Alone in its process, as the peak is the process's: `cargo test --test limits -- --ignored memory_that_is_told`.
#[test]
#[ignore = "needs a process of its own"]
#[expect(clippy::cast_precision_loss, reason = "a ratio to print")]
fn the_memory_that_is_told_is_the_memory_that_is_used() {
    let model = bare();
    let before = peak().expect("a system that tells");
    let report = run(&explore(&model).keep_going().max_depth(9));
    let used = peak().expect("a system that tells") - before;
    println!("{} B told, {used} B used: {:.2}", report.peak_bytes, used as f64 / report.peak_bytes as f64);
    assert!(used < report.peak_bytes * 3 / 2 + (32 << 20));
}

#[test]
#[ignore = "ten million representatives, a gigabyte"]
fn the_panic_of_raft_is_found_by_twelve_steps() {
    let model = bare();
    let symmetric = Symmetric::new(&model, 0..3);
    let explorer = explore(&symmetric).keep_going().mode(Mode::Fingerprints { seed: 1 }).max_depth(12);
    let report = explorer.run().expect("an exploration");
    let panic = report.discovery(PANIC).expect("a leader that sends what it does not have");
    println!("{} steps: {}", panic.path.len(), panic.message.as_deref().unwrap_or(""));
    assert_eq!(panic.path.len(), 12);
}
