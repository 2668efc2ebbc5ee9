//! How the leader is found, and how long it is tried.
//!
//! The servers that are known are those that were given and those that others named as leaders. The last one that
//! answered is asked first; one that does not lead names the leader, who is asked next; where nobody is named, they
//! are asked in turn. After a whole round in vain the client pauses, longer each time, by an amount that is drawn: so
//! clients that wait for the same election do not all come at once.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::body::Bytes;
use rand_chacha::rand_core::RngCore;
use tokio::time::{Instant, sleep_until};

use super::connection::{BODY_BYTES_MAX, Connection, Message};
use super::outcome::{Failure, Reason};
use super::{Client, SERVERS_MAX};
use crate::api::Code;

/// The pause after the first round in vain; it doubles with each.
const PAUSE_MIN: Duration = Duration::from_millis(10);

/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// How much longer than a server an attempt waits, so that the server's own word arrives.
const GRACE: Duration = Duration::from_millis(100);

/// What is asked, and what an attempt without an answer means.
pub struct Wish {
    /// What is sent.
    pub message: Message,
    /// The longest answer, in bytes.
    pub body_bytes_max: usize,
    /// For how long one server is given; what every wish is given, if absent.
    pub attempt: Option<Duration>,
    /// Does it change anything?
    pub is_change: bool,
    /// May an attempt be repeated that may have been done?
    pub is_repeatable: bool,
}

impl Client {
    /// Asks until there is an answer that ends it.
    ///
    /// # Errors
    ///
    /// Why it was not done, or that nobody knows.
    pub(super) async fn pursue(&mut self, wish: &Wish, deadline: Instant) -> Result<Bytes, Failure> {
        let (mut worst, mut is_unknown) = (None::<Reason>, false);
        let (mut in_vain, mut pause) = (0, PAUSE_MIN);
        loop {
            let attempt = wish.attempt.unwrap_or(self.options.attempt);
            let until = deadline.min(Instant::now() + attempt + GRACE);
            let server = &mut self.servers[self.at];
            let reason = match server.exchange(&wish.message, wish.body_bytes_max, until).await {
                Ok(answer) => return Ok(answer),
                Err(reason) => reason,
            };
            // What says that this attempt did nothing says nothing of those before it.
            let may_be_done = wish.is_change && reason.may_be_done() && !reason.is_harmless();
            let is_over = reason.is_final() || may_be_done && !wish.is_repeatable;
            is_unknown |= may_be_done;
            let must_wait = self.turn(&reason);
            if is_over || worst.as_ref().is_none_or(|worst| reason.rank() >= worst.rank()) {
                worst = Some(reason);
            }
            in_vain += 1;
            if !is_over && (must_wait || in_vain >= self.servers.len()) {
                sleep_until(deadline.min(Instant::now() + self.drawn(pause))).await;
                (in_vain, pause) = (0, PAUSE_MAX.min(2 * pause));
            }
            if let Some(reason) = worst.take_if(|_| is_over || Instant::now() >= deadline) {
                return Err(if is_unknown { Failure::Unknown(reason) } else { Failure::NotDone(reason) });
            }
        }
    }

    /// Who is asked next. Does the one who answered want to be left in peace for a while?
    fn turn(&mut self, reason: &Reason) -> bool {
        match reason {
            Reason::Said { code: Code::Busy, .. } => true,
            Reason::Said { code: Code::Replaced, .. } => false,
            reason if reason.is_final() => false,
            Reason::Said { code: Code::NotLeader, leader: Some(leader), .. } => {
                self.at = self.place_of(*leader);
                false
            }
            _ => {
                self.at = (self.at + 1) % self.servers.len();
                false
            }
        }
    }

    /// Where a server stands among those that are known; the next one, if there is no room for it.
    fn place_of(&mut self, server: SocketAddr) -> usize {
        if let Some(at) = self.servers.iter().position(|known| known.server() == server) {
            return at;
        }
        if self.servers.len() >= SERVERS_MAX {
            return (self.at + 1) % self.servers.len();
        }
        self.servers.push(Connection::new(server));
        self.servers.len() - 1
    }

    /// Between half of it and all.
    fn drawn(&mut self, pause: Duration) -> Duration {
        pause.mul_f64(0.5 + 0.5 * f64::from(self.dice.next_u32()) / f64::from(u32::MAX))
    }
}

impl Wish {
    /// Something that changes nothing.
    pub fn read(message: Message) -> Wish {
        let (body_bytes_max, attempt) = (BODY_BYTES_MAX, None);
        Wish { message, body_bytes_max, attempt, is_change: false, is_repeatable: true }
    }

    /// Something that changes something. May it be repeated where it may have been done?
    pub fn change(message: Message, is_repeatable: bool) -> Wish {
        Wish { is_change: true, is_repeatable, ..Wish::read(message) }
    }
}
