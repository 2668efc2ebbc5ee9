//! A server in its process: the core, and what of its effects waits for the disk.
//!
//! Every input goes through three stations. [`Replica::step`] asks the core at once, and hands back what may happen
//! now. What has to be written first is gathered: [`Replica::batch`] gives all of it out together as soon as the disk
//! is free, so that however many inputs came meanwhile share one write and one sync (group commit). When the disk is
//! done, [`Replica::finish`] releases what waited, in the order in which it came, and tells the core.
//!
//! # What may overtake the disk
//!
//! Two things, each because the core proves it. A leader's early messages (dissertation 10.2.1) are the core's own
//! choice. And a step that neither writes nor says anything that rests on a write is released at once, although
//! earlier writes are still under way: all it can hold is what was found to be committed, and reads. What is committed
//! is on the disks of a majority, and a leader counts its own only when it has said so; this server's state machine may
//! have it before this server's disk does, because after a crash both start from the disk again.
//!
//! The state machine still is given everything in order: what comes while something for it waits for the disk waits
//! behind that. What a follower commits waits, with the answer to who told it of that. What a leader commits does not, but
//! its reads may: where a server is removed, the step that writes the new configuration ends a round of reads for which the
//! smaller majority has spoken already.
//!
//! # What is absent
//!
//! There is no clock, thread, socket or file here: the process and the simulator drive the same type, each with its
//! own.

use std::sync::Arc;

use raftlab_core::{
    Answer, Config, Durable, Effects, Entry, Ignored, Input, Message, NodeId, Outbox, Raft, ReadId, Readable,
    Snapshot, Time, Timer, Write,
};

/// The core of one server, and what waits for its disk.
#[derive(Debug)]
pub struct Replica {
    raft: Raft,
    /// What came since the last batch was given out.
    waiting: Option<Effects>,
    /// The disk has a batch.
    writing: bool,
    /// And something of it is for the state machine.
    writing_owes: bool,
    disk_io: DiskIo,
    observer: Option<Box<dyn Observer>>,
}

/// Watches the core of a replica, on the thread that owns it, and decides nothing.
pub trait Observer: std::fmt::Debug + Send {
    /// The core is about to become what this disk makes of it. What comes of that is said as of any input.
    fn recovers(&mut self, config: &Config, durable: &Durable);
    /// The core is about to take an input.
    fn takes(&mut self, now: Time, input: &Input);
    /// The core has done so: what it is now, and what it wants done.
    fn took(&mut self, raft: &Raft, effects: &Effects);
    /// All that waited for the disk is given to it.
    fn gives_batch(&mut self);
}

/// What a leader does while its own disk writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DiskIo {
    /// It sends what it writes to its followers at the same time (dissertation 10.2.1).
    #[default]
    Parallel,
    /// It sends nothing, and takes no further input, before its disk is done: as simpler systems do.
    Inline,
}

/// What has to be on disk before anything else of it happens.
#[derive(Debug)]
#[must_use = "without its batch a replica waits for ever"]
pub struct Batch(Effects);

/// A batch that is on disk.
#[derive(Debug)]
#[must_use = "without it a replica waits for ever"]
pub struct Written(Outbox);

/// What may happen at once.
#[derive(Debug, Default)]
#[must_use = "messages, answers and committed entries are for the host to pass on"]
pub struct Turn {
    /// To be sent, in order.
    pub messages: Vec<(NodeId, Message)>,
    /// What the state machine is given, in order.
    pub news: Vec<News>,
    /// The core's answer to a request.
    pub answer: Option<Answer>,
    /// Reads that this server will not answer.
    pub refused: Vec<ReadId>,
    /// Timers to start, or to start afresh.
    pub restart: Vec<Timer>,
    /// Why a chunk of a snapshot was not taken in, if one was not.
    pub ignored: Option<Ignored>,
    /// How many entries a leader's took the place of.
    pub truncated: u64,
}

/// Something for the state machine.
#[derive(Debug)]
pub enum News {
    /// Its new state, in place of the one that it has.
    Restored(Arc<Snapshot>),
    /// Entries to be applied, each once.
    Committed(Vec<Entry>),
    /// Reads that may be answered when what came before is applied.
    Readable(Vec<Readable>),
}

impl Replica {
    /// The server that a disk holds, and its first turn: what its state machine starts from, and its timers.
    pub fn recover(config: Config, durable: Durable, disk_io: DiskIo) -> (Replica, Turn) {
        Replica::recover_observed(config, durable, disk_io, None)
    }

    /// The same, watched from the first moment on by `observer`, if there is one.
    pub fn recover_observed(
        config: Config,
        durable: Durable,
        disk_io: DiskIo,
        mut observer: Option<Box<dyn Observer>>,
    ) -> (Replica, Turn) {
        if let Some(observer) = &mut observer {
            observer.recovers(&config, &durable);
        }
        let (raft, effects) = Raft::recover(config, durable);
        if let Some(observer) = &mut observer {
            observer.took(&raft, &effects);
        }
        let mut replica =
            Replica { raft, waiting: None, writing: false, writing_owes: false, disk_io, observer };
        let turn = replica.take(effects);
        (replica, turn)
    }

    /// The core, to be read.
    pub fn raft(&self) -> &Raft {
        &self.raft
    }

    /// One input, and what comes of it at once. `now` is to be read after the input was received
    /// ([`Raft::step`]).
    pub fn step(&mut self, now: Time, input: Input) -> Turn {
        if let Some(observer) = &mut self.observer {
            observer.takes(now, &input);
        }
        let last = self.raft.log().last().index;
        let effects = self.raft.step(now, input);
        if let Some(observer) = &mut self.observer {
            observer.took(&self.raft, &effects);
        }
        let left = effects.writes().iter().filter_map(|write| match write {
            Write::Log { after, .. } => Some(*after),
            Write::Vote { .. } | Write::Snapshot(_) => None,
        });
        let truncated = left.min().map_or(0, |left| last.0.saturating_sub(left.0));
        Turn { truncated, ..self.take(effects) }
    }

    /// What waits for the disk, if it is free. Whoever takes it has to bring it back to [`finish`](Replica::finish).
    pub fn batch(&mut self) -> Option<Batch> {
        if self.writing {
            return None;
        }
        let batch = self.waiting.take()?;
        self.writing = true;
        self.writing_owes = batch.is_for_state_machine();
        if let Some(observer) = &mut self.observer {
            observer.gives_batch();
        }
        Some(Batch(batch))
    }

    /// What the next batch is to write, if anything waits for one.
    pub fn waiting(&self) -> Option<&[Write]> {
        self.waiting.as_ref().map(Effects::writes)
    }

    /// Has the disk a batch?
    pub fn is_writing(&self) -> bool {
        self.writing
    }

    /// May an input be given to it now? Not while a disk works that is waited for.
    pub fn takes_input(&self) -> bool {
        self.disk_io == DiskIo::Parallel || !self.writing
    }

    /// The disk is done: releases what waited for it, and tells the core.
    pub fn finish(&mut self, now: Time, Written(outbox): Written) -> Turn {
        self.writing = false;
        self.writing_owes = false;
        let persisted = outbox.persisted;
        let mut turn = Turn::default();
        turn.release(outbox);
        if let Some(persisted) = persisted {
            turn.extend(self.step(now, Input::Persisted(persisted)));
        }
        turn
    }

    /// Passes on what may happen now, and keeps the rest.
    fn take(&mut self, mut effects: Effects) -> Turn {
        let mut turn = Turn {
            answer: effects.answer.take(),
            refused: std::mem::take(&mut effects.refused),
            restart: std::mem::take(&mut effects.restart),
            ignored: effects.ignored.take(),
            ..Turn::default()
        };
        if self.disk_io == DiskIo::Parallel {
            turn.messages = effects.early();
        }
        let waits_its_turn = effects.is_for_state_machine() && self.owes_state_machine();
        if effects.waits_for_disk() || waits_its_turn {
            match &mut self.waiting {
                Some(waiting) => waiting.merge(effects),
                None => self.waiting = Some(effects),
            }
        } else {
            let Ok(outbox) = effects.persist(|_| Ok::<(), std::convert::Infallible>(()));
            turn.release(outbox);
        }
        turn
    }

    /// Does something for the state machine wait for the disk? What comes later may not overtake it.
    fn owes_state_machine(&self) -> bool {
        self.writing_owes || self.waiting.as_ref().is_some_and(Effects::is_for_state_machine)
    }
}

impl Batch {
    /// Writes it. `disk` is to return when its writes survive a crash; it is not called when there are none.
    ///
    /// # Errors
    ///
    /// The disk's. The process must end then: what its disk holds is no longer known.
    pub fn write<E>(self, disk: impl FnOnce(&[Write]) -> Result<(), E>) -> Result<Written, E> {
        self.0.persist(disk).map(Written)
    }

    /// What is to be written.
    pub fn writes(&self) -> &[Write] {
        self.0.writes()
    }
}

impl Turn {
    /// Adds what comes after it.
    pub fn extend(&mut self, later: Turn) {
        self.messages.extend(later.messages);
        self.news.extend(later.news);
        self.answer = later.answer.or(self.answer);
        self.refused.extend(later.refused);
        self.restart.extend(later.restart);
        self.ignored = later.ignored.or(self.ignored);
        self.truncated += later.truncated;
    }

    fn release(&mut self, outbox: Outbox) {
        let Outbox { messages, restored, committed, reads, persisted: _ } = outbox;
        self.messages.extend(messages);
        self.news.extend(restored.map(News::Restored));
        if !committed.is_empty() {
            self.news.push(News::Committed(committed));
        }
        if !reads.is_empty() {
            self.news.push(News::Readable(reads));
        }
    }
}
