//! Servers that hold one value each and never speak to each other.
//!
//! With one server that is a linearizable register. With two it is none: a client that wrote to one server and reads
//! from the other is told that nothing was ever written.

use std::borrow::Cow;

use stateright::actor::register::RegisterMsg;
use stateright::actor::{Actor, Id, Network, Out};

use super::register::{self, RegisterModel, Value, register_model};

/// A server and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server;

/// What clients and servers say to each other.
pub type Message = register::Message<()>;

impl Actor for Server {
    type Msg = Message;
    type State = Value;
    type Timer = ();
    type Random = ();
    type Storage = ();

    fn on_start(&self, _: Id, _: &Option<()>, _: &mut Out<Self>) -> Value {
        Value::default()
    }

    fn on_msg(&self, _: Id, held: &mut Cow<Value>, src: Id, message: Message, out: &mut Out<Self>) {
        match message {
            RegisterMsg::Put(request, value) => {
                *held = Cow::Owned(value);
                out.send(src, RegisterMsg::PutOk(request));
            }
            RegisterMsg::Get(request) => out.send(src, RegisterMsg::GetOk(request, **held)),
            _ => {}
        }
    }
}

/// `servers` that each keep a value of their own, and `clients` that write and then read.
pub fn single_copy(clients: usize, servers: usize, network: Network<Message>) -> RegisterModel<Server> {
    register_model(std::iter::repeat_n(Server, servers), clients, network)
}
