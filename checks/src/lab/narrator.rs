//! What a live run says while it goes on: a line a thing, with the time since the start.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::clock::{Clock, Moment};
use crate::cli::{Common, WriteOut};
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
    /// The configurations that were told.
    told: Mutex<Configurations>,
}

/// Configurations in the order in which they were told, and which of them each server said last.
#[derive(Debug, Default)]
struct Configurations {
    all: Vec<String>,
    by: BTreeMap<String, usize>,
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

impl Where {
    /// As these flags have it.
    pub fn of(common: &Common) -> Where {
        match (common.quiet, common.write_out == WriteOut::Json) {
            (true, _) => Where::Nowhere,
            (false, true) => Where::Stderr,
            (false, false) => Where::Stdout,
        }
    }
}

impl Narrator {
    /// Begins to count time, by this clock.
    pub fn new(to: Where, clock: Clock) -> Narrator {
        Narrator { started: clock.now(), clock, to, lines: Mutex::default(), told: Mutex::default() }
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
    /// a majority of before and one of now share at least. The first who counts so tells it, and the first who goes back.
    pub fn say_members(&self, who: &str, members: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let at = told.all.iter().rposition(|known| known == members);
        let before = told.by.get(who).copied();
        if let Some(at) = at.filter(|at| before.is_none_or(|before| *at > before)) {
            told.by.insert(who.to_string(), at);
            return;
        }
        let now = Electorate::read(members);
        let shares = told.all.last().map_or(String::new(), |last| {
            let shared = Electorate::read(last).least_in_common(&now);
            format!("; any majority of before and any of now share {shared} at least")
        });
        let at = told.all.len();
        told.all.push(members.to_string());
        told.by.insert(who.to_string(), at);
        drop(told);
        self.say(who, &format!("{members}: {now}{shares}"));
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_is_told_once_and_again_by_who_goes_back() {
        let narrator = Narrator::new(Where::Nowhere, Clock::Machine);
        let of = |who: &str, members: &str| narrator.say_members(who, members);
        of("all", "{n1 n2 n3}");
        of("n1", "{n1 n2 n3 | n4} since 1");
        of("n2", "{n1 n2 n3 | n4} since 1");
        of("n1", "{n1 n2 n3 | n4} since 12");
        of("n2", "{n1 n2 n3 | n4} since 12");
        assert_eq!(narrator.last().len(), 3, "{}", narrator.text());
        of("n1", "{n1 n2 n3 | n4} since 1");
        of("n2", "{n1 n2 n3 | n4} since 1");
        assert_eq!(narrator.last().len(), 4, "gone back, told once: {}", narrator.text());
    }
}
