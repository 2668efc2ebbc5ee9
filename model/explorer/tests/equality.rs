//! The explorer has the same states as stateright, the same steps, the same verdicts: on a thousand random systems, each
//! explored in every way there is. The counts compared with are those of a naive walk that compares whole states; a test of
//! `random_systems.rs` holds that walk against stateright's own search.

mod support;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use proptest::prelude::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};
use raftlab_explorer::{Explorer, Limit, Mode, Report, explore};
use stateright::{Expectation, Model};
use support::random_system::{STATES_MAX, System, TableModel, for_each_system};

const SYSTEMS: u32 = 1_000;

fn counts(report: &Report<TableModel>) -> (u64, u64) {
    (report.progress.states, report.progress.generated)
}

/// Explores without stopping, in this way, and compares.
fn compare<'a>(
    system: &System,
    model: &'a TableModel,
    name: &str,
    way: impl Fn(Explorer<'a, TableModel>) -> Explorer<'a, TableModel>,
) -> Result<Report<TableModel>, TestCaseError> {
    let right = system.counts(STATES_MAX).expect("the systems drawn are small");
    let report =
        way(explore(model).keep_going()).run().map_err(|fault| TestCaseError::fail(fault.to_string()))?;
    let expected = (right.unique as u64, right.generated as u64);
    prop_assert_eq!(counts(&report), expected, "{}", name);
    prop_assert_eq!(u64::from(report.depth) + u64::from(right.unique > 0), right.depth as u64, "{}", name);
    prop_assert!(report.is_complete());
    let (by_level, by_step) = report
        .levels
        .iter()
        .fold((0, 0), |(states, generated), level| (states + level.states, generated + level.generated));
    prop_assert_eq!((by_level, by_step), expected, "{}: level by level", name);
    Ok(report)
}

#[test]
fn a_thousand_random_systems_have_equal_counts_in_every_way() {
    for_each_system(SYSTEMS, |system| {
        let model = system.model();
        compare(system, &model, "exact, one thread", |explorer| explorer.threads(1))?;
        compare(system, &model, "exact, three threads", |explorer| explorer.threads(3))?;
        let prints = |seed| Mode::Fingerprints { seed };
        compare(system, &model, "fingerprints", |explorer| explorer.threads(1).mode(prints(1)))?;
        compare(system, &model, "fingerprints, two threads", |explorer| explorer.threads(2).mode(prints(2)))?;
        Ok(())
    });
}

/// What a checker must report of `model`, each with the number of steps of a shortest way: by a naive walk.
fn to_report(model: &TableModel) -> BTreeMap<&'static str, usize> {
    let mut found = BTreeMap::new();
    let (mut seen, mut pending) = (HashSet::new(), VecDeque::new());
    for state in model.init_states().into_iter().filter(|state| Model::within_boundary(model, state)) {
        seen.insert(state.clone());
        pending.push_back((state, 0));
    }
    while let Some((state, depth)) = pending.pop_front() {
        for own in model.properties() {
            if (own.condition)(model, &state) == (own.expectation == Expectation::Sometimes) {
                found.entry(own.name).or_insert(depth);
            }
        }
        for next in model.next_steps(&state).into_iter().map(|(_, next)| next) {
            if Model::within_boundary(model, &next) && seen.insert(next.clone()) {
                pending.push_back((next, depth + 1));
            }
        }
    }
    found
}

#[test]
fn a_thousand_random_systems_have_equal_verdicts_by_shortest_ways() {
    for_each_system(SYSTEMS, |system| {
        let model = system.model();
        let expected = to_report(&model);
        for mode in [Mode::Exact, Mode::Fingerprints { seed: 3 }] {
            let report = compare(system, &model, "verdicts", |explorer| explorer.threads(2).mode(mode))?;
            let found = report.discoveries.iter();
            let found: BTreeMap<_, _> = found.map(|own| (own.property, own.path.len())).collect();
            prop_assert_eq!(&found, &expected);
        }
        Ok(())
    });
}

/// Explores until so many states, writes that down, and goes on in a new exploration; until there is no more.
fn in_parts(
    model: &TableModel,
    mode: Mode,
    part: u64,
    directory: &std::path::Path,
) -> Result<Report<TableModel>, TestCaseError> {
    let mut parts = 0;
    loop {
        let at = |parts: u64| directory.join(parts.to_string());
        let explorer = explore(model).keep_going().threads(1 + usize::from(parts % 2 == 1)).mode(mode);
        let explorer = if parts == 0 { explorer } else { explorer.resume(at(parts - 1)) };
        let explorer = explorer.checkpoint(at(parts), Duration::from_secs(60)).max_states(part * (parts + 1));
        let report = explorer.run().map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        match report.limit {
            None => return Ok(report),
            Some(limit) => prop_assert_eq!(limit, Limit::States),
        }
        parts += 1;
    }
}

#[test]
fn systems_explored_in_parts_have_the_counts_of_those_explored_at_once() {
    let directory = std::env::temp_dir().join(format!("raftlab-explorer-{}", std::process::id()));
    let resumed = std::cell::Cell::new(0);
    for_each_system(200, |system| {
        let model = system.model();
        for mode in [Mode::Exact, Mode::Fingerprints { seed: 5 }] {
            let whole = compare(system, &model, "whole", |explorer| explorer.threads(1).mode(mode))?;
            let part = (whole.progress.states / 4).max(10);
            let parts = in_parts(&model, mode, part, &directory)?;
            resumed.set(resumed.get() + usize::from(directory.join("0").join("checkpoint").exists()));
            let _ = std::fs::remove_dir_all(&directory);
            prop_assert_eq!(counts(&parts), counts(&whole));
            prop_assert_eq!(&parts.levels, &whole.levels);
            prop_assert_eq!(&parts.coverage, &whole.coverage);
            let ways = |report: &Report<TableModel>| -> BTreeMap<_, _> {
                report.discoveries.iter().map(|own| (own.property, own.path.len())).collect()
            };
            prop_assert_eq!(ways(&parts), ways(&whole));
        }
        Ok(())
    });
    assert!(resumed.get() > 200, "only {} explorations were resumed", resumed.get());
}
