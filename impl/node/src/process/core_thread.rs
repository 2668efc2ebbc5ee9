//! The loop of the thread that owns the core.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use raftlab_core::{Message, NodeId, Time};

use super::transport::Transport;
use super::{EndError, Input, Respond, Status};
use crate::clock::Clock;
use crate::disk::Directory;
use crate::node::{Event, Node, Output, Ticket};
use crate::peers::Peers;
use crate::replica::Batch;
use crate::wal::{Wal, WriteError};

/// How many inputs are taken before anything of them is sent or written.
const TURN_MAX: usize = 1024;

/// How long it waits for inputs at most: a clock may have been bent meanwhile.
const WAITS_FOR: Duration = Duration::from_millis(50);

/// Who writes.
#[derive(Debug)]
pub enum Disk {
    /// The core's thread itself, which waits.
    Inline(Box<Wal<Directory>>),
    /// Another thread.
    Parallel(SyncSender<Batch>),
}

/// What the thread owns.
pub struct Core {
    node: Node,
    disk: Disk,
    transport: Transport,
    /// For threads that make something and bring it back.
    inputs: SyncSender<Input>,
    status: Arc<Mutex<Status>>,
    started: Instant,
    clock: Clock,
    messages: Vec<(NodeId, Message)>,
    clients: BTreeMap<Ticket, Respond>,
    ticket: u64,
    noted: Peers,
}

impl Core {
    pub fn new(
        node: Node,
        disk: Disk,
        transport: Transport,
        inputs: SyncSender<Input>,
        status: Arc<Mutex<Status>>,
    ) -> Core {
        Core {
            node,
            disk,
            transport,
            inputs,
            status,
            started: Instant::now(),
            clock: Clock::default(),
            messages: Vec::new(),
            clients: BTreeMap::new(),
            ticket: 0,
            noted: Peers::default(),
        }
    }

    /// Takes what waits, steps it, sends, writes; until it is told to end, or something fails.
    pub fn run(mut self, first: Output, queue: &Receiver<Input>) -> Result<(), EndError> {
        self.carry_out(first);
        loop {
            match queue.recv_timeout(self.waits_for()) {
                Ok(input) => {
                    for input in std::iter::once(input).chain(queue.try_iter().take(TURN_MAX)) {
                        if matches!(input, Input::Stop) {
                            return Ok(());
                        }
                        self.take(input)?;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            let output = self.node.wake(self.now())?;
            self.carry_out(output);
            self.write()?;
            self.transport.send(&mut self.messages);
            self.publish();
        }
    }

    fn now(&self) -> Time {
        self.clock.now(self.real())
    }

    /// True time since the start.
    fn real(&self) -> Time {
        Time(u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn waits_for(&self) -> Duration {
        let due = self.node.next_wake().and_then(|due| self.clock.until(due, self.real()));
        due.map_or(WAITS_FOR, |span| Duration::from_micros(span.0).min(WAITS_FOR))
    }

    fn take(&mut self, input: Input) -> Result<(), EndError> {
        let event = match input {
            Input::Written(written) => {
                let output = self.node.finish(self.now(), written?)?;
                self.carry_out(output);
                return Ok(());
            }
            Input::Datagram(received) => Event::Receive { from: received.from, message: received.message },
            Input::Ask(ask, respond) => {
                self.ticket += 1;
                self.clients.insert(Ticket(self.ticket), respond);
                Event::Ask(Ticket(self.ticket), ask)
            }
            Input::Snapshot(event) => event,
            Input::Stop => return Ok(()),
        };
        let output = self.node.step(self.now(), event)?;
        self.carry_out(output);
        Ok(())
    }

    fn carry_out(&mut self, output: Output) {
        self.messages.extend(output.messages);
        for (ticket, reply) in output.replies {
            if let Some(respond) = self.clients.remove(&ticket) {
                respond(reply);
            }
        }
        if let Some(store) = output.snapshot {
            let inputs = self.inputs.clone();
            thread::spawn(move || {
                let (through, state) = (store.applied().index, store.snapshot().into());
                // The process may have ended meanwhile.
                let _ = inputs.send(Input::Snapshot(Event::Snapshot { through, state }));
            });
        }
    }

    /// Gives the disk what waits for it. What needs no disk goes on at once.
    fn write(&mut self) -> Result<(), EndError> {
        while let Some(batch) = self.node.batch() {
            let written = match &mut self.disk {
                _ if batch.writes().is_empty() => batch.write(|_| Ok::<(), WriteError>(()))?,
                Disk::Inline(wal) => batch.write(|writes| wal.write(writes))?,
                Disk::Parallel(batches) => {
                    // The other end is gone only if it has failed, and then it has said so.
                    let _ = batches.send(batch);
                    return Ok(());
                }
            };
            let output = self.node.finish(self.now(), written)?;
            self.carry_out(output);
        }
        Ok(())
    }

    fn publish(&mut self) {
        if *self.node.store().peers() != self.noted {
            self.noted = self.node.store().peers().clone();
            self.transport.learn(&self.noted);
        }
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = Status::of(&self.node);
    }
}
