//! The way to a discovery: found by numbers, taken again by the actors' own code, and judged again there.

use stateright::actor::{ActorModelState, Envelope, Id};
use stateright::{Expectation, Model};

use crate::candidate::{Found, Via};
use crate::error::Error;
use crate::inbox::envelopes;
use crate::machine::Machine;
use crate::property::Reads;
use crate::records::Records;
use crate::system::{Action, System};

/// How a search came to its states.
pub(crate) struct Ways<'a, const W: usize> {
    pub records: &'a Records<W>,
    /// Are the states kept, and not the steps?
    pub exact: bool,
    /// The deepest level. No way is longer, whatever a damaged file says.
    pub depth: u32,
}

impl<const W: usize> Ways<'_, W> {
    /// The states on the way to `last`, which ends it, without the initial one: each with the step that leads to it,
    /// if that is kept.
    pub fn to(&self, mut last: u32) -> Result<Vec<(u32, Option<Via>)>, Error> {
        let mut way = Vec::new();
        let came_by = |at| self.records.came_by(at).map_err(|(path, fault)| Error::spill(path, &fault));
        while let Some((parent, via)) = came_by(last)? {
            way.push((last, via.map(Via)));
            last = parent;
            if way.len() > self.depth as usize {
                return Err(Error::Unconfirmed("the way to it does not end where the search began".into()));
            }
        }
        way.reverse();
        Ok(way)
    }
}

impl<S: System> Machine<'_, S> {
    /// The actions that lead to `found`, of the property at `at` (none for a panic).
    pub fn path<const W: usize>(
        &self,
        ways: &Ways<W>,
        found: &Found,
        at: Option<usize>,
    ) -> Result<Vec<Action<S>>, Error> {
        let mut state = self.initial();
        let mut actions = Vec::new();
        for (number, via) in ways.to(found.parent)? {
            let is_there = |next: &[u32]| !ways.exact || ways.records.read(number)[..=self.actors] == *next;
            let (via, next) = self.step_to(&state, via, is_there)?;
            actions.push(self.taken(&state, via));
            state = next;
        }
        let last = self.last_step(&state, found)?;
        actions.push(self.taken(&state, last));
        self.confirm(&actions, at, last.is_panic())?;
        Ok(actions)
    }

    /// The step of `state` at `via`, or the first that leads where it should.
    fn step_to(
        &self,
        state: &[u32],
        via: Option<Via>,
        leads: impl Fn(&[u32]) -> bool,
    ) -> Result<(Via, Vec<u32>), Error> {
        let mut steps = self.steps(state).into_iter();
        let step = steps.find(|(own, next)| via.is_none_or(|via| via == *own) && leads(next));
        step.ok_or(Error::Unconfirmed(
            "a step of the way to it is not there when it is looked for again".into(),
        ))
    }

    /// The last step of the way to `found`.
    fn last_step(&self, state: &[u32], found: &Found) -> Result<Via, Error> {
        let steps = self.steps(state).into_iter().map(|(via, _)| via);
        let is_there = found.via.is_panic() || steps.into_iter().any(|via| via == found.via);
        is_there.then_some(found.via).ok_or(Error::Unconfirmed("its last step is not there again".into()))
    }

    /// Takes the actions with stateright's own model, and judges where they lead.
    pub fn confirm(&self, actions: &[Action<S>], at: Option<usize>, panics: bool) -> Result<(), Error> {
        let model = self.system.model();
        let mut states = model.init_states();
        for action in &actions[..actions.len() - usize::from(panics)] {
            let last = states.last().ok_or(Error::Unconfirmed("no initial state".into()))?;
            let next = model.next_state(last, action.clone());
            states.push(
                next.ok_or_else(|| Error::Unconfirmed(format!("{action:?} does nothing in stateright")))?,
            );
        }
        let Some(at) = at else { return Ok(()) };
        let reported = self.is_reported(at, &states);
        reported.then_some(()).ok_or(Error::Unconfirmed("stateright's model does not show it".into()))
    }

    /// Is there something to report of property `at` at the end of this path?
    fn is_reported(&self, at: usize, path: &[ActorModelState<S::Actor, S::History>]) -> bool {
        let (own, model) = (&self.properties.list[at], self.system.model());
        let Some(last) = path.last() else { return false };
        let actors = || last.actor_states.iter().enumerate().map(|(id, state)| (Id::from(id), &**state));
        let reports = |holds| holds != (own.expectation == Expectation::Always);
        match &own.reads {
            Reads::State(holds) => reports(holds(model, last)),
            Reads::One(holds) => actors().any(|(id, state)| reports(holds(id, state))),
            Reads::Pair(holds) => actors().any(|a| actors().any(|b| a.0 != b.0 && reports(holds(a, b)))),
            Reads::All(holds) => reports(holds(&actors().map(|(_, state)| state).collect::<Vec<_>>())),
            Reads::History(holds) => reports(holds(&last.history)),
            Reads::Step(holds) => path.len().checked_sub(2).is_some_and(|before| {
                let before = path[before].actor_states.iter();
                actors()
                    .zip(before)
                    .any(|((id, after), before)| **before != *after && reports(holds(id, before, after)))
            }),
            Reads::Message(holds) => envelopes(&last.network).iter().any(|envelope| {
                let Envelope { src, dst, msg } = envelope;
                reports(holds(Envelope { src: *src, dst: *dst, msg }))
            }),
        }
    }
}
