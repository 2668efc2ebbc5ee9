//! The naive twin of a whole report: breadth first, whole states compared with `==`, and everything counted that an
//! explorer says of a space.

use std::collections::{BTreeMap, HashSet};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use raftlab_explorer::{Report, System};
use stateright::actor::{Actor, ActorModelState};
use stateright::{Expectation, Model};

/// What there is to say of a space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Of each depth: new states, and steps that led there.
    pub levels: Vec<(u64, u64)>,
    /// Of each kind of action: how often one was listed and did not lead out of the boundary, how often one was
    /// taken, and the depth of the first state that one led to.
    pub coverage: Vec<(u64, u64, Option<u32>)>,
    /// Of each property of which there is something to report: the steps of a shortest way there.
    pub found: BTreeMap<&'static str, usize>,
}

/// A state as a key. Not every history says that its equality is one, though all of them are.
struct Whole<A: Actor, H>(Rc<ActorModelState<A, H>>);

impl<A: Actor, H: PartialEq> PartialEq for Whole<A, H> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<A: Actor, H: PartialEq> Eq for Whole<A, H> {}

impl<A: Actor, H: Hash> Hash for Whole<A, H> {
    fn hash<S: Hasher>(&self, hasher: &mut S) {
        self.0.hash(hasher);
    }
}

/// Surveys the states that are at most so many steps away.
pub fn survey<S: System<History: PartialEq>>(system: &S, depth_max: Option<u32>) -> Survey {
    let model = system.model();
    let mut survey = Survey { coverage: vec![(0, 0, None); system.kinds().len()], ..Survey::default() };
    let mut seen = HashSet::new();
    let first = model.init_states().into_iter().filter(|state| Model::within_boundary(model, state));
    let mut level: Vec<_> = first.map(Rc::new).collect();
    seen.extend(level.iter().cloned().map(Whole));
    let mut generated = level.len() as u64;
    for depth in 0.. {
        if generated > 0 {
            survey.levels.push((level.len() as u64, generated));
        }
        for state in &level {
            judge(system, state, depth as usize, &mut survey.found);
        }
        if level.is_empty() || depth_max == Some(depth) {
            break;
        }
        generated = 0;
        let mut next_level = Vec::new();
        for state in std::mem::take(&mut level) {
            let mut actions = Vec::new();
            model.actions(&state, &mut actions);
            for action in actions {
                let covered = &mut survey.coverage[system.kind(&action)];
                let next = model.next_state(&state, action);
                if next.as_ref().is_some_and(|next| !Model::within_boundary(model, next)) {
                    continue;
                }
                covered.0 += 1;
                let Some(next) = next.map(Rc::new) else { continue };
                covered.1 += 1;
                covered.2.get_or_insert(depth + 1);
                generated += 1;
                if seen.insert(Whole(Rc::clone(&next))) {
                    next_level.push(next);
                }
            }
        }
        level = next_level;
    }
    survey
}

fn judge<S: System>(
    system: &S,
    state: &ActorModelState<S::Actor, S::History>,
    depth: usize,
    found: &mut BTreeMap<&'static str, usize>,
) {
    let model = system.model();
    for own in Model::properties(model) {
        let holds = (own.condition)(model, state);
        let is_reported = match own.expectation {
            Expectation::Always => !holds,
            Expectation::Sometimes => holds,
            Expectation::Eventually => false,
        };
        if is_reported {
            found.entry(own.name).or_insert(depth);
        }
    }
}

/// The same, as an explorer reports it.
pub fn reported<S: System>(report: &Report<S>) -> Survey {
    let levels = report.levels.iter().map(|level| (level.states, level.generated));
    let coverage = report.coverage.iter().map(|kind| (kind.enabled, kind.taken, kind.first_depth));
    let found = report.discoveries.iter().map(|found| (found.property, found.path.len()));
    Survey { levels: levels.collect(), coverage: coverage.collect(), found: found.collect() }
}
