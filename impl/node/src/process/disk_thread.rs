//! Writes what the core's thread hands over, in order, and times it.

use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Instant;

use super::Input;
use super::shared::Shared;
use crate::disk::Profiled;
use crate::replica::{Batch, Written};
use crate::wal::{Wal, WriteError};

/// The log, and who counts its syncs.
pub type Log = Wal<Profiled>;

/// Writes batches until nobody sends any more, or one fails.
pub fn write_batches(mut wal: Log, batches: &Receiver<Batch>, done: &SyncSender<Input>, shared: &Shared) {
    for batch in batches {
        let written = write(&mut wal, batch, shared);
        let has_failed = written.is_err();
        if done.send(Input::Written(written)).is_err() || has_failed {
            return;
        }
    }
}

/// Writes one.
pub fn write(wal: &mut Log, batch: Batch, shared: &Shared) -> Result<Written, WriteError> {
    let began = Instant::now();
    let written = batch.write(|writes| wal.write(writes));
    shared.syncs.note(began.elapsed());
    written
}
