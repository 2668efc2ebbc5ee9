//! The lines that a live run leaves: what `lab up` writes, as it is read back.
//!
//! All times are microseconds of the machine's monotonic clock (`at_us`), which all processes share. Fields that a newer
//! writer adds are passed over; one that is missing is an error of its line.

use std::collections::BTreeMap;

use raftlab_node::api::EventDocument;
use raftlab_node::chaos::FaultCount;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

pub use crate::sample::{Role, Sample};

/// `run.json`: what was started.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RunDocument {
    /// The name of the layout: `raftlab-run/1`.
    pub schema: String,
    /// On what servers ran: `sim` or `udp`.
    #[serde(default)]
    pub on: String,
    /// The scenario that was carried out, if one was,
    #[serde(default)]
    pub scenario: Option<String>,
    /// and its text.
    #[serde(default)]
    pub script: Option<String>,
    /// The command line that started it.
    pub command: String,
    /// What was drawn was drawn by this.
    #[serde(default)]
    pub seed: Option<u64>,
    /// When it began.
    pub started_at_us: u64,
    /// The same moment by the machine's wall clock, in microseconds since 1970.
    pub started_unix_us: u64,
    /// When it ended in order; nothing if it did not.
    #[serde(default)]
    pub ended_at_us: Option<u64>,
    /// What every node was started with.
    #[serde(default)]
    pub node_flags: Vec<String>,
    /// The servers, those that joined later included.
    pub servers: Vec<ServerRecord>,
}

/// A server of `run.json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ServerRecord {
    /// Its name.
    pub server: String,
    /// Where it listens for servers.
    pub peer: String,
    /// Where it listens for clients.
    pub http: String,
}

/// A line of `faults.jsonl`: what was done to the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FaultRecord {
    /// When.
    pub at_us: u64,
    /// What, in a word: `kill`, `start`, `stop`, `end`, `pause`, `link`, `disk`, `stall`, `clock`, `rot`, `edit`, `heal`,
    /// `member`.
    pub verb: String,
    /// To which server; to none or all, if absent.
    #[serde(default)]
    pub server: Option<String>,
    /// The command, as it was carried out.
    pub text: String,
    /// When it ends, where that is known beforehand.
    #[serde(default)]
    pub until_us: Option<u64>,
}

/// A line of `events.jsonl`: what a server said of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct EventRecord {
    /// When.
    pub at_us: u64,
    /// What.
    #[serde(flatten)]
    pub event: EventDocument,
}

/// A line of `load.jsonl`: the second of clients' work that ended then.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct LoadRecord {
    /// When the second ended.
    pub at_us: u64,
    /// Operations that were done.
    pub done: u64,
    /// Those that were not, for certain.
    pub failed: u64,
    /// Those of which the client does not know.
    pub unknown: u64,
    /// How long those done took, the median.
    #[serde(default)]
    pub p50_us: Option<f64>,
    /// The same, of the slowest hundredth.
    #[serde(default)]
    pub p99_us: Option<f64>,
}

/// `fired.json`: of each server, how often each fault struck.
pub type FiredDocument = BTreeMap<String, Vec<FaultCount>>;

impl FaultRecord {
    /// The servers that its text names, of those that there are, each once.
    pub fn names(&self, known: &[String]) -> Vec<String> {
        let words: Vec<&str> = self.text.split(|c: char| !c.is_alphanumeric()).collect();
        known.iter().filter(|server| words.contains(&server.as_str())).cloned().collect()
    }

    /// Of a link from one server to another: both.
    pub fn link(&self) -> Option<(&str, &str)> {
        let mut words = self.text.strip_prefix("link ")?.split(' ');
        let (from, to) = (words.next()?, words.next()?);
        Some(if from < to { (from, to) } else { (to, from) })
    }
}

impl EventRecord {
    /// Of a change of role: what the server became.
    pub fn role(&self) -> Option<Role> {
        (self.event.kind == "role").then(|| Role::of(self.event.text.rsplit('⇨').next()?.trim())).flatten()
    }

    /// Of a server that learnt who leads: who.
    pub fn leader(&self) -> Option<&str> {
        (self.event.kind == "leader").then(|| self.event.text.strip_suffix(" leads")).flatten()
    }
}

/// A line of a file: JSON of a known shape, and what JSON cannot say of it.
pub trait Record: DeserializeOwned {
    /// What is wrong with it, if something is.
    fn wrong(&self) -> Option<String> {
        None
    }
}

impl Record for FaultRecord {}
impl Record for LoadRecord {}
/// A line that somebody else judges: here it has to be JSON.
impl Record for IgnoredAny {}

impl Record for EventRecord {
    fn wrong(&self) -> Option<String> {
        let text = &self.event.text;
        match self.event.kind.as_str() {
            "role" if self.role().is_none() => Some(format!("`{text}` ends in no role")),
            "leader" if self.leader().is_none() => Some(format!("`{text}` names no leader")),
            _ => None,
        }
    }
}

impl Record for Sample {
    fn wrong(&self) -> Option<String> {
        let is_cut = self.reachable && (self.role.is_none() || self.term.is_none() || self.commit.is_none());
        is_cut.then(|| "a server that answers has a role, a term and a commitIndex".to_string())
    }
}
