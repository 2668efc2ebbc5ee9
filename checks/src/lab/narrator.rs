//! What a live run says while it goes on: a line a thing, with the time since the start.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use super::clock::{Clock, Moment};

/// How many of the last lines are kept, to be shown where an expectation fails.
const KEPT: usize = 16;

/// Tells a run.
#[derive(Debug)]
pub struct Narrator {
    clock: Clock,
    started: Moment,
    to: Where,
    last: Mutex<VecDeque<String>>,
}

/// Where lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Where {
    /// To stdout: they are what the command is for.
    Stdout,
    /// To stderr: stdout is for a document.
    Stderr,
    /// Nowhere.
    Nowhere,
}

impl Narrator {
    /// Begins to count time, by this clock.
    pub fn new(to: Where, clock: Clock) -> Narrator {
        Narrator { started: clock.now(), clock, to, last: Mutex::default() }
    }

    /// What time it is.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Says that this happened, to `who`.
    pub fn say(&self, who: &str, text: &str) {
        let line = format!("{:7.2} s  {who:9} {text}", self.started.until(self.now()).as_secs_f64());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == KEPT {
            last.pop_front();
        }
        last.push_back(line.clone());
        drop(last);
        self.print(&line);
    }

    /// Prints a line as it is.
    pub fn print(&self, line: &str) {
        // Whoever does not listen any more is not told; the run goes on, or is asked to end.
        let _ = match self.to {
            Where::Stdout => writeln!(std::io::stdout().lock(), "{line}"),
            Where::Stderr => writeln!(std::io::stderr().lock(), "{line}"),
            Where::Nowhere => Ok(()),
        };
    }

    /// The last lines, the oldest first.
    pub fn last(&self) -> Vec<String> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
