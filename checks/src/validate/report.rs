//! What a validation came to, for a person and for a program. The names of JSON fields never change once published.

use std::fmt;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::figures::Figures;
use super::journals::InputError;
use super::properties::{Judged, Tally, When};
use super::run::Place;
use crate::console::{Console, grouped};
use crate::verdict::{Verdict, exit};

/// Findings are cut after so many bytes: they may quote whole logs.
const SAID_BYTES_MAX: usize = 1500;

/// What journals came to.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The name of this layout.
    pub schema: &'static str,
    /// In one word.
    pub verdict: Verdict,
    /// The exit code.
    pub exit: u8,
    /// Wall clock.
    pub seconds: f64,
    /// How much there was.
    #[serde(flatten)]
    pub totals: Totals,
    /// What is wrong, in the order in which it was found.
    pub findings: Vec<Finding>,
    /// Each property of the model.
    pub properties: Vec<PropertyReport>,
    /// The numbers behind them: of journals in a directory.
    pub figures: Figures,
}

/// How much there was to be replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Servers with journals.
    pub servers: u64,
    /// Journals.
    pub lives: u64,
    /// Steps of all cores that were replayed.
    pub steps: u64,
    /// Entries that were applied.
    pub applied: u64,
    /// Terms that somebody led.
    pub leaders: u64,
    /// Snapshots that were taken or installed.
    pub snapshots: u64,
}

/// Something that is wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What it means.
    pub kind: Kind,
    /// Where, if it is at one place.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// The property that broke, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property: Option<&'static str>,
    /// In words.
    pub said: String,
}

/// What something wrong means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A property broke.
    Violated,
    /// A process did what the core does not.
    Diverged,
    /// The journals prove nothing.
    Input,
}

/// A property of the model.
#[derive(Debug, Serialize)]
pub struct PropertyReport {
    /// Its name.
    pub name: &'static str,
    /// How often it was judged.
    pub judged: u64,
    /// Not broken where it was judged; null if it never was.
    pub holds: Option<bool>,
    /// Why it cannot be judged of a run, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_judged: Option<&'static str>,
}

impl Report {
    /// What was found.
    pub fn new(mut findings: Vec<Finding>, tally: &Tally, totals: Totals, took: Duration) -> Report {
        findings.iter_mut().for_each(Finding::shorten);
        let has = |kind| findings.iter().any(|finding| finding.kind == kind);
        let is_vacuous = totals.leaders == 0 || totals.applied == 0;
        let (verdict, exit) = match () {
            () if has(Kind::Violated) => (Verdict::Violated, exit::VIOLATED),
            () if has(Kind::Diverged) => (Verdict::Violated, exit::DIVERGED),
            () if has(Kind::Input) => (Verdict::Error, exit::DATA),
            () if is_vacuous => (Verdict::Vacuous, exit::VACUOUS),
            () => (Verdict::Verified, exit::OK),
        };
        let seconds = took.as_secs_f64();
        let properties = tally.all().iter().map(PropertyReport::of).collect();
        Report {
            schema: "raftlab-validate/1",
            verdict,
            exit,
            seconds,
            totals,
            findings,
            properties,
            figures: Figures::default(),
        }
    }

    /// Nothing was replayed.
    pub fn refused(error: &InputError, took: Duration) -> Report {
        Report::new(vec![Finding::of_input(error)], &Tally::default(), Totals::default(), took)
    }

    /// What the verdict says, in a sentence.
    pub fn says(&self) -> &'static str {
        match self.exit {
            exit::OK => "every step is the core's, and no property is broken",
            exit::VIOLATED => "a property is broken",
            exit::DIVERGED => "a process did what the core does not",
            exit::VACUOUS => "nobody was elected, or nothing was applied: nothing is shown",
            _ => "the journals prove nothing",
        }
    }

    /// A line for each finding, and the verdict.
    pub fn simple(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let _ = writeln!(text, "{finding}");
        }
        let _ = writeln!(text, "{}\t{}\t{}", self.verdict, self.exit, self.says());
        text
    }

    /// For people. `all` shows what is not judged, too.
    pub fn table(&self, console: &Console, all: bool) -> String {
        let mut text = String::new();
        let Totals { servers, lives, steps, applied, leaders, snapshots } = self.totals;
        let count =
            |number, of: &str| format!("{} {of}{}", grouped(number), if number == 1 { "" } else { "s" });
        let amounts = [
            count(servers, "server"),
            if lives == 1 { "1 life".to_string() } else { format!("{} lives", grouped(lives)) },
            count(steps, "step"),
            format!("{} applied", count(applied, "entry").replace("entrys", "entries")),
            count(leaders, "leadership"),
            count(snapshots, "snapshot"),
        ];
        let _ = writeln!(text, "replay  {} · {:.1} s", amounts.join(" · "), self.seconds);
        for property in &self.properties {
            let _ = match (property.holds, property.not_judged) {
                (Some(true), _) => {
                    writeln!(
                        text,
                        "  {} {:<28}judged {} times",
                        console.good("✔"),
                        property.name,
                        grouped(property.judged)
                    )
                }
                (Some(false), _) => writeln!(text, "  {} {:<28}BROKEN", console.bad("✗"), property.name),
                (None, None) => writeln!(
                    text,
                    "  {} {:<28}nothing happened that it is about",
                    console.doubtful("·"),
                    property.name
                ),
                (None, Some(why)) if all => writeln!(text, "  · {:<28}not judged: {why}", property.name),
                (None, Some(_)) => Ok(()),
            };
        }
        for finding in &self.findings {
            let _ = writeln!(text, "{}", console.bad(&finding.to_string()));
        }
        let verdict = match self.exit {
            exit::OK => console.good("VERIFIED"),
            exit::VACUOUS => console.doubtful("VACUOUS"),
            _ => console.bad(&self.verdict.to_string()),
        };
        let _ = writeln!(text, "VERDICT {verdict}  {}  exit {}", self.says(), self.exit);
        text
    }
}

impl PropertyReport {
    fn of(judged: &Judged) -> PropertyReport {
        let Judged { property, when, times, is_broken } = judged;
        let not_judged = match when {
            When::Never(why) => Some(*why),
            _ => None,
        };
        let holds = (*times > 0).then_some(!is_broken);
        PropertyReport { name: property.name, judged: *times, holds, not_judged }
    }
}

impl Finding {
    /// Of journals that prove nothing.
    pub fn of_input(error: &InputError) -> Finding {
        Finding { kind: Kind::Input, place: None, property: None, said: error.to_string() }
    }

    fn shorten(&mut self) {
        let len = self.said.len();
        if len > SAID_BYTES_MAX {
            let end = (0..=SAID_BYTES_MAX).rev().find(|at| self.said.is_char_boundary(*at)).unwrap_or(0);
            self.said.truncate(end);
            let _ = write!(self.said, "… and {} bytes more", len - end);
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Violated => "VIOLATED",
            Kind::Diverged => "DIVERGED",
            Kind::Input => "REFUSED",
        })?;
        if let Some(property) = self.property {
            write!(f, " {property}")?;
        }
        if let Some(Place { id, life, step }) = self.place {
            write!(f, ": {id}, life {life}, step {step}")?;
        }
        write!(f, ": {}", self.said)
    }
}
