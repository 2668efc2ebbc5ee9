//! Two players and one ball: the first serves, and each returns the ball if its number is the next one. It is here for
//! its boundary, for a history that counts, and for properties that must become true.
//!
//! # Caveats
//!
//! - The boundary ends every rally, so "must exceed max" fails by construction.
//! - stateright judges what must become true on paths without a cycle, and merges states whose paths differ in what
//!   they still owe: see its own documentation.

use std::borrow::Cow;

use stateright::Expectation;
use stateright::actor::{Actor, ActorModel, ActorModelState, Id, Network, Out};

/// How long the rally is, and what is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// The highest count that lies within the boundary.
    pub max: u32,
    /// Are messages counted in the history? The state tells rallies apart then that differ in nothing else.
    pub counts_messages: bool,
}

/// A player.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Player {
    serves_to: Option<Id>,
}

/// The ball, with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// From the player who serves.
    Ping(u32),
    /// And back.
    Pong(u32),
}

/// How many messages were sent and received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Traffic {
    /// Messages delivered.
    pub received: u32,
    /// Messages sent.
    pub sent: u32,
}

/// One rally. A player's state is the number that it expects next.
pub fn ping_pong(config: Config, network: Network<Message>) -> ActorModel<Player, Config, Traffic> {
    ActorModel::new(config, Traffic::default())
        .actor(Player { serves_to: Some(Id::from(1)) })
        .actor(Player { serves_to: None })
        .init_network(network)
        .record_msg_in(|config, traffic, _| {
            config.counts_messages.then(|| Traffic { received: traffic.received + 1, ..*traffic })
        })
        .record_msg_out(|config, traffic, _| {
            config.counts_messages.then(|| Traffic { sent: traffic.sent + 1, ..*traffic })
        })
        .within_boundary(|config, state| state.actor_states.iter().all(|count| **count <= config.max))
        .property(Expectation::Always, "delta within 1", |_, state| {
            state.actor_states[0].abs_diff(*state.actor_states[1]) <= 1
        })
        .property(Expectation::Sometimes, "can reach max", |model, state| reaches(state, model.cfg.max))
        .property(Expectation::Eventually, "must reach max", |model, state| reaches(state, model.cfg.max))
        .property(Expectation::Eventually, "must exceed max", |model, state| {
            reaches(state, model.cfg.max + 1)
        })
        .property(Expectation::Always, "#in <= #out", |_, state| state.history.received <= state.history.sent)
        .property(Expectation::Eventually, "#out <= #in + 1", |_, state| {
            state.history.sent <= state.history.received + 1
        })
}

fn reaches(state: &ActorModelState<Player, Traffic>, count: u32) -> bool {
    state.actor_states.iter().any(|reached| **reached == count)
}

impl Actor for Player {
    type Msg = Message;
    type State = u32;
    type Timer = ();
    type Random = ();
    type Storage = ();

    fn on_start(&self, _: Id, _: &Option<()>, out: &mut Out<Self>) -> u32 {
        if let Some(other) = self.serves_to {
            out.send(other, Message::Ping(0));
        }
        0
    }

    fn on_msg(&self, _: Id, expected: &mut Cow<u32>, src: Id, message: Message, out: &mut Out<Self>) {
        let (Message::Ping(number) | Message::Pong(number)) = message;
        if number != **expected {
            return;
        }
        *expected.to_mut() += 1;
        out.send(
            src,
            match message {
                Message::Ping(number) => Message::Pong(number),
                Message::Pong(number) => Message::Ping(number + 1),
            },
        );
    }
}
