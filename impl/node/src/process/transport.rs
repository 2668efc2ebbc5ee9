//! Messages over UDP. What is lost is lost: Raft sends again.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use raftlab_core::{Body, Message, NodeId};

use super::inbox::{Inputs, NotSent};
use super::shared::Shared;
use super::traffic::Kind;
use super::{Input, LISTENS_FOR};
use crate::chaos::Fate;
use crate::peers::Peers;
use crate::wire::{Codec, DATAGRAM_BYTES_MAX, Received, coalesce};

/// Whom this server knows, for the thread that listens.
pub type Known = Arc<RwLock<Peers>>;

/// So many messages with entries may be under way to a follower: while one is written there, the next one arrives.
const UNDER_WAY_MAX: u32 = 2;

/// After this it is taken for granted that no answer will come.
const ANSWERS_WITHIN: Duration = Duration::from_millis(2);

/// Sends, for the core's thread.
#[derive(Debug)]
pub struct Transport {
    socket: UdpSocket,
    codec: Arc<Codec>,
    known: Known,
    shared: Arc<Shared>,
    late: Option<Sender<Late>>,
    datagram: Vec<u8>,
    /// By follower, what it was sent and has not answered.
    under_way: BTreeMap<NodeId, UnderWay>,
}

/// Entries that were sent to a follower, and are not acknowledged.
#[derive(Clone, Copy, Debug)]
struct UnderWay {
    messages: u32,
    last: Instant,
}

impl UnderWay {
    /// May another message leave now? Then it has.
    fn takes_another(&mut self, now: Instant) -> bool {
        if now.duration_since(self.last) >= ANSWERS_WITHIN {
            self.messages = 0;
        }
        let has_room = self.messages < UNDER_WAY_MAX;
        if has_room {
            *self = UnderWay { messages: self.messages + 1, last: now };
        }
        has_room
    }

    fn is_answered(&mut self) {
        self.messages = self.messages.saturating_sub(1);
    }
}

/// What a bad link holds back, and until when.
#[derive(Debug)]
pub struct Late {
    due: Instant,
    what: Held,
}

/// What is held back.
#[derive(Debug)]
enum Held {
    /// A datagram that is to leave.
    Out(SocketAddr, Vec<u8>),
    /// One that is to arrive.
    In(Box<Received>),
}

impl Transport {
    /// Sends to these servers, and to whom it will learn of. What bad links hold back goes to `late`, if links can go
    /// bad.
    pub fn new(
        socket: UdpSocket,
        codec: Arc<Codec>,
        peers: Peers,
        shared: Arc<Shared>,
        late: Option<Sender<Late>>,
    ) -> Transport {
        let known = Arc::new(RwLock::new(peers));
        Transport { socket, codec, known, shared, late, datagram: Vec::new(), under_way: BTreeMap::new() }
    }

    /// Whom it knows.
    pub fn known(&self) -> Known {
        Arc::clone(&self.known)
    }

    /// What the log says of addresses is newer than what flags said.
    pub fn learn(&self, peers: &Peers) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).extend(peers);
    }

    /// Sends all of it, and forgets it. What cannot be sent is lost.
    pub fn send(&mut self, messages: &mut Vec<(NodeId, Message)>) {
        if messages.is_empty() {
            return;
        }
        coalesce(messages);
        for (to, message) in messages.drain(..) {
            if self.is_too_soon(to, &message.body) {
                continue;
            }
            let kind = Kind::of(&message.body);
            let address = self.known.read().unwrap_or_else(PoisonError::into_inner).get(to);
            let next = self.shared.traffic.next(to, self.shared.micros());
            let encoded = self.codec.encode(to, next, message, &mut self.datagram);
            match address.filter(|_| encoded.is_some()) {
                Some(address) => self.send_one(to, address.peer, kind),
                None => self.shared.traffic.unsent(),
            }
        }
    }

    /// A follower has answered.
    pub fn heard(&mut self, from: NodeId, body: &Body) {
        if let (Body::AppendReply { .. }, Some(own)) = (body, self.under_way.get_mut(&from)) {
            own.is_answered();
        }
    }

    /// Is it better not to send these entries yet? A leader sends all that is not acknowledged, so while much is under
    /// way most of it is sent again and again. What is left out is lost, as on any network, for no longer than the answer
    /// takes: it makes the leader send the rest, in one message.
    fn is_too_soon(&mut self, to: NodeId, body: &Body) -> bool {
        if !matches!(body, Body::AppendEntries { entries, .. } if !entries.is_empty()) {
            return false;
        }
        let now = Instant::now();
        let own = self.under_way.entry(to).or_insert(UnderWay { messages: 0, last: now });
        !own.takes_another(now)
    }

    fn send_one(&self, to: NodeId, address: SocketAddr, kind: Kind) {
        let late = match &self.late {
            Some(late) => (late, self.shared.links.fate(to, true, &self.shared.fired)),
            None => return self.send_now(address, kind),
        };
        match late {
            (_, Fate::Passes) => self.send_now(address, kind),
            (_, Fate::Lost) => {}
            (late, Fate::Arrives(delays)) => {
                let now = Instant::now();
                for delay in delays {
                    self.shared.traffic.sent(kind, self.datagram.len());
                    let what = Held::Out(address, self.datagram.clone());
                    // The thread ends with the process.
                    let _ = late.send(Late { due: now + delay, what });
                }
            }
        }
    }

    fn send_now(&self, address: SocketAddr, kind: Kind) {
        // To a port where nobody listens, or through a buffer that is full: lost.
        match self.socket.send_to(&self.datagram, address) {
            Ok(bytes) => self.shared.traffic.sent(kind, bytes),
            Err(_) => self.shared.traffic.unsent(),
        }
    }
}

/// Takes what comes to the socket.
#[derive(Debug)]
pub struct Listener {
    pub socket: UdpSocket,
    codec: Arc<Codec>,
    known: Known,
    pub shared: Arc<Shared>,
    late: Option<Sender<Late>>,
    bytes: Vec<u8>,
}

impl Listener {
    /// Listens there, to servers that are known.
    pub fn new(
        socket: UdpSocket,
        codec: Arc<Codec>,
        known: Known,
        shared: Arc<Shared>,
        late: Option<Sender<Late>>,
    ) -> Listener {
        Listener { socket, codec, known, shared, late, bytes: vec![0; DATAGRAM_BYTES_MAX] }
    }

    /// Hands what comes to the core, until the process is over.
    pub fn listen(&mut self, core: &Inputs) {
        while !self.shared.is_over() {
            match self.next() {
                Ok(Some(received)) => deliver(core, received, &self.shared),
                Err(error) if error.kind() == ErrorKind::InvalidInput => return,
                // Nothing came for a while; or the system reports that nobody listens where something was sent.
                Ok(None) | Err(_) => {}
            }
        }
    }

    /// The next datagram; nothing, if it is none that the core is to see, or not yet.
    ///
    /// # Errors
    ///
    /// The system's: nothing has come.
    pub fn next(&mut self) -> io::Result<Option<Received>> {
        let (len, _) = self.socket.recv_from(&mut self.bytes)?;
        let is_known =
            |server| self.known.read().unwrap_or_else(PoisonError::into_inner).get(server).is_some();
        let decoded = self.codec.decode(&self.bytes[..len], is_known);
        Ok(match decoded {
            Ok(received) => self.receive(received, len),
            Err(why) => {
                self.shared.traffic.dropped(why);
                None
            }
        })
    }

    fn receive(&self, received: Received, len: usize) -> Option<Received> {
        let fate = match &self.late {
            Some(_) => self.shared.links.fate(received.from, false, &self.shared.fired),
            None => Fate::Passes,
        };
        if fate == Fate::Lost {
            return None;
        }
        self.shared.traffic.received(&received, len, self.shared.micros());
        match (fate, &self.late) {
            (Fate::Arrives(delays), Some(late)) => {
                let now = Instant::now();
                for delay in delays {
                    let _ = late.send(Late { due: now + delay, what: Held::In(Box::new(received.clone())) });
                }
                None
            }
            _ => Some(received),
        }
    }
}

fn deliver(core: &Inputs, received: Received, shared: &Shared) {
    if let Err(NotSent::Full) = core.try_send(Input::Datagram(received)) {
        shared.traffic.overflowed();
    }
}

/// Holds datagrams back until they are due: the slow part of bad links.
pub fn hold_back(held: &Receiver<Late>, socket: &UdpSocket, core: &Inputs, shared: &Shared) {
    let mut due: BinaryHeap<Reverse<(Instant, u64)>> = BinaryHeap::new();
    let mut waiting: BTreeMap<u64, Held> = BTreeMap::new();
    let mut count = 0;
    while !shared.is_over() {
        let wait =
            due.peek().map_or(LISTENS_FOR, |Reverse((at, _))| at.saturating_duration_since(Instant::now()));
        match held.recv_timeout(wait.min(LISTENS_FOR)) {
            Ok(late) => {
                count += 1;
                due.push(Reverse((late.due, count)));
                waiting.insert(count, late.what);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        while due.peek().is_some_and(|Reverse((at, _))| *at <= Instant::now()) {
            let what = due.pop().and_then(|Reverse((_, count))| waiting.remove(&count));
            match what {
                Some(Held::Out(address, bytes)) => _ = socket.send_to(&bytes, address),
                Some(Held::In(received)) => deliver(core, *received, shared),
                None => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_messages_are_under_way_until_one_is_answered_or_lost() {
        let now = Instant::now();
        let mut own = UnderWay { messages: 0, last: now };
        let sent: Vec<_> = (0..4).map(|_| own.takes_another(now)).collect();
        assert_eq!(sent, [true, true, false, false]);
        own.is_answered();
        assert!(own.takes_another(now) && !own.takes_another(now), "an answer makes room for one");
        let later = now + ANSWERS_WITHIN;
        assert!(!own.takes_another(now + ANSWERS_WITHIN / 2));
        assert!(own.takes_another(later) && own.takes_another(later), "what was lost is in nobody's way");
        assert!(!own.takes_another(later));
    }
}
