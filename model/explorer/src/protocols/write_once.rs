//! A register that takes one value and refuses every other: servers that hold one copy each, as in
//! [`single_copy`](super::single_copy), and clients that write, are told yes or no, and then read.
//!
//! The clients are stateright's own. Their messages have no order, without which stateright 0.31 lists no actions, so
//! [`Message`] gives them one and [`Node`] translates.
//!
//! # Caveats
//!
//! - A server that nobody wrote to does not answer a read: the messages have no word for an empty register.

use std::borrow::Cow;
use std::cmp::Ordering;

use stateright::Expectation;
use stateright::actor::write_once_register::{WORegisterActor, WORegisterActorState, WORegisterMsg};
use stateright::actor::{Actor, ActorModel, Command, Envelope, Id, Network, Out};
use stateright::semantics::LinearizabilityTester;
use stateright::semantics::write_once_register::WORegister;

use super::register::{RequestId, Value, is_written};

/// What the clients asked and were told.
pub type History = LinearizabilityTester<Id, WORegister<Value>>;

/// A client or a server, whose messages have an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node(WORegisterActor<Server>);

/// A server and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server;

/// What clients and servers say to each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message(pub WORegisterMsg<RequestId, Value, ()>);

/// `servers` that each take one value, and `clients` that write and then read.
pub fn write_once(
    clients: usize,
    servers: usize,
    network: Network<Message>,
) -> ActorModel<Node, (), History> {
    let client = || Node(WORegisterActor::Client { put_count: 1, server_count: servers });
    ActorModel::new((), LinearizabilityTester::new(WORegister(None)))
        .actors(std::iter::repeat_n(Node(WORegisterActor::Server(Server)), servers))
        .actors(std::iter::repeat_with(client).take(clients))
        .init_network(network)
        .record_msg_in(|cfg, history, envelope| WORegisterMsg::record_returns(cfg, history, inner(&envelope)))
        .record_msg_out(|cfg, history, envelope| {
            WORegisterMsg::record_invocations(cfg, history, inner(&envelope))
        })
        .property(Expectation::Always, "linearizable", |_, state| {
            state.history.serialized_history().is_some()
        })
        .property(Expectation::Sometimes, "write refused", |_, state| {
            let mut messages = state.network.iter_deliverable().map(|envelope| &envelope.msg.0);
            messages.any(|message| matches!(message, WORegisterMsg::PutFail(_)))
        })
        .property(Expectation::Always, "what is read was written", |model, state| {
            let clients = model.actors.iter().filter(|node| matches!(node.0, WORegisterActor::Client { .. }));
            let clients = clients.count();
            state.network.iter_deliverable().all(|envelope| match envelope.msg.0 {
                WORegisterMsg::GetOk(_, value) => is_written(value, clients),
                _ => true,
            })
        })
}

fn inner<'a>(envelope: &Envelope<&'a Message>) -> Envelope<&'a WORegisterMsg<RequestId, Value, ()>> {
    Envelope { src: envelope.src, dst: envelope.dst, msg: &envelope.msg.0 }
}

impl Actor for Server {
    type Msg = WORegisterMsg<RequestId, Value, ()>;
    type State = Option<Value>;
    type Timer = ();
    type Random = ();
    type Storage = ();

    fn on_start(&self, _: Id, _: &Option<()>, _: &mut Out<Self>) -> Option<Value> {
        None
    }

    fn on_msg(&self, _: Id, held: &mut Cow<Option<Value>>, src: Id, message: Self::Msg, out: &mut Out<Self>) {
        match (message, **held) {
            (WORegisterMsg::Put(request, value), None) => {
                *held = Cow::Owned(Some(value));
                out.send(src, WORegisterMsg::PutOk(request));
            }
            // To write again what is there already changes nothing, and is no mistake.
            (WORegisterMsg::Put(request, value), Some(held)) if value == held => {
                out.send(src, WORegisterMsg::PutOk(request));
            }
            (WORegisterMsg::Put(request, _), Some(_)) => out.send(src, WORegisterMsg::PutFail(request)),
            (WORegisterMsg::Get(request), Some(held)) => out.send(src, WORegisterMsg::GetOk(request, held)),
            _ => {}
        }
    }
}

impl Actor for Node {
    type Msg = Message;
    type State = WORegisterActorState<Option<Value>, RequestId>;
    type Timer = ();
    type Random = ();
    type Storage = ();

    fn on_start(&self, id: Id, storage: &Option<()>, out: &mut Out<Self>) -> Self::State {
        let mut plain = Out::new();
        let state = self.0.on_start(id, storage, &mut plain);
        send_all(plain, out);
        state
    }

    fn on_msg(
        &self,
        id: Id,
        state: &mut Cow<Self::State>,
        src: Id,
        Message(message): Message,
        out: &mut Out<Self>,
    ) {
        let mut plain = Out::new();
        self.0.on_msg(id, state, src, message, &mut plain);
        send_all(plain, out);
    }

    fn name(&self) -> String {
        self.0.name()
    }
}

fn send_all(plain: Out<WORegisterActor<Server>>, out: &mut Out<Node>) {
    for command in plain {
        let Command::Send(dst, message) = command else {
            unreachable!("neither clients nor servers do anything but send")
        };
        out.send(dst, Message(message));
    }
}

impl Message {
    /// All that a message consists of, in an order.
    fn key(&self) -> (u8, RequestId, Option<Value>) {
        match self.0 {
            WORegisterMsg::Internal(()) => (0, 0, None),
            WORegisterMsg::Put(request, value) => (1, request, Some(value)),
            WORegisterMsg::Get(request) => (2, request, None),
            WORegisterMsg::PutOk(request) => (3, request, None),
            WORegisterMsg::PutFail(request) => (4, request, None),
            WORegisterMsg::GetOk(request, value) => (5, request, Some(value)),
        }
    }
}

impl Ord for Message {
    fn cmp(&self, other: &Message) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Message {
    fn partial_cmp(&self, other: &Message) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
