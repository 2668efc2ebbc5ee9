//! Logs of servers that do not run.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::Path;

use raftlab_core::{Entry, Payload, Write};
use serde::Serialize;

use super::failure::Failure;
use super::output::Output;
use crate::disk::Directory;
use crate::kv::{self, Operation};
use crate::wal::{Inspected, OpenError, Record, inspect};

/// How much of a value is printed for people, in bytes.
const SHOWN_BYTES_MAX: usize = 64;

/// What `verify` prints of a log.
#[derive(Serialize)]
#[serde(untagged)]
enum Verified {
    Good {
        good: bool,
        server: String,
        cluster: String,
        segments: u64,
        records: u64,
        bytes: u64,
        snapshot: Option<u64>,
        torn: Option<Place>,
        term: u64,
        last: u64,
    },
    Damaged {
        good: bool,
        #[serde(flatten)]
        place: Place,
        record: u64,
        what: &'static str,
    },
}

#[derive(Serialize)]
struct Place {
    file: String,
    offset: u64,
}

#[derive(Serialize)]
struct RecordDocument<'a> {
    file: &'a str,
    offset: u64,
    record: u64,
    writes: &'a [Write],
}

/// Says what a server would find when it starts.
pub fn verify(dir: &Path, output: &Output) -> Result<(), Failure> {
    let inspected = match inspect(&open(dir)?, &mut |_| {}) {
        Ok(inspected) => inspected.ok_or_else(|| no_log(dir))?,
        Err(error) => {
            if let OpenError::Damaged { file, offset, record, what } = &error
                && output.is_json()
            {
                let place = Place { file: file.clone(), offset: *offset };
                let damaged = Verified::Damaged { good: false, place, record: *record, what };
                output.json("raftlab-wal/1", damaged)?;
            }
            return Err(error.into());
        }
    };
    let Inspected { identity, durable, recovery } = inspected;
    let text = format!(
        "good: {} of cluster {:032x}; {recovery}; term {}, last entry {}",
        identity.server,
        identity.cluster,
        durable.term,
        durable.log.last()
    );
    let document = Verified::Good {
        good: true,
        server: identity.server.to_string(),
        cluster: format!("{:032x}", identity.cluster),
        segments: recovery.segments,
        records: recovery.records,
        bytes: recovery.bytes,
        snapshot: recovery.snapshot.map(|last| last.index.0),
        torn: recovery.torn.map(|torn| Place { file: torn.file, offset: torn.offset }),
        term: durable.term.0,
        last: durable.log.last().index.0,
    };
    output.text("raftlab-wal/1", document, &text)
}

/// Prints records, one a line, up to the end or to the first damage.
pub fn dump(dir: &Path, output: &Output) -> Result<(), Failure> {
    let mut printed = Ok(());
    let inspected = inspect(&open(dir)?, &mut |record| {
        if printed.is_ok() {
            printed = print(record, output);
        }
    });
    printed?;
    let Inspected { recovery, .. } = inspected?.ok_or_else(|| no_log(dir))?;
    if let Some(torn) = recovery.torn {
        output.note(&format!(
            "{} ends in a record that a crash interrupted, at byte {}: the next start cuts it",
            torn.file, torn.offset
        ));
    }
    Ok(())
}

/// A data directory has the log in a directory of its own.
fn open(dir: &Path) -> Result<Directory, Failure> {
    let inner = dir.join("log");
    let log = if inner.is_dir() { &inner } else { dir };
    Directory::open_to_read(log).map_err(|error| match error.kind() {
        ErrorKind::WouldBlock => Failure::InUse(error),
        _ => Failure::at(log)(error),
    })
}

fn no_log(dir: &Path) -> Failure {
    Failure::Data(format!("{} holds no log: none was begun there", dir.display()))
}

fn print(record: &Record<'_>, output: &Output) -> Result<(), Failure> {
    let Record { file, offset, record, writes } = *record;
    if output.is_json() {
        return output.json("raftlab-wal-record/1", RecordDocument { file, offset, record, writes });
    }
    let mut line = format!("{file}\t{offset}\t#{record}\t");
    for (at, write) in writes.iter().enumerate() {
        line.push_str(if at > 0 { " · " } else { "" });
        line.push_str(&described(write));
    }
    line.push('\n');
    output.bytes(line.as_bytes())
}

/// `term 3 vote n1`, or `after 7: 8@3 put "a" = "1", 9@3 no-op`.
fn described(write: &Write) -> String {
    let Write::Log { after, entries } = write else { return write.to_string() };
    let mut text = format!("after {after}:");
    for (at, entry) in entries.iter().enumerate() {
        // Writing to a string never fails.
        let _ = write!(text, "{} {} {}", if at > 0 { "," } else { "" }, entry.id, payload(entry));
    }
    text
}

fn payload(entry: &Entry) -> String {
    let Payload::Command(command) = &entry.payload else { return entry.payload.to_string() };
    match kv::Command::decode(command) {
        Ok(kv::Command::Open) => "open".into(),
        Ok(kv::Command::Note { server, address }) => format!("note {server} at {}", address.peer),
        Ok(kv::Command::Do { request, operation }) => {
            let session = request.map_or(String::new(), |request| format!(" ({request})"));
            operation_text(&operation) + &session
        }
        Err(kv::Malformed) => format!("{} bytes that are no command", command.0.len()),
    }
}

fn operation_text(operation: &Operation) -> String {
    let shown = |bytes: Option<&kv::Bytes>| bytes.map_or("nothing".to_string(), shortened);
    match operation {
        Operation::Put { key, value } => format!("put {} = {}", shortened(key), shortened(value)),
        Operation::Delete { key } => format!("delete {}", shortened(key)),
        Operation::CompareAndSwap { key, expected, value } => {
            let (expected, value) = (shown(expected.as_ref()), shown(value.as_ref()));
            format!("cas {} from {expected} to {value}", shortened(key))
        }
    }
}

fn shortened(bytes: &kv::Bytes) -> String {
    match bytes.0.get(..SHOWN_BYTES_MAX) {
        Some(shown) if bytes.0.len() > SHOWN_BYTES_MAX => {
            format!("\"{}…\" ({} bytes)", shown.escape_ascii(), bytes.0.len())
        }
        _ => format!("\"{}\"", bytes.0.escape_ascii()),
    }
}
