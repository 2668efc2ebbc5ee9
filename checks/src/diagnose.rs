//! `lab diagnose`: argues the cause of an incident from what production has, for and against.
//!
//! ```text
//! a directory, pages of metrics, or live servers ─ input, live ─► Input ─► Facts ─ causes ─► arguments ─► Diagnosis
//! ```
//!
//! | file | subject |
//! |---|---|
//! | `input.rs`, `live.rs` | what is read: scrapes, events, clients' work, logs; what is missing or cut |
//! | `series.rs`, `frozen.rs`, `leaders.rs`, `elections.rs` | when servers answered, or stood still; who led, how leadership moved, who was deposed |
//! | `disks.rs`, `network.rs`, `clocks.rs`, `members.rs` | syncs, links, clocks, configurations |
//! | `facts.rs` | all of these, derived once |
//! | `harm.rs`, `symptoms.rs` | what was felt; what was measured |
//! | `causes.rs`, `argument.rs` | the causes, an entry each, and how signs are weighed |
//! | `document.rs`, `text.rs` | how it is said |
//!
//! Nothing here knows what was done to a cluster on purpose: neither faults that were asked for, nor the servers' own
//! counts of faults, nor a scenario's name is read. A cause names the scenario that shows it, and not the other way.
//!
//! # What is weighed, and what is not
//!
//! Signs have one of three weights ([`argument`]). They are no probabilities: nobody has counted incidents. A cause is
//! named when what speaks for it, less what speaks against it, is as much as one decisive sign. Several may be named, as
//! incidents come in company. If harm was felt and none is named, that is said, with what would help.

pub mod argument;
pub mod causes;
mod clocks;
mod disks;
mod document;
mod elections;
mod facts;
mod frozen;
mod harm;
mod input;
mod leaders;
mod live;
mod members;
mod network;
mod series;
mod symptoms;
mod text;

use std::path::Path;
use std::time::Duration;

use self::argument::{Argued, NAMED};
use self::facts::Facts;
use self::input::{Input, Source};
use self::symptoms::Symptom;
use crate::cli::{Common, WriteOut};
use crate::console::Console;
use crate::failure::Failure;
use crate::verdict::exit;

pub use self::document::SCHEMA;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is wrong.
    Healthy,
    /// At least one cause is named.
    Named,
    /// Something is wrong, and what was read does not say why.
    Undecided,
}

/// Symptoms, and causes argued from them.
#[derive(Debug)]
pub struct Diagnosis {
    /// What was read.
    pub read: Vec<String>,
    /// What would have helped, and was not there.
    pub missing: Vec<String>,
    /// For how long servers were watched, in microseconds.
    pub watched_us: u64,
    /// What was measured.
    pub symptoms: Vec<Symptom>,
    /// What was felt.
    pub harm: Vec<String>,
    /// What was seen, and did no harm.
    pub notes: Vec<String>,
    /// All causes, those first for which most speaks.
    pub causes: Vec<Argued>,
    /// What it comes to.
    pub outcome: Outcome,
}

impl Diagnosis {
    /// Diagnoses a directory such as a run leaves.
    ///
    /// # Errors
    ///
    /// Whatever is missing, empty or cut, with file and line: exit 65.
    pub fn of_directory(dir: &Path) -> Result<Diagnosis, Failure> {
        Ok(Diagnosis::of(&input::directory(dir)?))
    }

    fn of(input: &Input) -> Diagnosis {
        let facts = Facts::of(input);
        let (harm, notes) = (harm::harm(&facts), harm::notes(&facts));
        let causes = argument::argue(&facts, causes::CAUSES);
        let is_named = causes.iter().any(|own| own.argument.score() >= NAMED);
        let outcome = match (harm.is_empty(), is_named) {
            (true, _) => Outcome::Healthy,
            (false, true) => Outcome::Named,
            (false, false) => Outcome::Undecided,
        };
        Diagnosis {
            read: input.read.clone(),
            missing: input.missing.clone(),
            watched_us: facts.span.us(),
            symptoms: symptoms::symptoms(&facts),
            harm,
            notes,
            causes,
            outcome,
        }
    }

    /// The causes that are named: none where nothing is wrong.
    pub fn named(&self) -> impl Iterator<Item = &Argued> {
        let is_wrong = self.outcome != Outcome::Healthy;
        self.causes.iter().filter(move |own| is_wrong && own.argument.score() >= NAMED)
    }

    /// The exit code.
    pub fn exit(&self) -> u8 {
        if self.outcome == Outcome::Undecided { exit::INCOMPLETE } else { exit::OK }
    }

    /// As one JSON document.
    ///
    /// # Errors
    ///
    /// The encoder's.
    pub fn json(&self) -> Result<String, Failure> {
        document::draw(self)
    }

    /// For people.
    pub fn text(&self) -> String {
        text::draw(self)
    }
}

/// Reads what these words name, diagnoses it, and prints what came of it.
///
/// # Errors
///
/// If there is nothing to read, or it is missing, empty or cut (65), or no server answers (69).
pub fn diagnose(
    words: &[String],
    watch: Duration,
    common: &Common,
    console: &Console,
) -> Result<u8, Failure> {
    let input = match Source::of(words)? {
        Source::Directory(dir) => input::directory(&dir)?,
        Source::Pages(paths) => input::pages(&paths)?,
        Source::Servers(servers) => live::watch(&servers, watch, console)?,
    };
    let diagnosis = Diagnosis::of(&input);
    console.print(&match common.write_out {
        WriteOut::Json => diagnosis.json()?,
        WriteOut::Simple => format!("{}\n", text::conclusion(&diagnosis)),
        WriteOut::Table => diagnosis.text() + &format!("rerun   lab diagnose {}\n", words.join(" ")),
    });
    Ok(diagnosis.exit())
}

/// A count as a number that can be divided.
#[expect(clippy::cast_precision_loss, reason = "what is counted here stays far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

/// Seconds in microseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time that is at least 0")]
fn micros(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1e6).round() as u64
}

/// Microseconds as seconds, for people.
fn seconds(us: u64) -> String {
    format!("{:.2} s", float(us) / 1e6)
}

/// Microseconds as milliseconds, for people.
fn millis(us: u64) -> String {
    let ms = float(us) / 1e3;
    if ms < 10.0 { format!("{ms:.1} ms") } else { format!("{ms:.0} ms") }
}
