//! From operations to a file, as they come.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use super::line::{End, Header, Line};
use super::{About, Operation, SCHEMA};

/// Writes a history. What is dropped before [`finish`](Writer::finish) leaves a file that is known to be cut.
#[derive(Debug)]
pub struct Writer<W: Write> {
    to: BufWriter<W>,
    operations: u64,
}

impl Writer<File> {
    /// Begins a file, in place of what is there.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn create(path: &Path, about: &About) -> io::Result<Writer<File>> {
        Writer::new(File::create(path)?, about)
    }
}

impl<W: Write> Writer<W> {
    /// Begins a history, and says `about` of it; its `schema` is said anyway.
    ///
    /// # Errors
    ///
    /// The writer's.
    pub fn new(to: W, about: &About) -> io::Result<Writer<W>> {
        let mut writer = Writer { to: BufWriter::new(to), operations: 0 };
        let mut about = about.clone();
        about.remove("schema");
        writer.line(&Header { schema: SCHEMA.into(), about })?;
        Ok(writer)
    }

    /// Adds an operation.
    ///
    /// # Errors
    ///
    /// The writer's.
    pub fn record(&mut self, operation: &Operation) -> io::Result<()> {
        self.operations += 1;
        self.line(&Line::from(operation))
    }

    /// How many operations were added.
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Says that these were all.
    ///
    /// # Errors
    ///
    /// The writer's.
    pub fn finish(mut self) -> io::Result<W> {
        self.line(&End { operations: self.operations })?;
        self.to.into_inner().map_err(io::IntoInnerError::into_error)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.to, line)?;
        self.to.write_all(b"\n")
    }
}
