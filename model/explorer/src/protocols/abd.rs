//! The atomic register of Attiya, Bar-Noy and Dolev (Sharing Memory Robustly in Message-Passing Systems): linearizable,
//! without consensus, as long as a majority answers.
//!
//! Every operation takes two rounds. In the first the server that was asked *queries* a majority for the newest
//! version; in the second it *records* at a majority what is to be the newest from now on, its client's value under
//! the next stamp or, for a read, the very version that it found.
//!
//! # Caveats
//!
//! - A server does one operation at a time. What a client asks in the meantime waits in the network.
//! - A read records even where all agree already.
//! - A server that has no peers never ends its first round: it waits for a reply that completes a majority.
//! - Stamps of one clock are ordered by server id, so servers are not interchangeable.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use stateright::actor::register::RegisterMsg::{Get, GetOk, Internal, Put, PutOk};
use stateright::actor::{Actor, Id, Network, Out, majority, model_peers};

use super::register::{self, RegisterModel, RequestId, Value, register_model};

/// A server: the constants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    peers: Vec<Id>,
}

/// A server: the variables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    /// The newest version that it was told of.
    pub newest: Version,
    /// The operation that it carries out.
    pub operation: Option<Operation>,
}

/// A value and when it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// When it was written: two versions with one stamp are one.
    pub stamp: Stamp,
    /// What was written.
    pub value: Value,
}

/// A logical time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// One more than the newest that the writer had heard of.
    pub clock: u64,
    /// Tells two writers with one clock apart.
    pub writer: Id,
}

/// An operation under way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operation {
    /// The request that is to be answered.
    pub request: RequestId,
    /// Who asked.
    pub client: Id,
    /// How far it is.
    pub round: Round,
}

/// The two rounds of an operation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Round {
    /// What is the newest version?
    Query {
        /// What is to be written, unless it is a read.
        write: Option<Value>,
        /// What each server said.
        replies: BTreeMap<Id, Version>,
    },
    /// This is the newest version.
    Record {
        /// What was read, unless it is a write.
        read: Option<Value>,
        /// Who knows by now.
        acks: BTreeSet<Id>,
    },
}

/// What servers say among themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Which version do you have?
    Query(RequestId),
    /// This one.
    QueryReply(RequestId, Version),
    /// Take this one, if yours is older.
    Record(RequestId, Version),
    /// Done.
    RecordReply(RequestId),
}

/// What clients and servers say to each other.
pub type Message = register::Message<Step>;

/// `servers` that keep one register together, and `clients` that write and then read.
pub fn abd(clients: usize, servers: usize, network: Network<Message>) -> RegisterModel<Server> {
    let server = |at| Server { peers: model_peers(at, servers) };
    register_model((0..servers).map(server), clients, network)
}

impl Actor for Server {
    type Msg = Message;
    type State = State;
    type Timer = ();
    type Random = ();
    type Storage = ();

    fn on_start(&self, id: Id, _: &Option<()>, _: &mut Out<Self>) -> State {
        let newest = Version { stamp: Stamp { clock: 0, writer: id }, value: Value::default() };
        State { newest, operation: None }
    }

    fn on_msg(&self, id: Id, state: &mut Cow<State>, src: Id, message: Message, out: &mut Out<Self>) {
        match message {
            Put(request, value) if state.operation.is_none() => {
                self.query(id, state.to_mut(), (request, src), Some(value), out);
            }
            Get(request) if state.operation.is_none() => {
                self.query(id, state.to_mut(), (request, src), None, out);
            }
            Internal(step) => self.on_step(id, state, src, step, out),
            _ => {}
        }
    }
}

impl Server {
    fn on_step(&self, id: Id, state: &mut Cow<State>, src: Id, step: Step, out: &mut Out<Self>) {
        match step {
            Step::Query(request) => out.send(src, Internal(Step::QueryReply(request, state.newest))),
            Step::QueryReply(request, version) if state.waits_for_reply(request) => {
                self.on_reply(id, state.to_mut(), src, version, out);
            }
            Step::Record(request, version) => {
                out.send(src, Internal(Step::RecordReply(request)));
                if version.stamp > state.newest.stamp {
                    state.to_mut().newest = version;
                }
            }
            Step::RecordReply(request) if state.waits_for_ack(request, src) => {
                self.on_ack(state.to_mut(), src, out);
            }
            _ => {}
        }
    }

    /// The first round, with the server's own reply.
    fn query(
        &self,
        id: Id,
        state: &mut State,
        (request, client): (RequestId, Id),
        write: Option<Value>,
        out: &mut Out<Self>,
    ) {
        let replies = BTreeMap::from([(id, state.newest)]);
        state.operation = Some(Operation { request, client, round: Round::Query { write, replies } });
        out.broadcast(&self.peers, &Internal(Step::Query(request)));
    }

    fn on_reply(&self, id: Id, state: &mut State, src: Id, version: Version, out: &mut Out<Self>) {
        let Some(Operation { request, round, .. }) = &mut state.operation else { return };
        let Round::Query { write, replies } = round else { return };
        replies.insert(src, version);
        if replies.len() != majority(self.peers.len() + 1) {
            return;
        }
        let newest = replies.values().max_by_key(|version| version.stamp);
        let found = *newest.expect("a majority is not empty");
        let version = write.map_or(found, |value| {
            let stamp = Stamp { clock: found.stamp.clock + 1, writer: id };
            Version { stamp, value }
        });
        let read = write.is_none().then_some(found.value);
        // The second round, with the server's own reply.
        out.broadcast(&self.peers, &Internal(Step::Record(*request, version)));
        *round = Round::Record { read, acks: BTreeSet::from([id]) };
        if version.stamp > state.newest.stamp {
            state.newest = version;
        }
    }

    fn on_ack(&self, state: &mut State, src: Id, out: &mut Out<Self>) {
        let Some(Operation { request, client, round }) = &mut state.operation else { return };
        let Round::Record { read, acks } = round else { return };
        acks.insert(src);
        if acks.len() == majority(self.peers.len() + 1) {
            out.send(*client, read.map_or(PutOk(*request), |value| GetOk(*request, value)));
            state.operation = None;
        }
    }
}

impl State {
    fn waits_for_reply(&self, request: RequestId) -> bool {
        self.operation.as_ref().is_some_and(|operation| {
            operation.request == request && matches!(operation.round, Round::Query { .. })
        })
    }

    fn waits_for_ack(&self, request: RequestId, from: Id) -> bool {
        self.operation.as_ref().is_some_and(|operation| {
            operation.request == request
                && matches!(&operation.round, Round::Record { acks, .. } if !acks.contains(&from))
        })
    }
}
