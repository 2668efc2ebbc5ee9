//! The files of a run, as its supervisor writes them: JSON lines, each of which is in the file when the next thing
//! happens, and a description of the run that is never half written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use raftlab_node::api::EventDocument;
use serde::{Deserialize, Serialize};

use super::clock::Moment;
use crate::failure::Failure;

/// The name and version of `run.json`.
pub const SCHEMA: &str = "raftlab-run/1";

/// `run.json`: what was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunDocument {
    /// [`SCHEMA`].
    pub schema: String,
    /// On what servers ran: `sim`, a simulated world, or `udp`, processes of this machine.
    pub on: String,
    /// The scenario that was carried out, if one was,
    pub scenario: Option<String>,
    /// and its text.
    pub script: Option<String>,
    /// The command that does it again.
    pub command: String,
    /// By which clients draw what they do.
    pub seed: u64,
    /// When it began, by the machine's monotonic clock, in microseconds.
    pub started_at_us: u64,
    /// The same, since 1970.
    pub started_unix_us: u64,
    /// When the last server had ended; nothing as long as one runs, or if the run had no orderly end.
    pub ended_at_us: Option<u64>,
    /// What every server was told besides names and addresses.
    pub node_flags: Vec<String>,
    /// All servers that there ever were.
    pub servers: Vec<ServerDocument>,
}

/// A server of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerDocument {
    /// Its name.
    pub server: String,
    /// Where it listens for servers.
    pub peer: SocketAddr,
    /// Where it listens for clients.
    pub http: SocketAddr,
    /// Where it keeps what it is to remember.
    pub data_dir: PathBuf,
}

/// A line of `faults.jsonl`: something that was done to the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultLine {
    /// When.
    #[serde(flatten)]
    pub moment: Moment,
    /// What, in a word: `kill`, `start`, `stop`, `end`, `pause`, `link`, `disk`, `stall`, `clock`, `rot`, `edit`, `heal`,
    /// `member`.
    pub verb: String,
    /// To whom; nobody, if to several.
    pub server: Option<String>,
    /// For people.
    pub text: String,
    /// Of a pause: until when, by the monotonic clock in microseconds.
    pub until_us: Option<u64>,
    /// Which life of the server ended, counted from 1, if one did that says no word of its end.
    pub incarnation: Option<u64>,
}

/// A line of `events.jsonl`: what a server said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventLine {
    /// When, by the monotonic clock in microseconds.
    pub at_us: u64,
    /// What it said.
    #[serde(flatten)]
    pub event: EventDocument,
}

/// The files that grow.
#[derive(Debug)]
pub struct RunFiles {
    dir: PathBuf,
    /// What was done.
    pub faults: Lines,
    /// What servers said.
    pub events: Lines,
    /// How they stood, every moment.
    pub samples: Lines,
    /// How clients fared, every second.
    pub load: Lines,
}

/// A file of JSON lines.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    state: Mutex<(File, Option<io::Error>)>,
}

impl RunFiles {
    /// Begins all files in this directory, which is there.
    ///
    /// # Errors
    ///
    /// If one cannot be made.
    pub fn create(dir: &Path) -> Result<RunFiles, Failure> {
        let lines = |name: &str| Lines::create(dir.join(name));
        Ok(RunFiles {
            dir: dir.to_path_buf(),
            faults: lines("faults.jsonl")?,
            events: lines("events.jsonl")?,
            samples: lines("samples.jsonl")?,
            load: lines("load.jsonl")?,
        })
    }

    /// Where they are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes a whole file in place of what is there: whoever reads sees the old one or the new one.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn replace(&self, name: &str, text: &str) -> Result<(), Failure> {
        let (path, aside) = (self.dir.join(name), self.dir.join(format!(".{name}.tmp")));
        let written = fs::write(&aside, text).and_then(|()| fs::rename(&aside, &path));
        written.map_err(|error| Failure::at(&path, &error))
    }

    /// The same, as JSON.
    ///
    /// # Errors
    ///
    /// The system's.
    pub fn replace_json(&self, name: &str, document: &impl Serialize) -> Result<(), Failure> {
        let json =
            serde_json::to_string_pretty(document).map_err(|error| Failure::internal(error.to_string()))?;
        self.replace(name, &(json + "\n"))
    }

    /// The first line that could not be written, if any.
    ///
    /// # Errors
    ///
    /// Which file, and what the system said.
    pub fn check(&self) -> Result<(), Failure> {
        [&self.faults, &self.events, &self.samples, &self.load].into_iter().try_for_each(Lines::check)
    }
}

impl Lines {
    /// Begins a file; what is in it stays.
    fn create(path: PathBuf) -> Result<Lines, Failure> {
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(|error| Failure::at(&path, &error))?;
        Ok(Lines { path, state: Mutex::new((file, None)) })
    }

    /// Adds a line. One that cannot be written is told of by [`check`](RunFiles::check), and none is written after it.
    pub fn add(&self, line: &impl Serialize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.1.is_none() {
            let written = serde_json::to_vec(line).map_err(io::Error::other).and_then(|mut bytes| {
                bytes.push(b'\n');
                state.0.write_all(&bytes)
            });
            state.1 = written.err();
        }
    }

    fn check(&self) -> Result<(), Failure> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1.as_ref().map_or(Ok(()), |error| Err(Failure::at(&self.path, error)))
    }
}
