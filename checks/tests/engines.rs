//! The explorer against stateright, on every quick world that stateright searches in a moment: the same verdict,
//! states, steps, depth, witnesses and actions.

use raftlab_checks::catalogue::{CHECKS, Scope};
use raftlab_checks::search::{Engine, Outcome, Plan, search};
use raftlab_explorer::Mode;
use raftlab_model::Setup;

/// Worlds of more states are left out.
const STATES_MAX: u64 = 100_000;

fn searched(scope: &Scope, plan: &Plan) -> Outcome {
    let setup = Setup { witnesses: scope.witnesses(), ..Setup::new(scope.bounds()) };
    search(scope.bounds, setup, plan, &|_| ()).unwrap_or_else(|error| panic!("{}: {error}", scope.bounds))
}

/// The worlds, each with what stateright says of it. Which ones are small, the explorer says, as it takes less time.
fn worlds() -> Vec<(&'static Scope, Outcome)> {
    let quick = Plan { max_states: Some(STATES_MAX), symmetry: false, ..Plan::default() };
    let plan = Plan { engine: Engine::StaterightBfs, ..Plan::default() };
    let scopes = CHECKS.iter().flat_map(|check| check.quick);
    let small = scopes.filter(|scope| searched(scope, &quick).limit.is_none());
    small.map(|scope| (scope, searched(scope, &plan))).collect()
}

/// What does not depend on how states are counted.
fn found(outcome: &Outcome) -> impl PartialEq + std::fmt::Debug {
    (outcome.verdict(), outcome.states_full, outcome.progress.depth, outcome.witnesses.clone())
}

#[test]
fn the_explorer_and_stateright_agree() {
    let worlds = worlds();
    assert!(worlds.len() >= 8, "only {} worlds are small", worlds.len());
    for (scope, expected) in &worlds {
        let bounds = scope.bounds;
        for threads in [1, 2] {
            let plan = Plan { threads, ..Plan::default() };
            let whole = searched(scope, &Plan { symmetry: false, ..plan.clone() });
            assert_eq!(found(&whole), found(expected), "{bounds}");
            assert_eq!(whole.progress.generated, expected.progress.generated, "{bounds}");
            let taken = |outcome: &Outcome| -> Vec<_> {
                outcome.coverage.iter().map(|own| (own.kind, own.enabled, own.taken)).collect()
            };
            assert_eq!(taken(&whole), taken(expected), "{bounds}");
            let orbits = searched(scope, &plan);
            assert_eq!(found(&orbits), found(expected), "{bounds}");
            assert!(orbits.progress.states < expected.progress.states, "{bounds}: no symmetry");
            let prints = searched(scope, &Plan { mode: Mode::Fingerprints { seed: 1 }, ..plan });
            assert_eq!(found(&prints), found(expected), "{bounds}");
        }
    }
}
