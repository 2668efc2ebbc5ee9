//! The loop of the thread that owns the core.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use raftlab_core::{Message, NodeId, Term, Time};
use tracing::{info, trace_span};

use super::disk_thread::{self, Log};
use super::inbox::{Alone, Inbox, Inputs};
use super::shared::Shared;
use super::status::{Status, role_name};
use super::transport::Transport;
use super::{EndError, Input, Respond};
use crate::chaos::Fault;
use crate::clock::Clock;
use crate::journal::Journal;
use crate::kv::Command;
use crate::node::{Ask, Event, Node, Output, Reply, Ticket};
use crate::peers::{Address, Peers};
use crate::replica::Batch;
use crate::wal::WriteError;

/// How long it waits for inputs at most: a clock may have been bent meanwhile.
const WAITS_FOR: Duration = Duration::from_millis(50);

/// How often it says how it stands, unless something changes that others wait to see.
const PUBLISHES_EVERY: Duration = Duration::from_millis(1);

/// A clock at this rate is true.
const TRUE_RATE_PPM: u64 = 1_000_000;

/// The ticket of what this server asks of itself.
const NOBODY: Ticket = Ticket(0);

/// Who writes.
#[derive(Debug)]
pub enum Disk {
    /// The core's thread itself, which waits.
    OwnThread(Box<Log>),
    /// Another thread.
    Thread(SyncSender<Batch>),
}

/// What the thread owns.
pub struct Core {
    pub node: Node,
    pub disk: Disk,
    pub transport: Transport,
    /// What the core is given, if that is kept.
    pub journal: Option<Journal>,
    /// What clients are told when this turn is in the journal.
    pub replies: Vec<(Respond, Reply)>,
    /// For threads that make something and bring it back.
    pub inputs: Inputs,
    pub shared: Arc<Shared>,
    /// Where this server listens, for others to learn.
    pub address: Address,
    pub clock: Clock,
    pub messages: Vec<(NodeId, Message)>,
    pub clients: BTreeMap<Ticket, Respond>,
    pub ticket: u64,
    /// What is known of addresses, as far as the transport was told.
    pub known: Peers,
    /// The term in which this server had its own address noted.
    pub noted_in: Term,
    pub published: Option<Instant>,
}

impl Core {
    /// Takes what waits, steps it, sends, writes; until it is told to end, or something fails.
    pub fn run(mut self, first: Output, mut inbox: Inbox) -> Result<(), EndError> {
        self.carry_out(first);
        let ended = self.turns(&mut inbox);
        // What clients wait for may be done or not: they are not told.
        self.clients.clear();
        match (ended, self.journal.take()) {
            (Ok(()), Some(journal)) => journal.close().map_err(EndError::Journal),
            (ended, _) => ended,
        }
    }

    fn turns(&mut self, inbox: &mut Inbox) -> Result<(), EndError> {
        let mut inputs = Vec::new();
        loop {
            if let Err(Alone) = inbox.take(self.waits_for(), &mut inputs) {
                return Ok(());
            }
            for input in inputs.drain(..) {
                if matches!(input, Input::Stop) {
                    return Ok(());
                }
                self.take(input)?;
            }
            let output = self.node.wake(self.now())?;
            self.carry_out(output);
            self.note_own_address()?;
            self.leave()?;
            self.look_after();
        }
    }

    /// Lets out what has come of this turn: it is in the journal first, if there is one.
    fn leave(&mut self) -> Result<(), EndError> {
        loop {
            let batch = self.node.batch();
            if let Some(journal) = &mut self.journal {
                journal.flush().map_err(EndError::Journal)?;
            }
            for (respond, reply) in self.replies.drain(..) {
                respond(reply);
            }
            if matches!(self.disk, Disk::OwnThread(_)) {
                // What may leave before the disk is done does not wait for it.
                self.transport.send(&mut self.messages);
            }
            let goes_on = batch.map_or(Ok(false), |batch| self.write(batch))?;
            self.transport.send(&mut self.messages);
            if !goes_on {
                return Ok(());
            }
        }
    }

    fn now(&self) -> Time {
        self.clock.now(self.real())
    }

    /// True time since the start.
    fn real(&self) -> Time {
        Time(self.shared.micros())
    }

    fn waits_for(&self) -> Duration {
        let due = self.node.next_wake().and_then(|due| self.clock.until(due, self.real()));
        due.map_or(WAITS_FOR, |span| Duration::from_micros(span.0).min(WAITS_FOR))
    }

    fn take(&mut self, input: Input) -> Result<(), EndError> {
        let raft = self.node.replica().raft();
        let span = trace_span!(
            "input",
            kind = input.kind(),
            term = raft.term().0,
            index = raft.log().last().index.0
        );
        let _entered = span.enter();
        let event = match input {
            Input::Written(written) => {
                let output = self.node.finish(self.now(), written?)?;
                self.carry_out(output);
                return Ok(());
            }
            Input::Datagram(received) => {
                self.transport.heard(received.from, &received.message.body);
                Event::Receive { from: received.from, message: received.message }
            }
            Input::Ask(ask, respond) => {
                self.ticket += 1;
                self.clients.insert(Ticket(self.ticket), respond);
                Event::Ask(Ticket(self.ticket), ask)
            }
            Input::Snapshot(event) => event,
            Input::Pause(span) => {
                self.shared.fired.strike(Fault::Pause);
                thread::sleep(span);
                return Ok(());
            }
            Input::Clock { rate_ppm, jump_us } => {
                self.bend_clock(rate_ppm, jump_us);
                return Ok(());
            }
            Input::Stop => return Ok(()),
        };
        let output = self.node.step(self.now(), event)?;
        self.carry_out(output);
        Ok(())
    }

    fn bend_clock(&mut self, rate_ppm: Option<u64>, jump_us: i64) {
        let real = self.real();
        if let Some(rate_ppm) = rate_ppm {
            self.clock.run_at(rate_ppm, real);
        }
        if jump_us != 0 {
            self.clock.jump(jump_us, real);
            self.shared.fired.strike(Fault::ClockJump);
        }
    }

    fn carry_out(&mut self, output: Output) {
        self.messages.extend(output.messages);
        for (ticket, reply) in output.replies {
            if let Some(respond) = self.clients.remove(&ticket) {
                self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
                self.replies.push((respond, reply));
            }
        }
        if let Some(store) = output.snapshot {
            let (inputs, shared) = (self.inputs.clone(), Arc::clone(&self.shared));
            let term = self.node.replica().raft().term();
            thread::spawn(move || {
                let (through, state) = (store.applied().index, store.snapshot().into());
                info!(through = through.0, "a snapshot was made");
                shared.tell(term, "snapshot", format!("a snapshot up to {through} was made"));
                // The process may have ended meanwhile.
                let _ = inputs.send(Input::Snapshot(Event::Snapshot { through, state }));
            });
        }
    }

    /// Gives the disk what waited for it. Has something come of that already?
    fn write(&mut self, batch: Batch) -> Result<bool, EndError> {
        let written = match &mut self.disk {
            // What needs no disk goes on at once.
            _ if batch.writes().is_empty() => batch.write(|_| Ok::<(), WriteError>(()))?,
            Disk::OwnThread(wal) => {
                let written = disk_thread::write(wal, batch, &self.shared)?;
                wal.prepare()?;
                written
            }
            Disk::Thread(batches) => {
                // The other end is gone only if it has failed, and then it has said so.
                let _ = batches.send(batch);
                return Ok(false);
            }
        };
        let output = self.node.finish(self.now(), written)?;
        self.carry_out(output);
        Ok(true)
    }

    /// What is done once a turn, beside the protocol: how the server stands is said, and addresses are passed on.
    fn look_after(&mut self) {
        if self.clock.rate_ppm() != TRUE_RATE_PPM {
            self.shared.fired.strike(Fault::ClockRate);
        }
        let raft = self.node.replica().raft();
        let before = self.shared.status();
        let has_changed = before.term != raft.term()
            || before.role != role_name(raft.role())
            || before.leader != raft.leader()
            || before.membership != *raft.membership();
        let is_time = self.published.is_none_or(|last| last.elapsed() >= PUBLISHES_EVERY);
        if has_changed || is_time {
            self.publish(&before);
        }
    }

    fn publish(&mut self, before: &Status) {
        let status = Status::of(&self.node);
        if status.peers != self.known {
            self.known = status.peers.clone();
            self.transport.learn(&self.known);
        }
        self.tell_changes(before, &status);
        self.shared.set_timers(self.now().0);
        self.shared.publish(status);
        self.published = Some(Instant::now());
    }

    /// A leader has its own address noted in the log, once a term, so that every server can send clients to it.
    fn note_own_address(&mut self) -> Result<(), EndError> {
        let raft = self.node.replica().raft();
        let (own, term) = (raft.id(), raft.term());
        if !raft.is_leader()
            || self.noted_in == term
            || self.node.store().peers().get(own) == Some(self.address)
        {
            return Ok(());
        }
        self.noted_in = term;
        let note = Ask::Do(Command::Note { server: own, address: self.address });
        let output = self.node.step(self.now(), Event::Ask(NOBODY, note))?;
        self.carry_out(output);
        Ok(())
    }

    fn tell_changes(&self, before: &Status, after: &Status) {
        for (kind, text) in before.changes(after) {
            info!(term = after.term.0, commit = after.commit.0, index = after.last.0, "{text}");
            self.shared.tell(after.term, kind, text);
            self.shared.leader_changes.fetch_add(u64::from(kind == "leader"), Ordering::Relaxed);
        }
    }
}
