//! One real server on strings: what a server of the model is made to do, a node over its log and its disk does.
//!
//! It shows itself in the words of the model: its core, what its disk would hold after a crash now, and the ghosts that
//! the model's properties read.

use std::collections::BTreeMap;
use std::sync::Arc;

use raftlab_core::{
    Config, Durable, Index, Message, NodeId, Raft, ReadId, Readable, Span, Time, Timer, Write,
};
use raftlab_model::{Bounds, Disk, Done, Server, ServerActor, Shim, Way};
use raftlab_node::disk::Memory;
use raftlab_node::node::{Output, Reply, Settings, Ticket};
use raftlab_node::replica::DiskIo;
use raftlab_node::timers::Timing;
use raftlab_node::wal::{Identity, Wal};
use raftlab_sim::Host;

use super::lies;
use super::names::Translation;

/// How long a segment of its log is, in bytes: short, so that a disk is quickly copied.
const SEGMENT_BYTES: u64 = 4096;

/// The number of the cluster.
const CLUSTER: u128 = 1;

/// Why a server does not do what it is made to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Declined(pub String);

/// A server.
#[derive(Debug)]
pub struct Puppet {
    /// Its name.
    pub id: NodeId,
    /// What it is, in the words of the model.
    pub shown: Server,
    /// What is broken around it.
    pub(super) lie: Option<Shim>,
    bounds: Bounds,
    config: Config,
    told: Arc<Config>,
    /// Its process; none, if its disk made it stop.
    pub(super) host: Option<Host>,
    /// What its disk has only said to have written.
    pub(super) unsynced: Vec<Write>,
    /// A request that waits between check and answer, or that the disk still works on.
    pub(super) held: Option<(NodeId, Message)>,
    /// It does nothing by itself; its clock goes on.
    pub(super) is_paused: bool,
    /// Reads under way: what their clients had been told of.
    reads: BTreeMap<Ticket, Index>,
    pub(super) ticket: u64,
}

/// What came of one event.
#[derive(Debug, Default)]
pub struct Moved {
    /// What was sent, by a real node.
    pub sent: Vec<(NodeId, Message)>,
    /// What reached the disk.
    pub written: Vec<Write>,
    /// Reads that were answered: what was known before, and what was shown.
    pub answered: Vec<(Index, Index)>,
    /// What clients were told at once.
    pub replies: Vec<(Ticket, Reply)>,
    /// It was restarted, and the disk had something to write.
    pub interrupted: bool,
    /// It stopped, and why.
    pub stopped: Option<String>,
}

impl Puppet {
    /// The server of this name of a world of `bounds`, broken in this way, if any.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn new(
        id: NodeId,
        bounds: &Bounds,
        way: Option<Way>,
        names: &Translation,
    ) -> Result<Puppet, Declined> {
        let (without, lie) = match way {
            Some(Way::Rule(rule)) => (Some(rule), None),
            Some(Way::Shim(shim)) => (None, Some(shim)),
            None => (None, None),
        };
        let told = bounds.config(id, without);
        let config = told.clone().with_max_chunk(names.chunk_bytes());
        let mut puppet = Puppet {
            id,
            shown: ServerActor::new(id, bounds, way, None).start(),
            lie,
            bounds: bounds.clone(),
            config: config.map_err(|error| Declined(error.to_string()))?,
            told: told.into(),
            host: None,
            unsynced: Vec::new(),
            held: None,
            is_paused: false,
            reads: BTreeMap::new(),
            ticket: 0,
        };
        let mut moved = Moved::default();
        puppet.start(Memory::default(), &mut moved)?;
        puppet.show(names);
        Ok(puppet)
    }

    /// What the node takes for the time.
    pub(super) fn now(&self) -> Time {
        let is_early = self.lie == Some(Shim::NowSampledBeforeReceive);
        let clock = self.shown.clock;
        Time(u64::from(if is_early { clock.sampled } else { clock.now }))
    }

    /// Its node, if it runs.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub(super) fn up(&mut self) -> Result<&mut Host, Declined> {
        let id = self.id;
        self.host.as_mut().ok_or_else(|| Declined(format!("{id} has stopped")))
    }

    /// The core of its node. Of one that has stopped nothing is asked.
    pub(super) fn raft(&self) -> &Raft {
        self.host.as_ref().map_or(&self.shown.raft, |host| host.node.replica().raft())
    }

    /// Its process begins on this disk.
    pub(super) fn start(&mut self, disk: Memory, moved: &mut Moved) -> Result<(), Declined> {
        let identity = Identity { cluster: CLUSTER, server: self.id };
        // What a server promises its leader, it promises by this timer.
        let promise = self.bounds.lease().map_or(Span(10), |lease| lease.promise);
        let timing = Timing::new(Span(1), promise).map_err(|error| Declined(error.to_string()))?;
        let settings = Settings { timing, seed: self.id.0, disk_io: DiskIo::Parallel, snapshot_entries: 0 };
        let (log, now) = ((identity, SEGMENT_BYTES), self.now());
        let started = Host::start(disk, log, self.config.clone(), settings, now, || None);
        let (host, output) =
            started.map_err(|error| Declined(format!("{} does not start: {error}", self.id)))?;
        self.host = Some(host);
        (self.unsynced, self.held, self.reads) = (Vec::new(), None, BTreeMap::new());
        self.note(output, moved);
        self.settle(moved)
    }

    /// Takes down what comes out of the node, after the lies that are told of it.
    pub(super) fn note(&mut self, output: Output, moved: &mut Moved) {
        for (to, mut message) in output.messages {
            if let Some(shim) = self.lie {
                shim.forge(self.raft(), &mut message);
            }
            moved.sent.push((to, message));
        }
        let shown = self.host.as_ref().map_or(Index(0), |host| host.node.store().applied().index);
        for (ticket, reply) in output.replies {
            if let (Some(known), Reply::Value(_)) = (self.reads.remove(&ticket), &reply) {
                moved.answered.push((known, shown));
            }
            moved.replies.push((ticket, reply));
        }
    }

    /// A client that was told of what stands at `known` waits for the answer to its read.
    pub(super) fn await_read(&mut self, ticket: Ticket, known: Index) {
        self.reads.insert(ticket, known);
    }

    /// What waits for its disk.
    pub(super) fn waiting(&self) -> &[Write] {
        self.host.as_ref().and_then(|host| host.node.replica().waiting()).unwrap_or_default()
    }

    /// The disk works, as far as it does so without being told: where it is atomic it is done at once, and what needs
    /// no disk goes on in any case.
    pub(super) fn settle(&mut self, moved: &mut Moved) -> Result<(), Declined> {
        while moved.stopped.is_none() && self.up()?.node.replica().waiting().is_some() {
            let writes = self.waiting();
            if self.bounds.disk == Disk::Atomic || writes.is_empty() {
                self.finish(Finish::Writes, moved)?;
            } else if self.lie.is_some_and(|shim| lies::syncs_later(shim, self.raft(), writes)) {
                let later = writes.to_vec();
                self.unsynced.extend(later);
                self.finish(Finish::SaysSo, moved)?;
            } else {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The disk is given all that waits, and done with it.
    pub(super) fn finish(&mut self, how: Finish, moved: &mut Moved) -> Result<(), Declined> {
        let (now, lie) = (self.now(), self.lie);
        let mut written = Vec::new();
        let host = self.up()?;
        host.begin();
        let finished = host.finish_by(now, |wal, writes| {
            if how == Finish::SaysSo {
                return Ok(());
            }
            let kept = writes.iter().filter_map(|write| kept(lie, write));
            written.extend(kept);
            wal.write(&written)
        });
        match finished {
            Ok(output) => {
                moved.written.append(&mut written);
                self.note(output, moved);
            }
            Err(error) => moved.stopped = Some(format!("{} stops: {error}", self.id)),
        }
        Ok(())
    }

    /// What its disk would hold after a crash now.
    fn durable(&self, host: &Host) -> Option<Durable> {
        let identity = Identity { cluster: CLUSTER, server: self.id };
        let opened = Wal::open(host.disk().crash(|| false), identity, SEGMENT_BYTES);
        opened.ok().map(|opened| opened.durable)
    }

    /// Looks at the node, and at its disk.
    pub(super) fn show(&mut self, names: &Translation) {
        let Some(host) = &self.host else { return };
        let before = self.shown.raft.commit();
        let raft = host.node.replica().raft().renamed(Arc::clone(&self.told), names);
        let applied = host.node.store().applied().index;
        let durable = self.durable(host);
        self.shown.raft = raft;
        if let Some(durable) = durable {
            self.shown.disk = durable.renamed(names);
        }
        let base = self.shown.raft.log().base().index;
        let snapshot = self.shown.raft.snapshot().map(Arc::clone);
        if let Some(snapshot) = snapshot.filter(|_| self.shown.applied < base || applied < self.shown.applied)
        {
            self.shown.restore(&snapshot, None, None);
        }
        let given = self.shown.raft.log().between(self.shown.applied, applied).to_vec();
        self.shown.apply(&given, None);
        if self.bounds.max_changes > 0 {
            self.shown.note_commit(before, &self.bounds.voters());
        }
        self.shown.note_leadership();
        if let Some(Time(due)) = host.node.due(Timer::Contact).filter(|_| self.bounds.lease().is_some()) {
            self.shown.clock.due = u32::try_from(due).unwrap_or(u32::MAX);
        }
    }

    /// What came of an event, in the words of the model.
    pub(super) fn told(&mut self, moved: &Moved, names: &Translation) -> Done {
        for (known, shown) in &moved.answered {
            // The model names a read by what its client knows.
            let applied = std::mem::replace(&mut self.shown.applied, *shown);
            self.shown.answer(Readable { id: ReadId(known.0), index: *known });
            self.shown.applied = applied;
        }
        Done {
            sent: moved.sent.iter().map(|(to, message)| (*to, names.message(message))).collect(),
            written: moved.written.iter().map(|write| write.renamed(names)).collect(),
        }
    }

    /// When the least election time-out is over, from now on, if there are leases.
    pub(super) fn promise(&self) -> Option<u32> {
        let promise = self.bounds.lease()?.promise.0;
        Some(self.shown.clock.now.saturating_add(u32::try_from(promise).unwrap_or(u32::MAX)))
    }

    /// What its core is told, in the words of the model.
    pub(super) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.told)
    }
}

/// What a disk does before it says that it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    /// It writes.
    Writes,
    /// Nothing.
    SaysSo,
}

/// What of a write a disk takes.
pub(super) fn kept(lie: Option<Shim>, write: &Write) -> Option<Write> {
    lie.map_or(Some(write.clone()), |shim| shim.disk_write(write))
}

#[cfg(test)]
mod tests {
    use raftlab_core::Term;
    use raftlab_model::{Event, Fault, Tick};

    use super::super::act::Cue;
    use super::*;
    use crate::story::Story;

    /// A promise binds until the server's own clock says that it is over, also over a restart.
    #[test]
    fn who_has_promised_not_to_starts_no_election_before_its_clock_says_so() {
        let bounds = "3 servers · terms <= 2 · time-outs <= 2 · crashes <= 1 · clock ticks <= 3 · skew <= 1 · \
                      entries a message <= 1 · lease of 3 less 2 · set network";
        let bounds: Bounds = bounds.parse().unwrap();
        let model = raftlab_model::RaftModel::new(raftlab_model::Setup::new(bounds.clone()));
        let mut names = Translation::of(&bounds, &Story::at(&model, model.initial()));
        let mut puppet = Puppet::new(NodeId(1), &bounds, None, &names).unwrap();
        let mut act = |event: Event| {
            let cue = Cue { event: &event, message: None, value: None, known: Index(0) };
            puppet.act(cue, &mut names).map(|_| puppet.shown.raft.term())
        };
        assert_eq!(act(Event::Fault(Fault::Crash { keep: 0, of: 0 })), Ok(Term(0)));
        for now in 0..3 {
            let why = format!("n1 waits until its clock shows 3, and it shows {now}");
            assert_eq!(act(Event::Tick(Tick::Election)), Err(Declined(why)));
            assert_eq!(act(Event::Tick(Tick::Clock)), Ok(Term(0)));
        }
        assert_eq!(act(Event::Tick(Tick::Election)), Ok(Term(1)));
    }
}
