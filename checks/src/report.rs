//! What a search came to, for a person and for a program. The names of JSON fields never change once published.

use std::fmt::Write as _;

use raftlab_model::{Bounds, Judge, Kind, PROPERTIES};
use serde::Serialize;

use crate::console::{Console, grouped, size};
use crate::search::{Engine, Limit, Outcome, Plan};
use crate::verdict::Verdict;

/// `check` and `check run`.
#[derive(Debug, Serialize)]
pub struct SuiteReport {
    /// The name of this layout.
    pub schema: &'static str,
    /// The worst verdict of all.
    pub verdict: Verdict,
    /// The exit code.
    pub exit: u8,
    /// Wall clock of all.
    pub seconds: f64,
    /// Distinct states of all.
    pub states: u64,
    /// One for each world that was searched.
    pub checks: Vec<CheckReport>,
}

/// One searched world.
#[derive(Debug, Serialize)]
pub struct CheckReport {
    /// The check's name; it may have several worlds.
    pub name: String,
    /// The world's size.
    pub bounds: String,
    /// What it came to.
    pub verdict: Verdict,
    /// The engine's name.
    pub engine: &'static str,
    /// Threads of this search.
    pub threads: usize,
    /// The factor by which symmetry reduced the states: 1, none.
    pub symmetry: u32,
    /// Distinct states that were searched.
    pub states: u64,
    /// Distinct states that they stand for.
    pub states_full: u64,
    /// States generated, duplicates included.
    pub generated: u64,
    /// Steps to the deepest.
    pub depth: u32,
    /// Wall clock.
    pub seconds: f64,
    /// Bytes that the whole process, other searches included, held at most until the end of this search.
    pub peak_bytes: u64,
    /// States expected to be missed by a collision of fingerprints.
    pub missed_states_expected: f64,
    /// What stopped the search early, if something did.
    pub limit: Option<&'static str>,
    /// Properties and witnesses.
    pub properties: Vec<PropertyReport>,
    /// Kinds of action that the bounds allow.
    pub actions: Vec<ActionReport>,
    /// The counterexample's file, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// Why the search itself failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The command that does this again.
    pub rerun: String,
}

/// A property or a witness.
#[derive(Debug, Serialize)]
pub struct PropertyReport {
    /// Its name.
    pub name: &'static str,
    /// `always`, `step` or `sometimes`.
    pub kind: &'static str,
    /// Not violated in the states that were searched (all of them, if `limit` is null and nothing is violated); or, for a
    /// witness, reached.
    pub holds: bool,
    /// Steps to where it was first violated or reached.
    pub depth: Option<u32>,
}

/// A kind of action.
#[derive(Debug, Serialize)]
pub struct ActionReport {
    /// Its name.
    pub name: &'static str,
    /// How often it was possible.
    pub enabled: u64,
    /// How often it led to a state.
    pub taken: u64,
}

impl CheckReport {
    /// The report of a search that came to nothing: until it is [completed](CheckReport::complete), an error.
    pub fn new(name: &str, bounds: &Bounds, rerun: String, plan: &Plan) -> CheckReport {
        CheckReport {
            name: name.to_string(),
            bounds: bounds.to_string(),
            verdict: Verdict::Error,
            engine: plan.engine.name(),
            threads: plan.threads,
            symmetry: 1,
            states: 0,
            states_full: 0,
            generated: 0,
            depth: 0,
            seconds: 0.0,
            peak_bytes: 0,
            missed_states_expected: 0.0,
            limit: None,
            properties: Vec::new(),
            actions: Vec::new(),
            trace: None,
            error: None,
            rerun,
        }
    }

    /// Puts in what the search came to.
    pub fn complete(&mut self, outcome: &Outcome) {
        let progress = &outcome.progress;
        self.verdict = outcome.verdict();
        (self.states, self.states_full) = (progress.states, progress.states);
        (self.generated, self.depth) = (progress.generated, progress.depth);
        self.seconds = progress.elapsed.as_secs_f64();
        self.peak_bytes = outcome.peak_bytes;
        self.missed_states_expected = outcome.missed_states_expected();
        self.limit = outcome.limit.map(Limit::name);
        self.properties = properties(outcome);
        let action = |(kind, enabled, taken): &(Kind, u64, u64)| ActionReport {
            name: kind.name(),
            enabled: *enabled,
            taken: *taken,
        };
        self.actions = outcome.coverage.iter().map(action).collect();
    }

    /// The block of a search that failed itself.
    pub fn failed_block(&self, console: &Console) -> String {
        let verdict = paint(self.verdict, console);
        let error = self.error.as_deref().unwrap_or_default();
        let exit = self.verdict.exit();
        format!(
            "check   {:13} {}\nVERDICT {verdict}  {error}   exit {exit}\nrerun   {}\n",
            self.name, self.bounds, self.rerun
        )
    }

    /// The block that a person reads.
    pub fn block(&self, outcome: &Outcome, console: &Console) -> String {
        let mut text = String::new();
        let state = outcome.limit.map_or("complete".to_string(), |limit| limit.says().to_string());
        let threads =
            if self.threads == 1 { "1 thread".to_string() } else { format!("{} threads", self.threads) };
        let _ = writeln!(text, "check   {:13} {}", self.name, self.bounds);
        let state =
            if outcome.violation.is_some() { "ended at the first violation".to_string() } else { state };
        let _ = writeln!(text, "search  {}, {threads} · {state}", self.engine);
        let _ = writeln!(
            text,
            "        {:.1} s · {} transitions · {} states · depth {} · {} states/s · {}",
            self.seconds,
            grouped(self.generated),
            grouped(self.states),
            self.depth,
            grouped(outcome.progress.rate()),
            size(self.peak_bytes),
        );
        let is_complete = outcome.limit.is_none() && outcome.violation.is_none();
        for property in &self.properties {
            let _ = writeln!(text, "  {}", property.line(is_complete, console));
        }
        let taken = self.actions.iter().filter(|action| action.taken > 0).count();
        let _ = write!(text, "actions {taken} of {} that these bounds allow were taken", self.actions.len());
        let never: Vec<_> =
            self.actions.iter().filter(|action| action.taken == 0).map(|action| action.name).collect();
        if !never.is_empty() {
            let _ = write!(text, "; never: {}", never.join(", "));
        }
        text.push('\n');
        if self.engine != Engine::StaterightSimulation.name() {
            let missed = self.missed_states_expected;
            let _ =
                writeln!(text, "odds    states missed by a fingerprint collision, expected: {missed:.1e}");
        }
        let (verdict, exit) = (paint(self.verdict, console), self.verdict.exit());
        let _ = writeln!(text, "VERDICT {verdict}  {}   exit {exit}", self.says(outcome));
        let _ = writeln!(text, "rerun   {}", self.rerun);
        text
    }

    /// The verdict in a sentence.
    fn says(&self, outcome: &Outcome) -> String {
        match self.verdict {
            Verdict::Verified => {
                "exhausted within these bounds, every witness reached, every action taken".to_string()
            }
            Verdict::Incomplete => {
                format!("no violation so far; {}", outcome.limit.map_or("", Limit::says))
            }
            Verdict::Vacuous => {
                let missing = outcome.missing_witnesses().count();
                let never = outcome.never_taken().count();
                format!(
                    "nothing is violated; witnesses never reached: {missing}, kinds of action never taken: {never}"
                )
            }
            Verdict::Violated | Verdict::Error => {
                outcome.violation.as_ref().map_or(String::new(), |violation| {
                    let shortest = if violation.shortest { ", shortest" } else { "" };
                    format!(
                        "{} in {} steps{shortest}: {}",
                        violation.property.name,
                        violation.story.steps.len(),
                        violation.why
                    )
                })
            }
        }
    }

    /// One line, for `-w simple`.
    pub fn line(&self) -> String {
        format!("{}\t{}\t{}\t{}\t{:.1}\n", self.verdict, self.name, self.bounds, self.states, self.seconds)
    }
}

impl PropertyReport {
    /// A search that is not complete has shown of no property that it holds, and of no witness that it is out of reach.
    fn line(&self, is_complete: bool, console: &Console) -> String {
        let (mark, says) = match (self.kind, self.holds, self.depth) {
            ("sometimes", true, depth) => {
                (console.good("✔"), format!("reached at {}", depth.unwrap_or_default()))
            }
            ("sometimes", false, _) if is_complete => {
                (console.doubtful("✗"), "NEVER REACHED: larger bounds may reach it".to_string())
            }
            ("sometimes", false, _) => ("·".to_string(), "not reached so far".to_string()),
            (_, false, depth) => (console.bad("✗"), format!("VIOLATED at {}", depth.unwrap_or_default())),
            (_, true, _) if is_complete => (console.good("✔"), "holds".to_string()),
            (_, true, _) => ("·".to_string(), "not violated so far".to_string()),
        };
        format!("{mark} {:10} {:44} {says}", self.kind, self.name)
    }
}

/// Properties as far as the search went, then witnesses.
fn properties(outcome: &Outcome) -> Vec<PropertyReport> {
    let violated = outcome.violation.as_ref();
    let always = PROPERTIES.iter().map(|property| {
        let depth = violated.filter(|violation| violation.property.name == property.name);
        let depth = depth.map(|violation| u32::try_from(violation.story.steps.len()).unwrap_or(u32::MAX));
        let kind = match property.judge {
            Judge::Step(_) | Judge::Recovery(_) => "step",
            Judge::One(_) | Judge::Pair(_) | Judge::All(_) | Judge::NoPanic => "always",
        };
        PropertyReport { name: property.name, kind, holds: depth.is_none(), depth }
    });
    let sometimes = outcome.witnesses.iter().map(|(name, depth)| PropertyReport {
        name,
        kind: "sometimes",
        holds: depth.is_some(),
        depth: *depth,
    });
    always.chain(sometimes).collect()
}

/// A verdict in its colour.
pub fn paint(verdict: Verdict, console: &Console) -> String {
    let text = verdict.to_string();
    match verdict {
        Verdict::Verified => console.good(&text),
        Verdict::Incomplete | Verdict::Vacuous => console.doubtful(&text),
        Verdict::Violated | Verdict::Error => console.bad(&text),
    }
}

impl SuiteReport {
    /// All checks together.
    pub fn new(checks: Vec<CheckReport>, seconds: f64, allow_incomplete: bool) -> SuiteReport {
        let verdict = checks.iter().fold(Verdict::Verified, |worst, check| worst.worse(check.verdict));
        let exit = if verdict == Verdict::Incomplete && allow_incomplete { 0 } else { verdict.exit() };
        let states = checks.iter().map(|check| check.states).sum();
        SuiteReport { schema: "raftlab-check/1", verdict, exit, seconds, states, checks }
    }

    /// The table that ends a suite.
    pub fn table(&self, console: &Console) -> String {
        use comfy_table::{Cell, CellAlignment, Table, presets};
        let mut table = Table::new();
        table.load_preset(presets::UTF8_BORDERS_ONLY);
        table.set_header(["check", "bounds", "states", "depth", "seconds", "verdict"]);
        for check in &self.checks {
            let number = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
            table.add_row([
                Cell::new(&check.name),
                Cell::new(&check.bounds),
                number(grouped(check.states)),
                number(check.depth.to_string()),
                number(format!("{:.1}", check.seconds)),
                Cell::new(check.verdict),
            ]);
        }
        let total = format!("{} states in {:.1} s", grouped(self.states), self.seconds);
        format!("{table}\nVERDICT {}  {} worlds, {total}\n", paint(self.verdict, console), self.checks.len())
    }
}
