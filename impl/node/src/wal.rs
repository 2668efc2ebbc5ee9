//! The write-ahead log: what a server was promised to remember, on a disk.
//!
//! One directory holds numbered segments, the snapshot that the oldest of them begins with, and nothing else that
//! matters. A write appends one record, a batch of the core's writes, and returns when it is synced: only then may what
//! depends on it be said. A segment that is full is followed by the next. A snapshot begins one that needs nothing
//! before it: the snapshot's file is written aside, synced and named; then the segment, with term, vote and all entries
//! behind the snapshot in it, is written aside, synced and named; then what came before is removed. So at each moment
//! the directory holds one whole log, and whatever is interrupted leaves the one before or the one after.
//!
//! # Recovery
//!
//! | what is found | what is done |
//! |---|---|
//! | an empty directory, or the beginnings of a first start | a new log |
//! | whole records, zeros behind them | they are replayed |
//! | a last record that a crash can have left | it is cut, and that is said: its sync had not returned, so nobody was told of it |
//! | a damaged record, and something valid behind it | refused, with file, offset and record: what it held was synced |
//! | a damaged last record of which no sector is missing | refused: no crash leaves that |
//! | a segment that is shorter than its head says | refused: it was cut |
//! | a segment missing between others, or the first that is needed | refused |
//! | a snapshot missing or damaged | refused |
//! | a segment or snapshot of another server or another cluster, or under another's name | refused |
//! | a newer format | refused |
//! | files, and no log | refused: the directory is somebody else's |
//! | a directory that another process has | refused, by [`Directory::open`](crate::disk::Directory::open) |
//! | what is left of an interrupted rotation, snapshot or removal | removed |
//!
//! # Caveats
//!
//! What cannot be told from a crash is a sector of the very last record that turned into zeros by itself. An older
//! copy of the whole directory is a good log, too: a server must not be given one, since it breaks the promises made
//! since (§5.5).

mod error;
mod frame;
mod inspect;
mod recover;
mod segment;
mod snapshot;
mod spare;

use raftlab_core::{Durable, LogId, Snapshot, Write};

pub use self::error::{Identity, OpenError, Recovery, Torn, WriteError};
use self::frame::HEAD_BYTES;
pub use self::inspect::{Inspected, Record, inspect};
use self::recover::Recovered;
use self::segment::{HEADER_BYTES, Header, UNFINISHED, segment_name, segment_number, snapshot_name};
use self::spare::Spare;
use crate::disk::{Disk, File};

/// How long a segment is, in bytes, unless a record is longer.
pub const SEGMENT_BYTES: u64 = 32 << 20;

/// How much is written at once where a segment is made, in bytes.
const ZEROS_BYTES: usize = 1 << 20;

/// A log, open to be written by its server.
#[derive(Debug)]
pub struct Wal<D: Disk> {
    disk: D,
    identity: Identity,
    segment_bytes: u64,
    /// What the files say; the next checkpoint is made of it.
    durable: Durable,
    header: Header,
    file: D::File,
    /// Where the next record begins.
    at: u64,
    /// The next record is made here.
    frame: Vec<u8>,
    /// The next segment, if there is room for one.
    spare: Option<Spare<D::File>>,
    /// Was there no room for one? Then nothing is tried until room may have come.
    has_no_room: bool,
    failed: Option<WriteError>,
}

/// A log that was opened.
#[derive(Debug)]
pub struct Opened<D: Disk> {
    /// To go on with.
    pub wal: Wal<D>,
    /// What it holds.
    pub durable: Durable,
    /// What was found.
    pub recovery: Recovery,
}

impl<D: Disk> Wal<D> {
    /// Opens the log of a server, or begins it.
    ///
    /// # Errors
    ///
    /// The table above says which.
    pub fn open(disk: D, identity: Identity, segment_bytes: u64) -> Result<Opened<D>, OpenError> {
        let Recovered { durable, last, torn, leftovers, report } =
            recover::recover(&disk, identity, &mut |_| {})?;
        for name in &leftovers {
            disk.remove(name).map_err(OpenError::io(format!("removing {name}")))?;
        }
        let (header, at) = if let Some((header, at)) = last {
            (header, at as u64)
        } else {
            let (header, bytes) = checkpoint_segment(identity, segment_bytes, 1, &durable);
            write_aside(&disk, &segment_name(1), &bytes, header.len).map_err(OpenError::begins)?;
            let born = header.born;
            (header, born)
        };
        let name = segment_name(header.number);
        let opening = || OpenError::io(format!("opening {name} to write"));
        let mut file = disk.open(&name).map_err(opening())?;
        if let Some(torn) = torn {
            write_zeros(&mut file, torn.start as u64, torn.end as u64).map_err(opening())?;
            file.sync().map_err(opening())?;
        }
        disk.sync().map_err(opening())?;
        let (recovery, frame) = (report, Vec::new());
        let wal = Wal {
            disk,
            identity,
            segment_bytes,
            durable: durable.clone(),
            header,
            file,
            at,
            frame,
            spare: None,
            has_no_room: false,
            failed: None,
        };
        Ok(Opened { wal, durable, recovery })
    }

    /// Appends these writes as one record, and returns when it would survive a crash.
    ///
    /// # Errors
    ///
    /// The disk's, and from then on always the same. The process has to end.
    pub fn write(&mut self, writes: &[Write]) -> Result<(), WriteError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let written = self.write_all(writes);
        self.failed = written.as_ref().err().cloned();
        written
    }

    /// Does some of what the next segment will need, for as long as a few syncs take; to be called when nothing waits.
    /// Is there more to do? Who never calls it waits longer where a segment ends.
    ///
    /// # Errors
    ///
    /// The disk's, as of [`write`](Wal::write); but no room for a spare is no error.
    pub fn prepare(&mut self) -> Result<bool, WriteError> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        match self.prepare_some().map_err(WriteError::of("preparing the next segment")) {
            Err(full) if full.is_full => {
                self.give_up_spare();
                Ok(false)
            }
            Err(failed) => {
                self.failed = Some(failed.clone());
                Err(failed)
            }
            more => more,
        }
    }

    fn prepare_some(&mut self) -> std::io::Result<bool> {
        if self.has_no_room {
            return Ok(false);
        }
        let spare = match &mut self.spare {
            Some(spare) => spare,
            none => none.insert(Spare::create(&self.disk, self.segment_bytes)?),
        };
        spare.clean_some()
    }

    /// The room is for what is written.
    fn give_up_spare(&mut self) {
        self.has_no_room = true;
        self.spare = None;
        // The next start removes it otherwise.
        let _ = self.disk.remove(&spare::name());
    }

    /// Where it lies.
    pub fn disk(&self) -> &D {
        &self.disk
    }

    /// What it holds.
    pub fn durable(&self) -> &Durable {
        &self.durable
    }

    /// Each snapshot begins a segment; what is between them is a record.
    fn write_all(&mut self, writes: &[Write]) -> Result<(), WriteError> {
        let mut rest = writes;
        while !rest.is_empty() {
            let run = rest.iter().take_while(|write| !matches!(write, Write::Snapshot(_))).count();
            if run > 0 {
                self.append(&rest[..run])?;
            }
            if let Some(Write::Snapshot(snapshot)) = rest.get(run) {
                write_snapshot(&self.disk, self.identity, snapshot)?;
                self.durable.apply(&rest[run]);
                self.checkpoint()?;
            }
            rest = rest.get(run + 1..).unwrap_or_default();
        }
        Ok(())
    }

    fn append(&mut self, writes: &[Write]) -> Result<(), WriteError> {
        for write in writes {
            self.durable.apply(write);
        }
        encode(&mut self.frame, writes);
        let len = frame::framed_len(self.frame.len() - HEAD_BYTES) as u64;
        if self.at + len > self.header.len {
            self.next_segment(len)?;
        }
        frame::seal(&mut self.frame, self.header.seed(), self.at);
        let doing = || format!("writing to {} at byte {}", segment_name(self.header.number), self.at);
        self.file.write_at(self.at, &self.frame).map_err(|error| WriteError::of(doing())(error))?;
        self.file.sync().map_err(|error| WriteError::of(doing())(error))?;
        self.at += len;
        Ok(())
    }

    /// A segment behind this one, with room for a record of `len` bytes.
    fn next_segment(&mut self, len: u64) -> Result<(), WriteError> {
        let header = Header {
            number: self.header.number + 1,
            len: self.segment_bytes.max(HEADER_BYTES as u64 + len),
            born: HEADER_BYTES as u64,
            is_checkpoint: false,
            snapshot: LogId::ZERO,
            ..self.header.clone()
        };
        let bytes = header.encode();
        self.go_on_in(header, &bytes)
    }

    /// A segment that says all, and the end of all before it.
    fn checkpoint(&mut self) -> Result<(), WriteError> {
        let number = self.header.number + 1;
        let (left, written) = (self.header.clone(), self.at);
        let (header, bytes) = checkpoint_segment(self.identity, self.segment_bytes, number, &self.durable);
        self.go_on_in(header, &bytes)?;
        self.recycle(&left, written)?;
        let kept = self.durable.snapshot.as_ref().map(|snapshot| snapshot_name(snapshot.last));
        let names = self.disk.names().map_err(WriteError::of("listing the directory"))?;
        for name in names {
            let is_covered = segment_number(&name).is_some_and(|of| of < number);
            if is_covered || name.starts_with("snapshot-") && Some(&name) != kept.as_ref() {
                self.disk.remove(&name).map_err(WriteError::of(format!("removing {name}")))?;
            }
        }
        self.has_no_room = false;
        Ok(())
    }

    /// A segment that is covered becomes the spare one, if there is none.
    fn recycle(&mut self, left: &Header, written: u64) -> Result<(), WriteError> {
        if self.spare.is_none() && left.len == self.segment_bytes {
            let name = segment_name(left.number);
            let recycled = Spare::recycle(&self.disk, &name, left.len, written);
            self.spare = Some(recycled.map_err(WriteError::of(format!("recycling {name}")))?);
        }
        Ok(())
    }

    /// Makes the segment of this head, which begins with these bytes, and goes on behind them.
    fn go_on_in(&mut self, header: Header, bytes: &[u8]) -> Result<(), WriteError> {
        let name = segment_name(header.number);
        let spare = self.spare.take_if(|spare| spare.is_ready(header.len));
        self.file = if let Some(spare) = spare {
            let made = spare.become_segment(&self.disk, &name, bytes);
            made.map_err(WriteError::of(format!("writing {name}")))?
        } else {
            write_aside(&self.disk, &name, bytes, header.len)?;
            self.disk.open(&name).map_err(WriteError::of(format!("opening {name} to write")))?
        };
        (self.header, self.at) = (header, bytes.len() as u64);
        Ok(())
    }
}

fn encode(frame: &mut Vec<u8>, writes: &[Write]) {
    frame.clear();
    frame.resize(HEAD_BYTES, 0);
    let made = postcard::to_extend(writes, std::mem::take(frame));
    *frame = made.expect("writes have an encoding");
}

/// A segment that needs nothing before it but the snapshot: its head, and all bytes that it is born with.
fn checkpoint_segment(
    identity: Identity,
    segment_bytes: u64,
    number: u64,
    durable: &Durable,
) -> (Header, Vec<u8>) {
    let mut frame = Vec::new();
    encode(&mut frame, &recover::checkpoint(durable));
    let born = (HEADER_BYTES + frame::framed_len(frame.len() - HEAD_BYTES)) as u64;
    let header = Header {
        identity,
        number,
        // Half of it at least is for what comes.
        len: segment_bytes.max(2 * born),
        born,
        is_checkpoint: true,
        snapshot: durable.log.base(),
    };
    frame::seal(&mut frame, header.seed(), HEADER_BYTES as u64);
    let mut bytes = header.encode().to_vec();
    bytes.extend_from_slice(&frame);
    (header, bytes)
}

fn write_snapshot<D: Disk>(disk: &D, identity: Identity, snapshot: &Snapshot) -> Result<(), WriteError> {
    let bytes = snapshot::encode(identity, snapshot);
    write_aside(disk, &snapshot_name(snapshot.last), &bytes, bytes.len() as u64)
}

/// A file of these bytes, and zeros up to `len`: it has its name when all of it is synced.
fn write_aside<D: Disk>(disk: &D, name: &str, bytes: &[u8], len: u64) -> Result<(), WriteError> {
    let aside = format!("{name}{UNFINISHED}");
    let written = (|| {
        let mut file = disk.create(&aside)?;
        file.write_at(0, bytes)?;
        write_zeros(&mut file, bytes.len() as u64, len)?;
        file.sync()?;
        disk.rename(&aside, name)?;
        disk.sync()
    })();
    written.map_err(WriteError::of(format!("writing {name}")))
}

fn write_zeros(file: &mut impl File, from: u64, to: u64) -> std::io::Result<()> {
    let zeros = vec![0; ZEROS_BYTES];
    let mut at = from;
    while at < to {
        let some = usize::try_from(to - at).unwrap_or(ZEROS_BYTES).min(ZEROS_BYTES);
        file.write_at(at, &zeros[..some])?;
        at += some as u64;
    }
    Ok(())
}
