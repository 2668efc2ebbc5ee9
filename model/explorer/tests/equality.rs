//! The explorer has the same states as stateright, the same steps, the same verdicts: on a thousand random systems,
//! each explored in every way there is. What is compared with is a naive walk that compares whole states, level by
//! level, kind by kind; a test of `random_systems.rs` holds another such walk against stateright's own search.
//!
//! All of it is one test, because drawing the systems takes longer than exploring them.

mod support;

use std::cell::Cell;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::TestCaseError;
use proptest::{prop_assert, prop_assert_eq};
use raftlab_explorer::{Explorer, Limit, Mode, Report, Spill, explore};
use support::random_system::{STATES_MAX, TableModel, for_each_system};
use support::survey::{Survey, reported, survey};

const SYSTEMS: u32 = 1_000;
/// One in so many is also explored in parts.
const IN_PARTS: u32 = 4;

fn prints(seed: u64) -> Mode {
    Mode::Fingerprints { seed }
}

/// Explores all, and compares.
fn compare<'a>(
    model: &'a TableModel,
    expected: &Survey,
    name: &str,
    way: impl Fn(Explorer<'a, TableModel>) -> Explorer<'a, TableModel>,
) -> Result<(), TestCaseError> {
    let report = way(explore(model).keep_going()).run();
    let report = report.map_err(|fault| TestCaseError::fail(fault.to_string()))?;
    check(&report, expected, name)
}

fn check(report: &Report<TableModel>, expected: &Survey, name: &str) -> Result<(), TestCaseError> {
    prop_assert!(report.is_complete(), "{}", name);
    prop_assert_eq!(&reported(report), expected, "{}", name);
    let (states, generated) = sums(expected);
    prop_assert_eq!((report.progress.states, report.progress.generated), (states, generated), "{}", name);
    prop_assert_eq!(report.full_states, states);
    let deepest = expected.levels.iter().rposition(|level| level.0 > 0).unwrap_or(0);
    prop_assert_eq!(report.depth as usize, deepest, "{}", name);
    Ok(())
}

fn sums(survey: &Survey) -> (u64, u64) {
    survey.levels.iter().fold((0, 0), |sums, level| (sums.0 + level.0, sums.1 + level.1))
}

#[test]
fn a_thousand_random_systems_are_explored_alike_in_every_way() {
    let directory = std::env::temp_dir().join(format!("raftlab-explorer-{}", std::process::id()));
    let (drawn, resumed) = (Cell::new(0), Cell::new(0));
    for_each_system(SYSTEMS, |system| {
        let model = system.model();
        let expected = survey(&model, None);
        // Two naive walks, written apart.
        let counts = system.counts(STATES_MAX).expect("the systems drawn are small");
        prop_assert_eq!(sums(&expected), (counts.unique as u64, counts.generated as u64));
        compare(&model, &expected, "exact, one thread", |explorer| explorer.threads(1))?;
        compare(&model, &expected, "exact, three threads", |explorer| explorer.threads(3))?;
        compare(&model, &expected, "fingerprints", |explorer| explorer.threads(1).mode(prints(1)))?;
        compare(&model, &expected, "fingerprints again", |explorer| explorer.threads(2).mode(prints(2)))?;
        let spill = Spill::new(&directory).places_max(0);
        compare(&model, &expected, "over the disk", |explorer| explorer.threads(2).spill(spill.clone()))?;
        drawn.set(drawn.get() + 1);
        if drawn.get() % IN_PARTS == 0 {
            for mode in [Mode::Exact, prints(5)] {
                let part = (sums(&expected).0 / 4).max(10);
                let report = in_parts(&model, mode, part, &directory)?;
                resumed.set(resumed.get() + usize::from(directory.join("0").join("checkpoint").exists()));
                let _ = std::fs::remove_dir_all(&directory);
                check(&report, &expected, "in parts")?;
            }
        }
        Ok(())
    });
    assert!(resumed.get() > 200, "only {} explorations were resumed", resumed.get());
}

/// Explores until so many states, writes that down, and goes on in a new exploration; until there is no more.
fn in_parts(
    model: &TableModel,
    mode: Mode,
    part: u64,
    directory: &Path,
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
