//! Client sessions (dissertation 6.3; §8): a command takes effect once, however often its client sends it.
//!
//! A client that hears nothing does not know whether its command was committed: a leader may commit it and crash
//! before it answers. So the client asks the next leader, and the command may stand in the log twice. Raft does not
//! read commands; it is the state machines that tell a retry from the first attempt, all of them alike, since what
//! they are told by is in the log. A host keeps one table beside its state machine and executes commands through it:
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use raftlab_core::{Index, Outcome, Request, Sequence, Sessions};
//!
//! let mut sessions = Sessions::new(NonZeroUsize::new(1_000).unwrap());
//! let mut balance = 0;
//! // The entry at index 2 opens a session, and the one at 3 carries its first command.
//! let session = sessions.open(Index(2)).session;
//! let deposit = Request { session, sequence: Sequence(1), unanswered: Sequence(1) };
//! let mut execute = || { balance += 10; balance };
//! assert_eq!(sessions.apply(Index(3), deposit, &mut execute), Outcome::Executed(&10));
//! // The answer was lost. What the client sends again comes out at index 5.
//! assert_eq!(sessions.apply(Index(5), deposit, &mut execute), Outcome::Repeated(&10));
//! assert_eq!(balance, 10);
//! ```
//!
//! Responses are kept until the client says that it has them, with its next command. A table is bounded, so a session
//! may have to go: the one least recently used, by the indexes of entries and not by a clock, which servers would
//! read at different times. Who comes with a session that is gone is refused, and its command is *not* executed: it
//! may have been before.
//!
//! Caveats. The table is part of the state machine: both are rebuilt from the log after a restart, or are saved
//! together with lastApplied. A client whose session expired cannot find out what became of its last commands. To be
//! silent for long is to lose the session once enough others are used; a client that wants to keep it sends commands
//! that do nothing. A session keeps as many responses as its client leaves unacknowledged: how many commands a client
//! may have under way, its host decides.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry as Slot;
use core::fmt;
use core::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use crate::types::{Index, debug_as_display};

/// A session, by the index of the entry that opened it: no two share one, and all state machines give the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub Index);

/// Which of its session's commands a command is. A client counts them as it makes them; retries keep their number.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sequence(pub u64);

/// What a client says with each command, the same in every retry of it but for `unanswered`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Request {
    /// Its session.
    pub session: SessionId,
    /// The command's number in it.
    pub sequence: Sequence,
    /// The lowest number to which the client has no response yet: those to all lower ones need not be kept.
    pub unanswered: Sequence,
}

/// The sessions of all clients, with the responses `R` that may be asked for again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sessions<R> {
    sessions_max: NonZeroUsize,
    open: BTreeMap<SessionId, Session<R>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Session<R> {
    /// The last entry that belongs to it.
    used: Index,
    /// The client has the responses to all lower numbers, and they are gone.
    unanswered: Sequence,
    responses: BTreeMap<Sequence, R>,
}

/// A session that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its name, for the client.
    pub session: SessionId,
    /// The one that had to go.
    pub expired: Option<SessionId>,
}

/// What became of a command, at whatever state machine it is applied.
#[must_use = "an outcome is what the client is told"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a, R> {
    /// It took effect now.
    Executed(&'a R),
    /// It took effect before: this is what was answered then.
    Repeated(&'a R),
    /// It took effect before, and its client has had the response: a duplicate that came late. Nobody waits for an
    /// answer.
    Discarded,
    /// There is no such session, or there is none any more. The command was *not* executed; whether it was before is
    /// not known. The client must be told, and must not simply send it again in a new session.
    Expired,
}

impl<R> Sessions<R> {
    /// A table without sessions, for at most so many at once. All state machines of a cluster must agree on that
    /// number.
    pub fn new(sessions_max: NonZeroUsize) -> Sessions<R> {
        Sessions { sessions_max, open: BTreeMap::new() }
    }

    /// Opens the session that the entry at this index asks for. If there are as many as there may be, the one least
    /// recently used expires.
    pub fn open(&mut self, at: Index) -> Opened {
        let session = SessionId(at);
        let is_full = self.open.len() >= self.sessions_max.get() && !self.is_open(session);
        let expired = if is_full { self.least_recently_used() } else { None };
        expired.map(|expired| self.open.remove(&expired));
        let new = || Session { used: at, unanswered: Sequence::default(), responses: BTreeMap::new() };
        self.open.entry(session).or_insert_with(new);
        Opened { session, expired }
    }

    /// Executes the command of the entry at this index, if it was not executed before and its session is open.
    pub fn apply(&mut self, at: Index, request: Request, execute: impl FnOnce() -> R) -> Outcome<'_, R> {
        let Some(session) = self.open.get_mut(&request.session) else { return Outcome::Expired };
        session.used = at;
        // Nobody has the response to a command that it asks for.
        session.acknowledge(request.unanswered.min(request.sequence));
        if request.sequence < session.unanswered {
            return Outcome::Discarded;
        }
        match session.responses.entry(request.sequence) {
            Slot::Occupied(known) => Outcome::Repeated(known.into_mut()),
            Slot::Vacant(new) => Outcome::Executed(new.insert(execute())),
        }
    }

    /// Is this session open?
    pub fn is_open(&self, session: SessionId) -> bool {
        self.open.contains_key(&session)
    }

    /// An entry belongs to one session at most, so no two were used last by the same.
    fn least_recently_used(&self) -> Option<SessionId> {
        self.open.iter().min_by_key(|(id, session)| (session.used, **id)).map(|(id, _)| *id)
    }
}

impl<R> Session<R> {
    /// The client has the responses to all numbers below this one. A retry that was sent before it had them takes
    /// nothing back.
    fn acknowledge(&mut self, unanswered: Sequence) {
        if unanswered > self.unanswered {
            self.unanswered = unanswered;
            self.responses = self.responses.split_off(&unanswered);
        }
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.0)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Request {
    /// `s2#1`: the first command of the session that index 2 opened.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.session, self.sequence)
    }
}

debug_as_display!(SessionId, Sequence, Request);
