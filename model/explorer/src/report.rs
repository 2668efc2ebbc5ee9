//! What an exploration says of itself, while it runs and when it ends.

use std::time::Duration;

use crate::distributed::Distribution;
use crate::spill::Spilled;
use crate::system::{Action, System};

/// Why an exploration ended before it had seen every state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The number of states that was asked for, or the largest that states can be numbered with.
    States,
    /// The depth that was asked for. The states at that depth are judged, what follows them is not seen.
    Depth,
    /// The time that was given.
    Time,
    /// The memory that was given: the next growth of a table would not have fitted.
    Memory,
    /// It was told to stop.
    Interrupt,
    /// A violation was found, and states at the same depth were the last that were looked at.
    Violation,
}

/// How far an exploration is.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Different states; of symmetric ones, one.
    pub states: u64,
    /// Steps, as stateright counts them: one for each initial state, and one for each step that was taken.
    pub generated: u64,
    /// The number of steps from the initial state to the states that are being expanded now.
    pub depth: u32,
    /// States that are known and not expanded.
    pub frontier: u64,
    /// Bytes in tables.
    pub bytes: usize,
    /// Time since the start.
    pub elapsed: Duration,
    /// Different states of one actor.
    pub locals: u32,
    /// Different messages with sender and receiver.
    pub envelopes: u32,
    /// Different actors with messages in flight to them.
    pub cells: u32,
    /// Different histories, with what is spent of the budgets.
    pub ambients: u32,
}

/// One level of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Its distance from the initial state.
    pub depth: u32,
    /// New states at this depth.
    pub states: u64,
    /// Steps that led to this depth.
    pub generated: u64,
}

/// What was seen of one kind of action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The kind, as [`System::kinds`] names it.
    pub kind: &'static str,
    /// How often one was enabled in a state that was expanded, and did not lead out of the model's boundary.
    pub enabled: u64,
    /// How often one was taken.
    pub taken: u64,
    /// The depth of the first state that one led to.
    pub first_depth: Option<u32>,
}

/// A property of which there is something to report: an `always` that does not hold, a `sometimes` that does.
pub struct Discovery<S: System> {
    /// The property's name; [`PANIC`] if the model's code panicked.
    pub property: &'static str,
    /// Does it break an `always`?
    pub is_violation: bool,
    /// A shortest way there, from the initial state.
    pub path: Vec<Action<S>>,
    /// What the panic said.
    pub message: Option<String>,
}

/// The name under which a panic of the model's code is reported.
pub const PANIC: &str = "the model's code does not panic";

/// How an exploration ended.
pub struct Report<S: System> {
    /// The counts at its end.
    pub progress: Progress,
    /// The number of states that the states seen stand for: more than [`Progress::states`] under symmetry.
    pub full_states: u64,
    /// The order of the symmetry group.
    pub symmetry: usize,
    /// The depth of the deepest state, in steps.
    pub depth: u32,
    /// What ended it before all states were seen.
    pub limit: Option<Limit>,
    /// What there is to report, violations first.
    pub discoveries: Vec<Discovery<S>>,
    /// Level by level.
    pub levels: Vec<Level>,
    /// Kind by kind.
    pub coverage: Vec<Coverage>,
    /// States that fingerprints are expected to have made look alike, if states were told apart by fingerprints.
    pub missed_states_expected: f64,
    /// The largest number of bytes that its tables had.
    pub peak_bytes: usize,
    /// What was put on disk, if something might be: see [`Explorer::spill`](crate::Explorer::spill).
    pub spilled: Option<Spilled>,
    /// How it was shared, if it was shared by several processes.
    pub distribution: Option<Distribution>,
}

impl<S: System> Report<S> {
    /// Were all states seen?
    pub fn is_complete(&self) -> bool {
        self.limit.is_none()
    }

    /// The discovery of a property, if there is one.
    pub fn discovery(&self, property: &str) -> Option<&Discovery<S>> {
        self.discoveries.iter().find(|discovery| discovery.property == property)
    }

    /// The violations.
    pub fn violations(&self) -> impl Iterator<Item = &Discovery<S>> {
        self.discoveries.iter().filter(|discovery| discovery.is_violation)
    }
}

impl Progress {
    /// States a second.
    pub fn rate(&self) -> u64 {
        let millis = u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        self.states.saturating_mul(1000) / millis
    }

    /// The share of steps that led to a state that was known.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub fn duplicates(&self) -> f64 {
        1.0 - self.states as f64 / self.generated.max(1) as f64
    }
}
