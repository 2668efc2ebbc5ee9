//! The random systems are worth comparing engines on: not too small, not too large, and between them every feature of
//! stateright's actor models takes part in steps that are reached. So an equality test over them is not vacuous;
//! `wrong_engines.rs` shows the same from the other side.

mod support;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

use stateright::{Checker, Expectation, Model, Property};
use support::features::{features, features_met};
use support::random_system::{
    PROPERTIES, STATES_MAX, STATES_WORTHWHILE, TableModel, TableModelState, for_each_system,
};
use support::step::TableAction;
use support::walk::{Counts, walk_by};

const SYSTEMS: u32 = 1_000;

/// A feature met in fewer systems than this is not tested by them.
const SYSTEMS_MIN: usize = 20;

/// In how many systems each of some things was seen.
type Tally = BTreeMap<&'static str, usize>;

#[test]
fn every_feature_takes_part_in_steps_that_are_reached() {
    let tally = RefCell::new(Tally::new());
    for_each_system(SYSTEMS, |system| {
        for name in features_met(system) {
            *tally.borrow_mut().entry(name).or_default() += 1;
        }
        Ok(())
    });
    let tally = tally.into_inner();
    let systems = |name| tally.get(name).copied().unwrap_or(0);
    features().for_each(|name| println!("{:5} systems: {name}", systems(name)));
    let rare: Vec<_> = features().filter(|name| systems(name) < SYSTEMS_MIN).collect();
    assert!(rare.is_empty(), "too rare to count on: {rare:?}");
}

/// The names of what a checker of `model` would report, and of what it would not.
fn verdicts(model: &TableModel) -> (Vec<&'static str>, Vec<&'static str>) {
    let mut silent = model.properties();
    let mut reported = Vec::new();
    let mut judge = |state: &TableModelState| {
        if Model::within_boundary(model, state) {
            let reports = |property: &Property<TableModel>| {
                let holds = (property.condition)(model, state);
                (property.expectation == Expectation::Sometimes) == holds
            };
            reported
                .extend(silent.extract_if(.., |property| reports(property)).map(|property| property.name));
        }
    };
    model.init_states().iter().for_each(&mut judge);
    let walked = walk_by(model, STATES_MAX, |state, action| {
        let next = model.next_state(state, action);
        next.iter().for_each(&mut judge);
        next
    });
    walked.expect("the systems drawn are small");
    (reported, silent.iter().map(|property| property.name).collect())
}

#[test]
fn properties_are_reported_in_some_systems_and_not_in_others() {
    let tallies = RefCell::new((Tally::new(), Tally::new(), 0_usize));
    for_each_system(SYSTEMS, |system| {
        let (reported, silent) = verdicts(&system.model());
        let (reported_in, silent_in, failing) = &mut *tallies.borrow_mut();
        let fails =
            |name| PROPERTIES.iter().any(|property| property.1 == name && property.0 == Expectation::Always);
        *failing += usize::from(reported.iter().copied().any(fails));
        for (names, tally) in [(reported, reported_in), (silent, silent_in)] {
            for name in names {
                *tally.entry(name).or_default() += 1;
            }
        }
        Ok(())
    });
    let (reported_in, silent_in, failing) = tallies.into_inner();
    println!("{failing:5} systems fail an always property");
    for (_, name, _) in PROPERTIES {
        let [reported, silent] =
            [&reported_in, &silent_in].map(|tally| tally.get(name).copied().unwrap_or(0));
        println!("{reported:5} systems report it, {silent:5} do not: {name}");
        assert!(silent >= SYSTEMS_MIN, "{name}");
        let constant = ["nothing is wrong", "pigs fly"].contains(&name);
        assert!(if constant { reported == 0 } else { reported >= SYSTEMS_MIN }, "{name}");
    }
    assert!(failing >= SYSTEMS as usize / 4);
}

#[test]
fn spaces_are_neither_trivial_nor_large() {
    let sizes = RefCell::new(Vec::new());
    for_each_system(SYSTEMS, |system| {
        sizes.borrow_mut().push(system.counts(STATES_MAX).expect("the systems drawn are small"));
        Ok(())
    });
    let sizes = sizes.into_inner();
    let percentiles = |name: &str, of: fn(&Counts) -> usize| {
        let mut numbers: Vec<_> = sizes.iter().map(of).collect();
        numbers.sort_unstable();
        let at = |percent: usize| numbers[percent * (numbers.len() - 1) / 100];
        let total: usize = numbers.iter().sum();
        let [p0, p5, p25, p50, p75, p95, p100] = [0, 5, 25, 50, 75, 95, 100].map(at);
        println!(
            "{name}: min {p0}, 5 % {p5}, 25 % {p25}, median {p50}, 75 % {p75}, 95 % {p95}, max {p100}, all {total}"
        );
    };
    percentiles("unique", |counts| counts.unique);
    percentiles("generated", |counts| counts.generated);
    percentiles("depth", |counts| counts.depth);
    let worthwhile = sizes.iter().filter(|counts| counts.unique > STATES_WORTHWHILE).count();
    assert!(worthwhile >= sizes.len() * 9 / 10 && worthwhile < sizes.len(), "{worthwhile}");
    assert!(sizes.iter().any(|counts| counts.unique > STATES_MAX / 2));
    assert!(sizes.iter().any(|counts| counts.unique == 0), "no initial state is outside its boundary");
}

/// A model whose states say in their hash how large their sets are, which stateright's own omit.
struct WithLengths(TableModel);

#[derive(Clone, Debug, PartialEq)]
struct WithLengthsState(TableModelState);

impl Hash for WithLengthsState {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for timers in &self.0.timers_set {
            timers.iter().count().hash(hasher);
        }
        for choices in &self.0.random_choices {
            choices.map.len().hash(hasher);
        }
        self.0.network.iter_deliverable().count().hash(hasher);
        self.0.hash(hasher);
    }
}

impl Model for WithLengths {
    type State = WithLengthsState;
    type Action = TableAction;

    fn init_states(&self) -> Vec<WithLengthsState> {
        self.0.init_states().into_iter().map(WithLengthsState).collect()
    }

    fn actions(&self, state: &WithLengthsState, actions: &mut Vec<TableAction>) {
        self.0.actions(&state.0, actions);
    }

    fn next_state(&self, state: &WithLengthsState, action: TableAction) -> Option<WithLengthsState> {
        self.0.next_state(&state.0, action).map(WithLengthsState)
    }

    fn within_boundary(&self, state: &WithLengthsState) -> bool {
        Model::within_boundary(&self.0, &state.0)
    }

    fn properties(&self) -> Vec<Property<WithLengths>> {
        vec![Property::always("nothing is wrong", |_, _| true)]
    }
}

#[test]
fn the_naive_walk_counts_what_stateright_counts() {
    for_each_system(SYSTEMS, |system| {
        let walked = system.counts(STATES_MAX).expect("the systems drawn are small");
        let checker = WithLengths(system.model()).checker().spawn_bfs().join();
        let counts = Counts {
            unique: checker.unique_state_count(),
            generated: checker.state_count(),
            depth: checker.max_depth(),
        };
        proptest::prop_assert_eq!(walked, counts);
        Ok(())
    });
}
