//! Raft as stateright's example has it, after the pseudo-code of Kleppmann's lectures on distributed systems:
//! elections, replication, and a client that is played by the servers, each of which broadcasts one payload when it
//! starts.
//!
//! It is not the Raft of this project, and it is not right. It is kept as published, because it is what explorers of
//! actor models are compared on. Its state is hashed whole, which the published one is not.
//!
//! The space is infinite: bound the depth.
//!
//! # Caveats
//!
//! - Nothing is stored. A server that crashes comes back without its term, its vote and its log, so the guarantees of
//!   Raft do not hold under crashes, of which the model allows a minority at a time. "Election Safety" falls in eight
//!   steps: a server votes, crashes, and votes again.
//! - A leader takes an acknowledgement for its own even if it was meant for the leader that it was before a crash. Then
//!   it believes that a follower holds more than there is, and the next replication panics. With three servers the
//!   twelfth step can.
//! - What a timer did, it does once: a leader whose election timer fires, a candidate, and whoever's replication timer
//!   fires do not arm it again.
//! - Whoever hears of a leader forwards its own broadcasts, but not those that it had put aside before: these leave
//!   only when it leads itself.
//! - Every event changes the state, as stateright sees it, even if nothing is different after it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use stateright::actor::{
    Actor, ActorModel, ActorModelState, Id, Network, Out, majority, model_peers, model_timeout,
};
use stateright::{Expectation, Rewrite, RewritePlan};

use crate::property::{Property, Reads};
use crate::symmetry::Permutation;
use crate::system::System;

/// A server: the constants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    peers: Vec<Id>,
}

/// A server: the variables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    /// Which server it is.
    pub id: Id,
    /// The latest term that it heard of.
    pub term: Term,
    /// Whom it voted for in that term.
    pub voted_for: Option<Id>,
    /// What it holds.
    pub log: Vec<Entry>,
    /// How much of the log it knows to be committed.
    pub commit_length: usize,
    /// What it is.
    pub role: Role,
    /// Whom it believes to lead.
    pub leader: Option<Id>,
    /// As a candidate: who voted for it.
    pub votes: BTreeSet<Id>,
    /// As a leader: how much of its log it sent to each server.
    pub sent_length: PerServer,
    /// As a leader: how much of its log each server is known to hold.
    pub acked_length: PerServer,
    /// What it gave to the application.
    pub delivered: Vec<Payload>,
    /// What it was to broadcast while it knew of no leader.
    pub buffer: Vec<Payload>,
}

/// What a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Takes what a leader sends.
    Follower,
    /// Collects votes.
    Candidate,
    /// Was elected.
    Leader,
}

/// A term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(pub u64);

/// What is broadcast: the name of the server that first did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Payload(pub Id);

/// One entry of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The term of the leader that appended it.
    pub term: Term,
    /// What is to be delivered.
    pub payload: Payload,
}

/// A length for each server, the first one's first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PerServer(pub Vec<usize>);

/// What servers say to each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Message {
    /// Vote for me.
    VoteRequest(VoteRequest),
    /// The answer to a [`VoteRequest`].
    VoteResponse(VoteResponse),
    /// Append this to your log.
    LogRequest(LogRequest),
    /// The answer to a [`LogRequest`].
    LogResponse(LogResponse),
    /// Have this delivered everywhere.
    Broadcast(Payload),
}

/// A candidate's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VoteRequest {
    /// Who asks.
    pub candidate: Id,
    /// Its term.
    pub term: Term,
    /// How long its log is.
    pub log_length: usize,
    /// The term of its last entry.
    pub last_term: Term,
}

/// A vote, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VoteResponse {
    /// Who answers.
    pub voter: Id,
    /// Its term.
    pub term: Term,
    /// Is it a vote?
    pub granted: bool,
}

/// A leader's log from a certain place on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogRequest {
    /// Who sends it.
    pub leader: Id,
    /// Its term.
    pub term: Term,
    /// How many entries come before.
    pub prefix_length: usize,
    /// The term of the last entry before.
    pub prefix_term: Term,
    /// How much of its log the leader knows to be committed.
    pub commit_length: usize,
    /// The entries.
    pub suffix: Vec<Entry>,
}

/// How much of a leader's log a follower holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogResponse {
    /// Who answers.
    pub follower: Id,
    /// Its term.
    pub term: Term,
    /// How much it holds, if it took the entries.
    pub acked: usize,
    /// Did it take them?
    pub success: bool,
}

/// What wakes a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// No leader was heard of.
    Election,
    /// Time to replicate.
    Replication,
}

/// `servers` of which a minority may be down at any time.
pub fn raft(servers: usize, network: Network<Message>) -> ActorModel<Server> {
    ActorModel::new((), ())
        .actors((0..servers).map(|at| Server { peers: model_peers(at, servers) }))
        .init_network(network)
        .max_crashes(servers.saturating_sub(1) / 2)
        .property(Expectation::Sometimes, "Election Liveness", |_, state| {
            state.actor_states.iter().any(|server| server.role == Role::Leader)
        })
        .property(Expectation::Sometimes, "Log Liveness", |_, state| {
            state.actor_states.iter().any(|server| server.commit_length > 0)
        })
        .property(Expectation::Always, "Election Safety", |_, state| has_one_leader_a_term(state))
        .property(Expectation::Always, "State Machine Safety", |_, state| delivers_alike(state))
        .property(Expectation::Always, "what is delivered is committed", |_, state| {
            state.actor_states.iter().all(|server| server.delivered.len() == server.commit_length)
        })
}

/// The model, told by what its properties read and under which names of servers it is the same, so that no state is
/// built to judge one, and of symmetric states one is explored. Its states in full and its verdicts are those of the
/// model as it is.
#[derive(Clone)]
pub struct Told(pub ActorModel<Server>);

impl System for Told {
    type Actor = Server;
    type Config = ();
    type History = ();

    fn model(&self) -> &ActorModel<Server> {
        &self.0
    }

    fn properties(&self) -> Vec<Property<Told>> {
        let told = |expectation, name, reads| Property { expectation, name, reads };
        let one = |holds: fn(&State) -> bool| Reads::One(Box::new(move |_, server: &State| holds(server)));
        let pair = |holds: fn(&State, &State) -> bool| {
            Reads::Pair(Box::new(move |(_, a): (Id, &State), (_, b): (Id, &State)| holds(a, b)))
        };
        vec![
            told(Expectation::Sometimes, "Election Liveness", one(|server| server.role == Role::Leader)),
            told(Expectation::Sometimes, "Log Liveness", one(|server| server.commit_length > 0)),
            told(
                Expectation::Always,
                "Election Safety",
                pair(|a, b| a.role != Role::Leader || b.role != Role::Leader || a.term != b.term),
            ),
            told(
                Expectation::Always,
                "State Machine Safety",
                pair(|a, b| a.delivered.starts_with(&b.delivered) || b.delivered.starts_with(&a.delivered)),
            ),
            told(
                Expectation::Always,
                "what is delivered is committed",
                one(|server| server.delivered.len() == server.commit_length),
            ),
        ]
    }

    fn has_boundary(&self) -> bool {
        false
    }

    fn symmetries(&self) -> Vec<Permutation> {
        let servers = self.0.actors.len();
        Permutation::all_of(0..servers, servers)
    }

    fn permute_state(&self, _: Id, state: &State, by: &Permutation) -> State {
        state.rewrite(&plan(by))
    }

    fn permute_message(&self, message: &Message, by: &Permutation) -> Message {
        message.rewrite(&plan(by))
    }
}

/// A permutation, as stateright's rewriting wants it.
fn plan(by: &Permutation) -> RewritePlan<Id, Permutation> {
    RewritePlan::new(by.clone(), |id, by| by.of(*id))
}

/// No two servers lead one term.
fn has_one_leader_a_term(state: &ActorModelState<Server>) -> bool {
    let leaders = state.actor_states.iter().filter(|server| server.role == Role::Leader);
    let mut terms = BTreeSet::new();
    leaders.into_iter().all(|leader| terms.insert(leader.term))
}

/// What one server delivered is a prefix of what the server delivered that delivered most.
fn delivers_alike(state: &ActorModelState<Server>) -> bool {
    let delivered = || state.actor_states.iter().map(|server| &server.delivered);
    let longest = delivered().max_by_key(|payloads| payloads.len());
    longest.is_none_or(|longest| delivered().all(|payloads| longest.starts_with(payloads)))
}

impl Actor for Server {
    type Msg = Message;
    type State = State;
    type Timer = Timer;
    type Random = ();
    type Storage = ();

    fn on_start(&self, id: Id, _: &Option<()>, out: &mut Out<Self>) -> State {
        out.set_timer(Timer::Election, model_timeout());
        out.set_timer(Timer::Replication, model_timeout());
        out.send(id, Message::Broadcast(Payload(id)));
        State::new(id, self.peers.len() + 1)
    }

    fn on_msg(&self, _: Id, state: &mut Cow<State>, _: Id, message: Message, out: &mut Out<Self>) {
        let state = state.to_mut();
        match message {
            Message::VoteRequest(request) => on_vote_request(state, request, out),
            Message::VoteResponse(response) => self.on_vote_response(state, response, out),
            Message::LogRequest(request) => on_log_request(state, &request, out),
            Message::LogResponse(response) => on_log_response(state, response, out),
            Message::Broadcast(payload) => self.on_broadcast(state, payload, out),
        }
    }

    fn on_timeout(&self, _: Id, state: &mut Cow<State>, timer: &Timer, out: &mut Out<Self>) {
        let state = state.to_mut();
        match timer {
            Timer::Election => self.start_election(state, out),
            Timer::Replication => self.replicate(state, out),
        }
    }
}

impl Server {
    fn start_election(&self, state: &mut State, out: &mut Out<Self>) {
        if state.role == Role::Leader {
            return;
        }
        state.term = Term(state.term.0 + 1);
        state.role = Role::Candidate;
        state.voted_for = Some(state.id);
        state.votes = BTreeSet::from([state.id]);
        let request = VoteRequest {
            candidate: state.id,
            term: state.term,
            log_length: state.log.len(),
            last_term: state.last_term(),
        };
        out.broadcast(&self.peers, &Message::VoteRequest(request));
    }

    fn on_vote_response(&self, state: &mut State, response: VoteResponse, out: &mut Out<Self>) {
        if response.term > state.term {
            step_down(state, response.term, out);
        } else if state.role == Role::Candidate && response.term == state.term && response.granted {
            state.votes.insert(response.voter);
            if state.votes.len() >= majority(state.servers()) {
                self.lead(state, out);
            }
        }
    }

    fn lead(&self, state: &mut State, out: &mut Out<Self>) {
        state.role = Role::Leader;
        state.leader = Some(state.id);
        for payload in state.buffer.drain(..) {
            out.send(state.id, Message::Broadcast(payload));
        }
        for &peer in &self.peers {
            *state.sent_length.of(peer) = state.log.len();
            *state.acked_length.of(peer) = 0;
        }
        self.replicate(state, out);
    }

    fn on_broadcast(&self, state: &mut State, payload: Payload, out: &mut Out<Self>) {
        if state.role == Role::Leader {
            state.log.push(Entry { term: state.term, payload });
            *state.acked_length.of(state.id) = state.log.len();
            self.replicate(state, out);
        } else if let Some(leader) = state.leader {
            out.send(leader, Message::Broadcast(payload));
        } else {
            state.buffer.push(payload);
        }
    }

    fn replicate(&self, state: &State, out: &mut Out<Self>) {
        if state.role == Role::Leader {
            self.peers.iter().for_each(|&peer| replicate_to(state, peer, out));
        }
    }
}

/// Sends the part of the log that was not sent yet. Panics if more was sent than there is: see the caveats.
fn replicate_to(state: &State, follower: Id, out: &mut Out<Server>) {
    let (prefix, suffix) = state.log.split_at(state.sent_length.0[usize::from(follower)]);
    let request = LogRequest {
        leader: state.id,
        term: state.term,
        prefix_length: prefix.len(),
        prefix_term: term_of(prefix.last()),
        commit_length: state.commit_length,
        suffix: suffix.to_vec(),
    };
    out.send(follower, Message::LogRequest(request));
}

fn on_vote_request(state: &mut State, request: VoteRequest, out: &mut Out<Server>) {
    if request.term > state.term {
        state.follow(request.term);
    }
    let is_up_to_date = (request.last_term, request.log_length) >= (state.last_term(), state.log.len());
    let is_free = state.voted_for.is_none_or(|voted| voted == request.candidate);
    let granted = request.term == state.term && is_up_to_date && is_free;
    if granted {
        state.voted_for = Some(request.candidate);
    }
    let response = VoteResponse { voter: state.id, term: state.term, granted };
    out.send(request.candidate, Message::VoteResponse(response));
}

fn on_log_request(state: &mut State, request: &LogRequest, out: &mut Out<Server>) {
    if request.term > state.term {
        state.follow(request.term);
    }
    if request.term == state.term {
        state.role = Role::Follower;
        state.leader = Some(request.leader);
        out.set_timer(Timer::Election, model_timeout());
    }
    let success = request.term == state.term && state.holds(request.prefix_length, request.prefix_term);
    if success {
        state.append(request);
    }
    let acked = if success { request.prefix_length + request.suffix.len() } else { 0 };
    let response = LogResponse { follower: state.id, term: state.term, acked, success };
    out.send(request.leader, Message::LogResponse(response));
}

fn on_log_response(state: &mut State, response: LogResponse, out: &mut Out<Server>) {
    if response.term > state.term {
        step_down(state, response.term, out);
    } else if response.term == state.term && state.role == Role::Leader {
        let follower = response.follower;
        if response.success && response.acked >= *state.acked_length.of(follower) {
            *state.sent_length.of(follower) = response.acked;
            *state.acked_length.of(follower) = response.acked;
            state.commit();
        } else if *state.sent_length.of(follower) > 0 {
            *state.sent_length.of(follower) -= 1;
            replicate_to(state, follower, out);
        }
    }
}

fn step_down(state: &mut State, term: Term, out: &mut Out<Server>) {
    state.follow(term);
    out.set_timer(Timer::Election, model_timeout());
}

fn term_of(entry: Option<&Entry>) -> Term {
    entry.map_or(Term(0), |entry| entry.term)
}

impl State {
    fn new(id: Id, servers: usize) -> State {
        State {
            id,
            term: Term(0),
            voted_for: None,
            log: Vec::new(),
            commit_length: 0,
            role: Role::Follower,
            leader: None,
            votes: BTreeSet::new(),
            sent_length: PerServer(vec![0; servers]),
            acked_length: PerServer(vec![0; servers]),
            delivered: Vec::new(),
            buffer: Vec::new(),
        }
    }

    fn servers(&self) -> usize {
        self.sent_length.0.len()
    }

    fn last_term(&self) -> Term {
        term_of(self.log.last())
    }

    fn follow(&mut self, term: Term) {
        self.term = term;
        self.role = Role::Follower;
        self.voted_for = None;
    }

    /// Does the log hold what comes before a leader's entries?
    fn holds(&self, prefix_length: usize, prefix_term: Term) -> bool {
        let prefix = self.log.get(..prefix_length);
        prefix.is_some_and(|prefix| prefix.is_empty() || term_of(prefix.last()) == prefix_term)
    }

    fn append(&mut self, request: &LogRequest) {
        let (prefix, suffix) = (request.prefix_length, &request.suffix);
        // The last entry that both have tells whether they have the same: Log Matching.
        let shared = suffix.len().min(self.log.len() - prefix);
        if shared > 0 && self.log[prefix + shared - 1].term != suffix[shared - 1].term {
            self.log.truncate(prefix);
        }
        let held = self.log.len() - prefix;
        self.log.extend(suffix.iter().skip(held));
        self.deliver(request.commit_length);
    }

    /// Commits what a majority holds, if the last of it is of the leader's own term.
    fn commit(&mut self) {
        let quorum = majority(self.servers());
        let holders = |length| self.acked_length.0.iter().filter(|acked| **acked >= length).count();
        let ready = (self.commit_length + 1..=self.log.len()).rev().find(|length| holders(*length) >= quorum);
        if let Some(length) = ready.filter(|length| self.log[length - 1].term == self.term) {
            self.deliver(length);
        }
    }

    fn deliver(&mut self, commit_length: usize) {
        if commit_length > self.commit_length {
            let committed = &self.log[self.commit_length..commit_length];
            self.delivered.extend(committed.iter().map(|entry| entry.payload));
            self.commit_length = commit_length;
        }
    }
}

impl PerServer {
    fn of(&mut self, server: Id) -> &mut usize {
        &mut self.0[usize::from(server)]
    }
}

impl Rewrite<Id> for PerServer {
    fn rewrite<S>(&self, plan: &RewritePlan<Id, S>) -> Self {
        let mut renamed = PerServer(vec![0; self.0.len()]);
        for (at, length) in self.0.iter().enumerate() {
            *renamed.of(Id::from(at).rewrite(plan)) = *length;
        }
        renamed
    }
}

impl Rewrite<Id> for Payload {
    fn rewrite<S>(&self, plan: &RewritePlan<Id, S>) -> Self {
        Payload(self.0.rewrite(plan))
    }
}

impl Rewrite<Id> for Timer {
    fn rewrite<S>(&self, _: &RewritePlan<Id, S>) -> Self {
        *self
    }
}

impl Rewrite<Id> for Entry {
    fn rewrite<S>(&self, plan: &RewritePlan<Id, S>) -> Self {
        Entry { payload: self.payload.rewrite(plan), ..*self }
    }
}

impl Rewrite<Id> for State {
    fn rewrite<S>(&self, plan: &RewritePlan<Id, S>) -> Self {
        State {
            id: self.id.rewrite(plan),
            term: self.term,
            voted_for: self.voted_for.rewrite(plan),
            log: self.log.rewrite(plan),
            commit_length: self.commit_length,
            role: self.role,
            leader: self.leader.rewrite(plan),
            votes: self.votes.rewrite(plan),
            sent_length: self.sent_length.rewrite(plan),
            acked_length: self.acked_length.rewrite(plan),
            delivered: self.delivered.rewrite(plan),
            buffer: self.buffer.rewrite(plan),
        }
    }
}

impl Rewrite<Id> for Message {
    fn rewrite<S>(&self, plan: &RewritePlan<Id, S>) -> Self {
        match self {
            Message::VoteRequest(request) => {
                Message::VoteRequest(VoteRequest { candidate: request.candidate.rewrite(plan), ..*request })
            }
            Message::VoteResponse(response) => {
                Message::VoteResponse(VoteResponse { voter: response.voter.rewrite(plan), ..*response })
            }
            Message::LogRequest(request) => Message::LogRequest(LogRequest {
                leader: request.leader.rewrite(plan),
                suffix: request.suffix.rewrite(plan),
                ..*request
            }),
            Message::LogResponse(response) => {
                Message::LogResponse(LogResponse { follower: response.follower.rewrite(plan), ..*response })
            }
            Message::Broadcast(payload) => Message::Broadcast(payload.rewrite(plan)),
        }
    }
}
