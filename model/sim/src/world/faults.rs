//! What is done to a world: power that goes, and links, disks and clocks that go wrong and are well again.

use raftlab_core::{NodeId, Span};
use raftlab_node::chaos::{Direction, DiskFault, Fault, LinkFault};
use rand_chacha::ChaCha8Rng;

use super::{Happens, World};
use crate::client::{ClientId, Word};
use crate::server::{Server, TRUE_RATE_PPM};

impl World {
    /// Ends a server at once, and its machine's power with it: what was not synced may be lost.
    pub fn kill(&mut self, id: NodeId) -> bool {
        let now = self.now;
        self.end(id, false, |server, dice| server.crash(now, dice))
    }

    /// Ends a server as it should be ended.
    pub fn stop(&mut self, id: NodeId) -> bool {
        self.end(id, true, |server, _| server.stop())
    }

    fn end(
        &mut self,
        id: NodeId,
        is_orderly: bool,
        end: impl FnOnce(&mut Server, &mut ChaCha8Rng) -> Vec<(ClientId, u64)>,
    ) -> bool {
        let Some(server) = self.servers.get_mut(&id).filter(|server| server.is_up()) else { return false };
        let life = server.lives;
        for (client, attempt) in end(server, &mut self.dice) {
            self.answer(client, attempt, Word::Broken);
        }
        self.watch.ends(id, life, is_orderly);
        true
    }

    /// A server does nothing for a while, and does not know of it.
    pub fn pause(&mut self, id: NodeId, lasts: Span) -> bool {
        let until = self.now.after(lasts);
        let Some(server) = self.servers.get_mut(&id) else { return false };
        let life = server.lives;
        let Some(running) = &mut server.life else { return false };
        running.paused_until = Some(running.paused_until.map_or(until, |before| before.max(until)));
        server.fired.strike(Fault::Pause);
        server.stop_clock(self.now);
        self.queue.push(until, Happens::Wakes { server: id, life });
        true
    }

    /// The link from one server to another is so from now on, that way.
    pub fn set_link(&mut self, from: NodeId, to: NodeId, fault: LinkFault) {
        if let Some(server) = self.servers.get(&from) {
            server.links.set(to, Direction::Out, fault);
        }
    }

    /// A server's disk is so from now on.
    pub fn set_disk(&mut self, id: NodeId, fault: DiskFault) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        let life = server.lives;
        if let Some(took) = server.set_disk(fault, &self.physics, &mut self.dice) {
            self.queue.push(self.now.after(took), Happens::DiskReturns { server: id, life });
        }
    }

    /// The next operation of a server's disk fails, and that ends an honest one. Nothing, if it is down.
    pub fn fail_write(&mut self, id: NodeId) {
        if let Some(server) = self.servers.get(&id).filter(|server| server.is_up()) {
            server.fail_write();
        }
    }

    /// A server's clock runs at this rate from now on; a million is true.
    pub fn set_clock(&mut self, id: NodeId, rate_ppm: u64) {
        if let Some(server) = self.servers.get_mut(&id) {
            server.run_clock_at(rate_ppm, self.now);
            self.look_again(id);
        }
    }

    /// A server's clock jumps. One that is to go back stands still as long.
    pub fn jump(&mut self, id: NodeId, micros: i64) {
        if let Some(server) = self.servers.get_mut(&id) {
            server.clock.jump(micros, self.now);
            server.fired.strike(Fault::ClockJump);
            self.look_again(id);
        }
    }

    /// Links, disks and clocks of all servers are well.
    pub fn heal(&mut self) {
        for id in self.servers.keys().copied().collect::<Vec<_>>() {
            self.heal_one(id);
        }
    }

    /// Links, disk and clock of a server are well.
    pub fn heal_one(&mut self, id: NodeId) {
        self.set_disk(id, DiskFault::default());
        if let Some(server) = self.servers.get_mut(&id) {
            server.links.heal();
            server.spare_writes();
            server.run_clock_at(TRUE_RATE_PPM, self.now);
        }
        self.look_again(id);
    }

    /// A bit turns in the log of a server that is down: in which file, and where; or which is the first entry that is lost. Nothing, if it is up, or has no log.
    pub fn rot(&mut self, id: NodeId) -> Option<(String, usize)> {
        let server = self.servers.get_mut(&id).filter(|server| !server.is_up())?;
        server.rot(self.spec.segment_bytes, &mut self.dice)
    }
}
