//! One server's process, without threads: a node over a log on a disk in memory, a clock, and what is wrong with them.

use std::sync::Arc;

use raftlab_core::{Config, ConfigError, Features, Index, NodeId, Span, Term, Time, Voters, Write};
use raftlab_node::chaos::{DiskFault, Fault, Fired, Links};
use raftlab_node::clock::Clock;
use raftlab_node::disk::{self, Disk as _, Memory};
use raftlab_node::kv::RestoreError;
use raftlab_node::node::{Node, Settings};
use raftlab_node::numbers::Numbers;
use raftlab_node::peers::Peers;
use raftlab_node::process::{Status, Syncs, Traffic};
use raftlab_node::replica::{DiskIo, Observer};
use raftlab_node::timers::Timing;
use raftlab_node::wal::{Identity, OpenError, Wal, WriteError};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

use crate::client::ClientId;
use crate::host::Host;
use crate::lies::Lies;
use crate::life::{DiskNow, Input, Life, Outgoing};
use crate::physics::Physics;

/// The rate of a true clock.
pub(crate) const TRUE_RATE_PPM: u64 = 1_000_000;

/// The number of the cluster: there is one in a world.
pub const CLUSTER: u128 = 1;

/// A crash in the middle of a write lets fewer operations of the disk happen than this.
const OPERATIONS_MAX: u32 = 8;

/// A log that is cut loses no more entries than this.
const CUT_MAX: u32 = 4;

/// What every server of a world is told.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// What is switched on in the core.
    pub features: Features,
    /// How long timers run.
    pub timing: Timing,
    /// What a leader does while its disk writes.
    pub disk_io: DiskIo,
    /// Logs are compacted after so many entries; 0 for never.
    pub snapshot_entries: u64,
    /// The most entries of a message.
    pub max_entries: usize,
    /// The most bytes of a snapshot in a message.
    pub max_chunk: usize,
    /// How long a segment of the log is, in bytes.
    pub segment_bytes: u64,
}

/// Who a server is told to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Founded {
    /// One of these, who found a cluster.
    By(Vec<NodeId>),
    /// One who joins a cluster that there is.
    Joins,
}

/// Something that happened to a server, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// When, in true time.
    pub at: Time,
    /// To whom.
    pub server: NodeId,
    /// In which term.
    pub term: Term,
    /// What, in a word: as events of real servers have it.
    pub kind: &'static str,
    /// What, in a sentence.
    pub text: String,
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It runs already.
    #[error("{0} runs already")]
    Runs(NodeId),
    /// What it is told makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Its log.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The snapshot in it.
    #[error(transparent)]
    Snapshot(#[from] RestoreError),
    /// It waits for its disk, which does not return.
    #[error("the disk of {0} stalls: it does not come up before that is healed")]
    Stalls(NodeId),
}

/// Why a server ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// Its disk.
    #[error(transparent)]
    Disk(#[from] WriteError),
    /// A snapshot that is none.
    #[error(transparent)]
    Snapshot(#[from] RestoreError),
}

/// A server, up or down.
#[derive(Debug)]
pub struct Server {
    /// Its name.
    pub id: NodeId,
    /// Who it is told to be, at its next start.
    pub told: Founded,
    /// What is on its disk.
    disk: Memory,
    /// What is wrong with its disk.
    pub disk_fault: DiskFault,
    /// What its clock shows.
    pub clock: Clock,
    /// What is wrong with its links.
    pub links: Links,
    /// How often faults have struck.
    pub fired: Arc<Fired>,
    /// How long its syncs took.
    pub syncs: Arc<Syncs>,
    /// Its datagrams.
    pub traffic: Arc<Traffic>,
    /// Requests that were refused since too many waited.
    pub refused: u64,
    /// Leaders that it has seen, one after another.
    pub leader_changes: u64,
    /// How often it was started.
    pub lives: u64,
    /// How often it ended by itself: its disk failed, or it was sent a snapshot that is none.
    pub ends: u64,
    /// The rate of its clock before a pause in which that stands still.
    rate_before_ppm: Option<u64>,
    lies: Arc<dyn Lies>,
    pub(crate) life: Option<Life>,
}

impl Server {
    pub(crate) fn new(id: NodeId, told: Founded, seed: u64, lies: Arc<dyn Lies>) -> Server {
        Server {
            id,
            told,
            disk: Memory::default(),
            disk_fault: DiskFault::default(),
            clock: Clock::default(),
            links: Links::new(seed),
            fired: Arc::default(),
            syncs: Arc::default(),
            traffic: Arc::default(),
            refused: 0,
            leader_changes: 0,
            lives: 0,
            ends: 0,
            rate_before_ppm: None,
            lies,
            life: None,
        }
    }

    /// Does its process run?
    pub fn is_up(&self) -> bool {
        self.life.is_some()
    }

    /// Its node, if it runs.
    pub fn node(&self) -> Option<&Node> {
        self.life.as_ref().map(Life::node)
    }

    /// Would it answer now?
    pub fn answers(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.paused_until.is_none())
    }

    /// What would be known of it, if it answers.
    pub fn numbers(&self, now: Time) -> Option<Numbers> {
        let node = self.node().filter(|_| self.answers())?;
        Some(Numbers {
            status: Arc::new(Status::of(node)),
            cluster: CLUSTER,
            reads: node.replica().raft().config().features().reads,
            pid: None,
            now_us: now.0,
            started_us: self.life.as_ref().map_or(0, |life| life.began.0),
            timers_us: self.clock.now(now).0,
            waiting: self.waiting() as u64,
            refused: self.refused,
            leader_changes: self.leader_changes,
            addresses: Peers::default(),
            traffic: Arc::clone(&self.traffic),
            syncs: Arc::clone(&self.syncs),
            fired: Arc::clone(&self.fired),
        })
    }

    /// How many clients wait for it.
    pub fn waiting(&self) -> usize {
        self.life.as_ref().map_or(0, Life::waiting)
    }

    /// What its disk holds: of one that is down, what its next start will find.
    pub fn disk(&self) -> &Memory {
        &self.disk
    }

    /// The process begins.
    pub(crate) fn start(
        &mut self,
        config: Config,
        spec: &Spec,
        now: Time,
        dice: &mut ChaCha8Rng,
        observer: impl FnOnce() -> Option<Box<dyn Observer>>,
    ) -> Result<Outgoing, StartError> {
        self.go_on(now);
        if self.disk_fault.stall {
            self.fired.strike(Fault::DiskStall);
            return Err(StartError::Stalls(self.id));
        }
        let identity = Identity { cluster: CLUSTER, server: self.id };
        let settings = Settings {
            timing: spec.timing,
            seed: dice.next_u64(),
            disk_io: spec.disk_io,
            snapshot_entries: spec.snapshot_entries,
        };
        let (log, local) = ((identity, spec.segment_bytes), self.clock.now(now));
        if self.lies.forgets_what_is_refused() && Wal::open(self.disk.clone(), log.0, log.1).is_err() {
            self.disk = Memory::default();
        }
        let (host, first) = Host::start(self.disk.clone(), log, config, settings, local, observer)?;
        let (life, out) = Life::begin(host, first, (now, local), Arc::clone(&self.lies));
        self.life = Some(life);
        self.lives += 1;
        Ok(out)
    }

    /// The power goes: of what was not synced, chance decides what is there. In the middle of a write, some of it was
    /// done. Gives the clients that waited.
    pub(crate) fn crash(&mut self, now: Time, dice: &mut ChaCha8Rng) -> Vec<(ClientId, u64)> {
        let operations = u64::from(dice.next_u32() % OPERATIONS_MAX);
        self.end(|life| life.crash(now, operations, || dice.next_u32() & 1 == 0))
    }

    /// The process ends as it should: what the disk was given is written.
    pub(crate) fn stop(&mut self) -> Vec<(ClientId, u64)> {
        self.end(Life::stop)
    }

    fn end(&mut self, end: impl FnOnce(Life) -> (Memory, Vec<(ClientId, u64)>)) -> Vec<(ClientId, u64)> {
        let Some(life) = self.life.take() else { return Vec::new() };
        let (disk, clients) = end(life);
        self.disk = disk;
        clients
    }

    /// A bit of its log turns, while it is down: one of a byte that holds something. Gives the file and the place, if
    /// there is any.
    pub(crate) fn rot(&mut self, segment_bytes: u64, dice: &mut ChaCha8Rng) -> Option<(String, usize)> {
        if self.lies.cuts_what_rots() {
            return self.cut(segment_bytes, dice);
        }
        let mut places = Vec::new();
        for name in self.disk.names().ok()? {
            let bytes = self.disk.read(&name, u64::MAX).ok()?;
            let held = bytes.iter().enumerate().filter(|(_, byte)| **byte != 0);
            places.extend(held.map(|(at, _)| (name.clone(), at)));
        }
        let drawn = usize::try_from(dice.next_u32()).unwrap_or(0);
        let (name, at) = places.get(drawn % places.len().max(1))?.clone();
        let bit = 1 << (dice.next_u32() % 8);
        self.disk = self.disk.damaged(&name, |bytes| bytes[at] ^= bit);
        Some((name, at))
    }

    /// Its log ends before one of its last entries: what a start makes of a turned bit that it does not tell from a write
    /// that was cut off.
    fn cut(&mut self, segment_bytes: u64, dice: &mut ChaCha8Rng) -> Option<(String, usize)> {
        let identity = Identity { cluster: CLUSTER, server: self.id };
        let mut wal = Wal::open(self.disk.clone(), identity, segment_bytes).ok()?.wal;
        let log = &wal.durable().log;
        let (base, last) = (log.base().index.0, log.last().index.0);
        let after = last.saturating_sub(1 + u64::from(dice.next_u32() % CUT_MAX)).max(base);
        wal.write(&[Write::Log { after: Index(after), entries: Vec::new() }]).ok()?;
        let first = usize::try_from(after + 1).unwrap_or(usize::MAX);
        (after < last).then(|| ("the log, by entries".to_string(), first))
    }

    /// The disk's next operation fails.
    pub(crate) fn fail_write(&self) {
        self.disk.fail(1, disk::Fault::Error);
    }

    /// No operation of the disk fails that has not yet.
    pub(crate) fn spare_writes(&self) {
        self.disk.fail(u64::MAX, disk::Fault::Error);
    }

    /// It is paused: does its clock stand still?
    pub(crate) fn stop_clock(&mut self, now: Time) {
        if self.lies.stops_clock_in_pause() && self.rate_before_ppm.is_none() {
            self.rate_before_ppm = Some(self.clock.rate_ppm());
            self.clock.run_at(0, now);
        }
    }

    /// Its clock runs at this rate: after the pause, if it stands still in one.
    pub(crate) fn run_clock_at(&mut self, rate_ppm: u64, now: Time) {
        match &mut self.rate_before_ppm {
            Some(rate) => *rate = rate_ppm,
            None => self.clock.run_at(rate_ppm, now),
        }
    }

    /// The pause is over.
    pub(crate) fn go_on(&mut self, now: Time) {
        if let Some(rate) = self.rate_before_ppm.take() {
            self.clock.run_at(rate, now);
        }
    }

    /// Hands it something. Is there room?
    pub(crate) fn hand(&mut self, input: Input) -> bool {
        let Some(life) = &mut self.life else { return false };
        match life.hand(input) {
            Ok(()) => return true,
            Err(Input::Event(_) | Input::Checked(..)) => self.traffic.overflowed(),
            Err(Input::Ask(..)) => self.refused += 1,
        }
        false
    }

    /// The disk is as told from now on; what it stalled with goes on after so long.
    pub(crate) fn set_disk(
        &mut self,
        fault: DiskFault,
        physics: &Physics,
        dice: &mut ChaCha8Rng,
    ) -> Option<Span> {
        self.disk_fault = fault;
        let goes_on = !fault.stall && self.life.as_mut().is_some_and(Life::ends_stall);
        goes_on.then(|| physics.sync.draw(dice))
    }

    /// Its process does what there is to do.
    pub(crate) fn turn(&mut self, now: Time, physics: &Physics, dice: &mut ChaCha8Rng) -> Outgoing {
        let local = self.clock.now(now);
        let Some(life) = &mut self.life else { return Outgoing::default() };
        let disk = DiskNow { fault: self.disk_fault, fired: &self.fired, syncs: &self.syncs, physics };
        let out = life.turn(now, local, &disk, dice);
        if self.clock.rate_ppm() != TRUE_RATE_PPM {
            self.fired.strike(Fault::ClockRate);
        }
        self.leader_changes += out.news.iter().filter(|(_, kind, _)| *kind == "leader").count() as u64;
        out
    }

    /// When, in true time, it has something to do by itself.
    pub(crate) fn next_wake(&self, now: Time) -> Option<Time> {
        let life = self.life.as_ref()?;
        if life.paused_until.is_some() {
            return life.paused_until;
        }
        self.clock.until(life.next_wake()?, now).map(|span| now.after(span))
    }
}

impl Spec {
    /// The core's configuration of a server that is told this.
    ///
    /// # Errors
    ///
    /// If that makes no sense.
    pub fn config(&self, id: NodeId, told: &Founded) -> Result<Config, ConfigError> {
        let config = match told {
            Founded::By(founders) => Config::new(id, Voters::new(founders.iter().copied()), self.max_entries),
            Founded::Joins => Config::joining(id, self.max_entries),
        };
        config?.with(self.features).with_max_chunk(self.max_chunk)
    }
}
