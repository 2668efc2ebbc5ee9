//! What the clients of a run asked for, and what they were told: `history.jsonl`, as [`linearizable`] judges it.
//!
//! The first line says what the file is, each further one is an operation, and the last one says how many there are, so
//! that a file which was cut is not taken for a short one:
//!
//! ```text
//! {"schema":"raftlab-history/1","seed":7}
//! {"client":1,"key":"k","op":"put","argument":"a","start_us":10,"end_us":25,"outcome":"done"}
//! {"client":2,"key":"k","op":"get","start_us":12,"end_us":20,"outcome":"done","value":"a"}
//! {"client":2,"key":"k","op":"cas","expected":"a","argument":null,"start_us":31,"end_us":40,"outcome":"done","swapped":true}
//! {"client":1,"key":"k","op":"cas","expected":"a","argument":"b","start_us":41,"end_us":52,"outcome":"done","swapped":false,"value":null}
//! {"client":1,"key":"k","op":"delete","start_us":60,"end_us":null,"outcome":"unknown"}
//! {"operations":5}
//! ```
//!
//! | field | meaning |
//! |---|---|
//! | `client` | who asked; it asks again when it was answered, or has given up waiting |
//! | `op`, `key`, `argument` | what for: `put`, `get`, `cas`, `delete`; `null` is no value |
//! | `expected` | of `cas`: what has to be there; `null` for nothing |
//! | `start_us`, `end_us` | by one clock for all clients, in microseconds: before it was sent, after the answer; `null` if there was none |
//! | `outcome` | `done`; `failed`: it took no effect and never will; `unknown`: it may take effect at any later time, or never |
//! | `swapped` | of a `cas` that is done |
//! | `value` | of a `get` that is done, and of a `cas` that did not swap: what was there; `null` for nothing |
//!
//! Every key is absent at first. An operation belongs into a history when it was *sent*, whatever became of it: a write
//! that was left out looks like one that nobody made.
//!
//! [`linearizable`]: crate::linearizable

mod error;
mod line;
mod read;
mod write;

use std::collections::BTreeMap;
use std::fmt;

pub use self::error::HistoryError;
pub use self::write::Writer;

/// The name and version of the format.
pub const SCHEMA: &str = "raftlab-history/1";

/// One operation of one client on one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Who asked.
    pub client: u64,
    /// Of what.
    pub key: String,
    /// What for.
    pub action: Action,
    /// When, in microseconds: before it was sent.
    pub start_us: u64,
    /// When an answer was there, in microseconds by the same clock; `None` if there was none.
    pub end_us: Option<u64>,
    /// What came of it, as far as the client knows.
    pub outcome: Outcome,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// To write a value.
    Put(String),
    /// To read.
    Get,
    /// To write or to remove, if what is expected is there; `None` is no value.
    Cas {
        /// What has to be there.
        expected: Option<String>,
        /// What is to be there then.
        value: Option<String>,
    },
    /// To remove the value.
    Delete,
}

/// What a client knows of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A put or a delete took effect.
    Done,
    /// A get read this; `None` is no value.
    Read(Option<String>),
    /// What a cas expected was there, and is replaced.
    Swapped,
    /// Something else was there, and stays; `None` is no value.
    Unequal(Option<String>),
    /// It took no effect, and never will.
    Failed,
    /// It may have taken effect, may still do so at any time, or may never.
    Unknown,
}

/// The operations of a run: at least one of them is done, each has an outcome that its action can have, and none ended
/// before it started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    operations: Vec<Operation>,
}

/// What a history says of itself besides its operations, by name: a seed, how many clients there were.
pub type About = BTreeMap<String, serde_json::Value>;

impl History {
    /// A history of these operations, in any order.
    ///
    /// # Errors
    ///
    /// If none of them is done, for then there is nothing to judge; or the first that cannot be one, by its place
    /// among them, counted from 1.
    pub fn new(operations: Vec<Operation>) -> Result<History, HistoryError> {
        for (at, operation) in operations.iter().enumerate() {
            operation.check().map_err(|reason| HistoryError::new(at + 1, reason))?;
        }
        if operations.is_empty() {
            return Err(HistoryError::Empty);
        }
        if !operations.iter().any(Operation::is_done) {
            return Err(HistoryError::NothingDone(operations.len()));
        }
        Ok(History { operations })
    }

    /// The operations, in the order in which they were given.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }
}

impl Operation {
    /// One that began and, as far as is known, ended then, in microseconds: of what nobody knows, nobody knows when it
    /// ends.
    pub fn new(
        client: u64,
        key: String,
        action: Action,
        (start_us, end_us): (u64, u64),
        outcome: Outcome,
    ) -> Operation {
        let end_us = (outcome != Outcome::Unknown).then_some(end_us);
        Operation { client, key, action, start_us, end_us, outcome }
    }

    /// Was it answered with what it came to?
    pub fn is_done(&self) -> bool {
        !matches!(self.outcome, Outcome::Failed | Outcome::Unknown)
    }

    /// What of it cannot be, if anything.
    fn check(&self) -> Result<(), String> {
        let fits = match (&self.action, &self.outcome) {
            (_, Outcome::Failed | Outcome::Unknown) => true,
            (action, Outcome::Done) => matches!(action, Action::Put(_) | Action::Delete),
            (action, Outcome::Read(_)) => *action == Action::Get,
            (action, Outcome::Swapped | Outcome::Unequal(_)) => matches!(action, Action::Cas { .. }),
        };
        if !fits {
            return Err(format!("a {} cannot have the outcome {:?}", self.action.name(), self.outcome));
        }
        match self.end_us {
            None if self.is_done() => Err("what is done has an `end_us`: when its answer was there".into()),
            Some(end) if end < self.start_us => {
                Err(format!("it ends at {end} µs, before it starts at {} µs", self.start_us))
            }
            _ => Ok(()),
        }
    }
}

impl Action {
    /// Its name in a file.
    pub const fn name(&self) -> &'static str {
        match self {
            Action::Put(_) => "put",
            Action::Get => "get",
            Action::Cas { .. } => "cas",
            Action::Delete => "delete",
        }
    }
}

impl fmt::Display for Operation {
    /// `put "a"`, `get → nothing`, `cas "a" → "b" not swapped: "c"`; a question mark behind what is not known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.action {
            Action::Put(value) => write!(f, "put {value:?}")?,
            Action::Get => f.write_str("get")?,
            Action::Cas { expected, value } => write!(f, "cas {} → {}", Shown(expected), Shown(value))?,
            Action::Delete => f.write_str("delete")?,
        }
        match &self.outcome {
            Outcome::Done => Ok(()),
            Outcome::Read(value) => write!(f, " → {}", Shown(value)),
            Outcome::Swapped => f.write_str(" swapped"),
            Outcome::Unequal(value) => write!(f, " not swapped: {}", Shown(value)),
            Outcome::Failed => f.write_str(" failed"),
            Outcome::Unknown => f.write_str(" ?"),
        }
    }
}

/// A value, for people.
struct Shown<'a>(&'a Option<String>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => write!(f, "{value:?}"),
            None => f.write_str("nothing"),
        }
    }
}
