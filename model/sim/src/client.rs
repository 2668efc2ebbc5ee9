//! Clients, as those of real clusters ([`raftlab_node::client`]): each pursues one wish at a time, asks the leader that
//! others name, repeats in its session with the same number, and says so when nobody knows.
//!
//! What is said here of attempts and pauses is what that client does; servers are names instead of addresses, and time is
//! the world's.

use std::collections::BTreeMap;

use raftlab_core::{Change, NodeId, Request, Sequence, SessionId, Span, Time};
use raftlab_node::kv::{Bytes, Command, Operation, Outcome, Response};
use raftlab_node::node::{Ask, Reply};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

/// For how long a client pursues one wish.
pub const PURSUES: Span = Span(3_000_000);

/// For how long it waits for one server.
pub const ATTEMPT: Span = Span(700_000);

/// The pause after the first round in vain; it doubles with each.
const PAUSE_MIN: Span = Span(10_000);

/// The longest pause.
const PAUSE_MAX: Span = Span(200_000);

/// A client, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// That something is done, once.
    Do(Operation),
    /// That something is done, in no session: what may have been done is not repeated.
    DoOnce(Operation),
    /// To know what is under a key, as of now.
    Get(Bytes),
    /// What was under a key when the server that is asked last heard.
    GetStale(Bytes),
    /// Another configuration.
    Change(Change),
    /// Another leader.
    Transfer(NodeId),
}

/// What it is told in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// It was done, and came to this.
    Done(Response),
    /// This is under the key, or nothing is.
    Value(Option<Bytes>),
    /// The change is committed, or the transfer has begun.
    Changed,
    /// It took no effect and never will: why.
    NotDone(String),
    /// It may have taken effect, or may yet: the last that was heard.
    Unknown(String),
}

/// A wish that has come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Whose.
    pub client: ClientId,
    /// When it was wished.
    pub asked_at: Time,
    /// When it ended.
    pub at: Time,
    /// What it came to.
    pub told: Told,
}

/// What comes back of one attempt.
#[derive(Debug)]
pub enum Word {
    /// A server's reply.
    Reply(Reply),
    /// It is down: nothing was sent.
    Unreachable,
    /// Too many wait there: nothing was done.
    Busy,
    /// It ended before it answered.
    Broken,
    /// It said nothing in time.
    Silent,
}

/// What a client does next.
#[derive(Debug)]
pub enum Next {
    /// It asks this server.
    Ask {
        /// Whom.
        server: NodeId,
        /// The number of the attempt.
        attempt: u64,
        /// For what.
        ask: Ask,
        /// When it gives this attempt up.
        patience: Time,
    },
    /// It pauses until then.
    Pause {
        /// The number of the attempt that is over.
        attempt: u64,
        /// Until when.
        until: Time,
    },
    /// It is done.
    Done(Answered),
    /// Nothing: what came was late.
    Nothing,
}

/// All clients of a world.
#[derive(Debug, Default)]
pub struct Clients {
    all: BTreeMap<ClientId, Client>,
    /// The servers that clients know of, in the order in which they ask them.
    pub servers: Vec<NodeId>,
    attempts: u64,
}

#[derive(Debug, Default)]
struct Client {
    at: usize,
    session: Option<(SessionId, u64)>,
    pursuit: Option<Pursuit>,
    /// It asks this server and no other.
    only: Option<NodeId>,
}

#[derive(Debug)]
struct Pursuit {
    wish: Wish,
    asked_at: Time,
    deadline: Time,
    /// The number that the command has in the session.
    sequence: Option<u64>,
    attempt: u64,
    in_vain: usize,
    pause: Span,
    /// An earlier attempt may have been done.
    is_unknown: bool,
    /// The last that was heard.
    heard: String,
}

impl Clients {
    /// Another client. With a server given, it asks that one and no other.
    pub fn add(&mut self, only: Option<NodeId>) -> ClientId {
        let id = ClientId(self.all.len() as u64 + 1);
        self.all.insert(id, Client { only, ..Client::default() });
        id
    }

    /// Does it wait for something?
    pub fn is_busy(&self, client: ClientId) -> bool {
        self.all.get(&client).is_some_and(|client| client.pursuit.is_some())
    }

    /// A client begins to pursue a wish; one that it pursued before is forgotten.
    pub fn wish(&mut self, client: ClientId, wish: Wish, now: Time, lasts: Span) -> Next {
        let attempt = self.next_attempt();
        let Some(state) = self.all.get_mut(&client) else { return Next::Nothing };
        state.pursuit = Some(Pursuit {
            wish,
            asked_at: now,
            deadline: now.after(lasts),
            sequence: None,
            attempt,
            in_vain: 0,
            pause: PAUSE_MIN,
            is_unknown: false,
            heard: "nobody was asked".into(),
        });
        state.ask(&self.servers, now)
    }

    /// An attempt has come to its end.
    pub fn hear(
        &mut self,
        client: ClientId,
        attempt: u64,
        word: &Word,
        now: Time,
        dice: &mut ChaCha8Rng,
    ) -> Next {
        let next_attempt = self.next_attempt();
        let Some(state) = self.all.get_mut(&client) else { return Next::Nothing };
        let Some(pursuit) = state.pursuit.as_mut().filter(|pursuit| pursuit.attempt == attempt) else {
            return Next::Nothing;
        };
        pursuit.attempt = next_attempt;
        state.hear(client, word, &self.servers, now, dice)
    }

    /// A pause is over.
    pub fn go_on(&mut self, client: ClientId, attempt: u64, now: Time) -> Next {
        let Some(state) = self.all.get_mut(&client) else { return Next::Nothing };
        match &state.pursuit {
            Some(pursuit) if pursuit.attempt == attempt => {
                if now >= pursuit.deadline {
                    return state.give_up(client, now);
                }
                state.ask(&self.servers, now)
            }
            _ => Next::Nothing,
        }
    }

    fn next_attempt(&mut self) -> u64 {
        self.attempts += 1;
        self.attempts
    }
}

impl Client {
    fn ask(&mut self, servers: &[NodeId], now: Time) -> Next {
        let server = self.only.or_else(|| servers.get(self.at % servers.len().max(1)).copied());
        let (Some(server), Some(pursuit)) = (server, &mut self.pursuit) else { return Next::Nothing };
        let ask = match &pursuit.wish {
            Wish::Get(key) => Ask::Get(key.clone()),
            Wish::GetStale(key) => Ask::GetStale(key.clone()),
            Wish::Change(change) => Ask::Change(change.clone()),
            Wish::Transfer(to) => Ask::Transfer(*to),
            Wish::DoOnce(operation) => Ask::Do(Command::Do { request: None, operation: operation.clone() }),
            Wish::Do(operation) => match &mut self.session {
                None => Ask::Do(Command::Open),
                Some((session, next)) => {
                    let sequence = *pursuit.sequence.get_or_insert_with(|| {
                        *next += 1;
                        *next
                    });
                    let number = Sequence(sequence);
                    let request = Some(Request { session: *session, sequence: number, unanswered: number });
                    Ask::Do(Command::Do { request, operation: operation.clone() })
                }
            },
        };
        // A change takes as long as two commands, and nobody else is asked meanwhile.
        let is_change = matches!(pursuit.wish, Wish::Change(_) | Wish::Transfer(_));
        let patience = if is_change { pursuit.deadline } else { pursuit.deadline.min(now.after(ATTEMPT)) };
        Next::Ask { server, attempt: pursuit.attempt, ask, patience }
    }

    fn hear(
        &mut self,
        id: ClientId,
        word: &Word,
        servers: &[NodeId],
        now: Time,
        dice: &mut ChaCha8Rng,
    ) -> Next {
        let Some(pursuit) = &mut self.pursuit else { return Next::Nothing };
        let is_opening = matches!(pursuit.wish, Wish::Do(_)) && pursuit.sequence.is_none();
        let is_change = !matches!(pursuit.wish, Wish::Get(_) | Wish::GetStale(_));
        let is_reconfiguring = matches!(pursuit.wish, Wish::Change(_) | Wish::Transfer(_));
        let told = match word {
            Word::Reply(Reply::Done(_, Outcome::Opened(session))) => {
                self.session = Some((*session, 0));
                return self.ask(servers, now);
            }
            Word::Reply(Reply::Done(_, Outcome::Done { response, .. })) => Some(Told::Done(response.clone())),
            Word::Reply(Reply::Done(..) | Reply::Transferring(_)) if is_reconfiguring => Some(Told::Changed),
            Word::Reply(Reply::Value(pair)) => {
                Some(Told::Value(pair.as_ref().map(|pair| pair.value.clone())))
            }
            Word::Reply(Reply::Refused(refusal)) => Some(Told::NotDone(format!("{refusal:?}"))),
            Word::Reply(Reply::NoPeer(server)) => Some(Told::NotDone(format!("there is no voter {server}"))),
            _ => None,
        };
        if let Some(told) = told {
            return self.done(id, told, now);
        }
        let (heard, may_be_done, leader, must_wait) = match word {
            Word::Reply(Reply::NotLeader(leader)) => ("it does not lead", false, *leader, false),
            Word::Reply(Reply::Transferring(to)) => ("it hands over", false, Some(*to), false),
            Word::Reply(Reply::Replaced) => ("another entry took its place", false, None, false),
            Word::Reply(_) => ("what came of it is lost", true, None, false),
            Word::Unreachable => ("it is not reached", false, None, false),
            Word::Busy => ("too many wait there", false, None, true),
            Word::Broken => ("it ended before it answered", true, None, false),
            Word::Silent => ("it said nothing in time", true, None, false),
        };
        let may_be_done = may_be_done && is_change && !is_opening;
        pursuit.heard = heard.into();
        pursuit.is_unknown |= may_be_done;
        pursuit.in_vain += 1;
        let (in_vain, deadline, attempt) = (pursuit.in_vain, pursuit.deadline, pursuit.attempt);
        // Outside of a session what may have been done is not repeated.
        let is_over =
            may_be_done && matches!(pursuit.wish, Wish::Change(_) | Wish::Transfer(_) | Wish::DoOnce(_));
        match leader.and_then(|leader| servers.iter().position(|known| *known == leader)) {
            Some(place) => self.at = place,
            None if !must_wait => self.at = (self.at + 1) % servers.len().max(1),
            None => {}
        }
        if is_over || now >= deadline {
            return self.give_up(id, now);
        }
        let Some(pursuit) = &mut self.pursuit else { return Next::Nothing };
        if must_wait || in_vain >= servers.len() || self.only.is_some() {
            let half = pursuit.pause.0 / 2;
            let until = deadline.min(now.after(Span(half + u64::from(dice.next_u32()) % half.max(1))));
            (pursuit.in_vain, pursuit.pause) = (0, PAUSE_MAX.min(Span(2 * pursuit.pause.0)));
            return Next::Pause { attempt, until };
        }
        self.ask(servers, now)
    }

    fn give_up(&mut self, id: ClientId, now: Time) -> Next {
        let Some(pursuit) = &self.pursuit else { return Next::Nothing };
        let heard = pursuit.heard.clone();
        let told = if pursuit.is_unknown { Told::Unknown(heard) } else { Told::NotDone(heard) };
        self.done(id, told, now)
    }

    fn done(&mut self, client: ClientId, told: Told, now: Time) -> Next {
        let Some(pursuit) = self.pursuit.take() else { return Next::Nothing };
        Next::Done(Answered { client, asked_at: pursuit.asked_at, at: now, told })
    }
}
