//! What is wrong with a history, and where.

use std::io;

use crate::failure::Failure;

/// Why a history is not judged.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The system's.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A line cannot stand where it does.
    #[error("line {line}: {reason}")]
    Line {
        /// Where, from 1.
        line: usize,
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// It has no operation.
    #[error("there is no operation in it: a history that is empty shows nothing")]
    Empty,
    /// It has operations, and none of them was answered.
    #[error("of its {0} operations none is done: such a history shows nothing")]
    NothingDone(usize),
}

impl HistoryError {
    /// Something is wrong with this line, counted from 1.
    pub(super) fn new(line: usize, reason: impl Into<String>) -> HistoryError {
        HistoryError::Line { line, reason: reason.into() }
    }
}

impl From<HistoryError> for Failure {
    fn from(error: HistoryError) -> Failure {
        match error {
            HistoryError::Io(error) => Failure::io(error.to_string()),
            wrong => Failure::data(wrong.to_string()),
        }
    }
}
