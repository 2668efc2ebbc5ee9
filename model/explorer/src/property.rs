//! What must hold, written by what it reads: a property that reads one actor is judged once for each state of that
//! actor, not once for each state of the system.

use stateright::Expectation;
use stateright::actor::{ActorModel, ActorModelState, Envelope, Id};

use crate::system::{Msg, State, System};

/// Something that must hold always, or sometimes.
pub struct Property<S: System> {
    /// When. [`Expectation::Eventually`] is refused: what stateright reports of it is wrong where states recur.
    pub expectation: Expectation,
    /// Its name.
    pub name: &'static str,
    /// How it is judged.
    pub reads: Reads<S>,
}

/// A property's condition on a state that was built for it, in stateright's form.
pub type Condition<S> = fn(
    &ActorModel<<S as System>::Actor, <S as System>::Config, <S as System>::History>,
    &ActorModelState<<S as System>::Actor, <S as System>::History>,
) -> bool;

/// A condition of one actor.
pub type OfOne<S> = Box<dyn Fn(Id, &State<S>) -> bool + Send + Sync>;
/// A condition of two different actors.
pub type OfPair<S> = Box<dyn Fn((Id, &State<S>), (Id, &State<S>)) -> bool + Send + Sync>;
/// A condition of all actors.
pub type OfAll<S> = Box<dyn Fn(&[&State<S>]) -> bool + Send + Sync>;
/// A condition of a step: the actor that takes it, before and after.
pub type OfStep<S> = Box<dyn Fn(Id, &State<S>, &State<S>) -> bool + Send + Sync>;
/// A condition of a message that is sent.
pub type OfMessage<S> = Box<dyn Fn(Envelope<&Msg<S>>) -> bool + Send + Sync>;
/// A condition of the history.
pub type OfHistory<S> = Box<dyn Fn(&<S as System>::History) -> bool + Send + Sync>;

/// What a property reads, and its condition.
///
/// With [`Expectation::Always`] the condition holds of every actor, pair, step, message; with
/// [`Expectation::Sometimes`] of one, somewhere.
pub enum Reads<S: System> {
    /// The whole state, network included.
    State(Condition<S>),
    /// Each actor alone.
    One(OfOne<S>),
    /// Each two different actors, in both orders.
    Pair(OfPair<S>),
    /// All actors together.
    All(OfAll<S>),
    /// Each step that changes an actor.
    Step(OfStep<S>),
    /// Each message that is in the network at the start or is sent.
    Message(OfMessage<S>),
    /// The history.
    History(OfHistory<S>),
}

/// The largest number of properties: each has a bit.
pub const MAX: usize = 32;

/// Properties, sorted by how they are judged; sets of them are bits by their place.
pub(crate) struct Properties<S: System> {
    pub list: Vec<Property<S>>,
    /// Which of them read two actors, all actors, the whole state.
    pub pairs: Vec<usize>,
    pub tuples: Vec<usize>,
    pub states: Vec<usize>,
    /// Which are of [`Expectation::Always`].
    pub always: u32,
}

impl<S: System> Properties<S> {
    pub fn new(list: Vec<Property<S>>) -> Properties<S> {
        let of = |wanted: fn(&Reads<S>) -> bool| -> Vec<usize> {
            list.iter().enumerate().filter(|(_, own)| wanted(&own.reads)).map(|(at, _)| at).collect()
        };
        let (pairs, tuples, states) = (
            of(|reads| matches!(reads, Reads::Pair(_))),
            of(|reads| matches!(reads, Reads::All(_))),
            of(|reads| matches!(reads, Reads::State(_))),
        );
        let is_always = |(_, own): &(usize, &Property<S>)| own.expectation == Expectation::Always;
        let always = list.iter().enumerate().filter(is_always).fold(0, |bits, (at, _)| bits | 1 << at);
        Properties { list, pairs, tuples, states, always }
    }

    /// Is this verdict of property `at` one to report: an `always` that is false, a `sometimes` that is true?
    pub fn reports(&self, at: usize, holds: bool) -> bool {
        holds != (self.always >> at & 1 == 1)
    }

    fn notes(&self, judge: impl Fn(&Reads<S>) -> Option<bool>) -> u32 {
        let judged = self.list.iter().enumerate().filter_map(|(at, own)| Some((at, judge(&own.reads)?)));
        judged.filter(|(at, holds)| self.reports(*at, *holds)).fold(0, |bits, (at, _)| bits | 1 << at)
    }

    /// What there is to report of one actor.
    pub fn of_local(&self, id: Id, state: &State<S>) -> u32 {
        self.notes(|reads| match reads {
            Reads::One(holds) => Some(holds(id, state)),
            _ => None,
        })
    }

    /// What there is to report of a step.
    pub fn of_step(&self, id: Id, before: &State<S>, after: &State<S>) -> u32 {
        self.notes(|reads| match reads {
            Reads::Step(holds) => Some(holds(id, before, after)),
            _ => None,
        })
    }

    /// What there is to report of a message.
    pub fn of_message(&self, envelope: Envelope<&Msg<S>>) -> u32 {
        self.notes(|reads| match reads {
            Reads::Message(holds) => Some(holds(envelope)),
            _ => None,
        })
    }

    /// What there is to report of a history.
    pub fn of_history(&self, history: &S::History) -> u32 {
        self.notes(|reads| match reads {
            Reads::History(holds) => Some(holds(history)),
            _ => None,
        })
    }

    /// What there is to report of two actors, in both orders.
    pub fn of_pair(&self, a: (Id, &State<S>), b: (Id, &State<S>)) -> u32 {
        self.pairs.iter().fold(0, |bits, &at| {
            let Reads::Pair(holds) = &self.list[at].reads else { return bits };
            let reported = self.reports(at, holds(a, b)) || self.reports(at, holds(b, a));
            bits | u32::from(reported) << at
        })
    }

    /// What there is to report of all actors together.
    pub fn of_tuple(&self, states: &[&State<S>]) -> u32 {
        self.tuples.iter().fold(0, |bits, &at| {
            let Reads::All(holds) = &self.list[at].reads else { return bits };
            bits | u32::from(self.reports(at, holds(states))) << at
        })
    }

    /// What there is to report of a whole state.
    pub fn of_state(
        &self,
        model: &ActorModel<S::Actor, S::Config, S::History>,
        state: &ActorModelState<S::Actor, S::History>,
    ) -> u32 {
        self.states.iter().fold(0, |bits, &at| {
            let Reads::State(holds) = &self.list[at].reads else { return bits };
            bits | u32::from(self.reports(at, holds(model, state))) << at
        })
    }
}
