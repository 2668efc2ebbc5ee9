//! Whole servers over disks and a network that are bad, in virtual time: what was acknowledged stays, and all servers
//! come to hold the same.

use std::collections::BTreeMap;

use raftlab_core::{
    Change, Config, Features, Message, NodeId, Request, Sequence, SessionId, Span, Time, Voters,
};
use raftlab_node::disk::Memory;
use raftlab_node::kv::{Bytes, Command, Operation, Outcome, Response, Store};
use raftlab_node::node::{Ask, Event, Node, Output, Reply, Settings, Ticket};
use raftlab_node::replica::{Batch, DiskIo};
use raftlab_node::timers::Timing;
use raftlab_node::wal::{Identity, Wal};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

const MS: u64 = 1000;

/// One server: its process, if it runs, and its disk.
struct Server {
    disk: Memory,
    process: Option<Process>,
    lives: u64,
}

struct Process {
    node: Node,
    wal: Wal<Memory>,
    /// What the disk writes, and when it will be done.
    writing: Option<(Time, Batch)>,
}

/// Three servers that founded the cluster, and one that may join.
struct World {
    now: Time,
    dice: ChaCha8Rng,
    servers: BTreeMap<NodeId, Server>,
    network: Vec<(Time, NodeId, NodeId, Message)>,
    replies: BTreeMap<Ticket, Reply>,
    ticket: u64,
    is_healthy: bool,
    disk_io: DiskIo,
}

impl World {
    fn new(seed: u64, disk_io: DiskIo) -> World {
        let server = |id| (NodeId(id), Server { disk: Memory::default(), process: None, lives: 0 });
        let mut world = World {
            now: Time(0),
            dice: ChaCha8Rng::seed_from_u64(seed),
            servers: (1..=4).map(server).collect(),
            network: Vec::new(),
            replies: BTreeMap::new(),
            ticket: 0,
            is_healthy: true,
            disk_io,
        };
        (1..=4).for_each(|id| world.start(NodeId(id)));
        world
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.dice.next_u64() % limit
    }

    fn start(&mut self, id: NodeId) {
        let seed = self.dice.next_u64();
        let server = self.servers.get_mut(&id).unwrap();
        server.lives += 1;
        let identity = Identity { cluster: 7, server: id };
        let opened = Wal::open(server.disk.clone(), identity, 4096).unwrap();
        let features = Features { pre_vote: true, check_quorum: true, ..Features::default() };
        let config = if id == NodeId(4) {
            Config::joining(id, 8)
        } else {
            Config::new(id, Voters::new([1, 2, 3].map(NodeId)), 8)
        };
        let config = config.unwrap().with(features).with_max_chunk(300).unwrap();
        let timing = Timing::new(Span(10 * MS), Span(100 * MS)).unwrap();
        let settings = Settings { timing, seed, disk_io: self.disk_io, snapshot_entries: 25 };
        let (node, output) =
            Node::recover(config, opened.durable, Store::default(), settings, self.now).unwrap();
        self.servers.get_mut(&id).unwrap().process = Some(Process { node, wal: opened.wal, writing: None });
        self.carry_out(id, output);
    }

    /// Its process ends, and its disk loses what it likes of what was not synced: what was being written is written to
    /// it first.
    fn crash(&mut self, id: NodeId) {
        let mut bits = self.dice.next_u64();
        let server = self.servers.get_mut(&id).unwrap();
        if let Some(Process { mut wal, writing: Some((_, batch)), .. }) = server.process.take()
            && !batch.writes().is_empty()
            && bits & 1 == 0
        {
            drop(batch.write(|writes| wal.write(writes)));
        }
        server.disk = server.disk.crash(|| {
            bits = bits.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            bits >> 63 == 1
        });
    }

    fn carry_out(&mut self, id: NodeId, output: Output) {
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
        self.begin_write(id);
    }

    fn begin_write(&mut self, id: NodeId) {
        // Who waits for a disk that is slower than its heartbeats are far apart does not lead for long.
        let slowest = if self.disk_io == DiskIo::Inline { 5 } else { 30 };
        let takes = if self.is_healthy { MS } else { 1 + self.below(slowest * MS) };
        let done = self.now.after(Span(takes));
        let Some(process) = &mut self.servers.get_mut(&id).unwrap().process else { return };
        if let Some(batch) = process.node.batch() {
            process.writing = Some((done, batch));
        }
    }

    fn step(&mut self, id: NodeId, event: Event) {
        let now = self.now;
        let Some(process) = &mut self.servers.get_mut(&id).unwrap().process else { return };
        let output = process.node.step(now, event).unwrap();
        self.carry_out(id, output);
    }

    /// The next thing that happens, up to `until`: a message comes, a disk is done, or a timer runs out.
    fn next(&mut self, until: Time) -> bool {
        let message = (0..self.network.len()).min_by_key(|at| self.network[*at].0);
        let message_at = message.map(|at| self.network[at].0);
        let running = || self.servers.iter().filter_map(|(id, server)| Some((*id, server.process.as_ref()?)));
        let is_free = |process: &Process| process.node.replica().takes_input();
        let disk = running().filter_map(|(id, process)| Some((process.writing.as_ref()?.0, id))).min();
        let timer =
            running().filter(|(_, p)| is_free(p)).filter_map(|(id, p)| Some((p.node.next_wake()?, id))).min();
        let dues = [message_at, disk.map(|disk| disk.0), timer.map(|timer| timer.0)];
        let Some(at) = dues.into_iter().flatten().min().filter(|at| *at <= until) else {
            self.now = until;
            return false;
        };
        self.now = at.max(self.now);
        match (message, disk, timer) {
            (_, Some((done, id)), _) if done == at => self.disk_is_done(id),
            (Some(next), ..) if message_at == Some(at) => {
                let (_, from, to, message) = self.network.swap_remove(next);
                let waits = |process: &Process| !process.node.replica().takes_input();
                if self.servers[&to].process.as_ref().is_some_and(waits) {
                    self.network.push((self.now.after(Span(MS)), from, to, message));
                } else {
                    self.step(to, Event::Receive { from, message });
                }
            }
            (_, _, Some((_, id))) => {
                let now = self.now;
                let process = self.servers.get_mut(&id).unwrap().process.as_mut().unwrap();
                let output = process.node.wake(now).unwrap();
                self.carry_out(id, output);
            }
            _ => {}
        }
        true
    }

    fn disk_is_done(&mut self, id: NodeId) {
        let now = self.now;
        let process = self.servers.get_mut(&id).unwrap().process.as_mut().unwrap();
        let Process { node, wal, writing } = process;
        let (_, batch) = writing.take().unwrap();
        let written = batch.write(|writes| wal.write(writes)).unwrap();
        let output = node.finish(now, written).unwrap();
        self.carry_out(id, output);
    }

    fn run(&mut self, span: Span) {
        let until = self.now.after(span);
        while self.next(until) {}
    }

    fn leader(&self) -> Option<NodeId> {
        let leads = |server: &Server| {
            let raft = server.process.as_ref()?.node.replica().raft();
            raft.is_leader().then(|| raft.term())
        };
        let leaders = self.servers.iter().filter_map(|(id, server)| Some((leads(server)?, *id)));
        leaders.max().map(|(_, id)| id)
    }

    /// Asks the leader, and waits a while. Nothing if nobody leads, or nothing was heard.
    fn ask(&mut self, ask: Ask) -> Option<Reply> {
        self.ticket += 1;
        let ticket = Ticket(self.ticket);
        let leader = self.leader()?;
        if !self.servers[&leader].process.as_ref()?.node.replica().takes_input() {
            return None;
        }
        self.step(leader, Event::Ask(ticket, ask));
        for _ in 0..20 {
            self.run(Span(10 * MS));
            if let Some(reply) = self.replies.remove(&ticket) {
                return Some(reply);
            }
        }
        None
    }

    /// Asks until it is done.
    fn insist(&mut self, ask: &Ask) -> Reply {
        for _ in 0..200 {
            match self.ask(ask.clone()) {
                Some(reply @ (Reply::Done(..) | Reply::Value(_))) => return reply,
                _ => self.run(Span(20 * MS)),
            }
        }
        panic!("nothing came of {ask:?}")
    }
}

fn put(session: SessionId, sequence: u64, key: &str, value: u64) -> Ask {
    let request = Request { session, sequence: Sequence(sequence), unanswered: Sequence(sequence) };
    let (key, value) = (Bytes::from(key), Bytes::from(value.to_string().as_str()));
    Ask::Do(Command::Do { request: Some(request), operation: Operation::Put { key, value } })
}

/// A client counts, through crashes, lost messages and slow disks; every number that was acknowledged is read again.
fn story(seed: u64, disk_io: DiskIo) -> (u64, u64) {
    let mut world = World::new(seed, disk_io);
    let Reply::Done(_, Outcome::Opened(session)) = world.insist(&Ask::Do(Command::Open)) else {
        panic!("no session")
    };
    for count in 1..=60 {
        world.is_healthy = world.below(4) == 0;
        if world.below(6) == 0 {
            let id = NodeId(1 + world.below(3));
            world.crash(id);
            let down = Span(world.below(300 * MS));
            world.run(down);
            world.start(id);
        }
        let done = world.insist(&put(session, count, "count", count));
        let Reply::Done(_, Outcome::Done { response: Response::Done { existed, .. }, .. }) = done else {
            panic!("seed {seed}: {done:?}")
        };
        assert_eq!(existed, count > 1, "seed {seed}: executed once");
        let Reply::Value(Some(pair)) = world.insist(&Ask::Get("count".into())) else { panic!("seed {seed}") };
        assert_eq!(pair.value, count.to_string().as_str().into(), "seed {seed}: a stale read");
    }
    world.is_healthy = true;
    let added = world.insist(&Ask::Change(Change::AddLearner(NodeId(4))));
    assert!(matches!(added, Reply::Done(_, Outcome::Nothing)), "seed {seed}: {added:?}");
    world.run(Span(2000 * MS));
    let states: Vec<_> = world
        .servers
        .values()
        .map(|server| server.process.as_ref().unwrap().node.store().snapshot())
        .collect();
    assert!(states.iter().all(|state| *state == states[0]), "seed {seed}: all four hold the same");
    let counters = world.servers.values().map(|server| server.process.as_ref().unwrap().node.counters());

    counters.fold((0, 0), |(taken, installed), counters| {
        (taken + counters.snapshots_taken, installed + counters.snapshots_installed)
    })
}

#[test]
fn what_was_acknowledged_is_read_through_crashes_losses_and_slow_disks() {
    let snapshots: Vec<_> = (1..=40).map(|seed| story(seed, DiskIo::Parallel)).collect();
    assert!(snapshots.iter().any(|(taken, _)| *taken > 0), "logs were compacted");
    assert!(snapshots.iter().all(|(_, installed)| *installed > 0), "who joined was sent a snapshot");
}

#[test]
fn also_where_servers_wait_for_their_disks() {
    for seed in 1..=10 {
        story(seed, DiskIo::Inline);
    }
}

#[test]
fn one_seed_is_one_run() {
    let run = |seed| {
        let mut world = World::new(seed, DiskIo::Parallel);
        world.insist(&Ask::Do(Command::Open));
        world.run(Span(500 * MS));
        (world.now, world.leader(), world.dice.next_u64())
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}
