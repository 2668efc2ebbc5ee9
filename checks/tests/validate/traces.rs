//! Every counterexample in which a rule of the core is off, walked by replicas that record: what the checker saw,
//! validation sees in their journals.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use raftlab_checks::story::{self, Story};
use raftlab_checks::trace::Trace;
use raftlab_checks::validate::{LifeId, Options, When, validate, when};
use raftlab_checks::{console, index};
use raftlab_core::{Command, Durable, Input, NodeId, ReadId, Rule, Time, Timer};
use raftlab_model::{Bounds, Event, Fault, Server, Tick, Way};
use raftlab_node::journal::Journal;
use raftlab_node::replica::{DiskIo, Replica};
use raftlab_node::wal::Identity;

use crate::world::{said, scratch};

/// The servers of a trace.
struct Walkers {
    dir: PathBuf,
    bounds: Bounds,
    rule: Rule,
    clock: Arc<AtomicU64>,
    killed: BTreeSet<LifeId>,
    running: BTreeMap<NodeId, (Replica, Journal)>,
}

impl Walkers {
    fn start(&mut self, id: NodeId, disk: Durable) {
        let clock = Arc::clone(&self.clock);
        let true_time = move || clock.load(Ordering::Relaxed);
        let identity = Identity { cluster: 7, server: id };
        let (journal, recorder) = Journal::create_by(&self.dir, identity, true_time).unwrap();
        let (config, observer) = (self.bounds.config(id, Some(self.rule)), Some(Box::new(recorder) as _));
        let (replica, _) = Replica::recover_observed(config, disk, DiskIo::Parallel, observer);
        self.running.insert(id, (replica, journal));
    }

    fn crash(&mut self, id: NodeId, disk: Durable) {
        let (mut replica, journal) = self.running.remove(&id).unwrap();
        drop(replica.batch());
        self.killed.insert((id, journal.life()));
        drop(journal);
        self.start(id, disk);
    }

    fn step(&mut self, id: NodeId, input: Input) {
        let now = Time(0);
        drop(self.running.get_mut(&id).unwrap().0.step(now, input));
    }

    fn sync(&mut self, id: NodeId) {
        let (replica, _) = self.running.get_mut(&id).unwrap();
        if let Some(batch) = replica.batch() {
            drop(replica.finish(Time(0), batch.write(|_| Ok::<(), ()>(())).unwrap()));
        }
    }

    /// What happened to a server of the model happens to this one.
    fn walk(&mut self, id: NodeId, event: &Event, before: &Server, after: &Server) {
        self.clock.fetch_add(1, Ordering::Relaxed);
        let input = match event {
            Event::Fault(Fault::Crash { .. }) => return self.crash(id, after.disk.clone()),
            Event::Tick(Tick::Sync) => None,
            event => Some(input(id, event, before, after)),
        };
        let syncs = input.is_none();
        if let Some(input) = input {
            self.step(id, input);
        }
        // A disk that is synced has nothing to wait for, and where it is quick it always is.
        if syncs {
            self.sync(id);
        }
        while after.is_synced() && self.running[&id].0.raft() != &after.raft {
            let was = self.running[&id].0.raft().clone();
            self.sync(id);
            assert_ne!(*self.running[&id].0.raft(), was, "{id} does not come to be {after}");
        }
        if after.is_synced() {
            self.sync(id);
        }
        assert_eq!(*self.running[&id].0.raft(), after.raft, "{event:?} at {id}");
    }
}

fn input(id: NodeId, event: &Event, before: &Server, after: &Server) -> Input {
    let letter = char::from(b'a' + u8::try_from(id.0 - 1).unwrap());
    match event {
        Event::Deliver { from, message } => Input::Receive { from: *from, message: message.clone() },
        Event::Tick(Tick::Election) => Input::Timeout(Timer::Election),
        Event::Tick(Tick::Heartbeat) => Input::Timeout(Timer::Heartbeat),
        Event::Tick(Tick::Retry) => Input::Timeout(Timer::Retry),
        Event::Tick(Tick::Contact) => Input::Timeout(Timer::Contact),
        Event::Tick(Tick::Quorum) => Input::Timeout(Timer::Quorum),
        Event::Tick(Tick::Abandon) => Input::Timeout(Timer::Transfer),
        Event::Tick(Tick::Transfer(to)) => Input::Transfer(*to),
        Event::Tick(Tick::Change(wish)) => Input::Reconfigure(wish.change()),
        Event::Tick(Tick::Propose) => {
            Input::Propose(Command::new(format!("{letter}{}", before.proposed + 1).as_bytes()))
        }
        Event::Tick(Tick::Read(known)) => Input::Read(ReadId(known.0)),
        Event::Tick(Tick::Compact) => {
            let state = Arc::clone(&after.raft.snapshot().unwrap().state);
            Input::Compact { through: before.applied, state }
        }
        other => panic!("{other:?} is no input"),
    }
}

/// Records the trace, and says how.
fn record(name: &str, story: &Story, bounds: &Bounds, rule: Rule) -> (PathBuf, Options) {
    let dir = scratch(&format!("trace-{name}"));
    let mut walkers = Walkers {
        dir: dir.clone(),
        bounds: bounds.clone(),
        rule,
        clock: Arc::default(),
        killed: BTreeSet::new(),
        running: BTreeMap::new(),
    };
    for server in story.initial.servers() {
        walkers.start(server.raft.id(), Durable::default());
    }
    for (at, step) in story.steps.iter().enumerate() {
        if let Some((id, event)) = &step.at {
            let (before, after) = (story::server(story.before(at), *id), story::server(&step.after, *id));
            walkers.walk(*id, event, before, after);
        }
    }
    for (_, (_, journal)) in walkers.running {
        journal.close().unwrap();
    }
    (dir, Options { killed: walkers.killed, ..Options::default() })
}

#[test]
fn what_the_checker_finds_without_a_rule_is_found_in_journals() {
    let gallery = Path::new(env!("CARGO_MANIFEST_DIR")).join("../counterexamples");
    console::silence_model_panics();
    let (mut walked, mut silent) = (BTreeMap::new(), Vec::new());
    for path in index::traces(&gallery).unwrap() {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let trace: Trace = fs::read_to_string(&path).unwrap().parse().unwrap();
        let setup = trace.setup().unwrap();
        let (Some(Way::Rule(rule)), Some(property)) = (setup.way, setup.focus) else { continue };
        // Where there are leases the model's clocks matter, and who is not judged live is not found.
        if matches!(when(property), When::Never(_)) || setup.bounds.lease().is_some() {
            continue;
        }
        let story = trace.replay().unwrap();
        let (dir, options) = record(&name, &story, &setup.bounds, rule);
        let on = validate(&dir, &options);
        let off = validate(&dir, &Options { without: Some(rule), ..options });
        let found: Vec<_> = off.findings.iter().filter_map(|finding| finding.property).collect();
        assert!(found.contains(&property.name), "{name}: {} is not among {}", property.name, said(&off));
        assert_eq!(off.exit, 12, "{name}");
        match on.exit {
            24 => {}
            // The model's snapshots are none of the processes' state machine.
            12 if setup.bounds.max_compactions > 0 => {}
            0 | 15 => silent.push(name),
            _ => panic!("{name}: {}", said(&on)),
        }
        *walked.entry(property.name).or_insert(0) += 1;
    }
    // What a leader believes of others shows only in what it sends next, and the trace ends before.
    assert_eq!(silent, ["match-never-falls"]);
    let names: Vec<_> = walked.keys().copied().collect();
    let count: u32 = walked.values().sum();
    assert!(count >= 30 && names.len() >= 12, "{count} traces break {names:?}");
}
