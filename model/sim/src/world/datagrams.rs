//! Datagrams: each is sent, through whatever is wrong with the link, arrives after a while, and is handed to a core.

use std::time::Duration;

use raftlab_core::{Message, NodeId, Span};
use raftlab_node::chaos::Fate;
use raftlab_node::node::Event;
use raftlab_node::process::Kind;
use raftlab_node::wire::Received;

use super::{Happens, World};
use crate::life::Input;

impl World {
    /// A message leaves, through whatever is wrong with the link.
    pub(super) fn send(&mut self, from: NodeId, to: NodeId, message: &Message) {
        let Some(server) = self.servers.get(&from) else { return };
        let (sequence, stamps) = server.traffic.next(to, self.now.0);
        let kind = Kind::of(&message.body);
        let delays = match server.links.fate(to, true, &server.fired) {
            Fate::Lost => return,
            Fate::Passes => vec![Duration::ZERO],
            Fate::Arrives(delays) => delays,
        };
        let incarnation = server.lives;
        for delay in delays {
            server.traffic.sent(kind, 0);
            let took = self.physics.link.draw(&mut self.dice);
            let at = self.now.after(Span(took.0.saturating_add(span(delay).0)));
            let message = message.clone();
            let received = Box::new(Received { from, incarnation, sequence, stamps, message });
            self.queue.push(at, Happens::Arrives { to, received });
        }
    }

    /// A datagram arrives where a bad link may lose it or hold it back.
    pub(super) fn arrive(&mut self, to: NodeId, received: &Received) {
        let Some(server) = self.servers.get(&to).filter(|server| server.is_up()) else { return };
        match server.links.fate(received.from, false, &server.fired) {
            Fate::Lost => {}
            Fate::Passes => self.deliver(to, received.clone()),
            Fate::Arrives(delays) => {
                for delay in delays {
                    let received = Box::new(received.clone());
                    self.queue.push(self.now.after(span(delay)), Happens::ArrivesLate { to, received });
                }
            }
        }
    }

    pub(super) fn deliver(&mut self, to: NodeId, received: Received) {
        let Some(server) = self.servers.get(&to).filter(|server| server.is_up()) else { return };
        server.traffic.received(&received, 0, self.now.0);
        let event = Event::Receive { from: received.from, message: received.message };
        self.hand(to, Input::Event(event));
    }
}

fn span(time: Duration) -> Span {
    Span(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}
