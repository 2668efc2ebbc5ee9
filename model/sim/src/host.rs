//! One life of a server: a node over the real write-ahead log on a disk in memory, and nothing that decides when.
//!
//! Whoever drives it says what happens next: an event, a timer, that the disk begins or is done, that the power goes.

use std::sync::Arc;

use raftlab_core::{Config, Index, Time, Write};
use raftlab_node::disk::{Fault, Memory};
use raftlab_node::kv::Store;
use raftlab_node::node::{Node, Output, Settings};
use raftlab_node::replica::{Batch, Observer};
use raftlab_node::wal::{Identity, Wal, WriteError};

use crate::lies::{Honest, Lies};
use crate::server::{EndError, StartError};

/// A server that runs.
#[derive(Debug)]
pub struct Host {
    /// Core, state machine and timers.
    pub node: Node,
    wal: Wal<Memory>,
    disk: Memory,
    /// What the disk has.
    writing: Option<Batch>,
    lies: Arc<dyn Lies>,
}

impl Host {
    /// Starts on what the disk holds. If its log is good, `observer` is asked for who watches its core, from the first
    /// moment on.
    ///
    /// # Errors
    ///
    /// If its log, or the snapshot in it, is refused.
    pub fn start(
        disk: Memory,
        (identity, segment_bytes): (Identity, u64),
        config: Config,
        settings: Settings,
        now: Time,
        observer: impl FnOnce() -> Option<Box<dyn Observer>>,
    ) -> Result<(Host, Output), StartError> {
        let opened = Wal::open(disk.clone(), identity, segment_bytes)?;
        let (node, output) =
            Node::recover_observed(config, opened.durable, Store::default(), settings, now, observer())?;
        Ok((Host { node, wal: opened.wal, disk, writing: None, lies: Arc::new(Honest) }, output))
    }

    /// Its disk lies.
    #[must_use]
    pub fn with_lies(self, lies: Arc<dyn Lies>) -> Host {
        Host { lies, ..self }
    }

    /// Its disk.
    pub fn disk(&self) -> &Memory {
        &self.disk
    }

    /// Gives the disk what waits for it, if it is free: the writes.
    pub fn begin(&mut self) -> Option<&[Write]> {
        if self.writing.is_none() {
            self.writing = self.node.batch();
        }
        self.writing.as_ref().map(Batch::writes)
    }

    /// What the disk has.
    pub fn writing(&self) -> &[Write] {
        self.writing.as_ref().map(Batch::writes).unwrap_or_default()
    }

    /// The disk is done with what it has, if it has something: what was written is in the log.
    ///
    /// # Errors
    ///
    /// The disk's; the process has to end then.
    pub fn finish(&mut self, now: Time) -> Result<Output, EndError> {
        let lies = Arc::clone(&self.lies);
        self.finish_by(now, |wal, writes| write(wal, writes, &*lies))
    }

    /// It says so, and has only written, and not synced.
    ///
    /// # Errors
    ///
    /// As of [`finish`](Host::finish).
    pub fn finish_unsynced(&mut self, now: Time) -> Result<Output, EndError> {
        self.disk.skip_syncs(true);
        let output = self.finish(now);
        self.disk.skip_syncs(false);
        output
    }

    /// The same with another way to write: that of a disk which lies.
    ///
    /// # Errors
    ///
    /// As of [`finish`](Host::finish).
    pub fn finish_by(
        &mut self,
        now: Time,
        write: impl FnOnce(&mut Wal<Memory>, &[Write]) -> Result<(), WriteError>,
    ) -> Result<Output, EndError> {
        let Some(batch) = self.writing.take() else { return Ok(Output::default()) };
        let written = batch.write(|writes| write(&mut self.wal, writes))?;
        Ok(self.node.finish(now, written)?)
    }

    /// Writes to its log what no batch brought: for a disk that lied, and writes later.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub fn write(&mut self, writes: &[Write]) -> Result<(), WriteError> {
        self.wal.write(writes)
    }

    /// Does some of what the next segment of its log will need, as a process does when its disk is idle.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub fn prepare(&mut self) -> Result<(), EndError> {
        match self.wal.prepare() {
            Err(error) if !self.lies.swallows_errors() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The process ends as it should: what the disk was given is written, and all of it survives.
    pub fn stop(mut self) -> Memory {
        if let Some(batch) = self.writing.take() {
            // What it would have been told of it, it is not told.
            let _ = batch.write(|writes| write(&mut self.wal, writes, &*self.lies));
        }
        self.disk.crash(|| true)
    }

    /// The power goes, and with it whatever waits. In the middle of a write, `operations` of the disk's are done. Of
    /// what was not synced, `survives` says what is there. Gives the disk that the next start finds.
    pub fn crash(mut self, operations: u64, survives: impl FnMut() -> bool) -> Memory {
        if let Some(batch) = self.writing.take().filter(|_| operations > 0) {
            self.disk.fail(operations + 1, Fault::Error);
            // What the process would have been told of it, it is not told.
            let _ = batch.write(|writes| write(&mut self.wal, writes, &*self.lies));
        }
        self.disk.crash(survives)
    }

    /// Its log ends there from now on, through no fault of the node's.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub fn cut_after(&mut self, end: Index) -> Result<(), WriteError> {
        self.wal.write(&[Write::Log { after: end, entries: Vec::new() }])
    }

    /// The power goes between the two writes by which a store replaces entries: what stood behind `kept` is gone, and
    /// what was to take its place was never written. Nothing of it, if the log neither reaches down to there nor beyond.
    pub fn tear(&mut self, kept: Index) {
        let log = &self.wal.durable().log;
        if (log.base().index..log.last().index).contains(&kept) {
            self.writing = None;
            // A disk that fails has the log as it was.
            let _ = self.cut_after(kept);
        }
    }

    /// Behind which entry the batch that the disk has replaces others, if it does.
    pub fn replaces(&self) -> Option<Index> {
        let last = self.wal.durable().log.last().index;
        let behind = self.writing().iter().find_map(|write| match write {
            Write::Log { after, .. } => Some(*after),
            Write::Vote { .. } | Write::Snapshot(_) => None,
        });
        behind.filter(|behind| *behind < last)
    }
}

/// What a disk that may lie does of a batch.
fn write(wal: &mut Wal<Memory>, writes: &[Write], lies: &dyn Lies) -> Result<(), WriteError> {
    let written = match lies.keeps(writes) {
        None => wal.write(writes),
        Some(kept) if kept.is_empty() => Ok(()),
        Some(kept) => wal.write(&kept),
    };
    if lies.swallows_errors() { Ok(()) } else { written }
}
