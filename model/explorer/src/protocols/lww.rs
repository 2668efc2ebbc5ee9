//! A register in which the last writer wins, as a state-based CRDT: each replica keeps the value with the greatest
//! timestamp that it heard of, and its clock goes wrong. It is here for its random choices: what a replica does next is
//! always one of five.
//!
//! The space is infinite: bound the depth.
//!
//! # Caveats
//!
//! - "eventually consistent" does not hold. The first write of a replica does not remember its timestamp, so the
//!   second may take the same one; and a write takes its own clock for the newest, even where the replica already
//!   holds a later value from elsewhere, which it then forgets and the others keep. Both need seven steps.
//! - A replica also sends to itself.

use std::borrow::Cow;

use stateright::Expectation;
use stateright::actor::{Actor, ActorModel, Id, Network, Out};

/// A replica: the constants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    everyone: Vec<Id>,
}

/// A replica: the variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    /// What it takes for the last write.
    pub register: Option<Write>,
    /// What its clock shows.
    pub clock: u64,
    /// The greatest timestamp of its own writes, but for the first one.
    pub used: u64,
}

/// A write, which is also the message that tells of it. The greater timestamp wins, then the greater writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Write {
    /// When the writer says it was.
    pub timestamp: u64,
    /// Tells writers with one timestamp apart.
    pub writer: Id,
    /// What was written.
    pub value: Value,
}

/// What can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// One value.
    A,
    /// Another.
    B,
    /// A third.
    C,
}

/// What a replica may do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Choice {
    /// Write, and tell everyone.
    Set(Value),
    /// The clock shows this now.
    Clock(u64),
}

/// Where clocks start: high enough to go back.
const CLOCK_START: u64 = 1_000;

/// `replicas` of one register.
pub fn lww(replicas: usize, network: Network<Write>) -> ActorModel<Replica> {
    let everyone = Id::vec_from(0..replicas);
    ActorModel::new((), ())
        .actors(std::iter::repeat_n(Replica { everyone }, replicas))
        .init_network(network)
        .property(Expectation::Always, "eventually consistent", |_, state| {
            let mut registers =
                state.actor_states.windows(2).map(|pair| (pair[0].register, pair[1].register));
            state.network.len() > 0 || registers.all(|(one, next)| one == next)
        })
        .property(Expectation::Always, "a choice is always open", |_, state| {
            let mut replicas = state.random_choices.iter().zip(&state.crashed);
            replicas.all(|(choices, crashed)| *crashed || choices.map.len() == 1)
        })
}

impl Actor for Replica {
    type Msg = Write;
    type State = State;
    type Timer = ();
    type Random = Choice;
    type Storage = ();

    fn on_start(&self, _: Id, _: &Option<()>, out: &mut Out<Self>) -> State {
        let state = State { register: None, clock: CLOCK_START, used: CLOCK_START };
        state.offer_choices(out);
        state
    }

    fn on_random(&self, id: Id, state: &mut Cow<State>, choice: &Choice, out: &mut Out<Self>) {
        match *choice {
            Choice::Set(value) => out.broadcast(&self.everyone, &state.to_mut().write(id, value)),
            Choice::Clock(time) => state.to_mut().clock = time,
        }
        state.offer_choices(out);
    }

    fn on_msg(&self, _: Id, state: &mut Cow<State>, _: Id, heard: Write, _: &mut Out<Self>) {
        let state = state.to_mut();
        let kept = state.register.filter(|held| held.is_after(heard));
        state.register = kept.or(Some(heard));
    }
}

impl State {
    fn write(&mut self, writer: Id, value: Value) -> Write {
        let mut timestamp = self.clock;
        if self.register.is_some() {
            timestamp = timestamp.max(self.used + 1);
            self.used = timestamp;
        }
        *self.register.insert(Write { timestamp, writer, value })
    }

    fn offer_choices(&self, out: &mut Out<Replica>) {
        let values = [Value::A, Value::B, Value::C].map(Choice::Set);
        let clocks = [self.clock.saturating_add(1), self.clock.saturating_sub(1)].map(Choice::Clock);
        out.choose_random("next", values.into_iter().chain(clocks).collect());
    }
}

impl Write {
    fn is_after(self, other: Write) -> bool {
        (self.timestamp, self.writer) > (other.timestamp, other.writer)
    }
}
