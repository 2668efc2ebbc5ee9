//! What a live run says while it goes on: a line a thing, with the time since the start.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::clock::{Clock, Moment};
use crate::quorums::Electorate;

/// How many of the last lines are shown where an expectation fails.
const LAST: usize = 16;

/// Tells a run.
#[derive(Debug)]
pub struct Narrator {
    clock: Clock,
    started: Moment,
    to: Where,
    /// All that was said.
    lines: Mutex<Vec<String>>,
    /// The configuration that was told last.
    electorate: Mutex<Electorate>,
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
        let (lines, electorate) = (Mutex::default(), Mutex::default());
        Narrator { started: clock.now(), clock, to, lines, electorate }
    }

    /// What time it is.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Says that this happened, to `who`.
    pub fn say(&self, who: &str, text: &str) {
        let line = format!("{:7.2} s  {who:9} {text}", self.started.until(self.now()).as_secs_f64());
        self.print(&line);
        self.lines().push(line);
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
        let lines = self.lines();
        lines[lines.len().saturating_sub(LAST)..].to_vec()
    }

    /// All that was said so far, a line each.
    pub fn text(&self) -> String {
        self.lines().iter().flat_map(|line| [line, "\n"]).collect()
    }

    /// Says by which servers a majority is counted from now on: how many that are, how many may fail, and how many servers
    /// a majority of before and one of now share at least. What was told last is not told again.
    pub fn say_members(&self, who: &str, members: &str) {
        let (now, mut last) =
            (Electorate::read(members), self.electorate.lock().unwrap_or_else(PoisonError::into_inner));
        let shares = if last.is_empty() {
            String::new()
        } else {
            format!("; any majority of before and any of now share {} at least", last.least_in_common(&now))
        };
        *last = now.clone();
        drop(last);
        self.say(who, &format!("{members}: {now}{shares}"));
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
