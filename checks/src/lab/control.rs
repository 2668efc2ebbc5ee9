//! What a supervisor is asked, and what it answers: JSON lines over a Unix socket in the run's directory.
//!
//! A client sends one [`Request`] and reads [`Reply`]s: seconds of load, if it asked for that, and then one that is the
//! last. Commands are those of [scenarios](crate::scenario), as data.

mod client;
mod server;
mod socket;

use std::path::PathBuf;

use raftlab_node::chaos::FaultCount;
use serde::{Deserialize, Serialize};

pub use self::client::{Conversation, find, with_endpoints};
pub use self::server::{Ask, serve};
pub use self::socket::listen;
use super::load::Second;
use crate::failure::Failure;
use crate::scenario::{Command, Load};

/// The socket's name in the directory of a run.
pub const SOCKET: &str = "control.sock";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Break or mend something, or change who belongs to the cluster.
    Do(Command),
    /// Let clients work; they stop when the connection closes. Each second is told.
    Load(Load),
    /// Say how the cluster stands.
    Status,
    /// End the run, and say what it came to.
    Down,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// A second of load.
    Second(Second),
    /// How the cluster stands.
    Status(Box<RunStatus>),
    /// It was done; this is what, for people.
    Done(String),
    /// It was not done, or not all of it.
    Refused {
        /// The exit code.
        exit: u8,
        /// Why, and what would do.
        message: String,
    },
    /// The run has ended.
    Ended(Ended),
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The exit code.
    pub exit: u8,
    /// In a line.
    pub verdict: String,
    /// Where the report is.
    pub report: PathBuf,
}

/// How a cluster stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStatus {
    /// Where the run is.
    pub dir: PathBuf,
    /// Each server.
    pub servers: Vec<ServerStatus>,
    /// How many operations clients have done.
    pub done: u64,
    /// Faults that were asked for, and how often each has struck since.
    pub declared: Vec<FaultCount>,
}

/// How a server stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerStatus {
    /// Its name.
    pub server: String,
    /// Where it listens for clients.
    pub http: std::net::SocketAddr,
    /// Its process, if it runs.
    pub pid: Option<i32>,
    /// What it is in which term, or why that is not known, for people.
    pub role: String,
    /// How far it knows the log to be committed.
    pub commit: Option<u64>,
    /// The faults that are on, for people, a line each.
    pub faults: Vec<String>,
    /// How often faults have struck it, those that did.
    pub fired: Vec<FaultCount>,
}

impl From<Failure> for Reply {
    fn from(Failure { exit, message }: Failure) -> Reply {
        Reply::Refused { exit, message }
    }
}
