//! A client of the cluster: it finds the leader, asks again where that does no harm, and says plainly when nobody knows.
//!
//! Every wish ends in one of three ways: done, with the response; not done, and why; or *unknown*
//! ([`Failure::Unknown`]). Unknown is what an attempt leaves that may have reached a leader and was not answered: its
//! entry may be committed, be committed later, or never. In a session such an attempt is repeated under the same
//! sequence number, and whichever of them is answered first settles it, since all of them take effect once together
//! (dissertation 6.3). Without a session it is not repeated, because it could take effect twice, and is reported as it
//! is. Reads have no effect and are always repeated.
//!
//! An unknown wish is unknown for good: what later attempts come to, unless one is *done*, says nothing of the earlier
//! ones. But the client's next command tells the servers that it waits for the one before no longer, and from then on
//! that one can take effect no more.

mod connection;
mod endpoints;
mod events;
mod outcome;
mod pursuit;
mod server;

use std::net::SocketAddr;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use self::connection::{Connection, Message};
pub use self::endpoints::{EndpointError, endpoints};
pub use self::events::Events;
pub use self::outcome::{Failure, Reason};
use self::pursuit::Wish;
pub use self::server::Server;
use crate::api::{Code, Consistency, KvRequest, MemberRequest, Members, SessionRequest};

/// How many servers a client knows at most: more are not remembered when they are named.
const SERVERS_MAX: usize = 64;

/// The longest snapshot that is read, in bytes.
const SNAPSHOT_BYTES_MAX: usize = 4 << 30;

/// How a client behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// For how long a wish is pursued.
    pub timeout: Duration,
    /// For how long one server is given to answer, before another is asked.
    pub attempt: Duration,
    /// Are commands sent in a session? It is opened before the first of them.
    pub in_session: bool,
    /// By which pauses are drawn.
    pub seed: u64,
}

/// A client. It asks for one thing at a time, over one connection to each server that it talks to.
#[derive(Debug)]
pub struct Client {
    options: Options,
    servers: Vec<Connection>,
    /// Who is asked next.
    at: usize,
    session: Option<Session>,
    dice: ChaCha8Rng,
}

#[derive(Debug)]
struct Session {
    id: u64,
    /// The number of the next command.
    next: u64,
}

/// That something was written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Written {
    /// The entry by which it was.
    pub revision: u64,
    /// Was there a value before?
    pub existed: bool,
    /// Did an earlier attempt do it, whose answer was lost?
    pub repeated: bool,
}

/// What a comparison came to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Swapped {
    /// Was the expected value there?
    pub swapped: bool,
    /// The entry by which the new one was written, if it was; else 0.
    pub revision: u64,
    /// What was there instead, if it was not.
    pub value: Option<String>,
    /// Did an earlier attempt do it, whose answer was lost?
    pub repeated: bool,
}

/// What is under a key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Value {
    /// It, if there is something.
    pub value: Option<String>,
    /// The entry that wrote it; 0 if there is nothing.
    pub revision: u64,
}

#[derive(Deserialize)]
struct Opened {
    session: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            timeout: Duration::from_secs(5),
            attempt: Duration::from_secs(1),
            in_session: true,
            seed: 0,
        }
    }
}

impl Client {
    /// A client of the cluster to which these servers belong. Nothing is connected before it is needed.
    ///
    /// # Errors
    ///
    /// If no server is given.
    pub fn new(servers: &[SocketAddr], options: Options) -> Result<Client, EndpointError> {
        if servers.is_empty() {
            return Err(EndpointError::Empty);
        }
        let servers = servers.iter().take(SERVERS_MAX).map(|server| Connection::new(*server)).collect();
        let dice = ChaCha8Rng::seed_from_u64(options.seed);
        Ok(Client { options, servers, at: 0, session: None, dice })
    }

    /// Who is asked next: the last one that answered, or was named as the leader.
    pub fn server(&self) -> SocketAddr {
        self.servers[self.at].server()
    }

    /// Writes a value.
    ///
    /// # Errors
    ///
    /// Why it was not done, or that nobody knows.
    pub async fn put(&mut self, key: &str, value: &str) -> Result<Written, Failure> {
        let make = |session, timeout_ms| {
            let (key, value) = (key.to_string(), value.to_string());
            KvRequest::Put { key, value, session, timeout_ms }
        };
        self.command(make).await
    }

    /// Removes a value.
    ///
    /// # Errors
    ///
    /// Why it was not done, or that nobody knows.
    pub async fn delete(&mut self, key: &str) -> Result<Written, Failure> {
        let make = |session, timeout_ms| KvRequest::Delete { key: key.to_string(), session, timeout_ms };
        self.command(make).await
    }

    /// Writes `value`, or removes what is there, if what is there is `expected`.
    ///
    /// # Errors
    ///
    /// Why it was not done, or that nobody knows. That something else is there is no error.
    pub async fn cas(
        &mut self,
        key: &str,
        expected: Option<&str>,
        value: Option<&str>,
    ) -> Result<Swapped, Failure> {
        let make = |session, timeout_ms| KvRequest::Cas {
            key: key.to_string(),
            expected: expected.map(str::to_string),
            value: value.map(str::to_string),
            session,
            timeout_ms,
        };
        self.command(make).await
    }

    /// Reads a value.
    ///
    /// # Errors
    ///
    /// Why it was not read.
    pub async fn get(&mut self, key: &str, consistency: Consistency) -> Result<Value, Reason> {
        let request = KvRequest::Get { key: key.to_string(), consistency, timeout_ms: self.attempt_ms() };
        self.read(&Wish::read(Message::post("/v1/kv", &request)), self.deadline()).await
    }

    /// Changes the configuration, or asks the leader to hand over. It is in no session: what may have been done is not
    /// repeated, and can be seen in the members.
    ///
    /// # Errors
    ///
    /// Why it was not done, or that nobody knows.
    pub async fn change(&mut self, request: &MemberRequest) -> Result<Members, Failure> {
        // It takes as long as two commands, and nobody else is asked meanwhile.
        let attempt = Some(self.options.timeout);
        let wish = Wish { attempt, ..Wish::change(Message::post("/v1/members", request), false) };
        let answer = self.pursue(&wish, self.deadline()).await?;
        let server = self.server();
        read(&answer, server).map_err(Failure::Unknown)
    }

    /// The store as of now, in the bytes of a snapshot ([`Store::restore`](crate::kv::Store::restore)). All that was
    /// acknowledged before is in it, unless leadership moves meanwhile.
    ///
    /// # Errors
    ///
    /// Why it was not read.
    pub async fn snapshot(&mut self) -> Result<Vec<u8>, Reason> {
        // Every server gives the store as it was applied there: who has just answered a read is the leader.
        self.get("", Consistency::Linearizable).await?;
        let (body_bytes_max, attempt) = (SNAPSHOT_BYTES_MAX, Some(self.options.timeout));
        let wish = Wish { body_bytes_max, attempt, ..Wish::read(Message::get("/v1/snapshot")) };
        let bytes = self.pursue(&wish, self.deadline()).await.map_err(Failure::into_reason)?;
        Ok(bytes.into())
    }

    /// Opens the session, if commands are sent in one and none is open. The first command does that by itself.
    ///
    /// # Errors
    ///
    /// Why it was not opened.
    pub async fn open(&mut self) -> Result<(), Reason> {
        if self.options.in_session && self.session.is_none() {
            self.open_until(self.deadline()).await?;
        }
        Ok(())
    }

    /// A command, in the session if there is to be one.
    async fn command<T: DeserializeOwned>(
        &mut self,
        make: impl Fn(Option<SessionRequest>, Option<u64>) -> KvRequest,
    ) -> Result<T, Failure> {
        let deadline = self.deadline();
        let mut is_session_new = self.session.is_none();
        loop {
            let session = self.next_in_session(deadline).await.map_err(Failure::NotDone)?;
            // The same bytes in every attempt: so they have the same number.
            let message = Message::post("/v1/kv", &make(session, self.attempt_ms()));
            let done = self.pursue(&Wish::change(message, session.is_some()), deadline).await;
            let failure = match done {
                Ok(answer) => return read(&answer, self.server()).map_err(Failure::Unknown),
                Err(failure) => failure,
            };
            let is_expired = failure.reason().code() == Some(Code::Expired);
            if is_expired {
                self.session = None;
            }
            // Its session was gone before it was sent for the first time: so it was not done, and another will do.
            if matches!(failure, Failure::Unknown(_)) || !is_expired || is_session_new {
                return Err(failure);
            }
            is_session_new = true;
        }
    }

    /// A number for the next command, if commands are in a session.
    async fn next_in_session(&mut self, deadline: Instant) -> Result<Option<SessionRequest>, Reason> {
        if !self.options.in_session {
            return Ok(None);
        }
        if self.session.is_none() {
            self.open_until(deadline).await?;
        }
        let Some(Session { id, next }) = &mut self.session else { return Ok(None) };
        let sequence = *next;
        *next += 1;
        Ok(Some(SessionRequest { id: *id, sequence, unanswered: sequence }))
    }

    /// A session that was opened and not heard of is never used: opening is repeated like a read.
    async fn open_until(&mut self, deadline: Instant) -> Result<(), Reason> {
        let request = KvRequest::Open { timeout_ms: self.attempt_ms() };
        let Opened { session } = self.read(&Wish::read(Message::post("/v1/kv", &request)), deadline).await?;
        self.session = Some(Session { id: session, next: 1 });
        Ok(())
    }

    async fn read<T: DeserializeOwned>(&mut self, wish: &Wish, deadline: Instant) -> Result<T, Reason> {
        let answer = self.pursue(wish, deadline).await.map_err(Failure::into_reason)?;
        read(&answer, self.server())
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.options.timeout
    }

    #[expect(clippy::unnecessary_wraps, reason = "that is how requests take it")]
    fn attempt_ms(&self) -> Option<u64> {
        Some(u64::try_from(self.options.attempt.as_millis()).unwrap_or(u64::MAX))
    }
}

/// An answer with status 200.
fn read<T: DeserializeOwned>(answer: &[u8], server: SocketAddr) -> Result<T, Reason> {
    serde_json::from_slice(answer).map_err(|_| Reason::Unreadable { server, status: 200 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::KvResponse;

    fn read_back<T: DeserializeOwned>(response: &KvResponse) -> T {
        serde_json::from_slice(&serde_json::to_vec(response).unwrap()).unwrap()
    }

    #[test]
    fn responses_are_read_as_the_api_writes_them() {
        let written = KvResponse::Written { revision: 7, existed: true, repeated: false };
        assert_eq!(read_back::<Written>(&written), Written { revision: 7, existed: true, repeated: false });
        let value = Some("b".to_string());
        let swapped =
            KvResponse::Swapped { swapped: false, revision: 0, value: value.clone(), repeated: true };
        let read = Swapped { swapped: false, revision: 0, value: value.clone(), repeated: true };
        assert_eq!(read_back::<Swapped>(&swapped), read);
        let found = KvResponse::Value { value: value.clone(), revision: 9 };
        assert_eq!(read_back::<Value>(&found), Value { value, revision: 9 });
        assert_eq!(read_back::<Opened>(&KvResponse::Opened { session: 3 }).session, 3);
    }
}
