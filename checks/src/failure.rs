//! What goes wrong before or beside a verdict: what happened, where, what to do, and the exit code.

use std::fmt;
use std::path::Path;

use crate::verdict::exit;

/// An error that ends the program.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: u8,
    /// For a person.
    pub message: String,
}

impl Failure {
    /// A wrong argument.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure { exit: exit::USAGE, message: message.into() }
    }

    /// A file that is not what it should be.
    pub fn data(message: impl Into<String>) -> Failure {
        Failure { exit: exit::DATA, message: message.into() }
    }

    /// A file or socket that the system refuses.
    pub fn io(message: impl Into<String>) -> Failure {
        Failure { exit: exit::IO, message: message.into() }
    }

    /// The same, naming the path.
    pub fn at(path: &Path, error: &std::io::Error) -> Failure {
        Failure::io(format!("{}: {error}", path.display()))
    }

    /// A bug of this program.
    pub fn internal(message: impl Into<String>) -> Failure {
        Failure { exit: exit::INTERNAL, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<crate::search::SearchError> for Failure {
    fn from(error: crate::search::SearchError) -> Failure {
        Failure::internal(error.to_string())
    }
}

/// Of a trace that was just made: a replay that does not show what the search showed.
impl From<crate::trace::TraceError> for Failure {
    fn from(error: crate::trace::TraceError) -> Failure {
        Failure::internal(format!("what was found does not happen again: {error}"))
    }
}
