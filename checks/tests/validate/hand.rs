//! Servers that do nothing but what a test says: disks are quick, and messages wait until they are asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use raftlab_checks::validate::{LifeId, Options, Report, validate};
use raftlab_core::{Config, Durable, Message, NodeId, Rule, Span, Time, Voters};
use raftlab_node::journal::Journal;
use raftlab_node::kv::Store;
use raftlab_node::node::{Ask, Event, Node, Output, Settings, Ticket};
use raftlab_node::replica::DiskIo;
use raftlab_node::timers::Timing;
use raftlab_node::wal::Identity;

use crate::world::MS;

struct Process {
    node: Node,
    journal: Journal,
}

/// A cluster of servers that were told the same founders.
pub struct Hand {
    pub dir: PathBuf,
    pub killed: BTreeSet<LifeId>,
    pub disks: BTreeMap<u64, Durable>,
    /// What was sent and not delivered yet.
    pub mail: Vec<(u64, u64, Message)>,
    without: Option<Rule>,
    founders: u64,
    now: Arc<AtomicU64>,
    processes: BTreeMap<u64, Process>,
}

impl Hand {
    /// Servers n1 and on, all started, perhaps without a rule.
    pub fn new(dir: &Path, founders: u64, without: Option<Rule>) -> Hand {
        let mut hand = Hand {
            dir: dir.to_path_buf(),
            killed: BTreeSet::new(),
            disks: (1..=founders).map(|id| (id, Durable::default())).collect(),
            mail: Vec::new(),
            without,
            founders,
            now: Arc::default(),
            processes: BTreeMap::new(),
        };
        (1..=founders).for_each(|id| hand.start(id));
        hand
    }

    fn tick(&self) -> Time {
        Time(self.now.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub fn start(&mut self, id: u64) {
        let voters = Voters::new((1..=self.founders).map(NodeId));
        let config = Config::new(NodeId(id), voters, 1).unwrap();
        let config = self.without.iter().fold(config, |config, rule| config.without(*rule));
        let timing = Timing::new(Span(10 * MS), Span(100 * MS)).unwrap();
        let settings = Settings { timing, seed: id, disk_io: DiskIo::Parallel, snapshot_entries: 0 };
        let identity = Identity { cluster: 7, server: NodeId(id) };
        let (now, clock) = (self.tick(), Arc::clone(&self.now));
        let true_time = move || clock.load(Ordering::Relaxed);
        let (journal, recorder) = Journal::create_by(&self.dir, identity, true_time).unwrap();
        let observer = Some(Box::new(recorder) as _);
        let disk = self.disks[&id].clone();
        let (node, output) =
            Node::recover_observed(config, disk, Store::default(), settings, now, observer).unwrap();
        self.processes.insert(id, Process { node, journal });
        self.carry_out(id, output);
    }

    pub fn kill(&mut self, id: u64) {
        let process = self.processes.remove(&id).unwrap();
        self.killed.insert((NodeId(id), process.journal.life()));
    }

    /// All stop, and what they recorded is judged.
    pub fn end(&mut self) -> Report {
        self.stop();
        self.validate(None)
    }

    pub fn stop(&mut self) {
        for (_, process) in std::mem::take(&mut self.processes) {
            process.journal.close().unwrap();
        }
    }

    /// As if all that run had been killed now.
    pub fn validate_so_far(&self) -> Report {
        let lives = self.processes.iter().map(|(id, process)| (NodeId(*id), process.journal.life()));
        let killed = self.killed.iter().copied().chain(lives).collect();
        validate(&self.dir, &Options { killed, ..Options::default() })
    }

    pub fn validate(&self, without: Option<Rule>) -> Report {
        validate(&self.dir, &Options { killed: self.killed.clone(), without, ..Options::default() })
    }

    fn carry_out(&mut self, id: u64, output: Output) {
        let mut outputs = vec![output];
        while let Some(output) = outputs.pop() {
            let now = self.tick();
            let Process { node, journal } = self.processes.get_mut(&id).unwrap();
            journal.flush().unwrap();
            self.mail.extend(output.messages.into_iter().map(|(to, message)| (id, to.0, message)));
            if let Some(batch) = node.batch() {
                journal.flush().unwrap();
                let disk = self.disks.get_mut(&id).unwrap();
                let written = batch.write(|writes| {
                    for write in writes {
                        disk.apply(write);
                    }
                    Ok::<(), ()>(())
                });
                outputs.push(node.finish(now, written.unwrap()).unwrap());
            }
        }
    }

    /// Its election timer runs out, and nobody else's.
    pub fn times_out(&mut self, id: u64) {
        let node = &self.processes[&id].node;
        let term = node.replica().raft().term();
        while self.processes[&id].node.replica().raft().term() == term {
            let due = self.processes[&id].node.next_wake().unwrap();
            self.now.fetch_max(due.0, Ordering::Relaxed);
            let now = self.tick();
            let output = self.processes.get_mut(&id).unwrap().node.wake(now).unwrap();
            self.carry_out(id, output);
        }
    }

    /// The next of its timers runs out that makes it say something.
    pub fn wakes(&mut self, id: u64) {
        let mail = self.mail.len();
        while self.mail.len() == mail {
            let due = self.processes[&id].node.next_wake().unwrap();
            self.now.fetch_max(due.0, Ordering::Relaxed);
            let now = self.tick();
            let output = self.processes.get_mut(&id).unwrap().node.wake(now).unwrap();
            self.carry_out(id, output);
        }
    }

    pub fn event(&mut self, id: u64, event: Event) {
        let now = self.tick();
        let output = self.processes.get_mut(&id).unwrap().node.step(now, event).unwrap();
        self.carry_out(id, output);
    }

    /// Its disk does what comes of this, and it dies before it hears so.
    pub fn dies_in_write(&mut self, id: u64, event: Event) {
        let now = self.tick();
        let Process { node, journal } = self.processes.get_mut(&id).unwrap();
        drop(node.step(now, event).unwrap());
        let batch = node.batch().unwrap();
        journal.flush().unwrap();
        let disk = self.disks.get_mut(&id).unwrap();
        batch.writes().iter().for_each(|write| disk.apply(write));
        self.kill(id);
    }

    /// The core panics at this: its process is gone, and its journal stays.
    pub fn panics_at(&mut self, id: u64, event: Event) {
        let now = self.tick();
        let mut process = self.processes.remove(&id).unwrap();
        let stepped = catch_unwind(AssertUnwindSafe(|| drop(process.node.step(now, event))));
        assert!(stepped.is_err(), "the core does not panic");
    }

    pub fn ask(&mut self, id: u64, ask: Ask) {
        self.event(id, Event::Ask(Ticket(0), ask));
    }

    /// All that `from` has sent to `to` arrives, and what comes of it does not.
    pub fn deliver(&mut self, from: u64, to: u64) {
        let (now, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.mail).into_iter().partition(|(a, b, _)| (*a, *b) == (from, to));
        self.mail = later;
        assert!(!now.is_empty(), "n{from} has sent nothing to n{to}");
        for (from, to, message) in now {
            self.event(to, Event::Receive { from: NodeId(from), message });
        }
    }

    /// Messages go to and fro between two until there are none.
    pub fn talk(&mut self, a: u64, b: u64) {
        loop {
            match self.mail.iter().find(|(from, to, _)| [(a, b), (b, a)].contains(&(*from, *to))) {
                Some((from, to, _)) => self.deliver(*from, *to),
                None => return,
            }
        }
    }

    pub fn commit(&self, id: u64) -> u64 {
        self.processes[&id].node.replica().raft().commit().0
    }

    pub fn leads(&self, id: u64) -> bool {
        self.processes[&id].node.replica().raft().is_leader()
    }

    pub fn snapshot(&self, id: u64) -> Event {
        let store = self.processes[&id].node.store();
        Event::Snapshot { through: store.applied().index, state: store.snapshot().into() }
    }
}

/// One server elects itself and does a few things.
pub fn alone(dir: &Path) -> Hand {
    let mut hand = Hand::new(dir, 1, None);
    hand.times_out(1);
    hand.ask(1, crate::world::put("a", 1));
    hand
}

/// n1 leads n2 and n3, and they have done a few things.
pub fn three(dir: &Path) -> Hand {
    let mut hand = Hand::new(dir, 3, None);
    hand.times_out(1);
    for _ in 0..2 {
        hand.talk(1, 2);
        hand.talk(1, 3);
        hand.ask(1, crate::world::put("a", 1));
    }
    hand
}
