//! The same models on every engine, side by side, in one process.
//!
//! Engines take turns, run after run, and the median of an engine's runs counts: what else the machine does falls on
//! all of them alike. A row whose counts are not those of stateright's breadth-first search is an error, not a row.
//!
//! # Memory
//!
//! The explorer says how many bytes its tables held. stateright does not, so the process is asked: how much more it
//! held at most during the search than before it, as Linux tells. What an earlier search gave back to the allocator,
//! and the allocator kept, is used again and would be counted for nobody; a search that begins when much is kept is
//! therefore not measured. `--model NAME` measures the breadth-first search of one model, which is then the first of
//! the process.

mod models;

use std::sync::OnceLock;

use raftlab_explorer::Mode;
use serde::Serialize;

use crate::memory;
use crate::search::SearchError;

pub use models::{large, quick};

type ByStateright = Box<dyn Fn(Engine) -> Option<Counts>>;
type ByExplorer = Box<dyn Fn(&Asked) -> Result<Counts, SearchError>>;

/// A model, and how each engine explores it.
pub struct Subject {
    /// Its name.
    pub name: &'static str,
    /// What it is, in a line.
    pub says: &'static str,
    /// By stateright; `None` where that engine cannot count it.
    stateright: ByStateright,
    /// By the explorer, told all that there is to tell of the model.
    told: ByExplorer,
    /// By the explorer, told nothing.
    plain: Option<ByExplorer>,
    has_symmetry: bool,
}

/// An engine that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// stateright's breadth-first search, on one thread.
    StaterightBfs,
    /// stateright's depth-first search, on one thread.
    StaterightDfs,
    /// The project's own.
    Explorer,
}

/// How the explorer is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    threads: usize,
    symmetry: bool,
    mode: Mode,
    is_told: bool,
}

/// One way to explore a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Stateright(Engine),
    Explorer(Asked),
}

/// What an exploration counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    states: u64,
    states_full: u64,
    generated: u64,
    symmetry: usize,
    seconds_nanos: u128,
    peak_bytes: Option<u64>,
}

/// One engine on one model. The names of its fields never change once published.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The model.
    pub model: &'static str,
    /// The engine.
    pub engine: Engine,
    /// Its threads.
    pub threads: usize,
    /// The number of renamings under which states were taken for one: 1, none.
    pub symmetry: usize,
    /// `states` if states were compared, `fingerprints` if only hashes of theirs.
    pub told_apart_by: &'static str,
    /// `told` if the engine knew what properties read, `plain` if it had to build each state to judge it.
    pub model_is: &'static str,
    /// Distinct states that were searched.
    pub states: u64,
    /// Distinct states that they stand for.
    pub states_full: u64,
    /// States generated, duplicates included.
    pub generated: u64,
    /// Wall clock: the median of all runs.
    pub seconds: f64,
    /// The same of each run, in their order.
    pub seconds_of_runs: Vec<f64>,
    /// States in full, a second.
    pub states_full_per_second: f64,
    /// That rate over the one of stateright's breadth-first search.
    pub times_stateright_bfs: f64,
    /// Bytes at most, if they could be measured.
    pub peak_bytes: Option<u64>,
    /// Bytes for each state that was searched.
    pub bytes_a_state: Option<f64>,
}

/// Why there are no rows.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// An engine failed.
    #[error("{0}: {1}")]
    Search(&'static str, SearchError),
    /// Two engines, or two runs of one, count differently.
    #[error("{model}: {way} counts {found}, and stateright's breadth-first search {expected}")]
    Counts {
        /// Of what.
        model: &'static str,
        /// By which engine.
        way: String,
        /// What it counts.
        found: String,
        /// What it should.
        expected: String,
    },
}

impl Subject {
    /// Measures every engine on it, so many times, in turns; `tell` is told of each turn.
    ///
    /// # Errors
    ///
    /// If an engine fails, or two do not agree.
    pub fn measure(&self, runs: u32, tell: &dyn Fn(&str)) -> Result<Vec<Row>, BenchError> {
        let ways = self.ways();
        let mut measured: Vec<Vec<Counts>> = vec![Vec::new(); ways.len()];
        for run in 1..=runs {
            for (way, counts) in ways.iter().zip(&mut measured) {
                tell(&format!("{}, run {run} of {runs}: {}", self.name, way.says()));
                counts.extend(self.run(way)?);
            }
        }
        let Some(reference) = measured.first().and_then(|counts| counts.first()).copied() else {
            return Ok(Vec::new());
        };
        let known = ways.iter().zip(&measured).filter(|(_, counts)| !counts.is_empty());
        let rows = known.map(|(way, counts)| self.row(way, counts, &reference));
        let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
        let base = rows[0].states_full_per_second;
        for row in &mut rows {
            row.times_stateright_bfs = row.states_full_per_second / base;
        }
        Ok(rows)
    }

    /// stateright's breadth-first search is the first: all are compared with it.
    fn ways(&self) -> Vec<Way> {
        let mut ways = vec![Way::Stateright(Engine::StaterightBfs), Way::Stateright(Engine::StaterightDfs)];
        for threads in [1, 2] {
            for mode in [Mode::Exact, Mode::Fingerprints { seed: 0 }] {
                let asked = Asked { threads, symmetry: false, mode, is_told: true };
                if self.plain.is_some() {
                    ways.push(Way::Explorer(Asked { is_told: false, ..asked }));
                }
                ways.push(Way::Explorer(asked));
                if self.has_symmetry {
                    ways.push(Way::Explorer(Asked { symmetry: true, ..asked }));
                }
            }
        }
        ways
    }

    fn run(&self, way: &Way) -> Result<Option<Counts>, BenchError> {
        let counts = match way {
            Way::Stateright(engine) => return Ok((self.stateright)(*engine)),
            Way::Explorer(asked) => match &self.plain {
                Some(plain) if !asked.is_told => plain(asked),
                _ => (self.told)(asked),
            },
        };
        counts.map(Some).map_err(|error| BenchError::Search(self.name, error))
    }

    /// The row of these runs, if they counted what they should: without symmetry all, with symmetry the states in full.
    fn row(&self, way: &Way, runs: &[Counts], reference: &Counts) -> Result<Row, BenchError> {
        let counted = |of: &Counts| {
            let generated = if of.symmetry == 1 { of.generated } else { reference.generated };
            format!("{} states and {generated} steps", of.states_full)
        };
        let expected = counted(reference);
        if let Some(found) = runs.iter().map(counted).find(|found| *found != expected) {
            return Err(BenchError::Counts { model: self.name, way: way.says(), found, expected });
        }
        Ok(way.row(self.name, runs))
    }
}

#[expect(clippy::cast_precision_loss, reason = "rates")]
impl Way {
    fn row(&self, model: &'static str, runs: &[Counts]) -> Row {
        let (engine, asked) = match *self {
            Way::Stateright(engine) => (engine, None),
            Way::Explorer(asked) => (Engine::Explorer, Some(asked)),
        };
        let seconds_of_runs: Vec<f64> = runs.iter().map(|run| run.seconds_nanos as f64 / 1e9).collect();
        let mut sorted = seconds_of_runs.clone();
        sorted.sort_by(f64::total_cmp);
        let seconds = f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        let peak_bytes = runs.iter().filter_map(|run| run.peak_bytes).max();
        let Counts { states, states_full, generated, symmetry, .. } = runs[0];
        let is_exact = asked.is_some_and(|asked| asked.mode == Mode::Exact);
        Row {
            model,
            engine,
            threads: asked.map_or(1, |asked| asked.threads),
            symmetry,
            told_apart_by: if is_exact { "states" } else { "fingerprints" },
            model_is: if asked.is_some_and(|asked| asked.is_told) { "told" } else { "plain" },
            states,
            states_full,
            generated,
            seconds,
            seconds_of_runs,
            states_full_per_second: states_full as f64 / seconds.max(1e-9),
            times_stateright_bfs: 1.0,
            peak_bytes,
            bytes_a_state: peak_bytes.map(|bytes| bytes as f64 / states.max(1) as f64),
        }
    }

    fn says(&self) -> String {
        match self {
            Way::Stateright(engine) => engine.name().to_string(),
            Way::Explorer(asked) => {
                let symmetry = if asked.symmetry { ", symmetry" } else { "" };
                let mode = if asked.mode == Mode::Exact { "" } else { ", fingerprints" };
                let plain = if asked.is_told { "" } else { ", plain" };
                format!("explorer, {} threads{symmetry}{mode}{plain}", asked.threads)
            }
        }
    }
}

impl Engine {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Engine::StaterightBfs => "stateright-bfs",
            Engine::StaterightDfs => "stateright-dfs",
            Engine::Explorer => "explorer",
        }
    }
}

/// What this process held before its first search.
static HELD_AT_START: OnceLock<u64> = OnceLock::new();

/// What `search` says, and how much memory it took, if that can be told: what was held before is little beside it.
fn with_memory<T>(search: impl FnOnce() -> T) -> (T, Option<u64>) {
    let before = memory::current();
    let kept = before.saturating_sub(*HELD_AT_START.get_or_init(|| before));
    memory::reset_peak();
    let result = search();
    let added = memory::peak().saturating_sub(before);
    (result, Some(added).filter(|added| kept <= added / 16))
}
