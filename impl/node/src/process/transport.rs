//! Messages over UDP. What is lost is lost: Raft sends again.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, PoisonError, RwLock};

use raftlab_core::{Message, NodeId};

use super::Input;
use crate::peers::Peers;
use crate::wire::{Codec, DATAGRAM_BYTES_MAX, coalesce};

/// Whom this server knows, for the thread that listens.
pub type Known = Arc<RwLock<Peers>>;

/// Sends, for the core's thread.
#[derive(Debug)]
pub struct Transport {
    socket: UdpSocket,
    codec: Arc<Codec>,
    known: Known,
    sequences: BTreeMap<NodeId, u64>,
    datagram: Vec<u8>,
}

impl Transport {
    /// Sends to these servers, and to whom it will learn of.
    pub fn new(socket: UdpSocket, codec: Arc<Codec>, peers: Peers) -> Transport {
        let known = Arc::new(RwLock::new(peers));
        Transport { socket, codec, known, sequences: BTreeMap::new(), datagram: Vec::new() }
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
        coalesce(messages);
        for (to, message) in messages.drain(..) {
            let address = self.known.read().unwrap_or_else(PoisonError::into_inner).get(to);
            let sequence = self.sequences.entry(to).or_default();
            *sequence += 1;
            let encoded = self.codec.encode(to, *sequence, message, &mut self.datagram);
            if let (Some(address), Some(())) = (address, encoded) {
                // To a port where nobody listens, or through a buffer that is full: lost.
                let _ = self.socket.send_to(&self.datagram, address.peer);
            }
        }
    }
}

/// Hands what comes to the core, until the process is over.
pub fn listen(
    socket: &UdpSocket,
    codec: &Codec,
    known: &Known,
    core: &SyncSender<Input>,
    is_over: &AtomicBool,
) {
    let mut bytes = vec![0; DATAGRAM_BYTES_MAX];
    while !is_over.load(Ordering::Relaxed) {
        let len = match socket.recv_from(&mut bytes) {
            Ok((len, _)) => len,
            // Nothing came for a while; or the system reports that nobody listens where something was sent.
            Err(error) if error.kind() == ErrorKind::InvalidInput => return,
            Err(_) => continue,
        };
        let is_known = |server| known.read().unwrap_or_else(PoisonError::into_inner).get(server).is_some();
        if let Ok(received) = codec.decode(&bytes[..len], is_known)
            && let Err(TrySendError::Disconnected(_)) = core.try_send(Input::Datagram(received))
        {
            return;
        }
    }
}
