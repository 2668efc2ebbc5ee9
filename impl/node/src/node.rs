//! A server without its process: the core, the state machine, its timers, and the clients that wait.
//!
//! Events go in, and what is to be done comes out ([`Output`]): the host, a process with sockets and threads or a
//! simulator with neither, carries it out. Between the two stands the disk: whenever the host's disk is free it takes a
//! [batch](Node::batch), writes it, and brings it [back](Node::finish).
//!
//! # What a client is told
//!
//! Of a command: what it came to, when its entry is applied here; that it did *not* take effect, when an entry of
//! another term is committed in its place; and nothing before one of the two is known. Who gives up waiting does not
//! know what became of it, and asks again in the same session with the same number. Of a read: the value, from a state
//! machine that was given all that had been acknowledged when the read came; or who to ask instead.

use std::collections::BTreeMap;
use std::sync::Arc;

use raftlab_core::{
    Answer, Change, Config, Durable, Entry, Ignored, Index, Input, LogId, Message, NodeId, ReadId, Readable,
    Refusal, Snapshot, Term, Time, Timer,
};

use crate::kv::{Bytes, Command, Outcome, Pair, RestoreError, Store};
use crate::replica::{Batch, DiskIo, News, Observer, Replica, Turn, Written};
use crate::timers::{Timers, Timing};

/// A server, to be driven by a host.
#[derive(Debug)]
pub struct Node {
    replica: Replica,
    store: Store,
    timers: Timers,
    /// Commands and changes that clients wait for, by where they stand.
    proposals: BTreeMap<Index, (Term, Ticket)>,
    /// Reads that clients wait for.
    reads: BTreeMap<ReadId, (Ticket, Bytes)>,
    read: u64,
    snapshots: Snapshots,
    counters: Counters,
}

/// When to take snapshots.
#[derive(Clone, Copy, Debug)]
struct Snapshots {
    /// After so many entries; 0 for never.
    entries: u64,
    /// One is being made.
    is_making: bool,
}

/// What a server is told at its start, besides its core's configuration.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long timers run.
    pub timing: Timing,
    /// What timers are drawn by: another one at each start and each server.
    pub seed: u64,
    /// What a leader does while its disk writes.
    pub disk_io: DiskIo,
    /// The log is compacted after so many entries; 0 for never.
    pub snapshot_entries: u64,
}

/// A client that waits, by a number that its host understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// What happens to a server, besides timers and its disk.
#[derive(Clone, Debug)]
pub enum Event {
    /// A message came.
    Receive {
        /// Who sent it.
        from: NodeId,
        /// What it says.
        message: Message,
    },
    /// A client asks.
    Ask(Ticket, Ask),
    /// The bytes of a store are made that was to become a snapshot.
    Snapshot {
        /// The last entry that is in it.
        through: Index,
        /// Its bytes.
        state: Arc<[u8]>,
    },
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub enum Ask {
    /// That a command takes effect.
    Do(Command),
    /// What is under a key, as of now (dissertation 6.4).
    Get(Bytes),
    /// What was under a key when this server last heard.
    GetStale(Bytes),
    /// All that was applied here, as of now: a snapshot shares it.
    Export,
    /// Another configuration.
    Change(Change),
    /// Another leader.
    Transfer(NodeId),
}

/// What it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The command was committed here, and came to this.
    Done(LogId, Outcome),
    /// This is under the key, or nothing is.
    Value(Option<Pair>),
    /// This was applied here.
    Store(Box<Store>),
    /// The transfer has begun.
    Transferring(NodeId),
    /// Nothing was done, and nothing will be: ask the leader, if it is known.
    NotLeader(Option<NodeId>),
    /// Nothing was done: why it may not be changed so now.
    Refused(Refusal),
    /// Nothing was done: there is no such voter to hand over to.
    NoPeer(NodeId),
    /// It never took effect: another entry stands in its place.
    Replaced,
    /// It stood where a snapshot came that does not say what it came to.
    Unknown,
}

/// What the host is to do.
#[derive(Debug, Default)]
#[must_use = "messages and replies are for the host to pass on"]
pub struct Output {
    /// To be sent.
    pub messages: Vec<(NodeId, Message)>,
    /// To be told to clients.
    pub replies: Vec<(Ticket, Reply)>,
    /// A store of which bytes are to be made, to be brought back as [`Event::Snapshot`].
    pub snapshot: Option<Store>,
}

/// What happened so far in this life of the server, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Entries that were applied.
    pub applied: u64,
    /// Commands that were appended for clients of this server.
    pub proposed: u64,
    /// Proposals whose place another entry took.
    pub replaced: u64,
    /// Reads that were answered here.
    pub reads: u64,
    /// Reads that were refused since this server led no more.
    pub reads_refused: u64,
    /// Snapshots that were taken here.
    pub snapshots_taken: u64,
    /// Snapshots of a leader that were installed here.
    pub snapshots_installed: u64,
    /// Chunks of snapshots that were ignored.
    pub chunks_ignored: u64,
    /// Entries that a leader's took the place of (§5.3).
    pub truncated: u64,
}

impl Node {
    /// The server that a disk holds. `store` is what its state machine is at the beginning of the log.
    ///
    /// # Errors
    ///
    /// If the snapshot holds no store.
    pub fn recover(
        config: Config,
        durable: Durable,
        store: Store,
        settings: Settings,
        now: Time,
    ) -> Result<(Node, Output), RestoreError> {
        Node::recover_observed(config, durable, store, settings, now, None)
    }

    /// The same, with an observer of its core from the first moment on, if there is one.
    ///
    /// # Errors
    ///
    /// As of [`recover`](Node::recover).
    pub fn recover_observed(
        config: Config,
        durable: Durable,
        store: Store,
        settings: Settings,
        now: Time,
        observer: Option<Box<dyn Observer>>,
    ) -> Result<(Node, Output), RestoreError> {
        let (replica, turn) = Replica::recover_observed(config, durable, settings.disk_io, observer);
        let mut node = Node {
            replica,
            store,
            timers: Timers::new(settings.timing, settings.seed),
            proposals: BTreeMap::new(),
            reads: BTreeMap::new(),
            read: 0,
            snapshots: Snapshots { entries: settings.snapshot_entries, is_making: false },
            counters: Counters::default(),
        };
        let mut output = Output::default();
        node.carry_out(now, turn, &mut output)?;
        Ok((node, output))
    }

    /// The core, and what waits for the disk.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// The state machine.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// How long its timers run.
    pub fn timing(&self) -> Timing {
        self.timers.timing()
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// How many clients wait for a command or a change.
    pub fn proposals(&self) -> usize {
        self.proposals.len()
    }

    /// How many wait for a read.
    pub fn reads(&self) -> usize {
        self.reads.len()
    }

    /// Something happens. `now` is what the server's clock shows, read after the event came.
    ///
    /// # Errors
    ///
    /// If a snapshot came that holds no store: a program of another version leads.
    pub fn step(&mut self, now: Time, event: Event) -> Result<Output, RestoreError> {
        let mut output = Output::default();
        match event {
            Event::Receive { from, message } => {
                let turn = self.replica.step(now, Input::Receive { from, message });
                self.carry_out(now, turn, &mut output)?;
            }
            Event::Ask(ticket, Ask::GetStale(key)) => {
                output.replies.push((ticket, self.value(&key)));
            }
            Event::Ask(ticket, Ask::Export) => {
                output.replies.push((ticket, Reply::Store(Box::new(self.store.clone()))));
            }
            Event::Ask(ticket, Ask::Get(key)) => self.read(now, ticket, key, &mut output)?,
            Event::Ask(ticket, Ask::Do(command)) => {
                self.ask(now, ticket, Input::Propose(command.encode()), &mut output)?;
            }
            Event::Ask(ticket, Ask::Change(change)) => {
                self.ask(now, ticket, Input::Reconfigure(change), &mut output)?;
            }
            Event::Ask(ticket, Ask::Transfer(to)) => {
                self.ask(now, ticket, Input::Transfer(to), &mut output)?;
            }
            Event::Snapshot { through, state } => {
                self.snapshots.is_making = false;
                let turn = self.replica.step(now, Input::Compact { through, state });
                self.counters.snapshots_taken += u64::from(matches!(turn.answer, Some(Answer::Compacted(_))));
                self.carry_out(now, turn, &mut output)?;
            }
        }
        Ok(output)
    }

    /// Lets the timers run out that are due.
    ///
    /// # Errors
    ///
    /// As of [`step`](Node::step).
    pub fn wake(&mut self, now: Time) -> Result<Output, RestoreError> {
        let mut output = Output::default();
        while let Some(timer) = self.timers.pop(now, self.replica.raft().timers()) {
            let turn = self.replica.step(now, Input::Timeout(timer));
            self.carry_out(now, turn, &mut output)?;
        }
        Ok(output)
    }

    /// Lets this timer run out now, whenever it was due: for a host that decides by itself when timers do, as one that
    /// walks a checker's trace. It must be one that runs, and no promise that was made for a time may end before that
    /// time ([`due`](Node::due)).
    ///
    /// # Errors
    ///
    /// As of [`step`](Node::step).
    pub fn time_out(&mut self, now: Time, timer: Timer) -> Result<Output, RestoreError> {
        self.timers.forget(timer);
        let turn = self.replica.step(now, Input::Timeout(timer));
        let mut output = Output::default();
        self.carry_out(now, turn, &mut output)?;
        Ok(output)
    }

    /// What its clock has to show for this timer to run out, if it was started and has not yet.
    pub fn due(&self, timer: Timer) -> Option<Time> {
        self.timers.next(&[timer])
    }

    /// When its clock has to show what for the next timer to run out.
    pub fn next_wake(&self) -> Option<Time> {
        self.timers.next(self.replica.raft().timers())
    }

    /// What is to be written, if the disk is free.
    pub fn batch(&mut self) -> Option<Batch> {
        self.replica.batch()
    }

    /// The disk is done.
    ///
    /// # Errors
    ///
    /// As of [`step`](Node::step).
    pub fn finish(&mut self, now: Time, written: Written) -> Result<Output, RestoreError> {
        let turn = self.replica.finish(now, written);
        let mut output = Output::default();
        self.carry_out(now, turn, &mut output)?;
        Ok(output)
    }

    /// A wish that the core answers at once, and whose entry the client waits for.
    fn ask(
        &mut self,
        now: Time,
        ticket: Ticket,
        input: Input,
        output: &mut Output,
    ) -> Result<(), RestoreError> {
        let turn = self.replica.step(now, input);
        let reply = match turn.answer {
            Some(Answer::Proposed(id)) => {
                self.counters.proposed += 1;
                self.proposals.insert(id.index, (id.term, ticket));
                None
            }
            Some(Answer::NotLeader { leader }) => Some(Reply::NotLeader(leader)),
            Some(Answer::Transferring { to }) => Some(Reply::Transferring(to)),
            Some(Answer::NoPeer(server)) => Some(Reply::NoPeer(server)),
            Some(Answer::Refused(refusal)) => Some(Reply::Refused(refusal)),
            Some(Answer::Reading | Answer::Compacted(_) | Answer::NotCompacted { .. }) | None => None,
        };
        output.replies.extend(reply.map(|reply| (ticket, reply)));
        self.carry_out(now, turn, output)
    }

    fn read(
        &mut self,
        now: Time,
        ticket: Ticket,
        key: Bytes,
        output: &mut Output,
    ) -> Result<(), RestoreError> {
        self.read += 1;
        let id = ReadId(self.read);
        let turn = self.replica.step(now, Input::Read(id));
        match turn.answer {
            Some(Answer::NotLeader { leader }) => output.replies.push((ticket, Reply::NotLeader(leader))),
            // Reads through the log end with a leadership that is handed over.
            Some(Answer::Transferring { to }) => output.replies.push((ticket, Reply::NotLeader(Some(to)))),
            _ => _ = self.reads.insert(id, (ticket, key)),
        }
        self.carry_out(now, turn, output)
    }

    fn carry_out(&mut self, now: Time, turn: Turn, output: &mut Output) -> Result<(), RestoreError> {
        for timer in turn.restart {
            self.timers.restart(timer, now);
        }
        output.messages.extend(turn.messages);
        self.counters.truncated += turn.truncated;
        self.counters.chunks_ignored +=
            u64::from(turn.ignored.is_some_and(|why| !matches!(why, Ignored::OtherTerm(_))));
        for news in turn.news {
            match news {
                News::Restored(snapshot) => self.restore(&snapshot, output)?,
                News::Committed(entries) => entries.iter().for_each(|entry| self.apply(entry, output)),
                News::Readable(reads) => reads.into_iter().for_each(|read| self.answer(read, output)),
            }
        }
        let leader = self.replica.raft().leader();
        for (ticket, _) in turn.refused.iter().filter_map(|id| self.reads.remove(id)) {
            self.counters.reads_refused += 1;
            output.replies.push((ticket, Reply::NotLeader(leader)));
        }
        output.snapshot = output.snapshot.take().or_else(|| self.begin_snapshot());
        Ok(())
    }

    fn apply(&mut self, entry: &Entry, output: &mut Output) {
        let outcome = self.store.apply(entry);
        self.counters.applied += 1;
        if let Some((term, ticket)) = self.proposals.remove(&entry.id.index) {
            let reply = if term == entry.id.term { Reply::Done(entry.id, outcome) } else { Reply::Replaced };
            self.counters.replaced += u64::from(reply == Reply::Replaced);
            output.replies.push((ticket, reply));
        }
    }

    fn restore(&mut self, snapshot: &Snapshot, output: &mut Output) -> Result<(), RestoreError> {
        self.store = Store::restore(&snapshot.state)?;
        self.counters.snapshots_installed += 1;
        let later = self.proposals.split_off(&snapshot.last.index.next());
        let covered = std::mem::replace(&mut self.proposals, later);
        output.replies.extend(covered.into_values().map(|(_, ticket)| (ticket, Reply::Unknown)));
        Ok(())
    }

    fn answer(&mut self, read: Readable, output: &mut Output) {
        debug_assert!(
            self.store.applied().index >= read.index,
            "what a read has to show is applied before it"
        );
        if let Some((ticket, key)) = self.reads.remove(&read.id) {
            self.counters.reads += 1;
            output.replies.push((ticket, self.value(&key)));
        }
    }

    fn value(&self, key: &Bytes) -> Reply {
        Reply::Value(self.store.get(&key.0).cloned())
    }

    /// A clone of the store, if the log has grown long enough, and nobody is being sent the snapshot that there is:
    /// unless the log has grown for four times as long, for a follower that never gets one whole must not stop it.
    fn begin_snapshot(&mut self) -> Option<Store> {
        let Snapshots { entries, is_making } = self.snapshots;
        let (raft, applied) = (self.replica.raft(), self.store.applied().index);
        let grown = applied.0.saturating_sub(raft.log().base().index.0);
        let is_time = entries > 0 && grown >= entries && !is_making;
        if !is_time
            || raft.is_sending_snapshot() && grown < entries.saturating_mul(4)
            || !raft.can_compact(applied)
        {
            return None;
        }
        self.snapshots.is_making = true;
        Some(self.store.clone())
    }
}
