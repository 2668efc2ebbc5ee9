//! What one server says of itself, whoever leads.

use std::net::SocketAddr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::connection::{BODY_BYTES_MAX, Connection, Message};
use super::events::Events;
use super::outcome::Reason;
use crate::api::{ChaosDocument, Members, StatusDocument};
use crate::chaos::ChaosRequest;

/// One server, asked directly.
#[derive(Debug)]
pub struct Server {
    connection: Connection,
    timeout: Duration,
}

impl Server {
    /// The server that listens for clients there, which is given so long for each answer.
    pub fn new(server: SocketAddr, timeout: Duration) -> Server {
        Server { connection: Connection::new(server), timeout }
    }

    /// Where it listens for clients.
    pub fn address(&self) -> SocketAddr {
        self.connection.server()
    }

    /// How it stands.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub async fn status(&mut self) -> Result<StatusDocument, Reason> {
        self.read(&Message::get("/status")).await
    }

    /// Who belongs to the cluster, by its log.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub async fn members(&mut self) -> Result<Members, Reason> {
        self.read(&Message::get("/v1/members")).await
    }

    /// The faults that are on, and how often each has struck.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub async fn chaos(&mut self) -> Result<ChaosDocument, Reason> {
        self.read(&Message::get("/v1/chaos")).await
    }

    /// Asks for a fault, or for none.
    ///
    /// # Errors
    ///
    /// Why it was not done, or, if that [may be](Reason::may_be_done), why there is no answer. To ask again does no
    /// harm, but for a clock's jump.
    pub async fn set_chaos(&mut self, request: &ChaosRequest) -> Result<ChaosDocument, Reason> {
        self.read(&Message::post("/v1/chaos", request)).await
    }

    /// Can it serve clients, or say who does? If not, why.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub async fn ready(&mut self) -> Result<Result<(), String>, Reason> {
        let deadline = Instant::now() + self.timeout;
        let (status, body) =
            self.connection.answer(&Message::get("/readyz"), BODY_BYTES_MAX, deadline).await?;
        let says = || String::from_utf8_lossy(&body).trim().to_string();
        Ok(if status == 200 { Ok(()) } else { Err(says()) })
    }

    /// Prometheus' text.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub async fn metrics(&mut self) -> Result<String, Reason> {
        let text = self.ask(&Message::get("/metrics")).await?;
        let server = self.address();
        String::from_utf8(text.into()).map_err(|_| Reason::Unreadable { server, status: 200 })
    }

    /// What happens to it from now on.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub async fn events(self) -> Result<Events, Reason> {
        let deadline = Instant::now() + self.timeout;
        self.connection.stream(&Message::get("/events"), deadline).await.map(Events::new)
    }

    async fn read<T: DeserializeOwned>(&mut self, message: &Message) -> Result<T, Reason> {
        let answer = self.ask(message).await?;
        super::read(&answer, self.address())
    }

    async fn ask(&mut self, message: &Message) -> Result<hyper::body::Bytes, Reason> {
        self.connection.exchange(message, BODY_BYTES_MAX, Instant::now() + self.timeout).await
    }
}
