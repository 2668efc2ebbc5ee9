//! What is wrong with a scenario, and where.

use std::fmt;

use crate::failure::Failure;

/// Something in a line that cannot be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where it begins, in characters from 1.
    pub column: usize,
    /// What was found, and what would do.
    pub message: String,
}

/// All mistakes of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ScenarioError {
    /// The file, as it was named.
    pub file: String,
    /// Line, from 1, and what is wrong there; at least one.
    pub mistakes: Vec<(usize, Mistake)>,
}

impl Mistake {
    pub(super) fn new(column: usize, message: impl Into<String>) -> Mistake {
        Mistake { column, message: message.into() }
    }
}

impl fmt::Display for ScenarioError {
    /// `demo.scenario:3:6: …`, a line for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (line, Mistake { column, message })) in self.mistakes.iter().enumerate() {
            let end = if at > 0 { "\n" } else { "" };
            write!(f, "{end}{}:{line}:{column}: {message}", self.file)?;
        }
        Ok(())
    }
}

impl From<ScenarioError> for Failure {
    fn from(error: ScenarioError) -> Failure {
        Failure::data(error.to_string())
    }
}
