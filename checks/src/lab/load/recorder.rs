//! The history of a run: one file, of whoever worked and whenever.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::failure::Failure;
use crate::history::{About, Operation, Writer};

/// Takes down what clients do, from all of them.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Open(Writer<File>),
    /// It could not be written; the file is known to be cut.
    Failed(io::Error),
    Over,
}

impl Recorder {
    /// Begins the file `history.jsonl` there.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn create(dir: &Path, seed: u64) -> Result<Recorder, Failure> {
        let path = dir.join("history.jsonl");
        let about = About::from([("seed".to_string(), seed.into())]);
        let writer = Writer::create(&path, &about).map_err(|error| Failure::at(&path, &error))?;
        Ok(Recorder { path, state: Mutex::new(State::Open(writer)) })
    }

    /// Somebody did this.
    pub fn record(&self, operation: &Operation) {
        let mut state = self.state();
        if let State::Open(writer) = &mut *state
            && let Err(error) = writer.record(operation)
        {
            *state = State::Failed(error);
        }
    }

    /// Nobody works any more: the file says how many operations there were.
    ///
    /// # Errors
    ///
    /// If something could not be written.
    pub fn finish(&self) -> Result<(), Failure> {
        let written = match std::mem::replace(&mut *self.state(), State::Over) {
            State::Over => Ok(()),
            State::Open(writer) => writer.finish().map(drop),
            State::Failed(error) => Err(error),
        };
        written.map_err(|error| Failure::at(&self.path, &error))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
