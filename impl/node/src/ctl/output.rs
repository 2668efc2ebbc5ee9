//! What is printed, in the form that was asked for.

use std::io::Write;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use super::args::WriteOut;
use super::failure::Failure;

/// Where results go.
#[derive(Debug)]
pub struct Output {
    write_out: WriteOut,
    is_quiet: bool,
}

/// A document that says what its fields mean.
#[derive(Serialize)]
struct Schemed<'a, T> {
    schema: &'a str,
    #[serde(flatten)]
    document: T,
}

impl Output {
    /// In this form.
    pub fn new(write_out: WriteOut, is_quiet: bool) -> Output {
        Output { write_out, is_quiet }
    }

    /// Is JSON asked for?
    pub fn is_json(&self) -> bool {
        self.write_out == WriteOut::Json
    }

    /// One result: text for people, or a document.
    pub fn text(&self, schema: &str, document: impl Serialize, text: &str) -> Result<(), Failure> {
        if self.is_json() {
            return self.json(schema, document);
        }
        self.bytes(format!("{text}\n").as_bytes())
    }

    /// Several results with the same columns, or a document.
    pub fn rows(
        &self,
        schema: &str,
        document: impl Serialize,
        columns: &[&str],
        rows: &[Vec<String>],
    ) -> Result<(), Failure> {
        match self.write_out {
            WriteOut::Json => self.json(schema, document),
            WriteOut::Simple => {
                let lines: Vec<_> = rows.iter().map(|row| row.join("\t") + "\n").collect();
                self.bytes(lines.concat().as_bytes())
            }
            WriteOut::Table => {
                let mut table = Table::new();
                table.load_preset(presets::UTF8_BORDERS_ONLY).set_header(columns);
                // A table that does not go onto a screen is as wide as what is in it.
                table.set_content_arrangement(ContentArrangement::Disabled).add_rows(rows);
                self.bytes(format!("{table}\n").as_bytes())
            }
        }
    }

    /// A document, on a line of its own.
    pub fn json(&self, schema: &str, document: impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(&Schemed { schema, document });
        let text = text.map_err(|error| Failure::io("printing")(error.into()))?;
        self.bytes(format!("{text}\n").as_bytes())
    }

    /// These bytes.
    #[expect(clippy::unused_self, reason = "what prints, prints here")]
    pub fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(Failure::io("printing"))
    }

    /// What is neither result nor error.
    pub fn note(&self, text: &str) {
        if !self.is_quiet {
            eprintln!("{text}");
        }
    }
}
