//! From a file to a history.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::line::{End, Header, Line};
use super::{About, History, HistoryError, Operation, SCHEMA};

impl History {
    /// Reads a history, and what it says of itself.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is cut, or is empty; or the first line that cannot stand there.
    pub fn read(reader: impl BufRead) -> Result<(About, History), HistoryError> {
        let mut lines = (1..).zip(reader.lines()).map(|(at, line)| (at, text(at, line)));
        let header = lines.next().map(|(_, line)| line).transpose()?.unwrap_or_default();
        let about = parse_header(&header)?;
        let mut operations = Vec::new();
        let mut last = 1;
        while let Some((at, line)) = lines.next() {
            let line = line?;
            last = at;
            match parse(at, &line)? {
                Parsed::Operation(operation) => operations.push(operation),
                Parsed::End(told) => {
                    check_end(at, told, operations.len())?;
                    for (at, line) in lines {
                        if !line?.trim().is_empty() {
                            return Err(HistoryError::new(
                                at,
                                "nothing stands after the number of operations",
                            ));
                        }
                    }
                    return Ok((about, History::new(operations)?));
                }
            }
        }
        let cut = "the history is cut off: its last line is to say how many operations there are";
        Err(HistoryError::new(last, cut))
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// As of [`read`](History::read).
    pub fn open(path: &Path) -> Result<(About, History), HistoryError> {
        History::read(BufReader::new(File::open(path)?))
    }
}

enum Parsed {
    Operation(Operation),
    End(u64),
}

fn parse_header(text: &str) -> Result<About, HistoryError> {
    let begins = || HistoryError::new(1, format!("a history begins with {{\"schema\":\"{SCHEMA}\"}}"));
    let header: Header = serde_json::from_str(text).map_err(|_| begins())?;
    if header.schema == SCHEMA {
        return Ok(header.about);
    }
    Err(HistoryError::new(1, format!("`{}` is another format: this program reads {SCHEMA}", header.schema)))
}

/// A line that is not even text is the file's fault, and not the system's.
fn text(at: usize, line: io::Result<String>) -> Result<String, HistoryError> {
    line.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => HistoryError::new(at, "it is no text in UTF-8"),
        _ => HistoryError::Io(error),
    })
}

fn parse(at: usize, text: &str) -> Result<Parsed, HistoryError> {
    if let Ok(End { operations }) = serde_json::from_str(text) {
        return Ok(Parsed::End(operations));
    }
    let line: Line = serde_json::from_str(text).map_err(|error| {
        let cut = if error.is_eof() { "the line is cut off: " } else { "" };
        HistoryError::new(at, format!("{cut}{error}"))
    })?;
    line.operation().map(Parsed::Operation).map_err(|reason| HistoryError::new(at, reason))
}

fn check_end(at: usize, told: u64, found: usize) -> Result<(), HistoryError> {
    if told == found as u64 {
        return Ok(());
    }
    Err(HistoryError::new(at, format!("there are to be {told} operations above, and there are {found}")))
}
