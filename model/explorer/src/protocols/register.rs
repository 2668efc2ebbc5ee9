//! What the register protocols share: servers in front, then clients that write once and read once, and a history of
//! what they asked and were told.
//!
//! Client `c` writes to server `c mod n` and then reads from the next one, so the servers of such a model are not
//! interchangeable, whatever their protocol is.
//!
//! # Caveats
//!
//! - In an ordered network stateright also records deliveries that the receiver ignores, because they empty the
//!   queue. A client that is told twice that its write is done, as it can be by [`paxos`](super::paxos), then has an
//!   invalid history, and "linearizable" fails though nothing went wrong.
//! - In a duplicating network a write can be delivered again after it was answered. To [`abd`](super::abd) that is a
//!   new write with a newer stamp, so its space has no end there: bound the depth.

use std::fmt::Debug;
use std::hash::Hash;
use std::iter::repeat_with;

use stateright::Expectation;
use stateright::actor::register::{RegisterActor, RegisterMsg};
use stateright::actor::{Actor, ActorModel, Envelope, Id, Network};
use stateright::semantics::LinearizabilityTester;
use stateright::semantics::register::Register;

use crate::property::{Property, Reads};
use crate::system::System;

/// What a client writes; a client's own letter.
pub type Value = char;

/// Tells the requests of all clients apart.
pub type RequestId = u64;

/// What the clients asked and were told.
pub type History = LinearizabilityTester<Id, Register<Value>>;

/// A register model whose servers are `S`.
pub type RegisterModel<S> = ActorModel<RegisterActor<S>, (), History>;

/// A message of clients and servers; `I` is what servers say among themselves.
pub type Message<I> = RegisterMsg<RequestId, Value, I>;

/// `servers`, then as many `clients`, on this network.
pub(super) fn register_model<S, I>(
    servers: impl IntoIterator<Item = S>,
    clients: usize,
    network: Network<Message<I>>,
) -> RegisterModel<S>
where
    S: Actor<Msg = Message<I>, Timer: Ord>,
    I: Clone + Debug + Ord + Hash,
{
    let servers: Vec<_> = servers.into_iter().map(RegisterActor::Server).collect();
    let server_count = servers.len();
    let client = || RegisterActor::Client { put_count: 1, server_count };
    ActorModel::new((), LinearizabilityTester::new(Register(Value::default())))
        .actors(servers)
        .actors(repeat_with(client).take(clients))
        .init_network(network)
        .record_msg_in(RegisterMsg::record_returns)
        .record_msg_out(RegisterMsg::record_invocations)
        .property(Expectation::Always, "linearizable", |_, state| {
            state.history.serialized_history().is_some()
        })
        .property(Expectation::Sometimes, "value chosen", |_, state| {
            values_read(&state.network).any(|value| value != Value::default())
        })
        .property(Expectation::Always, "what is read was written", |model, state| {
            values_read(&state.network)
                .all(|value| value == Value::default() || is_written(value, clients_of(model)))
        })
}

/// The same properties, by what they read: the history, or one message.
pub(super) fn told<S, I>(clients: usize) -> Vec<Property<S>>
where
    S: System<History = History, Actor: Actor<Msg = Message<I>>>,
{
    let read = |envelope: Envelope<&Message<I>>| match envelope.msg {
        RegisterMsg::GetOk(_, value) => Some(*value).filter(|value| *value != Value::default()),
        _ => None,
    };
    vec![
        Property {
            expectation: Expectation::Always,
            name: "linearizable",
            reads: Reads::History(Box::new(|history: &History| history.serialized_history().is_some())),
        },
        Property {
            expectation: Expectation::Sometimes,
            name: "value chosen",
            reads: Reads::Message(Box::new(move |envelope| read(envelope).is_some())),
        },
        Property {
            expectation: Expectation::Always,
            name: "what is read was written",
            reads: Reads::Message(Box::new(move |envelope| {
                read(envelope).is_none_or(|value| is_written(value, clients))
            })),
        },
    ]
}

/// Can one of so many clients have written it? The first writes an A, the next a B.
pub(super) fn is_written(value: Value, clients: usize) -> bool {
    ('A'..).take(clients).any(|written| written == value)
}

/// What is on its way to readers.
fn values_read<I: Eq + Hash>(network: &Network<Message<I>>) -> impl Iterator<Item = Value> {
    network.iter_deliverable().filter_map(|envelope| match envelope.msg {
        RegisterMsg::GetOk(_, value) => Some(*value),
        _ => None,
    })
}

pub(super) fn clients_of<S, I>(model: &RegisterModel<S>) -> usize
where
    S: Actor<Msg = Message<I>, Timer: Ord>,
    I: Clone + Debug + Ord + Hash,
{
    model.actors.iter().filter(|actor| matches!(actor, RegisterActor::Client { .. })).count()
}
