//! A random run is drawn by its seed, and by nothing else: what servers are told, how long things take, what clients do,
//! and what goes wrong when.

use std::time::Duration;

use raftlab_core::{Features, Lease, NodeId, ReadMode, Span};
use raftlab_node::chaos::{DiskFault, LinkFault};
use raftlab_node::replica::DiskIo;
use raftlab_node::timers::Timing;
use raftlab_sim::{Physics, Spec, Takes};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::plan::{Act, Plan, Who};
use super::trial::Trial;
use crate::scenario::Load;

/// A millisecond, in microseconds.
const MS: u64 = 1000;

/// The most that a clock may be wrong by where leases are read by, in millionths; the bound that servers are told is
/// 10 %, for two clocks of which one may be fast and one slow.
const DRIFT_PPM: u64 = 49_000;

/// How many clients work.
const CLIENTS: u32 = 8;

/// How many operations a second they begin together.
const RATE: u32 = 100;

/// Draws a run.
pub fn draw(seed: u64, lasts: Duration) -> Plan {
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(seed));
    let founders = if dice.one_in(3) { 5 } else { 3 };
    let (mut spec, mut physics, mut loads) = (dice.spec(), dice.physics(), vec![dice.load()]);
    let is_each_asked = is_lease(&spec) && dice.one_in(2);
    if is_each_asked {
        loads = dice.make_close(founders, &mut spec, &mut physics);
    }
    let lasts_us = u64::try_from(lasts.as_micros()).unwrap_or(u64::MAX);
    let mut draft =
        Draft { dice, founders, reads_by_lease: is_lease(&spec), at: 0, acts: Vec::new(), has_rotted: false };
    // Some runs are nearly calm, others never are.
    let pause = draft.dice.between(100, 3000);
    while draft.at < lasts_us {
        draft.episode(pause);
    }
    draft.acts.retain(|(at, _)| *at < lasts_us);
    let trial = Trial::ALL[usize::try_from(draft.dice.below(Trial::ALL.len() as u64)).unwrap_or(0)];
    Plan { seed, founders, spec, physics, loads, is_each_asked, lasts_us, acts: draft.acts, trial }
}

fn is_lease(spec: &Spec) -> bool {
    matches!(spec.features.reads, ReadMode::Lease(_))
}

struct Dice(ChaCha8Rng);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0.next_u64() % limit.max(1)
    }

    fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn share(&mut self, most_percent: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share of a hundred")]
        let percent = self.between(1, most_percent) as f64;
        percent / 100.0
    }

    /// What servers are told: every feature on and off, logs that are compacted soon or never.
    fn spec(&mut self) -> Spec {
        let election = Span(self.between(300, 1200) * MS);
        let heartbeat = Span(election.0 / self.between(4, 12));
        let timing =
            Timing::new(heartbeat, election).expect("a heartbeat is shorter than an election time-out");
        let drift = Span(election.0 / 10);
        let reads = match self.below(4) {
            0 => ReadMode::Log,
            1 => ReadMode::Lease(Lease { promise: election, drift }),
            _ => ReadMode::Index,
        };
        let features = Features {
            pre_vote: !self.one_in(3),
            check_quorum: !self.one_in(4),
            disregard_votes: self.one_in(3),
            reads,
        };
        Spec {
            features,
            timing,
            disk_io: if self.one_in(4) { DiskIo::Inline } else { DiskIo::Parallel },
            snapshot_entries: [0, 20, 100, 500][usize::try_from(self.below(4)).unwrap_or(0)],
            max_entries: usize::try_from([1, 4, 1024][usize::try_from(self.below(3)).unwrap_or(0)])
                .unwrap_or(1),
            max_chunk: if self.one_in(2) { 64 } else { 16 << 10 },
            segment_bytes: if self.one_in(2) { 4 << 10 } else { 64 << 10 },
        }
    }

    /// In some runs whole elections pass without a write.
    fn load(&mut self) -> Load {
        let rate = if self.one_in(4) { RATE / 20 } else { RATE };
        Load { clients: CLIENTS, keys: 12, rate: Some(rate), ..Load::default() }
    }

    /// A lease that is wrong is so for a moment, in which another leader has to be elected, to write, and the old one to
    /// be asked: clocks are apart for longer, everything else is quick, and each server has clients that do nothing but
    /// write, and others that do nothing but read.
    fn make_close(&mut self, founders: u64, spec: &mut Spec, physics: &mut Physics) -> Vec<Load> {
        let election = Span(self.between(1000, 2000) * MS);
        let timing = Timing::new(Span(election.0 / 10), election);
        spec.timing = timing.expect("a heartbeat is shorter than an election time-out");
        spec.features.reads = ReadMode::Lease(Lease { promise: election, drift: Span(election.0 / 10) });
        (physics.link, physics.sync) = (Takes::micros(50, 500), Takes::micros(100, 500));
        let each = u32::try_from(founders).unwrap_or(0);
        let load = |of_each: u32, reads: (u32, u32)| {
            let clients = of_each * each;
            Load { clients, keys: 2, reads, rate: Some(25 * clients), ..Load::default() }
        };
        vec![load(1, (0, 1)), load(3, (1, 0))]
    }

    fn physics(&mut self) -> Physics {
        let (least, most) = (self.between(50, 500), self.between(500, 8000));
        let sync = self.between(500, 6000);
        Physics {
            link: Takes::micros(least, most).slow_one_in(500),
            sync: Takes::micros(100, sync).slow_one_in(200),
            ..Physics::default()
        }
    }
}

struct Draft {
    dice: Dice,
    founders: u64,
    reads_by_lease: bool,
    at: u64,
    acts: Vec<(u64, Act)>,
    has_rotted: bool,
}

impl Draft {
    fn server(&mut self) -> NodeId {
        NodeId(self.dice.between(1, self.founders))
    }

    fn other(&mut self, than: NodeId) -> NodeId {
        NodeId((than.0 + self.dice.below(self.founders - 1)) % self.founders + 1)
    }

    fn who(&mut self) -> Who {
        if self.dice.one_in(2) { Who::Leader } else { Who::Server(self.server()) }
    }

    fn act(&mut self, act: Act) {
        self.acts.push((self.at, act));
    }

    fn wait(&mut self, least_ms: u64, most_ms: u64) {
        self.at += self.dice.between(least_ms, most_ms) * MS;
    }

    /// One thing goes wrong for a while; as often as not another does before it is well again.
    fn episode(&mut self, pause_ms: u64) {
        self.wait(pause_ms / 4, pause_ms);
        if self.reads_by_lease && self.dice.one_in(2) {
            return self.lease();
        }
        match self.dice.below(14) {
            0 | 1 => self.crash(),
            2 => {
                let (who, lasts) = (self.who(), self.dice.between(50, 3000) * MS);
                self.act(Act::Pause(who, lasts));
            }
            3 => {
                let who = self.who();
                self.act(Act::Isolate(who));
            }
            4 | 5 => self.cut(),
            6 => {
                for _ in 0..self.dice.between(1, 4) {
                    self.bad_link();
                }
            }
            7 | 8 => {
                let who = self.who();
                let stall = self.dice.one_in(4);
                #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
                let sync_delay_ms = self.dice.between(1, 800) as f64;
                let sync_jitter_ms = if self.dice.one_in(2) { sync_delay_ms } else { 0.0 };
                self.act(Act::Disk(who, DiskFault { sync_delay_ms, sync_jitter_ms, stall }));
            }
            9 => self.wrong_clock(),
            10 => {
                let who = self.who();
                self.act(Act::FailWrite(who));
            }
            11 => self.succession(),
            _ => self.membership(),
        }
        if self.dice.one_in(2) {
            self.wait(100, 2500);
            self.act(Act::Heal);
            self.act(Act::StartAll);
        }
    }

    /// A leader that may read by its lease is cut off, while clients reach it; so the others may have another one, but not
    /// before its lease is over. Its clock is as slow as one may be, and those of the others are as fast.
    fn lease(&mut self) {
        let slow = self.server();
        for server in (1..=self.founders).map(NodeId) {
            let ppm = if server == slow { 1_000_000 - DRIFT_PPM } else { 1_000_000 + DRIFT_PPM };
            self.act(Act::Clock(server, ppm));
        }
        self.act(Act::Transfer(slow));
        self.wait(300, 1500);
        match self.dice.below(6) {
            0 => self.forget_promises(slow),
            // It hands over, and does not hear of what comes of that.
            1 => {
                let next = self.other(slow);
                self.act(Act::Transfer(next));
                self.wait(1, 30);
            }
            // It wakes where others have been leading.
            2 => {
                let lasts = self.dice.between(300, 3000) * MS;
                self.act(Act::Pause(Who::Server(slow), lasts));
            }
            // What it hears was said long ago.
            3 => {
                #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
                let delay_ms = self.dice.between(50, 500) as f64;
                for server in (1..=self.founders).map(NodeId).filter(|server| *server != slow) {
                    self.act(Act::Link(server, slow, LinkFault { delay_ms, ..LinkFault::default() }));
                }
                self.wait(300, 1500);
            }
            _ => {}
        }
        self.act(Act::Isolate(Who::Server(slow)));
        self.wait(1000, 3000);
        self.act(Act::Heal);
        self.act(Act::StartAll);
    }

    /// A server does not hear the leader for a while; then those who do, and have promised to wait, fail and return at
    /// once.
    fn forget_promises(&mut self, leader: NodeId) {
        let deaf = self.other(leader);
        self.act(Act::Cut(vec![leader], vec![deaf]));
        self.wait(300, 3000);
        for server in (1..=self.founders).map(NodeId).filter(|server| ![leader, deaf].contains(server)) {
            self.act(Act::Kill(Who::Server(server)));
        }
        self.act(Act::StartAll);
        self.wait(0, 50);
    }

    /// Some servers' power goes, one after another or all at once.
    fn crash(&mut self) {
        for _ in 0..self.dice.between(1, self.founders) {
            let who = self.who();
            self.act(Act::Kill(who));
            if self.dice.one_in(2) {
                self.wait(0, 300);
            }
        }
        // A log that rots takes its server away for good, so there is one in a run at most.
        if !self.has_rotted && self.dice.one_in(8) {
            self.has_rotted = true;
            let server = self.server();
            self.act(Act::Kill(Who::Server(server)));
            self.act(Act::Rot(server));
        }
        self.wait(50, 1500);
        self.act(Act::StartAll);
    }

    /// A leader is cut off, with what it was asked for; then it is back, and the one after it is away.
    fn succession(&mut self) {
        self.act(Act::Isolate(Who::Leader));
        self.wait(300, 2500);
        self.act(Act::Heal);
        let is_killed = self.dice.one_in(2);
        self.act(if is_killed { Act::Kill(Who::Leader) } else { Act::Isolate(Who::Leader) });
        self.wait(500, 3000);
        self.act(Act::Heal);
        self.act(Act::StartAll);
    }

    fn cut(&mut self) {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        for server in (1..=self.founders + 1).map(NodeId) {
            if self.dice.one_in(2) { one.push(server) } else { other.push(server) }
        }
        if self.dice.one_in(2) {
            self.act(Act::Cut(other.clone(), one.clone()));
        }
        self.act(Act::Cut(one, other));
    }

    fn bad_link(&mut self) {
        let (from, to) = (self.server(), self.server());
        #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
        let (delay_ms, jitter_ms) = {
            // Some are so slow that what was said in one term arrives in another.
            let jitter = if self.dice.one_in(3) { 2000 } else { 100 };
            (self.dice.below(30) as f64, self.dice.below(jitter) as f64)
        };
        let (drop, duplicate) = (self.dice.share(60), self.dice.share(40));
        self.act(Act::Link(from, to, LinkFault { cut: false, drop, duplicate, delay_ms, jitter_ms }));
    }

    /// Where leases are read by, a clock stays within the bound that servers are told of.
    fn wrong_clock(&mut self) {
        let server = self.server();
        if self.reads_by_lease {
            let ppm = 1_000_000 - DRIFT_PPM + self.dice.below(2 * DRIFT_PPM);
            return self.act(Act::Clock(server, ppm));
        }
        if self.dice.one_in(2) {
            let micros = i64::try_from(self.dice.between(0, 3000) * MS).unwrap_or(0);
            let is_back = self.dice.one_in(2);
            return self.act(Act::Jump(server, if is_back { -micros } else { micros }));
        }
        let ppm =
            [0, 500_000, 900_000, 1_200_000, 3_000_000][usize::try_from(self.dice.below(5)).unwrap_or(0)];
        self.act(Act::Clock(server, ppm));
    }

    fn membership(&mut self) {
        match self.dice.below(4) {
            0 => {
                let to = self.server();
                self.act(Act::Transfer(to));
            }
            1 => {
                let server = self.server();
                self.act(Act::Leave(server));
            }
            _ => {
                self.act(Act::Join);
                self.wait(50, 1000);
                self.act(Act::Promote);
            }
        }
    }
}
