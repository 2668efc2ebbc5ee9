//! Writes what the core's thread hands over, in order, and times it.

use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use super::Input;
use super::inbox::Inputs;
use super::shared::Shared;
use crate::disk::Profiled;
use crate::replica::{Batch, Written};
use crate::wal::{Wal, WriteError};

/// The log, and who counts its syncs.
pub type Log = Wal<Profiled>;

/// Writes batches until nobody sends any more, or one fails. Between two it does some of what later ones will need.
pub fn write_batches(mut wal: Log, batches: &Receiver<Batch>, done: &Inputs, shared: &Shared) {
    let mut has_more_to_prepare = true;
    loop {
        let batch = match batches.try_recv() {
            Err(TryRecvError::Empty) if has_more_to_prepare => match wal.prepare() {
                Ok(more) => {
                    has_more_to_prepare = more;
                    continue;
                }
                Err(failed) => return drop(done.send(Input::Written(Err(failed)))),
            },
            Err(TryRecvError::Empty) => match batches.recv() {
                Ok(batch) => batch,
                Err(_) => return,
            },
            Err(TryRecvError::Disconnected) => return,
            Ok(batch) => batch,
        };
        let written = write(&mut wal, batch, shared);
        let has_failed = written.is_err();
        if done.send(Input::Written(written)).is_err() || has_failed {
            return;
        }
        has_more_to_prepare = true;
    }
}

/// Writes one.
pub fn write(wal: &mut Log, batch: Batch, shared: &Shared) -> Result<Written, WriteError> {
    let began = Instant::now();
    let written = batch.write(|writes| wal.write(writes));
    shared.syncs.note(began.elapsed());
    written
}
