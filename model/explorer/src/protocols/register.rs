//! What the register protocols share: servers in front, then clients that write once and read once, and a history of
//! what they asked and were told.
//!
//! Client `c` writes to server `c mod n` and then reads from the next one, so the servers of such a model are not
//! interchangeable, whatever their protocol is.

use std::fmt::Debug;
use std::hash::Hash;
use std::iter::repeat_with;

use stateright::Expectation;
use stateright::actor::register::{RegisterActor, RegisterMsg};
use stateright::actor::{Actor, ActorModel, ActorModelState, Id, Network};
use stateright::semantics::LinearizabilityTester;
use stateright::semantics::register::Register;

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

/// Operations of one client: a write, then a read.
pub(super) const OPERATIONS: usize = 2;

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
        .property(Expectation::Sometimes, "value chosen", |_, state| is_value_chosen(state))
        .property(Expectation::Always, "a client asks twice at most", |model, state| {
            state.history.len() <= OPERATIONS * clients_of(model)
        })
}

/// Is a written value on its way to a reader?
fn is_value_chosen<S, I>(state: &ActorModelState<RegisterActor<S>, History>) -> bool
where
    S: Actor<Msg = Message<I>>,
    I: Clone + Debug + Eq + Hash,
{
    let mut messages = state.network.iter_deliverable().map(|envelope| envelope.msg);
    messages.any(|message| matches!(message, RegisterMsg::GetOk(_, value) if *value != Value::default()))
}

fn clients_of<S, I>(model: &RegisterModel<S>) -> usize
where
    S: Actor<Msg = Message<I>, Timer: Ord>,
    I: Clone + Debug + Ord + Hash,
{
    model.actors.iter().filter(|actor| matches!(actor, RegisterActor::Client { .. })).count()
}
