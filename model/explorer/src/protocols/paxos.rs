//! Paxos for one decision (Lamport, The Part-Time Parliament), behind a register that is written once.
//!
//! A server that a client asks to write becomes the leader of a new ballot. First it has a majority *promise* to accept
//! nothing older, and learns what each of them accepted last; had an older ballot decided, one of them would know. Then
//! it has a majority *accept* the newest of those proposals, or its client's where there is none.
//!
//! # Caveats
//!
//! - A server that does not know the decision does not answer a read.
//! - The leader does not send to itself: it promises and accepts where it stands.
//! - A ballot is ordered by its round and then by its leader's id. A server's id is therefore more than a name, and
//!   permuting servers does not permute what can happen: server 1 overtakes server 0 in the same round, and never the
//!   other way round. `Rewrite` renames the ids of a state or a message, which is not enough for symmetry.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use stateright::actor::register::RegisterActor;
use stateright::actor::register::RegisterMsg::{Get, GetOk, Internal, Put, PutOk};
use stateright::actor::{Actor, Id, Network, Out, majority, model_peers};
use stateright::{Rewrite, RewritePlan};

use super::register::{self, RegisterModel, RequestId, Value, register_model};
use crate::property::Property;
use crate::system::System;

/// A server: the constants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    peers: Vec<Id>,
}

/// A server: the variables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    /// The newest ballot that it took part in.
    pub ballot: Ballot,
    /// What it proposes as a leader.
    pub proposal: Option<Proposal>,
    /// As a leader: who promised, and what each of them had accepted.
    pub promises: BTreeMap<Id, Option<Vote>>,
    /// As a leader: who accepted.
    pub accepts: BTreeSet<Id>,
    /// What it accepted last.
    pub accepted: Option<Vote>,
    /// Does it know that what it accepted is the decision?
    pub is_decided: bool,
}

/// One attempt to decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ballot {
    /// Grows with each attempt.
    pub round: u32,
    /// Who attempts it: tells ballots of one round apart, and orders them.
    pub leader: Id,
}

/// What a client asked to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Proposal {
    /// The request that is to be answered.
    pub request: RequestId,
    /// Who is to be told.
    pub client: Id,
    /// What is written.
    pub value: Value,
}

/// An acceptance. The newer ballot is the greater vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vote {
    /// The ballot in which it was accepted.
    pub ballot: Ballot,
    /// What was accepted.
    pub proposal: Proposal,
}

/// What servers say among themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Phase 1a: accept nothing older than this ballot.
    Prepare(Ballot),
    /// Phase 1b: promised, and this is what was accepted last.
    Promise(Ballot, Option<Vote>),
    /// Phase 2a: accept this.
    Accept(Vote),
    /// Phase 2b: accepted, in this ballot.
    Accepted(Ballot),
    /// A majority accepted this.
    Decided(Vote),
}

/// What clients and servers say to each other.
pub type Message = register::Message<Step>;

/// `servers` that decide what is written, and `clients` that write and then read.
pub fn paxos(clients: usize, servers: usize, network: Network<Message>) -> RegisterModel<Server> {
    let server = |at| Server { peers: model_peers(at, servers) };
    register_model((0..servers).map(server), clients, network)
}

/// The model, told by what its properties read, so that no state is built to judge one. Its states and verdicts are
/// those of the model as it is.
#[derive(Clone)]
pub struct Told(pub RegisterModel<Server>);

impl System for Told {
    type Actor = RegisterActor<Server>;
    type Config = ();
    type History = register::History;

    fn model(&self) -> &RegisterModel<Server> {
        &self.0
    }

    fn properties(&self) -> Vec<Property<Told>> {
        register::told(register::clients_of(&self.0))
    }

    fn has_boundary(&self) -> bool {
        false
    }
}

impl Actor for Server {
    type Msg = Message;
    type State = State;
    type Timer = ();
    type Random = ();
    type Storage = ();

    fn on_start(&self, _: Id, _: &Option<()>, _: &mut Out<Self>) -> State {
        State {
            ballot: Ballot::default(),
            proposal: None,
            promises: BTreeMap::new(),
            accepts: BTreeSet::new(),
            accepted: None,
            is_decided: false,
        }
    }

    fn on_msg(&self, id: Id, state: &mut Cow<State>, src: Id, message: Message, out: &mut Out<Self>) {
        match message {
            // Nothing but reads matters to who knows the decision.
            Get(request) if state.is_decided => {
                let decision = state.accepted.expect("a decision was accepted first");
                out.send(src, GetOk(request, decision.proposal.value));
            }
            _ if state.is_decided => {}
            Put(request, value) if state.proposal.is_none() => {
                self.start_ballot(id, state.to_mut(), Proposal { request, client: src, value }, out);
            }
            Internal(step) => self.on_step(id, state, src, step, out),
            _ => {}
        }
    }

    fn name(&self) -> String {
        "Paxos".to_owned()
    }
}

impl Server {
    fn on_step(&self, id: Id, state: &mut Cow<State>, src: Id, step: Step, out: &mut Out<Self>) {
        match step {
            Step::Prepare(ballot) if ballot > state.ballot => {
                state.to_mut().ballot = ballot;
                out.send(src, Internal(Step::Promise(ballot, state.accepted)));
            }
            Step::Promise(ballot, last) if ballot == state.ballot => {
                let state = state.to_mut();
                state.promises.insert(src, last);
                if self.is_majority(state.promises.len()) {
                    self.propose(id, state, out);
                }
            }
            Step::Accept(vote) if vote.ballot >= state.ballot => {
                let state = state.to_mut();
                state.ballot = vote.ballot;
                state.accepted = Some(vote);
                out.send(src, Internal(Step::Accepted(vote.ballot)));
            }
            Step::Accepted(ballot) if ballot == state.ballot => {
                let state = state.to_mut();
                state.accepts.insert(src);
                if self.is_majority(state.accepts.len()) {
                    self.decide(state, out);
                }
            }
            Step::Decided(vote) => {
                let state = state.to_mut();
                state.ballot = vote.ballot;
                state.accepted = Some(vote);
                state.is_decided = true;
            }
            _ => {}
        }
    }

    /// Phase 1a, and the leader's own promise.
    fn start_ballot(&self, id: Id, state: &mut State, proposal: Proposal, out: &mut Out<Self>) {
        state.proposal = Some(proposal);
        state.ballot = Ballot { round: state.ballot.round + 1, leader: id };
        state.promises = BTreeMap::from([(id, state.accepted)]);
        state.accepts = BTreeSet::new();
        out.broadcast(&self.peers, &Internal(Step::Prepare(state.ballot)));
    }

    /// Phase 2a, and the leader's own acceptance. The newest vote that was heard of is the only one that can have been
    /// decided: whoever led a ballot in between asked before it proposed, as this one did.
    fn propose(&self, id: Id, state: &mut State, out: &mut Out<Self>) {
        let newest = state.promises.values().max().copied().flatten();
        let proposal = newest.map(|vote| vote.proposal).or(state.proposal);
        let proposal = proposal.expect("a leader has a proposal of its own");
        let vote = Vote { ballot: state.ballot, proposal };
        state.proposal = Some(proposal);
        state.accepted = Some(vote);
        state.accepts.insert(id);
        out.broadcast(&self.peers, &Internal(Step::Accept(vote)));
    }

    /// A majority accepted: everyone is told, the client included.
    fn decide(&self, state: &mut State, out: &mut Out<Self>) {
        let proposal = state.proposal.expect("what was accepted was proposed");
        state.is_decided = true;
        out.broadcast(&self.peers, &Internal(Step::Decided(Vote { ballot: state.ballot, proposal })));
        out.send(proposal.client, PutOk(proposal.request));
    }

    /// Exactly a majority, so that what follows happens when it is reached and not again with each further server.
    fn is_majority(&self, servers: usize) -> bool {
        servers == majority(self.peers.len() + 1)
    }
}

impl Rewrite<Id> for Ballot {
    fn rewrite<S>(&self, plan: &RewritePlan<Id, S>) -> Self {
        Ballot { leader: self.leader.rewrite(plan), ..*self }
    }
}

impl Rewrite<Id> for Proposal {
    fn rewrite<S>(&self, plan: &RewritePlan<Id, S>) -> Self {
        Proposal { client: self.client.rewrite(plan), ..*self }
    }
}

impl Rewrite<Id> for Vote {
    fn rewrite<S>(&self, plan: &RewritePlan<Id, S>) -> Self {
        Vote { ballot: self.ballot.rewrite(plan), proposal: self.proposal.rewrite(plan) }
    }
}

impl Rewrite<Id> for Step {
    fn rewrite<S>(&self, plan: &RewritePlan<Id, S>) -> Self {
        match self {
            Step::Prepare(ballot) => Step::Prepare(ballot.rewrite(plan)),
            Step::Promise(ballot, last) => Step::Promise(ballot.rewrite(plan), last.rewrite(plan)),
            Step::Accept(vote) => Step::Accept(vote.rewrite(plan)),
            Step::Accepted(ballot) => Step::Accepted(ballot.rewrite(plan)),
            Step::Decided(vote) => Step::Decided(vote.rewrite(plan)),
        }
    }
}

impl Rewrite<Id> for State {
    fn rewrite<S>(&self, plan: &RewritePlan<Id, S>) -> Self {
        State {
            ballot: self.ballot.rewrite(plan),
            proposal: self.proposal.rewrite(plan),
            promises: self.promises.rewrite(plan),
            accepts: self.accepts.rewrite(plan),
            accepted: self.accepted.rewrite(plan),
            is_decided: self.is_decided,
        }
    }
}
