//! What goes wrong in a random run, done to its world.

use raftlab_core::{Change, NodeId, Span};
use raftlab_node::chaos::LinkFault;
use raftlab_sim::server::StartError;
use raftlab_sim::{Founded, Wish};

use super::go::Run;
use super::plan::{Act, Who};

impl Run<'_> {
    /// All servers that are down start.
    pub(super) fn start_all(&mut self) {
        let down: Vec<_> =
            self.world.servers().filter(|server| !server.is_up()).map(|server| server.id).collect();
        for server in down {
            // A log that rotted is refused, as it should be; a disk that stalls lets its server start later.
            let refused = self.world.start(server).err();
            let is_lost = matches!(refused, Some(StartError::Log(_)));
            if is_lost && !self.lost.contains(&server) {
                self.lost.push(server);
            }
        }
    }

    fn who(&self, who: Who) -> Option<NodeId> {
        match who {
            Who::Server(server) => Some(server),
            Who::Leader => self.leader(),
        }
    }

    /// Does it. What cannot be done, since nobody leads or it was done already, is not.
    pub(super) fn act(&mut self, act: &Act) {
        match act {
            Act::Kill(who) => {
                if let Some(server) = self.who(*who) {
                    self.kills += u64::from(self.world.kill(server));
                }
            }
            Act::Rot(server) => self.rots += u64::from(self.world.rot(*server).is_some()),
            Act::StartAll => self.start_all(),
            Act::Pause(who, lasts) => {
                if let Some(server) = self.who(*who) {
                    self.world.pause(server, Span(*lasts));
                }
            }
            Act::Cut(from, to) => self.cut(from, to),
            Act::Isolate(who) => {
                if let Some(server) = self.who(*who) {
                    let others = self.all_but(server);
                    self.cut(&[server], &others);
                    self.cut(&others, &[server]);
                }
            }
            Act::Link(from, to, fault) => self.world.set_link(*from, *to, *fault),
            Act::Disk(who, fault) => {
                if let Some(server) = self.who(*who) {
                    self.world.set_disk(server, *fault);
                }
            }
            Act::FailWrite(who) => {
                if let Some(server) = self.who(*who) {
                    self.world.fail_write(server);
                }
            }
            Act::Clock(server, ppm) => self.world.set_clock(*server, *ppm),
            Act::Jump(server, micros) => self.world.jump(*server, *micros),
            Act::Join => self.join(),
            Act::Promote => {
                let last = NodeId(self.joined);
                self.change(Wish::Change(Change::Promote(last)));
            }
            Act::Leave(server) => self.change(Wish::Change(Change::Remove(*server))),
            Act::Transfer(to) => self.change(Wish::Transfer(*to)),
            Act::Heal => self.world.heal(),
        }
    }

    pub(super) fn all_but(&self, server: NodeId) -> Vec<NodeId> {
        self.world.servers().map(|other| other.id).filter(|other| *other != server).collect()
    }

    /// No datagram gets from these to those.
    pub(super) fn cut(&mut self, from: &[NodeId], to: &[NodeId]) {
        let cut = LinkFault { cut: true, ..LinkFault::default() };
        for from in from {
            for to in to {
                self.world.set_link(*from, *to, cut);
            }
        }
    }

    /// Another server starts, and is to learn.
    fn join(&mut self) {
        self.joined += 1;
        let server = NodeId(self.joined);
        self.world.add(server, Founded::Joins);
        let _ = self.world.start(server);
        self.change(Wish::Change(Change::AddLearner(server)));
    }

    /// Nobody waits for what comes of it.
    fn change(&mut self, wish: Wish) {
        self.world.wish_for(self.operator, wish, Span(1_000_000));
    }
}
