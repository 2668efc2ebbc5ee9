//! One server's process, without threads: a node over a log on a disk in memory, a clock, and what is wrong with them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use raftlab_core::{Config, ConfigError, Features, Index, Message, NodeId, Span, Term, Time, Voters};
use raftlab_node::chaos::{DiskFault, Fault, Fired, Links};
use raftlab_node::clock::Clock;
use raftlab_node::disk::Memory;
use raftlab_node::kv::{RestoreError, SESSIONS_MAX, Store};
use raftlab_node::node::{Ask, Event, Node, Output, Reply, Settings, Ticket};
use raftlab_node::numbers::Numbers;
use raftlab_node::peers::Peers;
use raftlab_node::process::{Status, Syncs, Traffic};
use raftlab_node::replica::{Batch, DiskIo, Observer};
use raftlab_node::timers::Timing;
use raftlab_node::wal::{Identity, OpenError, Wal, WriteError};
use raftlab_node::wire::coalesce;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

use crate::client::ClientId;
use crate::physics::Physics;

/// How many inputs may wait for a core, as in a real process.
const INBOX_MAX: usize = 8192;

/// The number of the cluster: there is one in a world.
pub const CLUSTER: u128 = 1;

/// A crash in the middle of a write lets so many operations of the disk happen at most.
const OPERATIONS_MAX: u32 = 8;

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
    pub(crate) life: Option<Life>,
}

/// What ends with the process.
#[derive(Debug)]
pub struct Life {
    /// Core, state machine and timers.
    pub node: Node,
    /// When it began.
    began: Time,
    wal: Wal<Memory>,
    inbox: VecDeque<Input>,
    tickets: BTreeMap<Ticket, (ClientId, u64)>,
    ticket: u64,
    /// It does nothing until then.
    pub paused_until: Option<Time>,
    writing: Option<Writing>,
    /// When the world will look at its timers.
    pub wake_at: Option<Time>,
    seen: Seen,
    status: Status,
}

/// What a core may be handed.
#[derive(Debug)]
pub enum Input {
    /// Something for the node.
    Event(Event),
    /// A client's attempt.
    Ask(ClientId, u64, Ask),
}

/// A batch that the disk has.
#[derive(Debug)]
struct Writing {
    batch: Batch,
    since: Time,
    is_done: bool,
    stalls: bool,
}

/// What a status depends on that is worth an event.
type Seen = (Term, std::mem::Discriminant<raftlab_core::Role>, Option<NodeId>, Index, [u64; 2]);

/// What has come of a turn.
#[derive(Debug, Default)]
pub struct Outgoing {
    /// To other servers.
    pub messages: Vec<(NodeId, Message)>,
    /// To clients: who, at which attempt, and what.
    pub replies: Vec<(ClientId, u64, Reply)>,
    /// A store of which a snapshot is to be made.
    pub snapshot: Option<Store>,
    /// The disk was given something, and will be done after so long.
    pub disk: Option<Span>,
    /// What changed, for people.
    pub news: Vec<(Term, &'static str, String)>,
    /// It ended by itself.
    pub ended: Option<EndError>,
}

impl Server {
    pub(crate) fn new(id: NodeId, told: Founded, seed: u64) -> Server {
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
            life: None,
        }
    }

    /// Does its process run?
    pub fn is_up(&self) -> bool {
        self.life.is_some()
    }

    /// Its node, if it runs.
    pub fn node(&self) -> Option<&Node> {
        self.life.as_ref().map(|life| &life.node)
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
        self.life.as_ref().map_or(0, |life| life.tickets.len() + life.inbox.len())
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
        if self.disk_fault.stall {
            self.fired.strike(Fault::DiskStall);
            return Err(StartError::Stalls(self.id));
        }
        let identity = Identity { cluster: CLUSTER, server: self.id };
        let opened = Wal::open(self.disk.clone(), identity, spec.segment_bytes)?;
        let store = Store::new(SESSIONS_MAX, Peers::default());
        let settings = Settings {
            timing: spec.timing,
            seed: dice.next_u64(),
            disk_io: spec.disk_io,
            snapshot_entries: spec.snapshot_entries,
        };
        let local = self.clock.now(now);
        let (node, first) =
            Node::recover_observed(config, opened.durable, store, settings, local, observer())?;
        let (seen, status) = (seen(&node), Status::of(&node));
        self.life = Some(Life {
            node,
            began: now,
            wal: opened.wal,
            inbox: VecDeque::new(),
            tickets: BTreeMap::new(),
            ticket: 0,
            paused_until: None,
            writing: None,
            wake_at: None,
            seen,
            status,
        });
        self.lives += 1;
        let mut out = Outgoing::default();
        if let Some(life) = &mut self.life {
            life.carry_out(first, &mut out);
        }
        Ok(out)
    }

    /// The power goes: of what was not synced, chance decides what is there. In the middle of a write, some of it was
    /// done. Gives the clients that waited.
    pub(crate) fn crash(&mut self, dice: &mut ChaCha8Rng) -> Vec<(ClientId, u64)> {
        let Some(mut life) = self.life.take() else { return Vec::new() };
        if let Some(Writing { batch, is_done: false, .. }) = life.writing.take() {
            self.disk.fail(u64::from(1 + dice.next_u32() % OPERATIONS_MAX), raftlab_node::disk::Fault::Error);
            // What the process would have been told of it, it is not told.
            let _ = batch.write(|writes| life.wal.write(writes));
        }
        self.disk = self.disk.crash(|| dice.next_u32() & 1 == 0);
        life.clients()
    }

    /// The process ends as it should: what the disk was given is written.
    pub(crate) fn stop(&mut self) -> Vec<(ClientId, u64)> {
        let Some(mut life) = self.life.take() else { return Vec::new() };
        if let Some(Writing { batch, .. }) = life.writing.take() {
            let _ = batch.write(|writes| life.wal.write(writes));
        }
        self.disk = self.disk.crash(|| true);
        life.clients()
    }

    /// A bit of its log turns, while it is down: one of a byte that holds something. Gives the file and the place, if
    /// there is any.
    pub(crate) fn rot(&mut self, dice: &mut ChaCha8Rng) -> Option<(String, usize)> {
        use raftlab_node::disk::Disk;
        let names = self.disk.names().ok()?;
        let mut found = None;
        for name in names {
            let bytes = self.disk.read(&name, u64::MAX).ok()?;
            let places = bytes.iter().enumerate().filter(|(_, byte)| **byte != 0).map(|(at, _)| at);
            let places: Vec<usize> = places.collect();
            if !places.is_empty() {
                let at = places[usize::try_from(dice.next_u32()).unwrap_or(0) % places.len()];
                found = Some((name, at));
            }
        }
        let (name, at) = found?;
        let bit = 1 << (dice.next_u32() % 8);
        self.disk = self.disk.damaged(&name, |bytes| bytes[at] ^= bit);
        Some((name, at))
    }

    /// Hands it something. Is there room?
    pub(crate) fn hand(&mut self, input: Input) -> bool {
        let Some(life) = &mut self.life else { return false };
        if life.inbox.len() >= INBOX_MAX {
            match input {
                Input::Event(_) => self.traffic.overflowed(),
                Input::Ask(..) => self.refused += 1,
            }
            return false;
        }
        life.inbox.push_back(input);
        true
    }

    /// The disk returns from the write that it has.
    pub(crate) fn disk_returns(&mut self) {
        if let Some(writing) = self.life.as_mut().and_then(|life| life.writing.as_mut()) {
            writing.is_done = true;
        }
    }

    /// The disk is as told from now on; what it stalled with goes on after so long.
    pub(crate) fn set_disk(
        &mut self,
        fault: DiskFault,
        physics: &Physics,
        dice: &mut ChaCha8Rng,
    ) -> Option<Span> {
        self.disk_fault = fault;
        let writing = self.life.as_mut().and_then(|life| life.writing.as_mut())?;
        if !writing.stalls || fault.stall {
            return None;
        }
        writing.stalls = false;
        Some(physics.sync.draw(dice))
    }

    /// Takes what waits, lets timers run out, and gives the disk what waits for it.
    pub(crate) fn turn(&mut self, now: Time, physics: &Physics, dice: &mut ChaCha8Rng) -> Outgoing {
        let mut out = Outgoing::default();
        let local = self.clock.now(now);
        let Some(life) = &mut self.life else { return out };
        if life.paused_until.is_some() {
            return out;
        }
        if let Err(error) = life.take_all(local, now, &self.syncs, &mut out) {
            out.ended = Some(error);
            return out;
        }
        while life.writing.is_none()
            && let Some(batch) = life.node.batch()
        {
            if batch.writes().is_empty() {
                // What needs no disk goes on at once.
                if let Err(error) = life.finish(batch, local, &mut out) {
                    out.ended = Some(error);
                    return out;
                }
                continue;
            }
            out.disk = disk_takes(self.disk_fault, &self.fired, physics, dice);
            life.writing = Some(Writing { batch, since: now, is_done: false, stalls: out.disk.is_none() });
        }
        if self.clock.rate_ppm() != 1_000_000 {
            self.fired.strike(Fault::ClockRate);
        }
        coalesce(&mut out.messages);
        let seen = seen(&life.node);
        if seen != life.seen {
            life.seen = seen;
            let status = Status::of(&life.node);
            for (kind, text) in life.status.changes(&status) {
                self.leader_changes += u64::from(kind == "leader");
                out.news.push((status.term, kind, text));
            }
            life.status = status;
        }
        out
    }

    /// When, in true time, its next timer runs out.
    pub(crate) fn next_wake(&self, now: Time) -> Option<Time> {
        let life = self.life.as_ref()?;
        if life.paused_until.is_some() || !life.node.replica().takes_input() {
            return life.paused_until;
        }
        let due = life.node.next_wake()?;
        self.clock.until(due, now).map(|span| now.after(span))
    }
}

impl Life {
    fn take_all(
        &mut self,
        local: Time,
        now: Time,
        syncs: &Syncs,
        out: &mut Outgoing,
    ) -> Result<(), EndError> {
        if let Some(Writing { batch, since, .. }) = self.writing.take_if(|writing| writing.is_done) {
            syncs.note(std::time::Duration::from_micros(now.0 - since.0));
            self.finish(batch, local, out)?;
            self.wal.prepare()?;
        }
        while self.node.replica().takes_input() {
            let Some(input) = self.inbox.pop_front() else { break };
            let event = match input {
                Input::Event(event) => event,
                Input::Ask(client, attempt, ask) => {
                    self.ticket += 1;
                    self.tickets.insert(Ticket(self.ticket), (client, attempt));
                    Event::Ask(Ticket(self.ticket), ask)
                }
            };
            let output = self.node.step(local, event)?;
            self.carry_out(output, out);
        }
        if self.node.replica().takes_input() {
            let output = self.node.wake(local)?;
            self.carry_out(output, out);
        }
        Ok(())
    }

    fn finish(&mut self, batch: Batch, local: Time, out: &mut Outgoing) -> Result<(), EndError> {
        let written = batch.write(|writes| self.wal.write(writes))?;
        let output = self.node.finish(local, written)?;
        self.carry_out(output, out);
        Ok(())
    }

    fn carry_out(&mut self, output: Output, out: &mut Outgoing) {
        out.messages.extend(output.messages);
        for (ticket, reply) in output.replies {
            if let Some((client, attempt)) = self.tickets.remove(&ticket) {
                out.replies.push((client, attempt, reply));
            }
        }
        out.snapshot = output.snapshot.or(out.snapshot.take());
    }

    fn clients(self) -> Vec<(ClientId, u64)> {
        let asked = self.inbox.into_iter().filter_map(|input| match input {
            Input::Ask(client, attempt, _) => Some((client, attempt)),
            Input::Event(_) => None,
        });
        self.tickets.into_values().chain(asked).collect()
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

/// How long the disk takes for a write that it is given now; for ever, if it stalls.
fn disk_takes(fault: DiskFault, fired: &Fired, physics: &Physics, dice: &mut ChaCha8Rng) -> Option<Span> {
    let took = physics.sync.draw(dice);
    if fault == DiskFault::default() {
        return Some(took);
    }
    if fault.stall {
        fired.strike(Fault::DiskStall);
        return None;
    }
    fired.strike(Fault::DiskSlow);
    let slow = fault.delay(f64::from(dice.next_u32()) / f64::from(u32::MAX));
    Some(Span(took.0.saturating_add(u64::try_from(slow.as_micros()).unwrap_or(u64::MAX))))
}

fn seen(node: &Node) -> Seen {
    let (raft, counters) = (node.replica().raft(), node.counters());
    let change = raft.log().change_at_or_below(raft.log().last().index).map_or(Index(0), |(at, _)| at);
    let role = std::mem::discriminant(raft.role());
    let counted = [counters.snapshots_installed, counters.truncated];
    (raft.term(), role, raft.leader(), change, counted)
}
