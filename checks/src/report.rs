//! What a search came to, for a person and for a program. The names of JSON fields never change once published.

mod reach;

use std::fmt::Write as _;

use raftlab_model::{Bounds, Judge};
use serde::Serialize;

use crate::console::{Console, grouped, size};
use crate::search::{Coverage, Engine, Level, Limit, Outcome, Plan};
use crate::verdict::Verdict;

pub use self::reach::{ProcessesReport, SpilledReport};

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
    /// Distinct states that they stand for.
    pub states_full: u64,
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
    /// The number of renamings of servers under which states were taken for one: 1, none.
    pub symmetry: usize,
    /// `states` if states were compared, `fingerprints` if only hashes of theirs.
    pub told_apart_by: &'static str,
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
    /// Bytes that the explorer's tables held at most; of another engine, what the whole process, other searches
    /// included, held at most until the end of this search.
    pub peak_bytes: u64,
    /// States expected to be missed because fingerprints of theirs collide.
    pub missed_states_expected: f64,
    /// What stopped the search early, if something did.
    pub limit: Option<&'static str>,
    /// What went to disk because it did not fit into memory, if it might.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spilled: Option<SpilledReport>,
    /// How the search was shared, if several processes searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processes: Option<ProcessesReport>,
    /// Properties and witnesses.
    pub properties: Vec<PropertyReport>,
    /// Kinds of action that the bounds allow.
    pub actions: Vec<ActionReport>,
    /// Level by level, where the engine goes by levels.
    pub levels: Vec<LevelReport>,
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
    /// Not violated in the states that were searched (all of them, if `limit` is null and nothing is violated); or,
    /// for a witness, reached.
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
    /// Steps to the first state that one led to, where the engine tells.
    pub first_depth: Option<u32>,
}

/// One level of the search.
#[derive(Debug, Serialize)]
pub struct LevelReport {
    /// Steps from the initial state.
    pub depth: u32,
    /// New states.
    pub states: u64,
    /// Steps that led there.
    pub generated: u64,
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
            told_apart_by: "fingerprints",
            states: 0,
            states_full: 0,
            generated: 0,
            depth: 0,
            seconds: 0.0,
            peak_bytes: 0,
            missed_states_expected: 0.0,
            limit: None,
            spilled: None,
            processes: None,
            properties: Vec::new(),
            actions: Vec::new(),
            levels: Vec::new(),
            trace: None,
            error: None,
            rerun,
        }
    }

    /// Puts in what the search came to.
    pub fn complete(&mut self, outcome: &Outcome) {
        let progress = &outcome.progress;
        self.verdict = outcome.verdict();
        (self.states, self.states_full) = (progress.states, outcome.states_full);
        (self.generated, self.depth) = (progress.generated, progress.depth);
        self.symmetry = outcome.symmetry;
        self.told_apart_by = if outcome.exact { "states" } else { "fingerprints" };
        self.seconds = progress.elapsed.as_secs_f64();
        self.peak_bytes = outcome.peak_bytes;
        self.missed_states_expected = outcome.missed_states_expected;
        self.limit = outcome.limit.map(Limit::name);
        self.spilled = outcome.spilled.as_ref().map(SpilledReport::new);
        self.processes = outcome.distribution.as_ref().map(ProcessesReport::new);
        self.properties = properties(outcome);
        self.actions = outcome.coverage.iter().map(ActionReport::new).collect();
        self.levels = outcome.levels.iter().map(LevelReport::new).collect();
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
        let _ = writeln!(text, "check   {:13} {}", self.name, self.bounds);
        let _ = writeln!(text, "search  {} · {}", self.engine_line(outcome), self.state(outcome));
        let _ = writeln!(
            text,
            "        {:.1} s · {} transitions · {} · depth {} · {} states/s · {}",
            self.seconds,
            grouped(self.generated),
            outcome.counted(),
            self.depth,
            grouped(outcome.progress.rate()),
            size(self.peak_bytes),
        );
        text += &self.spilled.as_ref().map(SpilledReport::line).unwrap_or_default();
        text += &self.processes.as_ref().map(ProcessesReport::line).unwrap_or_default();
        let is_complete = outcome.limit.is_none() && outcome.violation.is_none();
        for property in &self.properties {
            let _ = writeln!(text, "  {}", property.line(is_complete, console));
        }
        text += &self.actions_line();
        text += &self.odds_line(outcome);
        let (verdict, exit) = (paint(self.verdict, console), self.verdict.exit());
        let _ = writeln!(text, "VERDICT {verdict}  {}   exit {exit}", self.says(outcome));
        let _ = writeln!(text, "rerun   {}", self.rerun);
        text
    }

    /// Which engine searched, and with what.
    fn engine_line(&self, outcome: &Outcome) -> String {
        let threads = if self.threads == 1 { "1 thread" } else { &format!("{} threads", self.threads) };
        let is_calm_judged = || outcome.judged.iter().any(|property| property.is_of_calm());
        let symmetry = match (outcome.engine, self.symmetry) {
            (Engine::Explorer, 1) if is_calm_judged() => {
                ", no symmetry: a calm schedule tells servers apart".into()
            }
            (Engine::Explorer, 1) => ", no symmetry".to_string(),
            (Engine::Explorer, renamings) => factorial(renamings)
                .map_or(format!(", {renamings} renamings"), |servers| format!(", symmetry {servers}!")),
            _ => String::new(),
        };
        format!("{}, {threads}{symmetry}", outcome.engine.says())
    }

    /// How the search ended.
    fn state(&self, outcome: &Outcome) -> &'static str {
        if self.verdict == Verdict::Violated {
            return "ended at the first violation";
        }
        outcome.limit.map_or("complete", Limit::says)
    }

    fn actions_line(&self) -> String {
        let taken = self.actions.iter().filter(|action| action.taken > 0).count();
        let mut line =
            format!("actions {taken} of {} that these bounds allow were taken", self.actions.len());
        let mut list = |says: &str, is_listed: &dyn Fn(&ActionReport) -> bool| {
            let names: Vec<_> =
                self.actions.iter().filter(|own| is_listed(own)).map(|action| action.name).collect();
            if !names.is_empty() {
                let _ = write!(line, "; {says}: {}", names.join(", "));
            }
        };
        list("never enabled", &|action| action.enabled == 0);
        list("enabled, never taken", &|action| action.enabled > 0 && action.taken == 0);
        line + "\n"
    }

    /// What may have been lost because states looked alike.
    fn odds_line(&self, outcome: &Outcome) -> String {
        let missed = self.missed_states_expected;
        match (outcome.engine, outcome.exact, self.symmetry) {
            (Engine::StaterightSimulation, ..) => String::new(),
            (_, true, 1) => "odds    no state is missed: states are compared\n".to_string(),
            (_, true, _) => {
                format!(
                    "odds    a state missed: {missed:.1e}, states up to names are told apart by 128 bits\n"
                )
            }
            (_, false, _) => format!("odds    a state missed by a fingerprint collision: {missed:.1e}\n"),
        }
    }

    /// Under the block, for those who want more: levels and actions, each in a table.
    pub fn tables(&self, verbose: u8) -> String {
        if verbose == 0 {
            return String::new();
        }
        let levels = self.levels.iter();
        let levels =
            levels.map(|own| [u64::from(own.depth), own.states, own.generated].map(grouped).to_vec());
        let actions = self.actions.iter().map(|own| {
            let first = own.first_depth.map_or("-".to_string(), |depth| depth.to_string());
            vec![own.name.to_string(), grouped(own.enabled), grouped(own.taken), first]
        });
        let levels = table(&["depth", "states", "generated"], levels);
        let actions = table(&["action", "enabled", "taken", "first depth"], actions);
        if self.levels.is_empty() { actions } else { levels + &actions }
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

impl ActionReport {
    fn new(seen: &Coverage) -> ActionReport {
        let Coverage { kind, enabled, taken, first_depth } = *seen;
        ActionReport { name: kind.name(), enabled, taken, first_depth }
    }
}

impl LevelReport {
    fn new(level: &Level) -> LevelReport {
        let Level { depth, states, generated } = *level;
        LevelReport { depth, states, generated }
    }
}

/// The number whose factorial this is, if it is more than one.
fn factorial(order: usize) -> Option<usize> {
    (2..=20).find(|&number| (1..=number).product::<usize>() == order)
}

/// Rows under a head, numbers to the right.
pub fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    use comfy_table::{Cell, CellAlignment, Table, presets};
    let mut table = Table::new();
    table.load_preset(presets::UTF8_BORDERS_ONLY);
    table.set_header(head);
    let is_number = |text: &str| text.chars().all(|of| of.is_ascii_digit() || ",.-×".contains(of));
    let cell = |text: String| {
        let side = if is_number(&text) { CellAlignment::Right } else { CellAlignment::Left };
        Cell::new(text).set_alignment(side)
    };
    table.add_rows(rows.map(|row| row.into_iter().map(cell).collect::<Vec<_>>()));
    format!("{table}\n")
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
            ("liveness", true, _) if is_complete => {
                (console.good("✔"), "holds of a calm schedule from every state: bounded liveness".to_string())
            }
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
    let always = outcome.judged.iter().map(|property| {
        let depth = violated.filter(|violation| violation.property.name == property.name);
        let depth = depth.map(|violation| u32::try_from(violation.story.steps.len()).unwrap_or(u32::MAX));
        let kind = match property.judge {
            Judge::Step(_) | Judge::Recovery(_) => "step",
            Judge::Calm(_) => "liveness",
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
        let states_full = checks.iter().map(|check| check.states_full).sum();
        SuiteReport { schema: "raftlab-check/1", verdict, exit, seconds, states, states_full, checks }
    }

    /// The table that ends a suite.
    pub fn table(&self, console: &Console) -> String {
        let row = |check: &CheckReport| {
            vec![
                check.name.clone(),
                check.bounds.clone(),
                grouped(check.states),
                grouped(check.states_full),
                check.depth.to_string(),
                format!("{:.1}", check.seconds),
                check.verdict.to_string(),
            ]
        };
        let head = ["check", "bounds", "states", "in full", "depth", "seconds", "verdict"];
        let table = table(&head, self.checks.iter().map(row));
        let full = if self.states_full == self.states {
            String::new()
        } else {
            format!(" ({} in full)", grouped(self.states_full))
        };
        let total = format!("{} states{full} in {:.1} s", grouped(self.states), self.seconds);
        format!("{table}VERDICT {}  {} worlds, {total}\n", paint(self.verdict, console), self.checks.len())
    }
}
