//! The journal of a server: every input that its core took, when, and what came of it, so that somebody else can give
//! the same to a core of their own, and compare.
//!
//! One file holds one life of a process, `n1-3.journal` the third that was recorded of `n1` in its directory. A host
//! gives the [`Recorder`] to its [`Node`](crate::node::Node), and calls [`Journal::flush`] when it has stepped all
//! that waited and *before* anything of it leaves: messages, replies, what the disk is given. So a process that is
//! killed has in its journal whatever it did to anybody else.
//!
//! A journal is not synced: it survives the process, and not the machine.
//!
//! # The file
//!
//! | bytes | |
//! |---|---|
//! | 8 | `raftjnl` and a line feed |
//! | 4 | format |
//! | 4 | crc32c of all the rest of the head |
//! | 16 | cluster |
//! | 8 | server |
//! | 8 | life, from 1 |
//! | 24 | zeros |
//!
//! Records follow, without a gap, each bound to its place and to its file:
//!
//! | bytes | |
//! |---|---|
//! | 4 | length of the payload |
//! | 4 | crc32c of the payload |
//! | 4 | crc32c of the file's head, the number of the record from 0 (8 bytes), and the two before |
//! | length | the payload: a byte that says which record it is, and what it says, in postcard |
//!
//! | record | says | is there |
//! |---|---|---|
//! | 1, begin | true time; what the core was told: founders, features, lengths of messages; what the disk held; the [outcome](Outcome) | once, first |
//! | 2, step | true time, the core's own time, the input, the [outcome](Outcome) | for each step |
//! | 3, batch | nothing: all that waited for the disk was given to it | between steps |
//! | 4, end | the number of steps | last, after a clean stop |
//! | 5, unfinished | true time, the core's own time, and an input from which the core did not return: it panicked | last |
//!
//! All integers of heads are little-endian. True time is the machine's monotonic clock in microseconds, the same for
//! all processes of one machine, and read before the step. An outcome says what the core was after the step, and a
//! crc32c of each part of its effects: the effects themselves are what a replay makes.

mod read;
mod record;

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use raftlab_core::{Config, Durable, Effects, Input, NodeId, Raft, Time};

pub use self::read::{ReadError, Reader};
pub use self::record::{Began, Kind, Outcome, Record, Step, Told};
use self::record::{HEAD_BYTES, Head};
use crate::replica::Observer;
use crate::wal::Identity;

/// What the names of journals end in.
pub const SUFFIX: &str = ".journal";

/// The file of one life. It has to be told when to write.
#[derive(Debug)]
pub struct Journal {
    file: File,
    life: u64,
    shared: Arc<Mutex<Shared>>,
    has_failed: bool,
}

/// Writes down what a core is given. It is for [`Node::recover_observed`](crate::node::Node::recover_observed).
#[derive(Debug)]
pub struct Recorder(Arc<Mutex<Shared>>);

/// A source of true time in microseconds.
type TrueTime = Box<dyn FnMut() -> u64 + Send>;

/// What was recorded and is not in the file yet.
struct Shared {
    bytes: Vec<u8>,
    /// Where the record begins that is under way, if one is: the core was given an input, and has not returned.
    under_way: Option<usize>,
    scratch: Vec<u8>,
    seed: u32,
    records: u64,
    steps: u64,
    true_time: TrueTime,
}

/// The name of a life's file.
pub fn name(server: NodeId, life: u64) -> String {
    format!("{server}-{life}{SUFFIX}")
}

/// Whose life it is, by the name of its file, and which one.
pub fn named(name: &str) -> Option<(NodeId, u64)> {
    let (server, life) = name.strip_suffix(SUFFIX)?.strip_prefix('n')?.split_once('-')?;
    let found = (NodeId(server.parse().ok()?), life.parse().ok()?);
    (self::name(found.0, found.1) == name).then_some(found)
}

impl Journal {
    /// Begins the journal of another life of this server, in a directory that is made if it is not there.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn create(dir: &Path, identity: Identity) -> io::Result<(Journal, Recorder)> {
        Journal::create_by(dir, identity, monotonic_micros)
    }

    /// The same, by a true time that comes from somewhere else: of all servers whose journals are compared, it has to
    /// be the same. In microseconds; it never falls.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn create_by(
        dir: &Path,
        identity: Identity,
        true_time: impl FnMut() -> u64 + Send + 'static,
    ) -> io::Result<(Journal, Recorder)> {
        fs::create_dir_all(dir)?;
        let life = next_life(dir, identity.server)?;
        let path = dir.join(name(identity.server, life));
        let mut file = OpenOptions::new().append(true).create_new(true).open(path)?;
        let head = Head { identity, life };
        file.write_all(&head.encode())?;
        let shared = Shared {
            bytes: Vec::new(),
            under_way: None,
            scratch: Vec::new(),
            seed: head.seed(),
            records: 0,
            steps: 0,
            true_time: Box::new(true_time),
        };
        let shared = Arc::new(Mutex::new(shared));
        let recorder = Recorder(Arc::clone(&shared));
        Ok((Journal { file, life, shared, has_failed: false }, recorder))
    }

    /// Which life of its server this is, among those that were recorded, from 1.
    pub fn life(&self) -> u64 {
        self.life
    }

    /// Writes all that was recorded to the file, with one call of the system's.
    ///
    /// # Errors
    ///
    /// The system's, and from then on always: the file may end in a part of a record.
    pub fn flush(&mut self) -> io::Result<()> {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if self.has_failed {
            return Err(io::Error::other("the journal could not be written before"));
        }
        if shared.bytes.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&shared.bytes);
        self.has_failed = written.is_err();
        shared.bytes.clear();
        written
    }

    /// The process stops: the journal has an end.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn close(mut self) -> io::Result<()> {
        {
            let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
            let steps = shared.steps;
            shared.begin(Kind::End);
            shared.put(&steps);
            shared.seal();
        }
        self.flush()
    }
}

impl Drop for Journal {
    /// Whatever ended the process, what it did is of use to somebody: most of all the input that made its core panic.
    fn drop(&mut self) {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).seal_unfinished();
        // There is nobody to be told.
        let _ = self.flush();
    }
}

impl Observer for Recorder {
    fn recovers(&mut self, config: &Config, durable: &Durable) {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let real = (shared.true_time)();
        shared.begin(Kind::Begin);
        shared.put(&(real, Told::of(config), durable));
    }

    fn takes(&mut self, now: Time, input: &Input) {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let real = (shared.true_time)();
        shared.begin(Kind::Step);
        shared.put(&(real, now, input));
        shared.steps += 1;
    }

    fn took(&mut self, raft: &Raft, effects: &Effects) {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let outcome = Outcome::of(raft, effects, &mut shared.scratch);
        shared.put(&outcome);
        shared.seal();
    }

    fn gives_batch(&mut self) {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shared.begin(Kind::Batch);
        shared.seal();
    }
}

impl Shared {
    fn begin(&mut self, kind: Kind) {
        let at = self.bytes.len();
        self.under_way = Some(at);
        self.bytes.resize(at + HEAD_BYTES, 0);
        self.bytes.push(kind as u8);
    }

    fn put(&mut self, value: &impl serde::Serialize) {
        record::put(&mut self.bytes, value);
    }

    fn seal(&mut self) {
        if let Some(at) = self.under_way.take() {
            record::seal(&mut self.bytes[at..], self.seed, self.records);
            self.records += 1;
        }
    }

    /// The core has not returned from the input that it was given.
    fn seal_unfinished(&mut self) {
        if let Some(at) = self.under_way {
            if self.bytes[at + HEAD_BYTES] == Kind::Step as u8 {
                self.bytes[at + HEAD_BYTES] = Kind::Unfinished as u8;
                self.seal();
            } else {
                self.bytes.truncate(at);
                self.under_way = None;
            }
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records, {} bytes of them not written yet", self.records, self.bytes.len())
    }
}

/// The first number behind all that have files.
fn next_life(dir: &Path, server: NodeId) -> io::Result<u64> {
    let mut last = 0;
    for entry in fs::read_dir(dir)? {
        let of = entry?.file_name().to_str().and_then(named);
        last = of.filter(|of| of.0 == server).map_or(last, |of| last.max(of.1));
    }
    Ok(last + 1)
}

/// The machine's monotonic clock.
fn monotonic_micros() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let micros = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
    u64::try_from(micros).unwrap_or(0)
}
