//! The five verdicts, and what a shell sees of them.

use std::fmt;

use serde::Serialize;

/// What a check came to. Always in these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// The queue is empty within the stated bounds, every witness was reached, every action that the bounds allow
    /// taken.
    Verified,
    /// No violation so far, and a limit stopped the search.
    Incomplete,
    /// A property is broken; there is a counterexample.
    Violated,
    /// Nothing is broken, and something that had to be seen was not: the check has shown less than it says.
    Vacuous,
    /// The search itself failed.
    Error,
}

/// The process's exit codes, as `check --help` lists them.
pub mod exit {
    /// Verified; done.
    pub const OK: u8 = 0;
    /// Usage.
    pub const USAGE: u8 = 2;
    /// Incomplete, no violation.
    pub const INCOMPLETE: u8 = 3;
    /// Safety is violated.
    pub const VIOLATED: u8 = 12;
    /// Liveness is violated: what has to come does not.
    pub const NOT_LIVE: u8 = 13;
    /// Vacuous.
    pub const VACUOUS: u8 = 15;
    /// An expectation of a scenario failed.
    pub const UNEXPECTED: u8 = 20;
    /// A declared fault never fired.
    pub const NEVER_FIRED: u8 = 21;
    /// Two runs of one seed differed.
    pub const NOT_THE_SAME: u8 = 22;
    /// The clients' history is not linearizable.
    pub const NOT_LINEARIZABLE: u8 = 23;
    /// A process did what the core would not have done.
    pub const DIVERGED: u8 = 24;
    /// Linearizability was not decided in time.
    pub const UNDECIDED: u8 = 25;
    /// Bad input.
    pub const DATA: u8 = 65;
    /// Nobody is there, or nobody leads.
    pub const UNREACHABLE: u8 = 69;
    /// A bug of this program.
    pub const INTERNAL: u8 = 70;
    /// Input or output failed.
    pub const IO: u8 = 74;
}

impl Verdict {
    /// The exit code. Of several checks the worst verdict counts: their order is that of [`Verdict::worse`].
    pub fn exit(self) -> u8 {
        match self {
            Verdict::Verified => exit::OK,
            Verdict::Incomplete => exit::INCOMPLETE,
            Verdict::Violated => exit::VIOLATED,
            Verdict::Vacuous => exit::VACUOUS,
            Verdict::Error => exit::INTERNAL,
        }
    }

    /// The worse of two: a violation outweighs all, and a verdict that claims nothing outweighs one that claims much.
    #[must_use]
    pub fn worse(self, other: Verdict) -> Verdict {
        let rank = |verdict| match verdict {
            Verdict::Verified => 0,
            Verdict::Incomplete => 1,
            Verdict::Vacuous => 2,
            Verdict::Error => 3,
            Verdict::Violated => 4,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Verified => "VERIFIED",
            Verdict::Incomplete => "INCOMPLETE",
            Verdict::Violated => "VIOLATED",
            Verdict::Vacuous => "VACUOUS",
            Verdict::Error => "ERROR",
        })
    }
}
