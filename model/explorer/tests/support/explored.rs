//! What is asked of the explorer of each protocol: its exact counts, level by level, their verdicts by shortest
//! ways, at any number of threads, by states and by fingerprints, at once and in parts.
//!
//! # Depths
//!
//! stateright's depth `n` is a path of `n` states; the explorer's `max_depth(k)` is one of `k` steps, so `k` is `n -
//! 1`. States at the bound are counted by both. stateright does not judge them and the explorer does, so what the
//! explorer reports by a way of exactly `k` steps stateright does not report within that bound, and everything else
//! both do.
//!
//! # Ways
//!
//! stateright 0.31 replaces what it found of a property by what it finds later, so its way is as long as the longest.
//! How long a shortest one is says a naive walk.

// Each test program compiles all of this and uses a part of it.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::cases::{Case, Visitor};
use super::survey::{Survey, reported, survey};
use raftlab_explorer::complete::Complete;
use raftlab_explorer::{Explorer, Limit, Mode, Property, Reads, Report, System, explore};
use stateright::actor::{Actor, ActorModel};
use stateright::{Checker, Expectation, Model};

/// Spaces up to this size are also walked naively.
const NAIVE_MAX: usize = 20_000;
/// Spaces up to this size are explored in every way, larger ones in three.
const EVERY_MAX: usize = 100_000;

/// A model without what must become true, which the explorer refuses to judge.
struct Judged<'a, S> {
    system: &'a S,
    /// Is anything judged at all, and the boundary looked at? If not, no state is ever built.
    is_judged: bool,
}

impl<S: System> System for Judged<'_, S> {
    type Actor = S::Actor;
    type Config = S::Config;
    type History = S::History;

    fn model(&self) -> &ActorModel<S::Actor, S::Config, S::History> {
        self.system.model()
    }

    fn has_boundary(&self) -> bool {
        self.is_judged
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let own = self.model().properties.iter();
        let judged = own.filter(|own| self.is_judged && own.expectation != Expectation::Eventually);
        let reads = |own: &stateright::Property<_>| Reads::State(own.condition);
        judged
            .map(|own| Property { expectation: own.expectation.clone(), name: own.name, reads: reads(own) })
            .collect()
    }
}

/// How a space is explored.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// How states are told apart.
    pub mode: Mode,
    /// On how many threads.
    pub threads: usize,
}

fn prints(seed: u64) -> Mode {
    Mode::Fingerprints { seed }
}

/// All ways, or three that between them have each mode and each number of threads.
fn ways(states: usize) -> Vec<Way> {
    if states > EVERY_MAX {
        let few = [(Mode::Exact, 2), (prints(1), 3), (prints(2), 1)];
        return few.into_iter().map(|(mode, threads)| Way { mode, threads }).collect();
    }
    let modes = [Mode::Exact, prints(1), prints(2)].into_iter();
    modes.flat_map(|mode| (1..=3).map(move |threads| Way { mode, threads })).collect()
}

fn ask<S: System>(system: &S, case: Case, way: Way) -> Explorer<'_, S> {
    let explorer = explore(system).keep_going().mode(way.mode).threads(way.threads);
    match steps(case) {
        None => explorer,
        Some(steps) => explorer.max_depth(steps),
    }
}

/// The bound in steps.
fn steps(case: Case) -> Option<u32> {
    case.within.map(|states| u32::try_from(states - 1).expect("a small depth"))
}

fn assert_counts<S: System>(report: &Report<S>, case: Case, way: Way) {
    let counts = (report.progress.states, report.progress.generated, report.depth + 1);
    let expected = (case.count.0 as u64, case.count.1 as u64, u32::try_from(case.count.2).unwrap());
    assert_eq!(counts, expected, "{way:?}");
    // All protocols that are bounded here go on beyond the bound.
    assert_eq!(report.limit, case.within.map(|_| Limit::Depth), "{way:?}");
    let sums = report.levels.iter().fold((0, 0), |sums, own| (sums.0 + own.states, sums.1 + own.generated));
    assert_eq!(sums, (expected.0, expected.1), "{way:?}: level by level");
}

/// What stateright finds, each with the steps of its shortest way.
fn found_by_stateright<M>(model: M, within: Option<usize>) -> BTreeMap<&'static str, usize>
where
    M: Model<State: Clone + PartialEq + Hash + Send + Sync, Action: Clone + PartialEq>
        + Send
        + Sync
        + 'static,
{
    let eventually = |own: &stateright::Property<M>| own.expectation == Expectation::Eventually;
    let owed: Vec<_> =
        model.properties().into_iter().filter(eventually).map(|property| property.name).collect();
    let builder = model.checker();
    let builder = match within {
        None => builder,
        Some(depth) => builder.target_max_depth(depth),
    };
    let found = builder.spawn_bfs().join().discoveries();
    found
        .into_iter()
        .filter(|(name, _)| !owed.contains(name))
        .map(|(name, path)| (name, path.into_actions().len()))
        .collect()
}

/// Explores in three parts, each in a new exploration with another number of threads.
fn in_parts<S: System>(system: &S, case: Case, mode: Mode) -> Report<S> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name =
        format!("raftlab-explorer-equal-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let directory: PathBuf = std::env::temp_dir().join(name);
    let part = (case.count.0 as u64 / 3).max(2);
    let mut report = None;
    for parts in 0..4 {
        let way = Way { mode, threads: 1 + parts % 3 };
        let explorer = ask(system, case, way).checkpoint(&directory, Duration::from_secs(60));
        let explorer = if parts == 0 { explorer } else { explorer.resume(&directory) };
        // The last part is not bounded.
        let explorer = if parts == 3 { explorer } else { explorer.max_states(part * (parts as u64 + 1)) };
        let run = explorer.run().expect("a part");
        let is_over = run.limit != Some(Limit::States);
        report = Some(run);
        if is_over {
            break;
        }
    }
    let _ = std::fs::remove_dir_all(&directory);
    report.expect("a part")
}

/// Explores in all ways.
#[derive(Default)]
pub struct Explored {
    /// Spaces explored.
    pub cases: usize,
    /// Explorations in parts.
    pub in_parts: usize,
}

impl Visitor for Explored {
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
        let system = Judged { system: &model, is_judged: true };
        self.cases += 1;
        let naive = (case.count.0 <= NAIVE_MAX).then(|| survey(&system, steps(case)));
        let mut first: Option<Survey> = naive.clone();
        let mut compare = |report: &Report<_>, way: Way| {
            assert_counts(report, case, way);
            let survey = reported(report);
            assert_eq!(first.get_or_insert_with(|| survey.clone()), &survey, "{case:?}: {way:?}");
        };
        for way in ways(case.count.0) {
            compare(&ask(&system, case, way).run().expect("an exploration"), way);
        }
        if case.count.0 <= EVERY_MAX {
            for mode in [Mode::Exact, prints(3)] {
                compare(&in_parts(&system, case, mode), Way { mode, threads: 0 });
                self.in_parts += 1;
            }
        }
        if let Some(mut naive) = naive {
            // What is found at the bound stateright does not judge.
            naive.found.retain(|_, &mut way| steps(case).is_none_or(|bound| way < bound as usize));
            let found = found_by_stateright(Complete(model), case.within);
            assert!(found.keys().eq(naive.found.keys()), "{case:?}: {found:?}");
            // It keeps the last way that it finds, which is not a shortest one.
            let longer = found.values().zip(naive.found.values()).all(|(last, shortest)| last >= shortest);
            assert!(longer, "{case:?}: {found:?}");
        }
    }
}

/// Explores once, and says what it took.
pub struct Once(pub Way);

impl Visitor for Once {
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
        // Counts are what is compared here, and none of these has a boundary.
        let system = Judged { system: &model, is_judged: false };
        let report = ask(&system, case, self.0).run().expect("an exploration");
        assert_counts(&report, case, self.0);
        let progress = &report.progress;
        println!(
            "{case:?}, {:?}: {:.1} s, {} states/s, {} MB in tables",
            self.0,
            progress.elapsed.as_secs_f64(),
            progress.rate(),
            report.peak_bytes / 1_000_000
        );
    }
}
