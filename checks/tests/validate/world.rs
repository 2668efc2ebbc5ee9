//! Whole servers over disks and a network that are bad, in virtual time, all of them recording.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use raftlab_checks::validate::{LifeId, Options, Report};
use raftlab_core::{Change, Config, Features, Message, NodeId, Rule, Span, Time, Voters};
use raftlab_node::disk::Memory;
use raftlab_node::journal::Journal;
use raftlab_node::kv::{Command, Operation, Store};
use raftlab_node::node::{Ask, Event, Node, Output, Reply, Settings, Ticket};
use raftlab_node::replica::{Batch, DiskIo};
use raftlab_node::timers::Timing;
use raftlab_node::wal::{Identity, Wal};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

pub const MS: u64 = 1000;

/// An empty directory of this test's own.
pub fn scratch(name: &str) -> PathBuf {
    let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("validate").join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a scratch directory");
    dir
}

/// All that was found, a line each.
pub fn said(report: &Report) -> String {
    report.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

pub fn put(key: &str, value: u64) -> Ask {
    let operation = Operation::Put { key: key.into(), value: value.to_string().as_str().into() };
    Ask::Do(Command::Do { request: None, operation })
}

struct Process {
    node: Node,
    wal: Wal<Memory>,
    writing: Option<(Time, Batch)>,
    journal: Journal,
}

/// Servers n1 to n3, which founded the cluster, and n4, which may join.
pub struct World {
    pub dir: PathBuf,
    pub killed: BTreeSet<LifeId>,
    pub is_healthy: bool,
    pub without: Option<Rule>,
    pub disk_io: DiskIo,
    /// Logs are compacted after so many entries.
    pub snapshot_entries: u64,
    now: Time,
    true_time: Arc<AtomicU64>,
    dice: ChaCha8Rng,
    disks: BTreeMap<NodeId, Memory>,
    processes: BTreeMap<NodeId, Process>,
    network: Vec<(Time, NodeId, NodeId, Message)>,
    replies: BTreeMap<Ticket, Reply>,
    ticket: u64,
}

impl World {
    pub fn new(dir: &Path, seed: u64) -> World {
        World {
            dir: dir.to_path_buf(),
            killed: BTreeSet::new(),
            is_healthy: true,
            without: None,
            disk_io: DiskIo::Parallel,
            snapshot_entries: 25,
            now: Time(0),
            true_time: Arc::default(),
            dice: ChaCha8Rng::seed_from_u64(seed),
            disks: (1..=4).map(|id| (NodeId(id), Memory::default())).collect(),
            processes: BTreeMap::new(),
            network: Vec::new(),
            replies: BTreeMap::new(),
            ticket: 0,
        }
    }

    pub fn options(&self) -> Options {
        Options { killed: self.killed.clone(), ..Options::default() }
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.dice.next_u64() % limit
    }

    pub fn start(&mut self, id: u64) {
        let (id, seed) = (NodeId(id), self.dice.next_u64());
        let identity = Identity { cluster: 7, server: id };
        let opened = Wal::open(self.disks[&id].clone(), identity, self.snapshot_entries << 8).unwrap();
        let features = Features { pre_vote: true, check_quorum: true, ..Features::default() };
        let entries = if self.snapshot_entries > 1000 { 64 } else { 8 };
        let config = if id == NodeId(4) {
            Config::joining(id, entries)
        } else {
            Config::new(id, Voters::new([1, 2, 3].map(NodeId)), entries)
        };
        let config = config.unwrap().with(features).with_max_chunk(300).unwrap();
        let config = self.without.iter().fold(config, |config, rule| config.without(*rule));
        let timing = Timing::new(Span(10 * MS), Span(100 * MS)).unwrap();
        let settings =
            Settings { timing, seed, disk_io: self.disk_io, snapshot_entries: self.snapshot_entries };
        let clock = Arc::clone(&self.true_time);
        let true_time = move || clock.load(Ordering::Relaxed);
        let (journal, recorder) = Journal::create_by(&self.dir, identity, true_time).unwrap();
        let observer = Some(Box::new(recorder) as _);
        let (node, output) =
            Node::recover_observed(config, opened.durable, Store::default(), settings, self.now, observer)
                .unwrap();
        let process = Process { node, wal: opened.wal, writing: None, journal };
        self.processes.insert(id, process);
        self.carry_out(id, output);
    }

    /// Its process ends, and its disk loses what it likes of what was not synced.
    pub fn crash(&mut self, id: u64) {
        let (id, mut bits) = (NodeId(id), self.dice.next_u64());
        let Some(Process { mut wal, writing, journal, .. }) = self.processes.remove(&id) else { return };
        self.killed.insert((id, journal.life()));
        if let Some((_, batch)) = writing
            && !batch.writes().is_empty()
            && bits & 1 == 0
        {
            drop(batch.write(|writes| wal.write(writes)));
        }
        let disk = self.disks[&id].crash(|| {
            bits = bits.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            bits >> 63 == 1
        });
        self.disks.insert(id, disk);
    }

    /// All that still run stop as they should.
    pub fn stop(&mut self) {
        for (_, process) in std::mem::take(&mut self.processes) {
            process.journal.close().unwrap();
        }
    }

    fn carry_out(&mut self, id: NodeId, output: Output) {
        self.processes.get_mut(&id).unwrap().journal.flush().unwrap();
        for (to, message) in output.messages {
            let (is_lost, copies) =
                if self.is_healthy { (false, 1) } else { (self.below(10) == 0, 1 + self.below(10) / 9) };
            for _ in 0..if is_lost { 0 } else { copies } {
                let delay = if self.is_healthy { 500 } else { self.below(20 * MS) };
                self.network.push((self.now.after(Span(delay)), id, to, message.clone()));
            }
        }
        self.replies.extend(output.replies);
        if let Some(store) = output.snapshot {
            let (through, state) = (store.applied().index, store.snapshot().into());
            self.step(id, Event::Snapshot { through, state });
        }
        let takes = if self.is_healthy { MS } else { 1 + self.below(30 * MS) };
        let done = self.now.after(Span(takes));
        let process = self.processes.get_mut(&id).unwrap();
        if let Some(batch) = process.node.batch() {
            process.journal.flush().unwrap();
            process.writing = Some((done, batch));
        }
    }

    fn step(&mut self, id: NodeId, event: Event) {
        let now = self.now;
        let Some(process) = self.processes.get_mut(&id) else { return };
        let output = process.node.step(now, event).unwrap();
        self.carry_out(id, output);
    }

    /// The next thing that happens, up to `until`: a message comes, a disk is done, or a timer runs out.
    fn next(&mut self, until: Time) -> bool {
        let message = (0..self.network.len()).min_by_key(|at| self.network[*at].0);
        let message_at = message.map(|at| self.network[at].0);
        let disk = self.processes.iter().filter_map(|(id, p)| Some((p.writing.as_ref()?.0, *id))).min();
        let is_free = |process: &Process| process.node.replica().takes_input();
        let free = self.processes.iter().filter(|(_, process)| is_free(process));
        let timer = free.filter_map(|(id, process)| Some((process.node.next_wake()?, *id))).min();
        let dues = [message_at, disk.map(|disk| disk.0), timer.map(|timer| timer.0)];
        let at = dues.into_iter().flatten().min().filter(|at| *at <= until);
        self.now = at.unwrap_or(until).max(self.now);
        self.true_time.store(self.now.0, Ordering::Relaxed);
        let Some(at) = at else { return false };
        match (message, disk, timer) {
            (_, Some((done, id)), _) if done == at => {
                let Process { node, wal, writing, .. } = self.processes.get_mut(&id).unwrap();
                let written = writing.take().unwrap().1.write(|writes| wal.write(writes)).unwrap();
                let output = node.finish(self.now, written).unwrap();
                self.carry_out(id, output);
            }
            (Some(next), ..) if message_at == Some(at) => {
                let (_, from, to, message) = self.network.swap_remove(next);
                if self.processes.get(&to).is_some_and(|process| !is_free(process)) {
                    self.network.push((self.now.after(Span(MS)), from, to, message));
                } else {
                    self.step(to, Event::Receive { from, message });
                }
            }
            (_, _, Some((_, id))) => {
                let output = self.processes.get_mut(&id).unwrap().node.wake(self.now).unwrap();
                self.carry_out(id, output);
            }
            _ => {}
        }
        true
    }

    pub fn run(&mut self, ms: u64) {
        let until = self.now.after(Span(ms * MS));
        while self.next(until) {}
    }

    pub fn leader(&self) -> Option<NodeId> {
        let leaders = self.processes.iter().filter_map(|(id, process)| {
            let raft = process.node.replica().raft();
            raft.is_leader().then(|| (raft.term(), *id))
        });
        leaders.max().map(|(_, id)| id)
    }

    /// Asks the leader, and waits a while. Nothing if nobody leads, or nothing was heard.
    pub fn ask(&mut self, ask: Ask) -> Option<Reply> {
        self.ticket += 1;
        let ticket = Ticket(self.ticket);
        let leader = self.leader()?;
        if !self.processes[&leader].node.replica().takes_input() {
            return None;
        }
        self.step(leader, Event::Ask(ticket, ask));
        for _ in 0..20 {
            self.run(10);
            if let Some(reply) = self.replies.remove(&ticket) {
                return Some(reply);
            }
        }
        None
    }

    /// Asks the leader, and does not wait.
    pub fn cast(&mut self, ask: Ask) {
        self.ticket += 1;
        let ticket = Ticket(self.ticket);
        if let Some(leader) = self.leader() {
            self.step(leader, Event::Ask(ticket, ask));
        }
    }

    /// Asks until it is done.
    pub fn insist(&mut self, ask: &Ask) {
        for _ in 0..200 {
            match self.ask(ask.clone()) {
                Some(Reply::Done(..) | Reply::Value(_)) => return,
                _ => self.run(20),
            }
        }
        panic!("nothing came of {ask:?}")
    }
}

/// Clients write and read through crashes, lost messages and slow disks, until all logs are compacted; then n4 joins, is
/// sent a snapshot, and takes the place of n1.
pub fn story(dir: &Path, seed: u64, disk_io: DiskIo) -> World {
    let mut world = World::new(dir, seed);
    world.disk_io = disk_io;
    (1..=4).for_each(|id| world.start(id));
    for count in 1..=60 {
        world.is_healthy = world.below(4) == 0;
        if world.below(6) == 0 {
            let (id, down) = (1 + world.below(3), world.below(300));
            world.crash(id);
            world.run(down);
            world.start(id);
        }
        world.insist(&put("count", count));
        world.insist(&Ask::Get("count".into()));
    }
    world.is_healthy = true;
    world.insist(&Ask::Change(Change::AddLearner(NodeId(4))));
    world.run(500);
    world.insist(&Ask::Change(Change::Promote(NodeId(4))));
    world.crash(2);
    world.insist(&put("count", 61));
    world.start(2);
    world.insist(&Ask::Change(Change::Remove(NodeId(1))));
    world.run(500);
    world.insist(&put("count", 62));
    world.run(500);
    world
}
